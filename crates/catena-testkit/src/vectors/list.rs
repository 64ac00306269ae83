// SPDX-License-Identifier: MPL-2.0
//! Which cases there are.

use super::corpus::{Corpus, CorpusError, Maker};
use super::{ROOT_URL, corner, table, valid};
use crate::chain::Chain;
use crate::saboteur;
use crate::spec::ChainSpec;

/// The seed of all cases: one, so that they share documents.
pub const SEED: u64 = 1;

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
        let mut spec = ChainSpec::new(SEED, saboteur.flow);
        (saboteur.spec)(&mut spec);
        let mut chain = build(spec);
        (saboteur.apply)(&mut chain);
        let name = format!("saboteur-{}", saboteur.name);
        maker.add(&chain, &name, saboteur.story, saboteur.rules)?;
    }
    Ok(maker.corpus)
}

/// Builds a chain of the deployment that all vectors are of.
pub(super) fn build(mut spec: ChainSpec) -> Chain {
    ROOT_URL.clone_into(&mut spec.root_url);
    spec.build()
}
