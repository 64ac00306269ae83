// SPDX-License-Identifier: MPL-2.0
//! What a definition says about other tasks: inputs, upstream tasks, parent (V15, V16).

use std::collections::BTreeSet;

use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::model::task_type::TaskType;

/// One task named by another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Claim {
    /// The last part of the name under which the chain reaches it (V15).
    pub(crate) name: String,
    /// The task.
    pub(crate) task: TaskId,
}

impl Claim {
    /// Returns the type that the name claims, before `parent` is told into decision or action (V12).
    pub(crate) fn kind(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or_default()
    }

    /// Returns whether the claim makes the task a parent (S5).
    pub(crate) fn is_parent(&self) -> bool {
        matches!(self.kind(), "action" | "decision" | "parent")
    }
}

/// Returns the claims of a definition: the parent first, then sorted by name and task (V16).
pub(crate) fn claims(definition: &Definition) -> Result<Vec<Claim>, Shape> {
    let inputs = definition.inputs()?.into_iter().map(|(name, task)| Claim {
        name: name.to_owned(),
        task,
    });
    let upstream = definition.upstream_artifacts()?;
    let upstream = upstream.iter().map(|entry| Claim {
        name: entry.task_type.to_owned(),
        task: entry.task,
    });
    let mut sorted: Vec<_> = inputs.chain(upstream).collect();
    sorted.sort_by_cached_key(|claim| format!("{}_{}", claim.name, claim.task));
    sorted.dedup();
    sorted.insert(
        0,
        Claim {
            name: "parent".to_owned(),
            task: definition.parent_task()?,
        },
    );
    Ok(sorted)
}

/// Resolves claimed kinds: known types, and the names that are none (V12).
pub(crate) fn types<'a>(
    kinds: impl IntoIterator<Item = &'a str>,
    is_action: bool,
) -> (BTreeSet<TaskType>, BTreeSet<String>) {
    let (mut known, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for kind in kinds {
        let kind = match kind {
            "parent" if is_action => "action",
            "parent" => "decision",
            other => other,
        };
        match kind.parse() {
            Ok(task_type) => known.insert(task_type),
            Err(_) => unknown.insert(kind.to_owned()),
        };
    }
    (known, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Reading};

    const GROUP: &str = "YyxNNh7mTAmwDhB4Itm0jg";
    const A: &str = "MS4kukUGRKiDDt22gp5Vbg";
    const B: &str = "UudF3Bj1SMmIFY4xL2LieQ";

    fn of(text: &str) -> Vec<(String, String)> {
        let value = json::parse(text.as_bytes(), Reading::Strict).unwrap();
        let definition = Definition::new(GROUP.parse().unwrap(), value).unwrap();
        let claims = claims(&definition).unwrap();
        let pair = |claim: Claim| (claim.name, claim.task.to_string());
        claims.into_iter().map(pair).collect()
    }

    #[test]
    fn inputs_and_upstream_artifacts_are_links_v15_v16() {
        let text = format!(
            r#"{{"taskGroupId": "{GROUP}",
                "extra": {{"chainOfTrust": {{"inputs": {{"docker-image": "{A}", "a": "{B}"}}}}}},
                "payload": {{"upstreamArtifacts": [
                    {{"taskId": "{B}", "taskType": "build", "paths": []}},
                    {{"taskId": "{A}", "taskType": "build", "paths": []}}]}}}}"#
        );
        let pair = |name: &str, task: &str| (name.to_owned(), task.to_owned());
        let expected = [
            pair("parent", GROUP),
            pair("a", B),
            pair("build", A),
            pair("build", B),
            pair("docker-image", A),
        ];
        assert_eq!(of(&text), expected);
    }

    #[test]
    fn the_parent_is_first_and_always_followed_v16() {
        let text = format!(
            r#"{{"taskGroupId": "{GROUP}", "payload": {{}}, "extra": {{"parent": "{A}"}}}}"#
        );
        assert_eq!(of(&text), [("parent".to_owned(), A.to_owned())]);
    }

    #[test]
    fn extra_is_due_v15() {
        let text = format!(r#"{{"taskGroupId": "{GROUP}", "payload": {{}}}}"#);
        let value = json::parse(text.as_bytes(), Reading::Strict).unwrap();
        let definition = Definition::new(GROUP.parse().unwrap(), value).unwrap();
        assert!(claims(&definition).is_err());
    }

    #[test]
    fn kinds_are_told_exactly_v12() {
        let (known, unknown) = types(["parent", "build", "signing0", ""], false);
        let known: Vec<_> = known.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(known, ["build", "decision"]);
        assert_eq!(unknown.len(), 2);
        let (known, _) = types(["parent"], true);
        assert_eq!(
            known.first().map(|kind| kind.as_str()),
            Some("action"),
            "an action is no decision"
        );
    }
}
