// SPDX-License-Identifier: MPL-2.0
//! The variables of a script (worker.md 5.1).

use std::ffi::OsString;
use std::path::Path;

use catena_core::model::ids::{RunId, TaskId};

use crate::share::OPTIONS;

/// What a script is told of its task.
#[derive(Clone, Copy, Debug)]
pub struct Variables<'a> {
    /// `TASK_ID`
    pub task: TaskId,
    /// `RUN_ID`
    pub run: RunId,
    /// `TASKCLUSTER_ROOT_URL`, from the configuration.
    pub root_url: &'a str,
    /// `TASKCLUSTER_CREDENTIALS_FD`
    pub credentials: i32,
    /// `CATENA_WORK_DIR`: by it the next worker finds a script whose worker died.
    pub work_dir: &'a Path,
    /// Variables that it does not inherit, beside the worker's own credentials.
    pub strip: &'a [String],
}

/// Returns the environment of a script: what is inherited, without secrets, and what it is told.
#[must_use]
pub fn environment(
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
    variables: &Variables<'_>,
) -> Vec<(OsString, OsString)> {
    let own = [
        ("TASK_ID", variables.task.to_string()),
        ("RUN_ID", variables.run.to_string()),
        ("TASKCLUSTER_ROOT_URL", variables.root_url.to_owned()),
        (
            "TASKCLUSTER_CREDENTIALS_FD",
            variables.credentials.to_string(),
        ),
    ];
    let work_dir = variables.work_dir.as_os_str().to_owned();
    let gone = |name: &OsString| {
        name.to_str().is_some_and(|name| {
            name == WORK_DIR
                || PERMANENT.contains(&name)
                || name.starts_with(OPTIONS)
                || own.iter().any(|(own, _)| *own == name)
                || variables.strip.iter().any(|strip| strip == name)
        })
    };
    let kept = inherited.into_iter().filter(|(name, _)| !gone(name));
    let mut out: Vec<_> = kept.collect();
    out.extend(
        own.iter()
            .map(|(name, value)| ((*name).into(), value.into())),
    );
    out.push((WORK_DIR.into(), work_dir));
    out
}

/// The variable that names the work directory.
pub(super) const WORK_DIR: &str = "CATENA_WORK_DIR";

/// Returns the variable of the scripts of a work directory, as their environment holds it.
pub(super) fn marker(work_dir: &Path) -> Vec<u8> {
    let mut marker = format!("{WORK_DIR}=").into_bytes();
    marker.extend(work_dir.as_os_str().as_encoded_bytes());
    marker
}

/// The worker's permanent credentials, and tokens that it takes from variables (P38).
const PERMANENT: [&str; 7] = [
    "CATENA_GITHUB_TOKEN",
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "SCRIPTWORKER_GITHUB_OAUTH_TOKEN",
    "TASKCLUSTER_ACCESS_TOKEN",
    "TASKCLUSTER_CERTIFICATE",
    "TASKCLUSTER_CLIENT_ID",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permanent_credentials_never_reach_a_script_section_5_1() {
        let inherited = [
            ("PATH", "/bin"),
            ("TASKCLUSTER_CLIENT_ID", "c"),
            ("TASKCLUSTER_ACCESS_TOKEN", "s"),
            ("TASKCLUSTER_CERTIFICATE", "s"),
            ("TASKCLUSTER_ROOT_URL", "https://other"),
            ("MINE", "s"),
            ("CATENA_STORE_AWS_SECRET_ACCESS_KEY", "s"),
        ];
        let inherited = inherited.map(|(name, value)| (name.into(), value.into()));
        let variables = Variables {
            task: "oS9Kaq7zSSyZxl7bAS9HVQ".parse().unwrap(),
            run: RunId(3),
            root_url: "https://tc.example",
            credentials: 9,
            work_dir: Path::new("/work"),
            strip: &["MINE".to_owned()],
        };
        let found = environment(inherited, &variables);
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(
            found,
            [
                "PATH=/bin",
                "TASK_ID=oS9Kaq7zSSyZxl7bAS9HVQ",
                "RUN_ID=3",
                "TASKCLUSTER_ROOT_URL=https://tc.example",
                "TASKCLUSTER_CREDENTIALS_FD=9",
                "CATENA_WORK_DIR=/work",
            ]
        );
    }
}
