// SPDX-License-Identifier: MPL-2.0
//! `verify_cot --task-type TYPE [OPTION…] task_id`: `catena verify` with the old arguments, on stderr.
//!
//! Without `--verify-sigs` no signature is checked, as it was: status 0 then says that everything else holds. This is said
//! loudly, and the log that is left behind has the verdict `unsigned`, never `trusted` (P39).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use catena_core::report::Verdict;
use catena_report::text::{self, Style};
use tempfile::TempDir;

use super::argparse::{Opt, Spec, flag, value};
use super::{Status, Stop, credentials, log};
use crate::failure::Failure;
use crate::verify::{self, Extra};
use crate::{output, populate};

const SPEC: Spec = Spec {
    tool: "verify_cot",
    about: "Verifies the chain of trust of a task. Without --verify-sigs no signature is checked.",
    options: &[
        Opt {
            required: true,
            choices: TYPES,
            ..value("task-type", "TYPE", "the task type to test")
        },
        flag("cleanup", "delete the temporary directory afterwards"),
        value("cot-product", "NAME", "the product (default: firefox)"),
        flag("verify-sigs", "verify signatures"),
        Opt {
            short: Some('v'),
            ..flag("verbose", "say everything, also what passed")
        },
        flag(
            "no-check-task",
            "do not check the task's own chain-of-trust document",
        ),
        Opt {
            choices: &["compat", "strict"],
            ..value(
                "profile",
                "NAME",
                "compat follows scriptworker where it is lenient (default: strict); new",
            )
        },
        value(
            "scriptworker-yaml",
            "FILE",
            "configuration to read; new, and not in the reference",
        ),
    ],
    positionals: &[("task_id", "the task id to test")],
};

/// All task types, sorted.
const TYPES: &[&str] = &[
    "action",
    "balrog",
    "beetmover",
    "bouncer",
    "build",
    "decision",
    "docker-image",
    "l10n",
    "partials",
    "pushapk",
    "repackage",
    "scriptworker",
    "shipit",
    "signing",
];

pub(super) fn run(arguments: &[String]) -> Result<Status, Stop> {
    let given = SPEC.read(arguments)?;
    let dir = tempfile::Builder::new().prefix("verify_cot-").tempdir();
    let dir = dir.map_err(|error| failed("temporary directory", &error))?;
    // kept from here on, whatever happens
    let dir = match given.has("cleanup") {
        true => Kept::Removed(dir),
        false => Kept::Left(dir.keep()),
    };
    let path = dir.path();
    if let Kept::Left(path) = &dir {
        log("INFO", &format!("Artifacts will be in {}", path.display()));
    }
    let logs = path.join("artifacts/public/logs");
    fs::create_dir_all(&logs).map_err(|error| failed("temporary directory", &error))?;
    let mut question = populate::parse(words(&given, path, &logs))?;
    question.extra = Extra {
        credentials: credentials::from_files()?,
        ..Extra::default()
    };
    let (report, _) = verify::conclude(&question)?;
    let style = Style {
        detail: match given.has("verbose") {
            true => text::Detail::All,
            false => text::Detail::Folded,
        },
        ..Style::default()
    };
    output::say(text::render(&report, &style).trim_end());
    if !given.has("verify-sigs") {
        output::say("SIGNATURES NOT VERIFIED");
    }
    Ok(match report.verdict {
        Verdict::Trusted => Status::Done,
        Verdict::Unsigned if !given.has("verify-sigs") => Status::Done,
        _ => Status::Failed,
    })
}

/// Says the same to `catena verify`.
fn words(given: &super::argparse::Given, path: &Path, logs: &Path) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["catena", "verify", "--quiet", "--no-cache"]
        .map(OsString::from)
        .to_vec();
    let mut option = |name: &str, value: OsString| words.extend([name.into(), value]);
    option("--work-dir", path.join("work").into());
    option("--log", logs.join("chain_of_trust.log").into());
    option(
        "--type",
        given.value("task-type").unwrap_or_default().into(),
    );
    option(
        "--product",
        given.value("cot-product").unwrap_or("firefox").into(),
    );
    option(
        "--profile",
        given.value("profile").unwrap_or("strict").into(),
    );
    if let Some(file) = given.value("scriptworker-yaml") {
        option("--config", file.into());
    }
    words.push(match given.has("no-check-task") {
        true => "--no-check-task".into(),
        false => "--check-task".into(),
    });
    if !given.has("verify-sigs") {
        words.push("--unsigned".into());
    }
    words.extend(["--".into(), given.positional(0).into()]);
    words
}

/// The temporary directory.
enum Kept {
    Left(std::path::PathBuf),
    Removed(TempDir),
}

impl Kept {
    fn path(&self) -> &Path {
        match self {
            Self::Left(path) => path,
            Self::Removed(dir) => dir.path(),
        }
    }
}

fn failed(what: &str, error: &io::Error) -> Failure {
    Failure::Usage(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use catena_core::model::task_type::TaskType;

    use super::*;

    #[test]
    fn the_choices_are_the_task_types_v1() {
        let mut types: Vec<String> = TaskType::ALL.iter().map(ToString::to_string).collect();
        types.sort();
        assert_eq!(types, TYPES);
    }
}
