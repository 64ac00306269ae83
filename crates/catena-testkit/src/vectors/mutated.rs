// SPDX-License-Identifier: MPL-2.0
//! Mutations as cases: by seed, made when they are asked for.

use std::collections::BTreeMap;

use catena_core::request::Request;

use super::ROOT_URL;
use super::case::{Case, Places};
use crate::chain::Chain;
use crate::mutate::{Mutation, Op, Power, plan};

/// A mutation's case.
#[derive(Clone, Debug)]
pub struct Mutated {
    /// Flow, document, power, operation and place, for people and for `docs/differences.md`.
    pub key: String,
    /// The case, without expectations.
    pub case: Case,
    /// Its documents, by digest.
    pub bodies: BTreeMap<String, Vec<u8>>,
}

/// Returns the case of a seed.
///
/// # Errors
/// A document has no URL.
pub fn mutated(seed: u64, places: &Places) -> Result<Mutated, String> {
    let mutation = plan(seed);
    let (key, chain) = changed(&mutation);
    let (case, bodies) = Case::of(&chain, places, (&format!("mutation-{seed}"), &key, &[]))?;
    Ok(Mutated { key, case, bodies })
}

/// Returns the name of a mutation, and the changed chain in the deployment of all vectors.
pub(super) fn changed(mutation: &Mutation) -> (String, Chain) {
    let base = mutation.base();
    let mut chain = mutation.apply(&base);
    // no document holds it
    ROOT_URL.clone_into(&mut chain.root_url);
    (key(mutation, &base), chain)
}

/// Writes `flow|document|power|operation|place`, as the black-box lab names mutations.
fn key(mutation: &Mutation, base: &Chain) -> String {
    let document = document(&mutation.request, base);
    let power = match mutation.power {
        Power::Queue => "queue",
        Power::Signer => "sealed",
        Power::Storage => "bare",
    };
    let op = match mutation.op {
        Op::Change => "change",
        Op::Duplicate => "duplicate",
        Op::Remove => "del",
        Op::Retype => "retype",
        Op::Sibling => "sibling",
    };
    let place = mutation.pointer.strip_prefix('/').unwrap_or("-");
    format!("{:?}|{document}|{power}|{op}|{place}", mutation.flow)
}

fn document(request: &Request, base: &Chain) -> String {
    let name = |id| {
        let mut tasks = base.tasks.iter().filter(|(_, task)| task.id == id);
        tasks
            .next()
            .map_or_else(|| "-".to_owned(), |(name, _)| name.clone())
    };
    match request {
        Request::Artifact {
            task,
            name: artifact,
            ..
        } => match artifact.as_str() {
            "public/actions.json" => format!("actions:{}", name(*task)),
            "public/parameters.yml" => format!("parameters:{}", name(*task)),
            _ => format!("artifact:{}", name(*task)),
        },
        Request::ArtifactList { task, .. } => format!("listing:{}", name(*task)),
        Request::CotBody { task, .. } => format!("cot:{}", name(*task)),
        Request::CotSignature { task, .. } => format!("sig:{}", name(*task)),
        Request::Definition { task } => format!("task:{}", name(*task)),
        Request::Status { task } => format!("status:{}", name(*task)),
        Request::TaskGraph { task, .. } => format!("task-graph:{}", name(*task)),
        Request::BranchCommits { repo, .. } => format!("branches:{repo}"),
        Request::Commit { repo, .. } => format!("ghcommit:{repo}"),
        Request::PullRequest { repo, .. } => format!("ghpull:{repo}"),
        Request::Release { repo, .. } => format!("ghrelease:{repo}"),
        Request::Repository { repo } => format!("ghrepo:{repo}"),
        Request::Tags { repo } => format!("ghtags:{repo}"),
        Request::Template { repo, .. } => format!("tcyml:{repo}"),
        Request::Pushlog { repo, .. } => format!("pushlog:{repo}"),
        other => other
            .to_string()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}
