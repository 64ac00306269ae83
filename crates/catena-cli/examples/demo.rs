// SPDX-License-Identifier: MPL-2.0
//! `cargo demo`: verifies the recorded chains under `examples/`, one as it was made and one with a changed artifact.
//!
//! It is also the smallest program around the libraries: configuration and evidence in, walk, report out. It
//! succeeds only if the first chain is trusted and the second rejected.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use catena_core::limits::Limits;
use catena_core::policy::{Config, Relaxations};
use catena_core::report::{Basis, Report, Verdict};
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::{DirectorySource, Progress};
use catena_report::text::{self, Style};

const CHAINS: [(&str, &str, Verdict); 2] = [
    ("chain", "A chain as it was made", Verdict::Trusted),
    (
        "chain-tampered",
        "The same chain, after a bit of the build's artifact was changed in storage",
        Verdict::Rejected,
    ),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    // what to trust is never taken from the evidence: one configuration for both
    let config = examples.join("chain/scriptworker.yaml");
    let mut stdout = io::stdout().lock();
    let mut as_expected = true;
    for (name, what, expected) in CHAINS {
        let report = verify(&examples.join(name), &config)?;
        let page = text::render(&report, &Style::default());
        writeln!(stdout, "== {what} (examples/{name}):\n\n{page}")?;
        as_expected &= report.verdict == expected;
    }
    Ok(if as_expected {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verify(evidence: &Path, config: &Path) -> Result<Report, Box<dyn Error>> {
    let source = DirectorySource::open(evidence)?;
    let subject = source
        .subject()
        .ok_or("expected evidence that names its subject")?;
    let config = Config::load(&fs::read(config)?, &config.to_string_lossy())?;
    let mut walk = Walk::new(Inputs {
        task: subject.task,
        task_type: subject.task_type.parse()?,
        inferred: Vec::new(),
        policy: config.policy(&subject.product)?,
        settings: config.settings,
        keyring: config.keyring,
        relaxations: Relaxations::default(),
        check_task: CheckTask::Auto,
        signatures: Signatures::Verify,
        basis: Basis::Recorded,
        limits: Limits::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(catena_evidence::run(
        &mut walk,
        &source,
        &Progress::default(),
    ));
    Ok(walk.finish().report)
}
