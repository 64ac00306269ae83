// SPDX-License-Identifier: MPL-2.0
//! Artifacts of runs (worker.md §12.3, "Queue facts" of the rulings).

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use catena_core::model::ids::{RunId, TaskId};
use jiff::{SignedDuration, Timestamp};

use super::super::{Artifact, ArtifactContent, ArtifactRequest, Page, QueueError, RunState, token};
use super::claim::later;
use super::data::{State, Task, Tx};
use crate::store::Table;

/// How long ago an artifact may have expired when it is created.
const DRIFT: SignedDuration = SignedDuration::from_mins(15);
/// Kind of the tokens of lists.
const TOKEN: &str = "artifacts";

impl Tx<'_> {
    /// Creates an artifact, or finds it there with the same properties.
    pub(super) fn create_artifact(
        &mut self,
        (id, run, name): (TaskId, RunId, &str),
        request: ArtifactRequest,
        late: Duration,
    ) -> Result<Artifact, QueueError> {
        let expires = super::super::definition::milliseconds(request.expires);
        self.check_artifact(id, run, expires, late)?;
        let before = self
            .state
            .artifacts
            .get(&(id, run))
            .and_then(|all| all.get(name));
        let artifact = match before {
            Some(before) => merge(before, request, expires)?,
            None => Artifact {
                name: name.to_owned(),
                content_type: request.content_type,
                content_length: request.content_length,
                expires,
                content: request.content,
            },
        };
        self.keep(id, run, &artifact)?;
        Ok(artifact)
    }

    fn keep(&mut self, id: TaskId, run: RunId, artifact: &Artifact) -> Result<(), QueueError> {
        self.put(Table::Artifacts, key(id, run, &artifact.name), artifact)?;
        let all = self.state.artifacts.entry((id, run)).or_default();
        all.insert(artifact.name.clone(), artifact.clone());
        Ok(())
    }

    /// The order of the checks is that of the real service.
    fn check_artifact(
        &self,
        id: TaskId,
        run: RunId,
        expires: Timestamp,
        late: Duration,
    ) -> Result<(), QueueError> {
        let input = |why: String| Err(QueueError::Input(why));
        if expires.duration_since(self.now) < -DRIFT {
            return input("Expires must be in the future".to_owned());
        }
        let Some(task) = self.state.tasks.get(&id) else {
            return input("Task not found".to_owned());
        };
        let Ok(found) = task.run(run) else {
            return input("Run not found".to_owned());
        };
        if found.worker_id.is_none() {
            let why = "Run was not claimed by a worker and so no artifacts can exist";
            return input(why.to_owned());
        }
        if expires > task.fields.expires {
            return input(format!(
                "Artifact expires ({expires:.3}) after the task expiration {:.3}; it must not",
                task.fields.expires
            ));
        }
        let open = match found.state {
            RunState::Running => true,
            RunState::Exception => found
                .resolved
                .is_some_and(|resolved| later(resolved, late) > self.now),
            RunState::Pending | RunState::Completed | RunState::Failed => false,
        };
        if !open {
            return Err(QueueError::Conflict(format!(
                "Artifacts cannot be created for a run after it is resolved, unless as 'exception', and then only for \
                 {} minutes; run {run} of task `{id}` is {:?}",
                late.as_secs() / 60,
                found.state
            )));
        }
        Ok(())
    }

    /// The upload of an `object` is complete; again is fine.
    pub(super) fn finish_artifact(
        &mut self,
        (id, run, name): (TaskId, RunId, &str),
        upload: &str,
    ) -> Result<(), QueueError> {
        let mut artifact = self.state.artifact(id, run, name)?.clone();
        let ArtifactContent::Object {
            upload_id,
            finished,
        } = &mut artifact.content
        else {
            let why = "Only artifacts of storageType object are finished";
            return Err(QueueError::Input(why.to_owned()));
        };
        if upload_id != upload {
            let why = "The uploadId is not that of this artifact; give the one that createArtifact returned";
            return Err(QueueError::Input(why.to_owned()));
        }
        if std::mem::replace(finished, true) {
            return Ok(());
        }
        self.keep(id, run, &artifact)
    }
}

impl State {
    fn artifact(&self, id: TaskId, run: RunId, name: &str) -> Result<&Artifact, QueueError> {
        self.artifacts
            .get(&(id, run))
            .and_then(|all| all.get(name))
            .ok_or_else(|| QueueError::NotFound("Artifact not found".to_owned()))
    }

