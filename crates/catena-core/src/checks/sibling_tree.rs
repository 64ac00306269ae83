// SPDX-License-Identifier: MPL-2.0
//! `sibling-tree` (V85, V82): all tasks of the group come from the root's tree.
//!
//! Stops: A build of another repository among the inputs of a release.

use super::{Applied, Cx};
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::{Source, mapped_tree, restricted_scopes};
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "sibling-tree",
    rules: &["V85", "V82"],
    title: "all tasks of the group come from the root's tree",
    attack: "A build of another repository among the inputs of a release.",
    help: "Compare the sources of the task and of the root.",
    rank: 73,
    implies: &["recorded-task", "graph-match"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(own) = object.known() else {
        return Applied::Blocked;
    };
    if Source::new(own, &cx.inputs.policy).source_text().is_err() {
        return Applied::Blocked; // url-form says so
    }
    let Some(root) = cx.chain.root() else {
        return Applied::No;
    };
    let Some(definition) = root.known() else {
        return Applied::Blocked;
    };
    if !cx.chain.is_whole {
        return Applied::Blocked; // the mirror mapping asks the parents (V82)
    }
    let tree = |object: &Object<'_>| mapped_tree(cx.inputs, cx.chain, object);
    let (own, wanted) = (tree(object), tree(root));
    let restricted = match restricted_scopes(&cx.inputs.policy, definition) {
        Ok(scopes) => !scopes.is_empty(),
        Err(_) => return Applied::Blocked,
    };
    let sibling = object.decision == root.decision;
    let holds = if sibling {
        own == wanted
    } else {
        own.is_some() || !restricted
    };
    if holds {
        return Applied::Ran(Vec::new());
    }
    let unknown = "a source that no trusted rule knows".to_owned();
    let expected = match wanted {
        Some(tree) if sibling => format!("a source in {tree}, as the root's"),
        None if sibling => "a source that no trusted rule knows, as the root's".to_owned(),
        _ => "a source in any trusted tree".to_owned(),
    };
    let finding = META
        .reject(expected, own.unwrap_or(unknown))
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(&Request::Definition { task: object.id }, "/metadata/source");
    Applied::found(Some(finding.build()))
}
