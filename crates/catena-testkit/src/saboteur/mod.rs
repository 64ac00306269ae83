// SPDX-License-Identifier: MPL-2.0
//! Saboteurs: each takes a valid chain and does one thing to it, and its own check must be the headline (P9).
//!
//! A saboteur has at hand what its story says, and no more: the storage, the queue, stolen scopes, a signing key,
//! a host that is down. What it cannot forge stays as it was.

mod artifacts;
mod cot;
mod graph;
mod model;
mod outages;
mod rebuild;
mod source;
mod worker;

use catena_core::report::Verdict;
use serde_json::Value;

use crate::chain::Chain;
use crate::spec::{ChainSpec, Flow};

/// One fault, and what a verifier must say to it.
#[derive(Debug)]
pub struct Saboteur {
    /// A unique kebab-case name.
    pub name: &'static str,
    /// The check whose finding is the headline under `strict`.
    pub check: &'static str,
    /// The rules that it puts to the test.
    pub rules: &'static [&'static str],
    /// What the attacker, or the accident, did: one sentence.
    pub story: &'static str,
    /// What `strict` says: rejected, or undetermined for what is merely missing (P7).
    pub verdict: Verdict,
    /// The chain that it starts from.
    pub flow: Flow,
    /// What that chain needs for it.
    pub spec: fn(&mut ChainSpec),
    /// The fault.
    pub apply: fn(&mut Chain),
    /// What `compat` says.
    pub compat: Compat,
}

/// What `compat` says to a saboteur.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compat {
    /// Another check is the headline; the verdict is the same.
    Check(&'static str),
    /// As `strict`.
    Same,
    /// It trusts the chain, as the reference does (P5).
    Trusted,
}

/// Returns every saboteur.
#[must_use]
pub fn all() -> Vec<&'static Saboteur> {
    [
        artifacts::ALL,
        cot::ALL,
        graph::ALL,
        model::ALL,
        outages::ALL,
        rebuild::ALL,
        source::ALL,
        worker::ALL,
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Saboteur {
    /// Returns the chain with the fault.
    #[must_use]
    pub fn build(&self, seed: u64) -> Chain {
        let mut chain = self.base(seed);
        (self.apply)(&mut chain);
        chain
    }

    /// Returns the chain without it.
    #[must_use]
    pub fn base(&self, seed: u64) -> Chain {
        let mut spec = ChainSpec::new(seed, self.flow);
        (self.spec)(&mut spec);
        spec.build()
    }

    const fn on(mut self, spec: fn(&mut ChainSpec)) -> Self {
        self.spec = spec;
        self
    }

    const fn compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    const fn undetermined(mut self) -> Self {
        self.verdict = Verdict::Undetermined;
        self
    }
}

/// Starts a saboteur.
const fn saboteur(
    name: &'static str,
    check: &'static str,
    rules: &'static [&'static str],
    story: &'static str,
    flow: Flow,
    apply: fn(&mut Chain),
) -> Saboteur {
    Saboteur {
        name,
        check,
        rules,
        story,
        verdict: Verdict::Rejected,
        flow,
        spec: |_| {},
        apply,
        compat: Compat::Same,
    }
}

/// Takes a member out of an object.
fn drop_member(value: &mut Value, key: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(key);
    }
}
