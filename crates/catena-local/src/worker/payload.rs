// SPDX-License-Identifier: MPL-2.0
//! What a payload asks for, read as each family reads it. Whatever is not as it should be is a text for the task's log, and
//! the task ends as `malformed-payload`.

use std::time::Duration;

use catena_core::model::ids::{ArtifactName, TaskId};
use serde_json::{Map, Value};

use super::Family;

/// A text that says what was expected and found.
pub(super) type Malformed = String;

/// What is to be done.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Job {
    /// Commands in order, each a program and its arguments; none for the scriptworker family.
    pub(super) commands: Vec<Vec<String>>,
    pub(super) env: Vec<(String, String)>,
    pub(super) max_run_time: Duration,
    pub(super) artifacts: Vec<Declared>,
    pub(super) image: Option<Image>,
    pub(super) upstream: Vec<(TaskId, ArtifactName)>,
    pub(super) chain_of_trust: bool,
    pub(super) proxy: bool,
}

/// A file or directory that the task is to leave.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Declared {
    pub(super) name: String,
    /// Below the task's directory.
    pub(super) path: String,
    pub(super) is_directory: bool,
    pub(super) expires: Option<String>,
}

/// The image of a docker-worker task.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Image {
    /// An artifact of another task.
    Artifact { task: TaskId, path: ArtifactName },
    /// An artifact of the task that the index names.
    Indexed {
        namespace: String,
        path: ArtifactName,
    },
    /// Of a registry.
    Name(String),
}

/// Reads the payload of a definition.
pub(super) fn parse(family: Family, definition: &Map<String, Value>) -> Result<Job, Malformed> {
    let payload = definition.get("payload").and_then(Value::as_object);
    let payload = payload.ok_or("expected payload to be an object")?;
    let mut job = Job {
        commands: Vec::new(),
        env: env(payload)?,
        max_run_time: max_run_time(payload)?,
        artifacts: Vec::new(),
        image: None,
        upstream: Vec::new(),
        chain_of_trust: feature(payload, "chainOfTrust")?,
        proxy: feature(payload, "taskclusterProxy")?,
    };
    match family {
        Family::DockerWorker => {
            job.image = Some(image(payload.get("image"))?);
            job.commands = vec![texts(payload.get("command"), "payload.command")?];
            job.artifacts = docker_artifacts(payload)?;
        }
        Family::GenericWorker => {
            job.commands = generic_commands(payload)?;
            job.artifacts = generic_artifacts(payload)?;
        }
        Family::Scriptworker => {
            job.upstream = upstream(payload)?;
            job.chain_of_trust = true;
        }
    }
    Ok(job)
}

fn env(payload: &Map<String, Value>) -> Result<Vec<(String, String)>, Malformed> {
    let Some(env) = payload.get("env") else {
        return Ok(Vec::new());
    };
    let env = env
        .as_object()
        .ok_or("expected payload.env to be an object")?;
    let member = |(name, value): (&String, &Value)| {
        let value = text(Some(value), &format!("payload.env.{name}"))?;
        let fits = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        match fits {
            true => Ok((name.clone(), value)),
            false => Err(format!(
                "expected a variable in payload.env, found {name:?}"
            )),
        }
    };
    env.iter().map(member).collect()
}

fn max_run_time(payload: &Map<String, Value>) -> Result<Duration, Malformed> {
    let seconds = payload.get("maxRunTime").and_then(Value::as_u64);
    match seconds {
        Some(seconds @ 1..=MOST_SECONDS) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!(
            "expected payload.maxRunTime to be seconds from 1 to {MOST_SECONDS}, found {}",
            shown(payload.get("maxRunTime"))
        )),
    }
}

fn feature(payload: &Map<String, Value>, name: &str) -> Result<bool, Malformed> {
    let features = match payload.get("features") {
        None => return Ok(false),
        Some(features) => features.as_object(),
    };
    let features = features.ok_or("expected payload.features to be an object")?;
    match features.get(name) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        other => Err(format!(
            "expected payload.features.{name} to be true or false, found {}",
            shown(other)
        )),
    }
}

