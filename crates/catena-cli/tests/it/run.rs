// SPDX-License-Identifier: MPL-2.0
//! How the binary is run: with a scrubbed environment.

use std::path::Path;
use std::process::{Command, Output};

/// What a run came to.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs `catena` with `arguments`.
    pub(crate) fn of(arguments: &[&str]) -> Self {
        Self::with(arguments, &[])
    }

    /// Runs `catena` with `arguments` and variables.
    pub(crate) fn with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catena"));
        command.args(arguments);
        Self::command(command, variables)
    }

    /// Runs a program in a directory.
    pub(crate) fn program(
        program: &Path,
        dir: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(dir);
        Self::command(command, variables)
    }

    fn command(mut command: Command, variables: &[(&str, &str)]) -> Self {
        command.env_clear().envs(variables.iter().copied());
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        Self {
            status: status.code().unwrap(),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }
}
