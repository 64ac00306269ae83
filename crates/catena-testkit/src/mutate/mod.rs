// SPDX-License-Identifier: MPL-2.0
//! The generic mutator: one change to one place of one document of a chain, drawn from a seed.
//!
//! [`plan`] draws, [`Mutation::apply`] changes. What follows from the change depends on the [`Power`] of whoever made
//! it: who can only change what is served cannot sign it again, a worker can. A mutation is printed as one line, and
//! its documents can be served as files like those of any other chain.

mod text;
mod tree;

use std::fmt;

use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use serde_json::Value;

use crate::chain::{Chain, must};
use crate::random::Random;
use crate::spec::{ChainSpec, Flow};

pub use tree::Op;

/// A change to a chain.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// What it was drawn from; the new values come from it as well.
    pub seed: u64,
    /// The chain that it changes: see [`base`](Self::base).
    pub flow: Flow,
    /// The document.
    pub request: Request,
    /// RFC 6901 pointer to the value that is changed; empty for a document that is bytes.
    pub pointer: String,
    /// What is done to it.
    pub op: Op,
    /// Who does it.
    pub power: Power,
}

/// What whoever makes a change can do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Power {
    /// Create a task with any definition: its worker records and signs what it was given.
    Queue,
    /// Sign as the task's worker: digests and signature follow. A compromised or odd worker, or what it runs.
    Signer,
    /// Change what is served: artifacts in storage, a database row, a host's answer. Nothing follows.
    Storage,
}

/// Draws a mutation.
#[must_use]
pub fn plan(seed: u64) -> Mutation {
    let mut random = Random::for_purpose(seed, "mutation");
    let flow = Flow::ALL[random.below(Flow::ALL.len())];
    let chain = base(flow);
    let request = document(&chain, &mut random);
    let power = match &request {
        Request::Definition { .. } => [Power::Queue, Power::Storage][random.below(2)],
        Request::Artifact { .. } | Request::CotBody { .. } | Request::TaskGraph { .. } => {
            [Power::Signer, Power::Storage][random.below(2)]
        }
        _ => Power::Storage,
    };
    let (pointer, op) = match text::read(&request, chain.bytes(&request)) {
        Some(tree) => tree::draw(&tree, &mut random),
        None => (String::new(), Op::ALL[random.below(Op::ALL.len())]),
    };
    Mutation {
        seed,
        flow,
        request,
        pointer,
        op,
        power,
    }
}

/// Draws a kind of document first, so that rare kinds are met as often as common ones; every third time one of
/// those that most rules read.
fn document(chain: &Chain, random: &mut Random) -> Request {
    let kind = |request: &Request| {
        let text = request.to_string();
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    // the graph is asked for under its own name
    let is_graph = |request: &&Request| matches!(request, Request::Artifact { name, .. } if name.as_str() == ArtifactName::TASK_GRAPH);
    let all: Vec<_> = chain.documents.keys().filter(|r| !is_graph(r)).collect();
    let mut kinds: Vec<_> = all.iter().map(|request| kind(request)).collect();
    kinds.dedup();
    if random.below(3) == 0 {
        kinds
            .retain(|kind| ["cot-body", "definition", "task-graph", "template"].contains(&&**kind));
    }
    let drawn = &kinds[random.below(kinds.len())];
    let of_kind: Vec<_> = all.into_iter().filter(|r| kind(r) == *drawn).collect();
    of_kind[random.below(of_kind.len())].clone()
}

fn base(flow: Flow) -> Chain {
    let spec = ChainSpec {
        graph_filler: 0,
        ..ChainSpec::new(1, flow)
    };
    spec.build()
}

impl Mutation {
    /// Returns the valid chain that it changes; it depends on the flow alone.
    #[must_use]
    pub fn base(&self) -> Chain {
        base(self.flow)
    }

    /// Returns the chain with the change.
    #[must_use]
    pub fn apply(&self, chain: &Chain) -> Chain {
        let mut chain = chain.clone();
        let mut random = Random::for_purpose(self.seed, "mutation's values");
        match (&self.request, self.power) {
            (Request::Definition { task }, Power::Queue) => {
                let name = chain.name_of(*task);
                chain.edit_definition(&name, |definition| {
                    // the same values in both documents
                    tree::apply(definition, &self.pointer, self.op, &mut random.clone());
                });
            }
            _ => {
                let before = chain.bytes(&self.request).to_vec();
                let after = self.changed(&before, &mut random);
                chain.replace(&self.request, after);
            }
        }
        if self.power == Power::Signer {
            self.seal(&mut chain);
        }
        chain
    }

    fn changed(&self, before: &[u8], random: &mut Random) -> Vec<u8> {
        match text::read(&self.request, before) {
            Some(mut tree) => {
                tree::apply(&mut tree, &self.pointer, self.op, random);
                text::write(&self.request, before, &tree)
            }
            None => text::bytes(before, self.op, random),
        }
    }

    fn seal(&self, chain: &mut Chain) {
        match &self.request {
            Request::CotBody { task, .. } => {
                let name = chain.name_of(*task);
                chain.sign(&name);
            }
            Request::Artifact { task, .. } | Request::TaskGraph { task, .. } => {
                let name = chain.name_of(*task);
                chain.reseal(&name);
            }
            _ => {}
        }
    }

    /// Returns the value before the change, for people.
    #[must_use]
    pub fn before(&self, chain: &Chain) -> Option<Value> {
        let tree = text::read(&self.request, chain.bytes(&self.request))?;
        tree.pointer(&self.pointer).cloned()
    }
}

impl Chain {
    /// Returns the name of a task.
    fn name_of(&self, task: catena_core::model::ids::TaskId) -> String {
        let named = self.tasks.iter().find(|(_, known)| known.id == task);
        must(named, task.as_str()).0.clone()
    }
}

impl fmt::Display for Mutation {
    /// Writes `seed flow request pointer op power`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            flow,
            request,
            pointer,
            op,
            power,
        } = self;
        write!(f, "{seed} {flow:?} {request} {pointer:?} {op:?} {power:?}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_makes_one_mutation() {
        for seed in 0..40 {
            let (one, two) = (plan(seed), plan(seed));
            assert_eq!(one.to_string(), two.to_string());
            let chain = one.base();
            assert_eq!(one.apply(&chain).documents, two.apply(&chain).documents);
        }
    }

    #[test]
    fn every_power_and_op_is_drawn_and_changes_something() {
        let (mut seen, mut changed) = (BTreeSet::new(), 0);
        for seed in 0..200 {
            let mutation = plan(seed);
            let chain = mutation.base();
            seen.insert((mutation.power, mutation.op));
            changed += usize::from(mutation.apply(&chain).documents != chain.documents);
        }
        assert_eq!(seen.len(), 3 * Op::ALL.len());
        assert!(changed > 180, "{changed}");
    }
}
