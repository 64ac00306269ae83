// SPDX-License-Identifier: MPL-2.0
//! `source-repository` (V71, V72, S23): the head repository contains the source URL.
//!
//! Stops: A task that shows a trusted source and works on another repository.

use super::{Applied, Cx};
use crate::model::url::VcsUrl;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::source::Source;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "source-repository",
    rules: &["V71", "V72", "S23"],
    title: "the head repository contains the source URL",
    attack: "A task that shows a trusted source and works on another repository.",
    help: "Compare metadata.source with the head repository in payload.env.",
    rank: 75,
    implies: &["recorded-task", "graph-match", "sibling-tree"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    let source = Source::new(definition, &cx.inputs.policy);
    let compare = || {
        let (comm, head) = (source.comm_repository()?, source.head_repository()?);
        let Some(repo) = comm.or(head) else {
            return Ok(None);
        };
        let Some(url) = source.source_url()? else {
            return Ok(None);
        };
        let contains = VcsUrl::parse(repo).is_ok_and(|repo| repo.contains(&url));
        Ok((!contains).then(|| {
            META.reject(
                format!("a source below {repo:.200}"),
                format!("{:.300}", url.as_str()),
            )
            .task(object.id)
            .says(Asserter::Task(object.id))
            .at(&Request::Definition { task: object.id }, "/metadata/source")
            .build()
        }))
    };
    cx.typed(object, compare())
}
