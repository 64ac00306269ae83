// SPDX-License-Identifier: MPL-2.0
//! What each task had to look like: commands, pools, images.

use catena_crypto::digest::Digest;
use catena_jsone::Value;

use super::ALGORITHMS;
use super::command::{self, Purpose};
use super::era::CotVersion;
use super::walk::{Chain, Link, Role, image_task};
use crate::model::ids::TaskId;
use crate::model::shape::{Fields, Shape};
use crate::model::task_type::WorkerImplementation;

impl Chain<'_> {
    /// Judges every task by what it is in the chain.
    pub(super) fn roles(&mut self) {
        let tasks: Vec<(TaskId, Role)> = self
            .links
            .iter()
            .map(|(task, link)| (*task, link.role))
            .collect();
        for (task, role) in tasks {
            match role {
                Role::Action => self.made_by_command(task, Purpose::Action),
                Role::Decision => self.made_by_command(task, Purpose::Decision),
                Role::Image => self.builds_image(task),
                Role::Root | Role::Task => {}
            }
            // action tasks are no part of a graph; they were judged by their command
            if matches!(role, Role::Image | Role::Root | Role::Task) {
                self.membership(task);
            }
            self.image(task);
            self.interactive(task);
            self.came_from(task);
        }
    }

    /// Refuses tasks in which somebody may have had a shell.
    fn interactive(&mut self, task: TaskId) {
        let Some(found) = self.judged(task, |link| {
            let payload = link.definition.payload()?;
            let features = payload.optional_object("features")?;
            let flag = features.get("interactive").is_some_and(Value::is_truthy);
            let variable = link
                .definition
                .env()?
                .get("TASKCLUSTER_INTERACTIVE")
                .is_some();
            Ok(flag || variable || payload.get("rdpInfo").is_some_and(Value::is_truthy))
        }) else {
            return;
        };
        if found {
            self.reject(
                "legacy-interactive",
                task,
                "a task in which nobody had a shell",
                "an interactive one",
            );
        }
    }

    pub(super) fn judged<T>(
        &mut self,
        task: TaskId,
        judge: impl FnOnce(&Link) -> Result<T, Shape>,
    ) -> Option<T> {
        match judge(self.links.get(&task)?) {
            Ok(found) => Some(found),
            Err(shape) => {
                self.malformed(task, &shape);
                None
            }
        }
    }

    /// Judges a decision or action task: pool, command or rebuild.
    fn made_by_command(&mut self, task: TaskId, purpose: Purpose) {
        let version = self.version.unwrap_or(CotVersion::V5);
        let Some((pool, command, environment)) = self.judged(task, |link| {
            let fields = link.definition.fields()?;
            let command = match version {
                CotVersion::V1 => link.definition.payload()?.texts("command")?,
                _ => Vec::new(),
            };
            let command: Vec<String> = command.into_iter().map(str::to_owned).collect();
            Ok((
                fields.text("workerType")?.to_owned(),
                command,
                link.definition
                    .env()?
                    .members()
                    .map(|(name, _)| name.to_owned())
                    .collect::<Vec<String>>(),
            ))
        }) else {
            return;
        };
        let pools: Vec<&str> = DECISION_POOLS
            .iter()
            .filter(|(_, last)| version <= *last)
            .map(|(pool, _)| *pool)
            .collect();
        if !pools.contains(&pool.as_str()) {
            self.reject(
                "legacy-pool",
                task,
                format!("a pool of decision tasks: {}", pools.join(", ")),
                pool,
            );
        }
        if version == CotVersion::V1 {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let names = environment.iter().map(String::as_str);
            let judged = command::judge(&words, purpose, self.inputs.policy.env_prefix());
            if let Err(reason) = judged.and_then(|()| command::judge_environment(names)) {
                self.reject(
                    "legacy-command",
                    task,
                    "the command of a decision or action task",
                    reason,
                );
            }
        } else {
            self.rebuild(task, version);
        }
    }

    /// Judges the command of a docker-image task. Since version 3 the graph vouches for it.
    fn builds_image(&mut self, task: TaskId) {
        if self.version >= Some(CotVersion::V3) {
            return;
        }
        let Some(command) = self.judged(task, |link| {
            let payload = link.definition.payload()?;
            let command = payload
                .get("command")
                .map(|_| payload.texts("command"))
                .transpose()?;
            Ok(command.map(|words| {
                words
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<String>>()
            }))
        }) else {
            return;
        };
        let words: Option<Vec<&str>> = command
            .as_ref()
            .map(|words| words.iter().map(String::as_str).collect());
        if let Err(reason) = command::judge_image(words.as_deref()) {
            self.reject(
                "legacy-command",
                task,
                "the command of a docker-image task",
                reason,
            );
        }
    }

    /// Judges the image in which a docker-worker task ran (legacy.md §4.2).
    fn image(&mut self, task: TaskId) {
        let Some(link) = self.links.get(&task) else {
            return;
        };
        if link.worker != WorkerImplementation::DockerWorker {
            return;
        }
        let kind = match link.role {
            Role::Action | Role::Decision => "decision",
            Role::Image => "docker-image",
            Role::Root | Role::Task => "",
        };
        // without its document, other findings speak
        let Some(cot) = &link.cot else {
            return;
        };
        let environment = cot
            .fields()
            .and_then(|fields| fields.optional_object("environment"));
        let judged = environment.and_then(|environment| {
            let text = |key: &str| {
                environment
                    .optional_text(key)
                    .map(|text| text.map(str::to_owned))
            };
            Ok((
                image_task(&link.definition)?,
                text("imageHash")?,
                text("imageArtifactHash")?,
            ))
        });
        match judged {
            Err(shape) => self.malformed(task, &shape),
            // since version 3 the kind of task alone decides
            Ok((None, ..)) if self.version >= Some(CotVersion::V3) && !kind.is_empty() => {}
            Ok((None, hash, _)) => {
                let listed = hash
                    .as_ref()
                    .is_some_and(|hash| allowlist(kind).contains(hash));
                if !listed {
                    let expected = format!(
                        "an image of the allowlist of {} tasks",
                        if kind.is_empty() { "such" } else { kind }
                    );
                    self.reject(
                        "legacy-image",
                        task,
                        expected,
                        hash.unwrap_or_else(|| "no imageHash".to_owned()),
                    );
                }
            }
            Ok((Some(image), _, hash)) => self.built_image(task, image, hash.as_deref()),
        }
    }

    /// An image that a task of the chain built: named as an input, and with the digest that the task signed.
    fn built_image(&mut self, task: TaskId, image: TaskId, hash: Option<&str>) {
        let Some((input, path)) = self.judged(task, |link| {
            let inputs = link.definition.inputs()?;
            let input = inputs
                .iter()
                .find(|(name, _)| *name == "docker-image")
                .map(|(_, task)| *task);
            let payload = link.definition.payload()?;
            Ok((input, payload.object("image")?.text("path")?.to_owned()))
        }) else {
            return;
        };
        if input != Some(image) {
            let found = input.map_or_else(|| "none".to_owned(), |task| task.to_string());
            self.reject(
                "legacy-image",
                task,
                format!("extra.chainOfTrust.inputs[\"docker-image\"] = {image}"),
                found,
            );
        }
        let built = self
            .links
            .get(&image)
            .filter(|link| link.role == Role::Image)
            .and_then(|link| link.cot.as_ref());
        let Some(built) = built else {
            return self.undetermined(
                "legacy-image",
                task,
                "an image task whose document holds",
                "none",
            );
        };
        let found = hash.unwrap_or("no imageArtifactHash").to_owned();
        let signed = built
            .digests(&path, &ALGORITHMS)
            .map_err(|error| error.to_string());
        match signed {
            Ok(digests) if digests.values().any(|digest| digest.to_string() == found) => {}
            Ok(digests) => {
                let expected: Vec<String> = digests.values().map(Digest::to_string).collect();
                self.reject(
                    "legacy-image",
                    task,
                    format!("imageArtifactHash {}", expected.join(" or ")),
                    found,
                );
            }
            Err(reason) => self.reject(
                "legacy-image",
                task,
                format!("{path} in the image task's document"),
                reason,
            ),
        }
    }
}

