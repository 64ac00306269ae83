// SPDX-License-Identifier: MPL-2.0
//! `scriptworker [CONFIG]`: the worker, under the name that deployments start it by.

use std::path::PathBuf;

use super::{Status, Stop};
use crate::worker::{self, Options};

pub(super) fn run(arguments: &[String]) -> Result<Status, Stop> {
    let config = match arguments {
        [] => "scriptworker.yaml",
        [one] if one == "-h" || one == "--help" => {
            return Err(Stop::Help(format!("{USAGE}\n\n{HELP}\n")));
        }
        [one] if !one.starts_with('-') => one,
        [one] => return Err(usage(one)),
        [_, more @ ..] => return Err(usage(&more.join(" "))),
    };
    let options = Options {
        config: PathBuf::from(config),
        check_config: false,
    };
    worker::run(&options)?;
    Ok(Status::Done)
}

fn usage(found: &str) -> Stop {
    let found = catena_report::escape::clean(found, 1000);
    Stop::Usage(format!(
        "{USAGE}\nscriptworker: error: unrecognized arguments: {found}"
    ))
}

const USAGE: &str = "usage: scriptworker [-h] [config_path]";
const HELP: &str = "\
Run a worker; see `catena worker --help`

positional arguments:
  config_path  the configuration, scriptworker.yaml by default

options:
  -h, --help   show this help message and exit";
