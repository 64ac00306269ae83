// SPDX-License-Identifier: MPL-2.0
//! `restricted-tree` (V83, V84, S50): the root's tree may have each of its restricted scopes.
//!
//! Stops: A release scope on a task from another repository or branch.

use super::{Applied, Cx};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::{mapped_tree, restricted_scopes};
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "restricted-tree",
    rules: &["V83", "V84", "S50"],
    title: "the root's tree may have each of its restricted scopes",
    attack: "A release scope on a task from another repository or branch.",
    help: "Compare the task's source with cot_restricted_trees of the product.",
    rank: 74,
    implies: &["sibling-tree", "recorded-task", "graph-match"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_root {
        return Applied::No;
    }
    let policy = &cx.inputs.policy;
    let scopes = match restricted_scopes(policy, definition) {
        Ok(scopes) => scopes,
        Err(shape) => return Applied::found(Some(cx.shape(object, &shape))),
    };
    if !scopes.is_empty() && !cx.chain.is_whole {
        return Applied::Blocked; // the mirror mapping asks the parents (V82)
    }
    let compat = cx.inputs.relaxations.allows(Switch::RegexCompat);
    let tree = mapped_tree(cx.inputs, cx.chain, object, compat);
    let mut findings = Vec::new();
    for (scope, patterns) in scopes {
        for pattern in patterns {
            let level = policy
                .restricted_scopes
                .get(pattern)
                .map_or("", String::as_str);
            let trees = policy
                .restricted_trees
                .get(level)
                .map_or(&[][..], Vec::as_slice);
            if tree.as_ref().is_some_and(|tree| trees.contains(tree)) {
                continue;
            }
            let found = tree
                .as_deref()
                .unwrap_or("a source that no trusted rule knows");
            let finding = META
                .reject(
                    format!(
                        "for {scope:.200?} a tree of {level:?}: {}",
                        trees.join(", ")
                    ),
                    found,
                )
                .task(object.id)
                .says(Asserter::Operator)
                .says(Asserter::Task(object.id))
                .at(&Request::Definition { task: object.id }, "/scopes");
            findings.push(finding.build());
        }
    }
    Applied::Ran(findings)
}
