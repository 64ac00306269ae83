// SPDX-License-Identifier: MPL-2.0
//! The verifier over a chain in memory: for tests, benchmarks and `catena demo --break`.

use catena_core::limits::Limits;
use catena_core::model::ids::TaskId;
use catena_core::policy::{Config, Profile, Relaxations};
use catena_core::report::{Basis, Report};
use catena_core::request::Request;
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::MemorySource;

use crate::chain::{Chain, must};
use crate::random::Random;

/// Returns what a profile says to a chain, which brings its own keys and configuration.
#[must_use]
pub fn verify(chain: &Chain, profile: Profile) -> Report {
    Verifier::new(chain).verify(profile)
}

/// A chain's configuration and documents.
pub struct Verifier {
    /// The documents, which may be changed between verifications.
    pub source: MemorySource,
    config: Config,
    task: TaskId,
    task_type: &'static str,
    product: &'static str,
}

impl Verifier {
    /// Takes a chain as it is.
    #[must_use]
    pub fn new(chain: &Chain) -> Self {
        Self::with(chain, "")
    }

    /// As [`new`](Self::new), with more lines in the configuration. Panics when they are none, as all of the testkit.
    #[must_use]
    pub fn with(chain: &Chain, more: &str) -> Self {
        let mut source = MemorySource::new();
        for (request, bytes) in &chain.documents {
            source.insert(request.clone(), bytes.clone());
        }
        for (request, kind) in &chain.failures {
            source.fail(request.clone(), *kind);
        }
        let yaml = chain.scriptworker_yaml() + more;
        let config = Config::from_scriptworker_yaml(yaml.as_bytes(), "scriptworker.yaml");
        Self {
            source,
            config: must(config.ok(), "readable configuration"),
            task: chain.root,
            task_type: chain.task_type,
            product: chain.product,
        }
    }

    /// Verifies, answering in the order in which documents are named.
    #[must_use]
    pub fn verify(&self, profile: Profile) -> Report {
        drive(self.inputs(profile), &self.source, |_| 0).0
    }

    /// Verifies, answering in a random order.
    #[must_use]
    pub fn verify_shuffled(&self, profile: Profile, random: &mut Random) -> Report {
        let choose = |outstanding| random.below(outstanding);
        drive(self.inputs(profile), &self.source, choose).0
    }

    /// Returns what a verification asks for, in the order in which it is answered.
    #[must_use]
    pub fn requests(&self, profile: Profile) -> Vec<Request> {
        drive(self.inputs(profile), &self.source, |_| 0).1
    }

    /// Returns what a verdict on the chain depends on besides documents.
    #[must_use]
    pub fn inputs(&self, profile: Profile) -> Inputs {
        Inputs {
            task: self.task,
            task_type: must(self.task_type.parse().ok(), "type of task"),
            inferred: Vec::new(),
            policy: must(self.config.policy(self.product).ok(), "policy"),
            settings: self.config.settings.clone(),
            keyring: self.config.keyring.clone(),
            relaxations: Relaxations::of(profile),
            check_task: CheckTask::Auto,
            signatures: Signatures::Verify,
            basis: Basis::Live,
            limits: Limits::default(),
        }
    }
}

/// Runs a walk to its end over documents in memory; returns the report and the requests in the order in which they were
/// answered. `choose` says which of so many outstanding requests is next.
pub fn drive(
    inputs: Inputs,
    source: &MemorySource,
    mut choose: impl FnMut(usize) -> usize,
) -> (Report, Vec<Request>) {
    let mut walk = Walk::new(inputs);
    let (mut named, mut all) = (Vec::new(), Vec::new());
    loop {
        named.extend(walk.needs());
        if named.is_empty() {
            break;
        }
        let request = named.remove(choose(named.len()));
        let answer = source.answer(&request);
        all.push(request.clone());
        walk.supply(request, answer);
    }
    assert!(walk.is_complete(), "a walk that asks for nothing has ended");
    (walk.finish().report, all)
}
