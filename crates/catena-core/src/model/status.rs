// SPDX-License-Identifier: MPL-2.0
//! A task's status: the run that everything is fetched from (P10).

use catena_jsone::Value;

use super::ids::RunId;
use super::shape::{Fields, Shape};

/// What the last run of a task came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RunPin {
    /// It is completed: its evidence is final.
    Completed(RunId),
    /// It failed or ended in an exception (P7: rejected).
    Failed(RunId, String),
    /// There is no run, or it is pending or running (P7: undetermined).
    Unfinished(String),
}

impl RunPin {
    /// Reads the queue's answer: `{"status": {"runs": [{"runId", "state"}]}}`.
    ///
    /// # Errors
    /// The answer has another shape, or the runs are not numbered from 0 (worker.md §12.2).
    pub fn read(answer: &Value) -> Result<Self, Shape> {
        let status = Fields::of(answer, "")?.object("status")?;
        let runs = status.list("runs")?;
        let Some(last) = runs.last() else {
            return Ok(Self::Unfinished("unscheduled".into()));
        };
        let at = runs.len() - 1;
        let fields = Fields::of(last, format!("/status/runs/{at}"))?;
        let number = fields
            .get("runId")
            .and_then(Value::as_int)
            .and_then(|number| u32::try_from(number).ok());
        let run = number
            .filter(|&number| usize::try_from(number).is_ok_and(|number| number == at))
            .ok_or_else(|| {
                Shape::new(
                    fields.pointer("runId"),
                    "the run's place in the list",
                    fields.get("runId"),
                )
            })?;
        let state = fields.text("state")?;
        Ok(match state {
            "completed" => Self::Completed(RunId(run)),
            "failed" | "exception" => Self::Failed(RunId(run), state.to_owned()),
            "pending" | "running" => Self::Unfinished(state.to_owned()),
            _ => {
                return Err(Shape::new(
                    fields.pointer("state"),
                    "a state of a run",
                    fields.get("state"),
                ));
            }
        })
    }

    /// Returns the run, if it is completed.
    #[must_use]
    pub const fn completed(&self) -> Option<RunId> {
        match self {
            Self::Completed(run) => Some(*run),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Reading};

    fn read(runs: &str) -> Result<RunPin, Shape> {
        let answer = format!(r#"{{"status": {{"runs": {runs}}}}}"#);
        RunPin::read(&json::parse(answer.as_bytes(), Reading::Lenient).unwrap())
    }

    #[test]
    fn the_last_run_counts_p10() {
        let runs = r#"[{"runId": 0, "state": "failed"}, {"runId": 1, "state": "completed"}]"#;
        assert_eq!(read(runs).unwrap(), RunPin::Completed(RunId(1)));
        assert!(matches!(read("[]").unwrap(), RunPin::Unfinished(_)));
    }

    #[test]
    fn states_are_those_of_the_queue_p7() {
        let one = |state: &str| read(&format!(r#"[{{"runId": 0, "state": "{state}"}}]"#));
        assert!(matches!(one("exception").unwrap(), RunPin::Failed(..)));
        assert!(matches!(one("running").unwrap(), RunPin::Unfinished(_)));
        assert!(one("complEted").is_err() && one("").is_err());
    }
}
