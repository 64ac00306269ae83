// SPDX-License-Identifier: MPL-2.0
//! The verifier over a chain in memory.

use catena_core::limits::Limits;
use catena_core::policy::{Config, Profile, Relaxations};
use catena_core::report::{Basis, Report};
use catena_core::request::Request;
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::MemorySource;
use catena_testkit::{Chain, Random};

/// A chain's configuration and documents.
pub(crate) struct Verifier {
    pub(crate) source: MemorySource,
    config: Config,
    chain: Chain,
}

impl Verifier {
    pub(crate) fn new(chain: &Chain) -> Self {
        Self::with(chain, "")
    }

    /// As [`new`](Self::new), with more lines in the configuration.
    pub(crate) fn with(chain: &Chain, more: &str) -> Self {
        let mut source = MemorySource::new();
        for (request, bytes) in &chain.documents {
            source.insert(request.clone(), bytes.clone());
        }
        for (request, kind) in &chain.failures {
            source.fail(request.clone(), *kind);
        }
        let yaml = chain.scriptworker_yaml() + more;
        let config = Config::from_scriptworker_yaml(yaml.as_bytes(), "scriptworker.yaml").unwrap();
        Self {
            source,
            config,
            chain: chain.clone(),
        }
    }

    /// Verifies, answering in the order in which documents are named.
    pub(crate) fn verify(&self, profile: Profile) -> Report {
        self.drive(profile, |_| 0).0
    }

    /// Verifies, answering in a random order.
    pub(crate) fn verify_shuffled(&self, profile: Profile, random: &mut Random) -> Report {
        self.drive(profile, |outstanding| random.below(outstanding))
            .0
    }

    /// Returns what a verification asks for.
    pub(crate) fn requests(&self, profile: Profile) -> Vec<Request> {
        self.drive(profile, |_| 0).1
    }

    fn drive(
        &self,
        profile: Profile,
        mut choose: impl FnMut(usize) -> usize,
    ) -> (Report, Vec<Request>) {
        let mut walk = Walk::new(self.inputs(profile));
        let (mut named, mut all) = (Vec::new(), Vec::new());
        loop {
            named.extend(walk.needs());
            if named.is_empty() {
                break;
            }
            let request = named.remove(choose(named.len()));
            let answer = self.source.answer(&request);
            all.push(request.clone());
            walk.supply(request, answer);
        }
        assert!(walk.is_complete());
        (walk.finish().report, all)
    }

    pub(crate) fn inputs(&self, profile: Profile) -> Inputs {
        Inputs {
            task: self.chain.root,
            task_type: self.chain.task_type.parse().unwrap(),
            inferred: Vec::new(),
            policy: self.config.policy(self.chain.product).unwrap(),
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
