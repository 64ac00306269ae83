// SPDX-License-Identifier: MPL-2.0
//! What a release engineer sees first: for ten broken chains, the first screen of the program itself, 80 columns by 24
//! lines. Each must say what is wrong, what was expected and found, and what to do.

use catena_testkit::saboteur;

use crate::evidence::record;
use crate::run::Run;

const LINES: usize = 24;
const COLUMNS: usize = 80;

/// Returns the first screen for a saboteur, after the checks that hold for all.
fn screen(name: &str) -> String {
    let all = saboteur::all();
    let saboteur = all.iter().find(|one| one.name == name).unwrap();
    let dir = record(&saboteur.build(1));
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let arguments = [
        "verify",
        "--evidence",
        &path("evidence"),
        "--config",
        &path("scriptworker.yaml"),
    ];
    let run = Run::with(&arguments, &[("COLUMNS", "80")]);
    assert!(matches!(run.status, 1 | 4), "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().take(LINES).collect();
    let text = lines.join("\n");
    for due in [
        saboteur.check,
        &saboteur.verdict.to_string().to_uppercase(),
        "expected ",
        "found ",
        "next ",
    ] {
        assert!(text.contains(due), "{due} is not on the screen:\n{text}");
    }
    // the tree may be wider; what must be read is not
    let told = lines.iter().take_while(|line| **line != "Chain");
    for line in told {
        // a digest takes more room than there is, and is never cut
        let is_one_word = line.split_whitespace().count() <= 2;
        assert!(line.chars().count() <= COLUMNS || is_one_word, "{line}");
    }
    text.replace(&path("evidence"), "[evidence]")
}

macro_rules! screens {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                insta::assert_snapshot!(screen($name));
            }
        )*
    };
}

screens! {
    an_artifact_was_replaced: "artifact-flipped",
    an_unknown_key_signed: "signed-by-nobody-we-know",
    a_task_was_added_to_the_group: "build-added-to-the-group",
    a_command_was_changed: "command-changed",
    the_committer_differs: "committer-differs",
    somebody_had_a_shell: "docker-interactive-feature",
    another_image_was_used: "image-hash-wrong",
    a_commit_has_not_landed: "commit-of-a-fork",
    the_feature_was_off: "cot-feature-off",
    the_host_is_down: "template-down",
}
