// SPDX-License-Identifier: MPL-2.0
//! `url-form` (S4, V72): source and repository URLs can be read in one way only.
//!
//! Stops: A URL that the tree check reads as a trusted repository, and the server as another.

use super::{Applied, Cx};
use crate::model::url::VcsUrl;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::Source;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "url-form",
    rules: &["S4", "S23", "V72"],
    title: "source and repository URLs can be read in one way only",
    attack: "A URL that the tree check reads as a trusted repository, and the server as another.",
    help: "No real tool writes such a URL; find out who created the task.",
    rank: 89,
    implies: &[
        "source-repository",
        "landed",
        "restricted-tree",
        "sibling-tree",
        "try-or-pull-request",
        "recorded-task",
        "graph-match",
    ],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let urls = match Source::new(definition, &cx.inputs.policy).urls() {
        Ok(urls) => urls,
        Err(shape) => return Applied::found(Some(cx.shape(object, &shape))),
    };
    let refused = urls.into_iter().filter_map(|(pointer, url)| {
        let parsed = if pointer == "/metadata/source" {
            VcsUrl::parse_source(url)
        } else {
            VcsUrl::parse_repository(url)
        };
        Some((pointer, parsed.err()?))
    });
    let findings = refused.map(|(pointer, error)| {
        META.reject(
            "an https or ssh URL with a bare host and a plain path",
            error.to_string(),
        )
        .task(object.id)
        .says(Asserter::Task(object.id))
        .at(&Request::Definition { task: object.id }, pointer)
        .build()
    });
    Applied::Ran(findings.collect())
}