    /// The upload that an artifact of type `object` awaits or had.
    pub(super) fn upload(&self, id: TaskId, run: RunId, name: &str) -> Option<String> {
        match &self.artifact(id, run, name).ok()?.content {
            ArtifactContent::Object { upload_id, .. } => Some(upload_id.clone()),
            _ => None,
        }
    }

    /// An artifact for readers.
    pub(super) fn readable(
        &self,
        id: TaskId,
        run: RunId,
        name: &str,
        now: Timestamp,
    ) -> Result<Artifact, QueueError> {
        self.task(id)?.run(run)?;
        let artifact = self.artifact(id, run, name)?;
        if artifact.expires < now {
            return Err(QueueError::Expired(format!(
                "Artifact expired at {:.3}",
                artifact.expires
            )));
        }
        match artifact.content {
            ArtifactContent::Object {
                finished: false, ..
            } => Err(QueueError::NotFound(
                "Artifact not found: its upload is not finished".to_owned(),
            )),
            _ => Ok(artifact.clone()),
        }
    }

    /// A page of the artifacts of a run, by name.
    pub(super) fn artifact_page(
        &self,
        id: TaskId,
        run: RunId,
        continuation: Option<&str>,
        limit: usize,
    ) -> Result<Page<Artifact>, QueueError> {
        self.task(id)?.run(run)?;
        let after = continuation
            .map(|given| token::read(TOKEN, given))
            .transpose()?;
        let none = BTreeMap::new();
        let all = self.artifacts.get(&(id, run)).unwrap_or(&none);
        let from = match &after {
            Some(last) => Bound::Excluded(last.as_str()),
            None => Bound::Unbounded,
        };
        let mut rest = all.range::<str, _>((from, Bound::Unbounded));
        let items: Vec<Artifact> = rest
            .by_ref()
            .take(limit.max(1))
            .map(|(_, artifact)| artifact.clone())
            .collect();
        let continuation = rest
            .next()
            .and(items.last())
            .map(|last| token::write(TOKEN, &last.name));
        Ok(Page {
            items,
            continuation,
        })
    }

    /// The last run of a task.
    pub(super) fn latest_run(&self, id: TaskId) -> Result<RunId, QueueError> {
        let task: &Task = self.task(id)?;
        let last = task.record.runs.last().map(|run| run.run_id);
        last.ok_or_else(|| QueueError::NotFound(format!("Task `{id}` has no runs.")))
    }
}

/// What an artifact becomes when it is created again: the same, perhaps lasting longer; a reference may point
/// elsewhere, or become a link. Anything else is a conflict.
fn merge(
    before: &Artifact,
    request: ArtifactRequest,
    expires: Timestamp,
) -> Result<Artifact, QueueError> {
    let content = same_content(&before.content, &request.content);
    let is_link = matches!(request.content, ArtifactContent::Link { .. });
    let same_type = is_link || before.content_type == request.content_type;
    match content {
        Some(content) if same_type && expires >= before.expires => Ok(Artifact {
            name: before.name.clone(),
            content_type: request.content_type.or_else(|| before.content_type.clone()),
            content_length: request.content_length.or(before.content_length),
            expires,
            content,
        }),
        _ => Err(QueueError::Conflict(format!(
            "Artifact `{}` already exists with other properties or a later expiration ({:.3}); only a later expiration, \
             or another target of a reference, can be given",
            before.name, before.expires
        ))),
    }
}

/// The content that stands after both, if they go together.
fn same_content(before: &ArtifactContent, now: &ArtifactContent) -> Option<ArtifactContent> {
    use ArtifactContent::{Link, Object, Reference};
    match (before, now) {
        // the upload that is under way goes on
        (Object { .. }, Object { .. }) => Some(before.clone()),
        (Reference { .. }, Reference { .. } | Link { .. }) => Some(now.clone()),
        _ => (before == now).then(|| now.clone()),
    }
}

/// Key of an artifact's record.
pub(super) fn key(id: TaskId, run: RunId, name: &str) -> String {
    format!("{id}/{run}/{name}")
}

/// What [`key`] was made of, without the name, which the record has.
pub(super) fn parse_key(key: &str) -> Option<(TaskId, RunId)> {
    let (id, rest) = key.split_once('/')?;
    let (run, _) = rest.split_once('/')?;
    Some((id.parse().ok()?, RunId(run.parse().ok()?)))
}
