// SPDX-License-Identifier: MPL-2.0
//! The master property over the generic mutator (DESIGN §11, P4, P25): no change makes the verifier panic, strict trusts
//! no more than compat, and what an oracle that knows nothing of the verifier says matters is never trusted.
//!
//! `CATENA_MUTATIONS` says how many, 500 by default; `CATENA_MUTATION` runs a single seed and prints its findings.

use std::collections::BTreeMap;

use catena_core::policy::Profile;
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_testkit::mutate::{Mutation, Power, plan};
use catena_testkit::{Chain, Flow};

use crate::matters::{as_created, as_signed, matters};
use crate::verifier::Verifier;

fn count() -> u64 {
    let wanted = std::env::var("CATENA_MUTATIONS").ok();
    wanted.map_or(500, |text| text.parse().unwrap())
}

/// Returns whether only compat reads a document (P4).
const fn only_compat(request: &Request) -> bool {
    matches!(
        request,
        Request::BranchCommits { .. } | Request::Tags { .. }
    )
}

/// Returns whether the oracle says that the change may not be trusted.
fn must_not_be_trusted(mutation: &Mutation, base: &Chain, read: &[Request], after: &Chain) -> bool {
    let request = &mutation.request;
    let changed = after.bytes(request);
    if changed == base.bytes(request) || !read.contains(request) {
        return false;
    }
    match mutation.power {
        Power::Queue => as_created(base, request, changed),
        Power::Signer => as_signed(base, request, changed),
        Power::Storage => matters(base, request, changed),
    }
}

#[test]
fn no_mutation_that_matters_is_trusted_p4_p25() {
    let mut bases: BTreeMap<Flow, (Chain, Vec<Request>)> = BTreeMap::new();
    let only: Option<u64> = std::env::var("CATENA_MUTATION")
        .ok()
        .map(|text| text.parse().unwrap());
    let seeds = only.map_or(0..count(), |seed| seed..seed + 1);
    let (mut trusted, mut mattered, mut wrong) = (0, 0, Vec::new());
    for seed in seeds.clone() {
        let mutation = plan(seed);
        let (base, read) = bases.entry(mutation.flow).or_insert_with(|| {
            let chain = mutation.base();
            let read = Verifier::new(&chain).requests(Profile::Strict);
            (chain, read)
        });
        let after = mutation.apply(base);
        let verifier = Verifier::new(&after);
        let [strict, compat] =
            [Profile::Strict, Profile::Compat].map(|profile| verifier.verify(profile));
        if only.is_some() {
            eprintln!(
                "{mutation}: {:?}\n{:#?}\n{:#?}",
                mutation.before(base),
                strict.findings,
                compat.findings
            );
        }
        let is_trusted = strict.verdict == Verdict::Trusted;
        if is_trusted && compat.verdict != Verdict::Trusted && !only_compat(&mutation.request) {
            wrong.push(format!(
                "strict trusts what compat does not: {mutation}: {}",
                compat.headline
            ));
        }
        let matters = must_not_be_trusted(&mutation, base, read, &after);
        if is_trusted && matters {
            wrong.push(format!("trusted: {mutation}: {:?}", mutation.before(base)));
        }
        trusted += usize::from(is_trusted);
        mattered += usize::from(matters);
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    let all = usize::try_from(seeds.end - seeds.start).unwrap();
    // neither the verifier nor the oracle says the same to everything
    assert!(
        all < 100 || trusted > all / 20 && mattered > all / 3,
        "{trusted} trusted, {mattered} mattered"
    );
}
