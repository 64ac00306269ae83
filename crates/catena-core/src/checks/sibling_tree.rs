// SPDX-License-Identifier: MPL-2.0
//! `sibling-tree` (V85, V82): all tasks of the group come from the root's tree.
//!
//! Stops: A build of another repository among the inputs of a release.

use super::{Applied, Cx};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::{Source, mapped_tree};
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
    if root.known().is_none() {
        return Applied::Blocked;
    }
    if !cx.chain.is_whole {
        return Applied::Blocked; // the mirror mapping asks the parents (V82)
    }
    let Some(restricted) = cx.chain.is_restricted else {
        return Applied::Blocked;
    };
    let sibling = object.decision == root.decision;
    let trees = |compat: bool| {
        let tree = |object: &Object<'_>| mapped_tree(cx.inputs, cx.chain, object, compat);
        (tree(object), tree(root))
    };
    let holds = |(own, wanted): &(Option<String>, Option<String>)| {
        if sibling {
            own == wanted
        } else {
            own.is_some() || !restricted
        }
    };
    // two trees that only the strict meaning of the rules makes unknown are not the same for that (P4, S22)
    let mut readings = vec![trees(true)];
    if !cx.inputs.relaxations.allows(Switch::RegexCompat) {
        readings.insert(0, trees(false));
    }
    let Some((own, wanted)) = readings.into_iter().find(|trees| !holds(trees)) else {
        return Applied::Ran(Vec::new());
    };
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
