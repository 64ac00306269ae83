// SPDX-License-Identifier: MPL-2.0
//! Which cases there are.

use super::corpus::{Corpus, CorpusError, Maker};
use super::{ROOT_URL, corner, mutated, table, valid};
use crate::chain::Chain;
use crate::spec::{ChainSpec, Flow};
use crate::{mutate, saboteur};

/// The seed of all cases: one, so that they share documents.
const SEED: u64 = 1;

/// Returns every case.
///
/// # Errors
/// A case has another's name, or cannot be judged.
pub fn all() -> Result<Corpus, CorpusError> {
    let mut maker = Maker::new()?;
    valid::add(&mut maker)?;
    table::add(&mut maker)?;
    corner::add(&mut maker)?;
    for saboteur in saboteur::all() {
        let mut spec = spec(saboteur.flow);
        (saboteur.spec)(&mut spec);
        let mut chain = build(spec);
        (saboteur.apply)(&mut chain);
        if chain.documents.values().any(|body| body.len() > LARGEST) {
            continue;
        }
        let name = format!("saboteur-{}", saboteur.name);
        maker.add(&chain, &name, saboteur.story, saboteur.rules)?;
    }
    for seed in 0..MUTATIONS {
        let (key, chain) = mutated::changed(&mutate::plan(seed));
        maker.add(
            &chain,
            &format!("mutation-{seed}"),
            &format!("one change: {key}"),
            &["P25"],
        )?;
    }
    Ok(maker.corpus)
}

/// How many of the mutations are files; all others are made when they are asked for.
const MUTATIONS: u64 = 24;

/// Bytes of a document: what exhausts a verifier by size is a test of this project, not a file.
const LARGEST: usize = 100_000;

/// Returns a small chain's specification. Nothing fills its graphs, as with mutations: so they share documents.
pub(super) fn spec(flow: Flow) -> ChainSpec {
    ChainSpec {
        graph_filler: 0,
        ..ChainSpec::new(SEED, flow)
    }
}

/// Builds a chain of the deployment that all vectors are of.
pub(super) fn build(mut spec: ChainSpec) -> Chain {
    ROOT_URL.clone_into(&mut spec.root_url);
    spec.build()
}