fn image(image: Option<&Value>) -> Result<Image, Malformed> {
    let wrong = || {
        format!(
            "expected payload.image to be a name, or an object of type task-image, indexed-image or docker-image, found {}",
            shown(image)
        )
    };
    let image = match image {
        Some(Value::String(name)) if !name.is_empty() => return Ok(Image::Name(name.clone())),
        Some(Value::Object(image)) => image,
        _ => return Err(wrong()),
    };
    let path = || artifact_name(image.get("path"), "payload.image.path");
    match image.get("type").and_then(Value::as_str) {
        Some("task-image") => Ok(Image::Artifact {
            task: task_id(image.get("taskId"), "payload.image.taskId")?,
            path: path()?,
        }),
        Some("indexed-image") => Ok(Image::Indexed {
            namespace: text(image.get("namespace"), "payload.image.namespace")?,
            path: path()?,
        }),
        Some("docker-image") => Ok(Image::Name(text(image.get("name"), "payload.image.name")?)),
        _ => Err(wrong()),
    }
}

fn docker_artifacts(payload: &Map<String, Value>) -> Result<Vec<Declared>, Malformed> {
    let Some(artifacts) = payload.get("artifacts") else {
        return Ok(Vec::new());
    };
    let artifacts = artifacts
        .as_object()
        .ok_or("expected payload.artifacts to be an object")?;
    artifacts
        .iter()
        .map(|(name, value)| declared(Some(name), value))
        .collect()
}

fn generic_artifacts(payload: &Map<String, Value>) -> Result<Vec<Declared>, Malformed> {
    let Some(artifacts) = payload.get("artifacts") else {
        return Ok(Vec::new());
    };
    let artifacts = artifacts
        .as_array()
        .ok_or("expected payload.artifacts to be a list")?;
    artifacts
        .iter()
        .map(|value| declared(None, value))
        .collect()
}

fn declared(name: Option<&String>, value: &Value) -> Result<Declared, Malformed> {
    let at = name.map_or("payload.artifacts", String::as_str);
    let path = text(value.get("path"), &format!("path of {at}"))?;
    let clean = path.trim_start_matches('/').trim_end_matches('/');
    let inside = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
    if !clean.split('/').all(inside) {
        return Err(format!(
            "expected path of {at} to stay below the task's directory, found {path:?}"
        ));
    }
    let name = match (name, value.get("name")) {
        (Some(name), _) => name.clone(),
        (None, Some(name)) => text(Some(name), "name in payload.artifacts")?,
        (None, None) => clean.to_owned(),
    };
    artifact_name(Some(&Value::String(name.clone())), "name of an artifact")?;
    let is_directory = match value.get("type").and_then(Value::as_str) {
        Some("directory") => true,
        Some("file") => false,
        _ => {
            return Err(format!(
                "expected type of {name} to be file or directory, found {}",
                shown(value.get("type"))
            ));
        }
    };
    let expires = match value.get("expires") {
        None => None,
        expires => Some(text(expires, &format!("expires of {name}"))?),
    };
    Ok(Declared {
        name,
        path: clean.to_owned(),
        is_directory,
        expires,
    })
}

fn generic_commands(payload: &Map<String, Value>) -> Result<Vec<Vec<String>>, Malformed> {
    let wrong = "expected payload.command to be a list of commands";
    let commands = payload
        .get("command")
        .and_then(Value::as_array)
        .ok_or(wrong)?;
    if commands.is_empty() {
        return Err(wrong.to_owned());
    }
    let command = |value: &Value| match value {
        Value::String(line) => Ok(vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()]),
        other => texts(Some(other), "a command in payload.command"),
    };
    commands.iter().map(command).collect()
}

fn upstream(payload: &Map<String, Value>) -> Result<Vec<(TaskId, ArtifactName)>, Malformed> {
    let Some(entries) = payload.get("upstreamArtifacts") else {
        return Ok(Vec::new());
    };
    let entries = entries
        .as_array()
        .ok_or("expected payload.upstreamArtifacts to be a list")?;
    let mut out = Vec::new();
    for entry in entries {
        let task = task_id(entry.get("taskId"), "taskId in payload.upstreamArtifacts")?;
        for path in texts(entry.get("paths"), "paths in payload.upstreamArtifacts")? {
            let name = artifact_name(Some(&path.into()), "a path in payload.upstreamArtifacts")?;
            out.push((task, name));
        }
    }
    Ok(out)
}

fn task_id(value: Option<&Value>, at: &str) -> Result<TaskId, Malformed> {
    let id = value.and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or_else(|| format!("expected {at} to be a task id, found {}", shown(value)))
}