/// Returns the ids of images in which tasks of a kind may run; none for kinds without a list.
fn allowlist(kind: &str) -> Vec<String> {
    let lists = crate::json::parse(IMAGES.as_bytes(), crate::json::Reading::Strict);
    let list = lists.ok().and_then(|lists| {
        let fields = Fields::of(&lists, "").ok()?;
        Some(
            fields
                .texts(kind)
                .ok()?
                .into_iter()
                .map(str::to_owned)
                .collect(),
        )
    });
    list.filter(|_| !kind.is_empty()).unwrap_or_default()
}

const IMAGES: &str = include_str!("images.json");
/// Pools of decision tasks, and the last version that knew each (legacy.md §4.1).
const DECISION_POOLS: [(&str, CotVersion); 7] = [
    ("gecko-1-decision", CotVersion::V5),
    ("gecko-2-decision", CotVersion::V5),
    ("gecko-3-decision", CotVersion::V5),
    ("gecko-decision", CotVersion::V2),
    ("gecko-focus", CotVersion::V5),
    ("mobile-1-decision", CotVersion::V5),
    ("mobile-3-decision", CotVersion::V5),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_that_time_are_read() {
        assert_eq!(allowlist("decision").len(), 7);
        assert_eq!(allowlist("docker-image").len(), 5);
        assert!(
            allowlist("").is_empty()
                && allowlist("origin").is_empty()
                && allowlist("build").is_empty()
        );
    }
}
