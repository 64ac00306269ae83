// SPDX-License-Identifier: MPL-2.0
//! The signed document of each task: opened, and tied to task, run and definition.

use bytes::Bytes;
use catena_jsone::Value;

use super::era::{docker_worker_stopped, instant, may_have_pair};
use super::walk::{Chain, Run};
use super::{Opening, Unopened};
use crate::checks::recorded_task;
use crate::compare::{self, Exactness};
use crate::document::{ErrorKind, EvidenceError};
use crate::json::{self, Reading};
use crate::model::cot::CotDocument;
use crate::model::ids::{ArtifactName, TaskId};
use crate::model::link::Link as Pair;
use crate::model::shape::{Shape, describe};
use crate::model::task_type::WorkerImplementation;
use crate::request::Request;

impl Chain<'_> {
    /// Opens the documents of all tasks.
    pub(super) fn documents(&mut self) {
        let tasks: Vec<TaskId> = self.links.keys().copied().collect();
        for task in tasks {
            let Some(link) = self.links.get(&task) else {
                continue;
            };
            let worker = link.worker.clone();
            match link.run.clone() {
                Some(run) => self.document(task, &run, &worker),
                // only a completed run has a document (P12), and an archive without one vouches for nothing
                None => {
                    self.undetermined("legacy-run", task, "a completed run with its times", "none")
                }
            }
        }
    }

    fn document(&mut self, task: TaskId, run: &Run, worker: &WorkerImplementation) {
        let Ok(name) = SIGNED.parse::<ArtifactName>() else {
            return;
        };
        let request = Request::Artifact {
            task,
            run: run.id,
            name,
        };
        let text = match self.bytes(&request) {
            Ok(text) => text,
            Err(error) if error.kind == ErrorKind::Absent && unwritten(worker, run) => {
                return self.undetermined(
                    "legacy-absent",
                    task,
                    SIGNED,
                    "none: docker-worker wrote none since 2019-05-15, and its ed25519 pair alone is not judged here",
                );
            }
            Err(error) => return self.missing(task, SIGNED, &error),
        };
        let opening = Opening {
            text: &text,
            family: worker,
            started: &run.started,
            resolved: &run.resolved,
        };
        let opened = match self.opener.open(&opening) {
            Ok(opened) => opened,
            Err(Unopened::Refused { code, reason }) => {
                return self.reject(code, task, format!("{SIGNED} by a key of {worker}"), reason);
            }
            Err(Unopened::NoKeys { reason }) => {
                return self.undetermined(
                    "legacy-no-keys",
                    task,
                    "keys in force for the run",
                    reason,
                );
            }
        };
        let value = match json::parse(opened.payload.as_bytes(), Reading::Strict) {
            Ok(value) => value,
            Err(error) => {
                return self.reject(
                    "legacy-malformed",
                    task,
                    "a signed JSON document",
                    error.to_string(),
                );
            }
        };
        if !self.pair(task, run, worker, &value) {
            return;
        }
        let bound = self.bound(task, run, &value);
        match (bound, CotDocument::new(value)) {
            (Ok(true), Ok(cot)) => {
                if let Some(link) = self.links.get_mut(&task) {
                    link.cot = Some(cot);
                    link.signed = Some(opened.signed);
                }
            }
            (Ok(false), _) => {}
            (Err(shape), _) | (_, Err(shape)) => self.malformed(task, &shape),
        }
    }

    /// Judges what lies beside the signed text: an ed25519 pair must hold too, a copy must say the same (legacy.md §2.1
    /// rule 5, §4.1).
    fn pair(
        &mut self,
        task: TaskId,
        run: &Run,
        worker: &WorkerImplementation,
        signed: &Value,
    ) -> bool {
        // nothing wrote these before, so nobody recorded that they are absent
        let optional = instant(&run.resolved).is_ok_and(|time| !may_have_pair(time));
        let body = self.bytes(&Request::CotBody { task, run: run.id });
        let signature = self.bytes(&Request::CotSignature { task, run: run.id });
        for (expected, answer) in [
            ("chain-of-trust.json, or that it is absent", &body),
            ("chain-of-trust.json.sig, or that it is absent", &signature),
        ] {
            match answer {
                Err(error) if error.kind == ErrorKind::Absent => {}
                Err(error) if optional && error.kind == ErrorKind::Unavailable => {}
                Err(error) => {
                    self.undetermined("legacy-unavailable", task, expected, error.to_string());
                    return false;
                }
                Ok(_) => {}
            }
        }
        if let Ok(body) = &body {
            let same = json::parse(body, Reading::Strict).is_ok_and(|value| {
                compare::differences(signed, &value, Exactness::Exact, 1).is_empty()
            });
            if !same {
                self.reject(
                    "legacy-copy",
                    task,
                    "chain-of-trust.json to say what the signed text says",
                    "another document",
                );
                return false;
            }
        }
        match signature {
            Ok(signature) => self.signature_holds(task, run, worker, body, &signature),
            Err(_) => true,
        }
    }

    /// Judges the ed25519 signature that lies beside the signed text.
    fn signature_holds(
        &mut self,
        task: TaskId,
        run: &Run,
        worker: &WorkerImplementation,
        body: Result<Bytes, EvidenceError>,
        signature: &[u8],
    ) -> bool {
        let keys = self.inputs.pairs.get(worker).map_or(&[][..], Vec::as_slice);
        if let Err(error) = &body
            && error.kind != ErrorKind::Absent
        {
            self.undetermined(
                "legacy-unavailable",
                task,
                "chain-of-trust.json beside its signature",
                error.to_string(),
            );
            return false;
        }
        if keys.is_empty() {
            self.undetermined(
                "legacy-no-keys",
                task,
                format!("ed25519 keys of {worker}, as a signature lies beside the text"),
                "none: give a configuration of that time as --config",
            );
            return false;
        }
        let verified = body.map_err(|error| error.to_string()).and_then(|body| {
            let pair = Pair::fetched(task, run.id, worker.clone(), body);
            pair.verify_signature(signature, keys)
                .map_err(|error| error.to_string())
        });
        if let Err(found) = verified {
            self.reject(
                "legacy-downgrade",
                task,
                "the ed25519 signature beside the signed text to verify",
                found,
            );
            return false;
        }
        true
    }

    /// Whether the document is about this task, run and definition.
    fn bound(&mut self, task: TaskId, run: &Run, value: &Value) -> Result<bool, Shape> {
        let cot = CotDocument::new(value.clone())?;
        let fields = cot.fields()?;
        let mut ok = true;
        let mut expect = |what: &str, expected: String, found: Option<&Value>, same: bool| {
            if !same {
                ok = false;
                self.reject(
                    "legacy-binding",
                    task,
                    format!("{what} {expected}"),
                    describe(found),
                );
            }
        };
        let version = fields.get("chainOfTrustVersion");
        expect(
            "chainOfTrustVersion",
            "1".to_owned(),
            version,
            version.and_then(Value::as_int) == Some(1),
        );
        let id = fields.get("taskId");
        expect(
            "taskId",
            task.to_string(),
            id,
            id.and_then(Value::as_str) == Some(task.as_str()),
        );
        let number = fields.get("runId");
        expect(
            "runId",
            run.id.0.to_string(),
            number,
            number.and_then(Value::as_int) == Some(i128::from(run.id.0)),
        );
        let recorded = fields.object("task")?;
        let Some(link) = self.links.get(&task) else {
            return Ok(false);
        };
        let queue = link.definition.fields()?;
        let pool = queue.text("workerType")?.to_owned();
        let difference = recorded_task::difference(&recorded, &queue);
        let named = fields.get("workerType");
        let same = named.is_none() || named.and_then(Value::as_str) == Some(pool.as_str());
        if !same {
            ok = false;
            self.reject(
                "legacy-binding",
                task,
                format!("workerType {pool}"),
                describe(named),
            );
        }
        if let Some((pointer, expected, found)) = difference {
            ok = false;
            self.reject(
                "legacy-binding",
                task,
                format!("task{pointer} = {expected}, as in the queue"),
                found,
            );
        }
        Ok(ok)
    }
}

/// Whether a worker of that kind wrote no signed text any more when a run ended.
fn unwritten(worker: &WorkerImplementation, run: &Run) -> bool {
    *worker == WorkerImplementation::DockerWorker
        && instant(&run.resolved).is_ok_and(docker_worker_stopped)
}

/// The artifact of the GPG era.
const SIGNED: &str = "public/chainOfTrust.json.asc";
