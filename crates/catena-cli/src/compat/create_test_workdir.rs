// SPDX-License-Identifier: MPL-2.0
//! `create_test_workdir [--path DIR] [--overwrite] task_id`: `catena workdir` with the old arguments.

use std::path::Path;

use super::argparse::{Spec, flag, value};
use super::{Status, Stop, credentials, log};
use crate::failure::Failure;
use crate::populate::{self, Wanted};

const SPEC: Spec = Spec {
    tool: "create_test_workdir",
    about: "Fills a work directory with the definition of a task and its upstream artifacts. Nothing is verified.",
    options: &[
        value("path", "PATH", "directory to create (default: work)"),
        flag("overwrite", "delete an existing directory first"),
        value(
            "scriptworker-yaml",
            "FILE",
            "configuration to read; new, and not in the reference",
        ),
    ],
    positionals: &[("task_id", "a task with payload.upstreamArtifacts")],
};

pub(super) fn run(arguments: &[String]) -> Result<Status, Stop> {
    let given = SPEC.read(arguments)?;
    let path = Path::new(given.value("path").unwrap_or("work"));
    if path.symlink_metadata().is_ok() {
        if !given.has("overwrite") {
            let path = path.display();
            log(
                "CRITICAL",
                &format!("Scriptworker will not delete {path} without --overwrite!"),
            );
            return Ok(Status::Failed);
        }
        populate::clear(path)?;
    }
    let task = given.positional(0);
    let filled = populate::fill(&Wanted {
        task: task
            .parse()
            .map_err(|error| Failure::Usage(format!("task_id: {error}")))?,
        path,
        config: given.value("scriptworker-yaml").map(Path::new),
        root_url: None,
        credentials: credentials::from_files()?,
    })?;
    log("WARNING", populate::UNVERIFIED);
    if !filled.named {
        log("CRITICAL", "the task has no payload.upstreamArtifacts");
        return Ok(Status::Failed);
    }
    if let Some(request) = filled.absent.first() {
        // the reference knows no optional artifacts here
        log("CRITICAL", &format!("{request} is absent"));
        return Ok(Status::Failed);
    }
    log("INFO", "Done.");
    Ok(Status::Done)
}