fn artifact_name(value: Option<&Value>, at: &str) -> Result<ArtifactName, Malformed> {
    let name = value.and_then(Value::as_str).and_then(|n| n.parse().ok());
    name.ok_or_else(|| {
        format!(
            "expected {at} to be the name of an artifact, found {}",
            shown(value)
        )
    })
}

fn text(value: Option<&Value>, at: &str) -> Result<String, Malformed> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(format!(
            "expected {at} to be a text, found {}",
            shown(value)
        )),
    }
}

fn texts(value: Option<&Value>, at: &str) -> Result<Vec<String>, Malformed> {
    let items = value
        .and_then(Value::as_array)
        .filter(|items| !items.is_empty());
    let items =
        items.ok_or_else(|| format!("expected {at} to be a list, found {}", shown(value)))?;
    let out: Vec<String> = items
        .iter()
        .map(|item| text(Some(item), at))
        .collect::<Result<_, _>>()?;
    match out.iter().any(|text| text.contains('\0')) {
        true => Err(format!("expected {at} without NUL")),
        false => Ok(out),
    }
}

/// What was found, cut to a readable length.
fn shown(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    text.chars().take(100).collect()
}

/// A day, as workers allow by default.
const MOST_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(family: Family, payload: Value) -> Result<Job, Malformed> {
        let definition = json!({"payload": payload});
        parse(family, definition.as_object().unwrap())
    }

    #[test]
    fn a_docker_worker_payload_says_image_command_and_artifacts() {
        let job = of(
            Family::DockerWorker,
            json!({
                "image": {"type": "task-image", "taskId": "UudF3Bj1SMmIFY4xL2LieQ", "path": "public/image.tar.gz"},
                "command": ["/bin/sh", "-c", "true"], "maxRunTime": 10, "env": {"A": "b"},
                "features": {"chainOfTrust": true, "dind": false},
                "artifacts": {"public/build": {"type": "directory", "path": "/builds/out"}},
            }),
        )
        .unwrap();
        assert_eq!(job.commands, [["/bin/sh", "-c", "true"]]);
        assert_eq!(job.env, [("A".to_owned(), "b".to_owned())]);
        assert!(job.chain_of_trust && !job.proxy);
        assert_eq!(job.artifacts[0].path, "builds/out");
        assert!(matches!(job.image, Some(Image::Artifact { .. })));
    }

    #[test]
    fn a_generic_worker_payload_has_lists_of_commands_and_artifacts() {
        let job = of(
            Family::GenericWorker,
            json!({"command": [["/bin/echo", "a"], "echo b"], "maxRunTime": 10, "osGroups": [],
                   "artifacts": [{"type": "file", "path": "out/x.zip", "name": "public/x.zip"}, {"type": "file", "path": "y"}]}),
        )
        .unwrap();
        assert_eq!(job.commands.len(), 2);
        assert_eq!(job.commands[1], ["/bin/sh", "-c", "echo b"]);
        assert_eq!(job.artifacts[1].name, "y");
    }

    #[test]
    fn paths_stay_below_the_task_s_directory() {
        for path in ["../x", "a/../../x", "/..", "a//b", ""] {
            let artifacts = json!([{"type": "file", "path": path, "name": "public/x"}]);
            let payload = json!({"command": ["true"], "maxRunTime": 1, "artifacts": artifacts});
            assert!(of(Family::GenericWorker, payload).is_err(), "{path}");
        }
        let upstream = json!([{"taskId": "UudF3Bj1SMmIFY4xL2LieQ", "taskType": "build", "paths": ["public/../../x"]}]);
        let payload = json!({"maxRunTime": 1, "upstreamArtifacts": upstream});
        assert!(of(Family::Scriptworker, payload).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let said = |payload| of(Family::DockerWorker, payload).unwrap_err();
        assert!(said(json!({"image": "i", "command": ["x"]})).contains("maxRunTime"));
        assert!(
            said(json!({"image": "i", "command": "x", "maxRunTime": 1}))
                .contains("payload.command")
        );
        assert!(
            said(json!({"image": {"type": "y"}, "command": ["x"], "maxRunTime": 1}))
                .contains("payload.image")
        );
        assert!(said(json!({"maxRunTime": 1, "env": {"A": 1}})).contains("payload.env.A"));
        assert!(said(json!([])).contains("payload"));
    }
}
