// SPDX-License-Identifier: MPL-2.0
//! What a task must be before anything of it is used (worker.md 3), and the two files that tell a script of it.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::generate::Claim;
use crate::json::Json;

/// What of a payload concerns the worker.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Payload {
    /// `maxRunTime`
    pub max_run_time: Option<Duration>,
}

impl Payload {
    /// Reads the payload of a definition.
    ///
    /// # Errors
    /// What was expected and found, for the log of the task.
    pub fn read(task: &Json) -> Result<Self, String> {
        let payload = task.get("payload");
        let Some(payload) = payload.filter(|payload| payload.as_object().is_some()) else {
            return Err(format!(
                "payload: expected an object, found {}",
                kind(payload)
            ));
        };
        upstream(payload.get("upstreamArtifacts"))?;
        let max_run_time = match payload.get("maxRunTime") {
            None => None,
            Some(seconds) => Some(Duration::from_secs(u64::from(whole(seconds).ok_or_else(
                || {
                    let found = shown(seconds);
                    format!("payload.maxRunTime: expected an integer from 0, found {found}")
                },
            )?))),
        };
        Ok(Self { max_run_time })
    }
}

/// A number of seconds; more than fit are as good as for ever.
fn whole(value: &Json) -> Option<u32> {
    let Json::Number(number) = value else {
        return None;
    };
    // for JSON schema 1.0 is an integer, too; large floats are written with an exponent
    let written = number.as_str();
    let digits = written.strip_suffix(".0").unwrap_or(written);
    match digits {
        "-0" => return Some(0),
        large if large.contains("e+") && !large.starts_with('-') => return Some(u32::MAX),
        _ => {}
    }
    let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    integer.then(|| digits.parse().unwrap_or(u32::MAX))
}

/// No path may lead out of the directory of its task, and only optional ones may be patterns.
fn upstream(entries: Option<&Json>) -> Result<(), String> {
    let at = "payload.upstreamArtifacts";
    let entries = match entries {
        None => return Ok(()),
        Some(entries) => entries
            .as_array()
            .ok_or_else(|| format!("{at}: expected a list, found {}", entries.kind()))?,
    };
    for (number, entry) in entries.iter().enumerate() {
        let at = format!("{at}[{number}].paths");
        let optional = entry.get("optional") == Some(&Json::Bool(true));
        let paths = entry.get("paths");
        let list = paths.and_then(Json::as_array);
        let list = list.ok_or_else(|| format!("{at}: expected a list, found {}", kind(paths)))?;
        for path in list {
            let text = path.as_str();
            let text =
                text.ok_or_else(|| format!("{at}: expected a string, found {}", path.kind()))?;
            if text.starts_with('/') || text.split('/').any(|part| part == "..") {
                let found = shown(path);
                return Err(format!(
                    "{at}: expected a path below the task's own directory, found {found}"
                ));
            }
            if text.contains('*') && !optional {
                let found = shown(path);
                return Err(format!(
                    "{at}: expected a path without *, which only optional: true allows, found {found}"
                ));
            }
        }
    }
    Ok(())
}

fn kind(value: Option<&Json>) -> &'static str {
    value.map_or("nothing", Json::kind)
}

/// A value in a few words.
fn shown(value: &Json) -> String {
    value.to_line().chars().take(120).collect()
}

/// Writes `task.json` and `current_task_info.json`.
///
/// # Errors
/// The system refuses.
pub fn write(work_dir: &Path, claim: &Claim) -> io::Result<()> {
    fs::write(work_dir.join("task.json"), claim.task.to_text())?;
    let info = Json::object([
        ("runId", Json::from(claim.run)),
        ("taskId", Json::from(claim.task_id.to_string())),
    ]);
    fs::write(work_dir.join("current_task_info.json"), info.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Payload, String> {
        Payload::read(&crate::json::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn an_ordinary_payload_is_accepted_section_3() {
        let text = r#"{"payload": {"maxRunTime": 60, "upstreamArtifacts": [
            {"paths": ["public/a.zip"]}, {"paths": ["public/*.json"], "optional": true}]}}"#;
        let due = Some(Duration::from_secs(60));
        assert_eq!(read(text).unwrap().max_run_time, due);
        assert_eq!(read(r#"{"payload": {}}"#).unwrap(), Payload::default());
        for (number, due) in [
            ("1.0", 1),
            ("6e1", 60),
            ("-0.0", 0),
            ("1e20", u32::MAX),
            ("99999999999", u32::MAX),
        ] {
            let read = read(&format!(r#"{{"payload": {{"maxRunTime": {number}}}}}"#)).unwrap();
            let due = Some(Duration::from_secs(due.into()));
            assert_eq!(read.max_run_time, due, "{number}");
        }
    }

    #[test]
    fn what_the_schema_refuses_section_3_4() {
        for text in [
            "{}",
            r#"{"payload": []}"#,
            r#"{"payload": {"maxRunTime": "60"}}"#,
            r#"{"payload": {"maxRunTime": true}}"#,
            r#"{"payload": {"maxRunTime": 1.5}}"#,
            r#"{"payload": {"maxRunTime": -1}}"#,
            r#"{"payload": {"maxRunTime": -1e20}}"#,
            r#"{"payload": {"maxRunTime": 1e-20}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn paths_stay_below_their_directory_section_3_1() {
        for entry in [
            r#"{"paths": ["/etc/passwd"]}"#,
            r#"{"paths": ["public/../../x"]}"#,
            r#"{"paths": [".."]}"#,
            r#"{"paths": ["public/*"]}"#,
            r#"{"paths": ["public/*"], "optional": "yes"}"#,
            r#"{"paths": [1]}"#,
            r#"{"paths": "a"}"#,
            "1",
        ] {
            let text = format!(r#"{{"payload": {{"upstreamArtifacts": [{entry}]}}}}"#);
            assert!(read(&text).is_err(), "{entry}");
        }
        assert!(read(r#"{"payload": {"upstreamArtifacts": {}}}"#).is_err());
        // a name may well hold two dots
        let dots = r#"{"payload": {"upstreamArtifacts": [{"paths": ["public/a..b"]}]}}"#;
        assert!(read(dots).is_ok());
    }
}
