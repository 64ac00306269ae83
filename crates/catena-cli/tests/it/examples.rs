// SPDX-License-Identifier: MPL-2.0
//! The recorded chains under `examples/` do what their README says.

use crate::run::Run;

fn verify(name: &str, arguments: &[&str]) -> Run {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let evidence = format!("{examples}/{name}");
    Run::of(&[&["verify", "--evidence", &evidence][..], arguments].concat())
}

const CONFIG: [&str; 2] = [
    "--config",
    concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../examples/chain/scriptworker.yaml"
    ),
];

#[test]
fn the_chain_is_trusted() {
    let run = verify("chain", &CONFIG);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    assert!(run.stdout.starts_with("TRUSTED signing "), "{}", run.stdout);
    let compat = verify("chain", &[&CONFIG[..], &["--profile", "compat"]].concat());
    assert_eq!(compat.status, 0, "{}", compat.stdout);
    assert!(
        compat.stdout.contains("RELAXED: 16 checks"),
        "{}",
        compat.stdout
    );
}

#[test]
fn the_tampered_chain_is_rejected_for_its_artifact() {
    let run = verify("chain-tampered", &CONFIG);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .lines()
            .take(3)
            .any(|line| line.starts_with("  artifact-digest: ")),
        "{}",
        run.stdout
    );
    assert_eq!(
        run.stdout.matches("    expected ").count(),
        1,
        "{}",
        run.stdout
    );
}

#[test]
fn evidence_brings_no_trust_of_its_own() {
    let run = verify("chain", &[]);
    assert_eq!(run.status, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("cot-signature"), "{}", run.stdout);
}
