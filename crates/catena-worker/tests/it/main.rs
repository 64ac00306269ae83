// SPDX-License-Identifier: MPL-2.0
//! Documents of real directories, the heads of logs, and whole runs against a queue that fails where it is told to.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on may panic"
)]

mod daemon;
mod documents;
mod facts;
mod fake;
mod faults;
mod generate;
mod house;
mod machine;
mod owned;
mod reload;
mod strays;
mod tree;
mod write;

use std::num::NonZeroUsize;
use std::path::Path;

use catena_crypto::digest::Algorithm;
use catena_crypto::signer::SigningKey;
use catena_worker::generate::{Claim, Environment, GenerateError, Generated, Identity, Inputs};

/// A claim as the queue answers it.
const CLAIM: &str = r#"{"status": {"taskId": "oS9Kaq7zSSyZxl7bAS9HVQ"}, "runId": 0, "workerGroup": "gecko-3-signing",
  "workerId": "gecko-3-signing-abc123", "credentials": {"accessToken": "hunter2"},
  "task": {"dependencies": ["MS4kukUGRKiDDt22gp5Vbg"], "scopes": [], "payload": {"maxRunTime": 3600},
    "taskGroupId": "YyxNNh7mTAmwDhB4Itm0jg", "workerType": "gecko-3-signing", "extra": {"big": 36893488147419103233}}}"#;

fn claim() -> Claim {
    Claim::parse(CLAIM.as_bytes()).unwrap()
}

fn identity() -> Identity {
    Identity {
        group: "gecko-3-signing".to_owned(),
        id: "gecko-3-signing-abc123".to_owned(),
        worker_type: "gecko-3-signing".to_owned(),
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

/// Generates the minimal document of a directory.
fn generate(dir: &Path) -> Result<Generated, GenerateError> {
    generate_with(dir, &claim(), &Environment::Minimal)
}

fn generate_with(
    dir: &Path,
    claim: &Claim,
    environment: &Environment,
) -> Result<Generated, GenerateError> {
    let inputs = Inputs {
        artifact_dir: dir,
        claim,
        identity: &identity(),
        environment,
        algorithms: &[Algorithm::Sha256],
        threads: NonZeroUsize::new(2).unwrap(),
        own: &[],
        replace: false,
    };
    catena_worker::generate::generate(&inputs, Some(&key()), &())
}

/// Writes a file and the directories above it.
fn put(dir: &Path, name: &str, content: &[u8]) {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
