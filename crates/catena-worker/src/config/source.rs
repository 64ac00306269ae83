// SPDX-License-Identifier: MPL-2.0
//! Where credentials come from (worker.md 1.1): the configuration, `./secrets.json`, a file at home, the environment.
//!
//! The first that has any wins. What is there and cannot be read is an error, so that nobody works with credentials that
//! were not meant.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use catena_core::policy::{Config, Credentials, Secret};

use super::Env;

/// Credentials, and where they were found.
pub(super) struct Source {
    pub(super) credentials: Credentials,
    /// In words.
    pub(super) from: String,
    /// A file beside the configuration.
    pub(super) file: Option<PathBuf>,
}

/// Finds the credentials.
pub(super) fn credentials(
    policy: &Config,
    env: Env<'_>,
    problems: &mut Vec<String>,
) -> Option<Source> {
    if let Some(credentials) = &policy.credentials {
        return Some(Source {
            credentials: credentials.clone(),
            from: "the configuration".to_owned(),
            file: None,
        });
    }
    let home = env("HOME").map_or_else(|| PathBuf::from("/etc"), PathBuf::from);
    for path in [PathBuf::from("secrets.json"), home.join(".scriptworker")] {
        let shown = path.display().to_string();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == ErrorKind::NotFound => continue,
            Err(why) => {
                problems.push(format!("credentials: {shown}: {why}"));
                return None;
            }
        };
        match Credentials::from_yaml(&bytes, &shown) {
            Ok(Some(credentials)) => {
                return Some(Source {
                    credentials,
                    from: shown,
                    file: Some(path),
                });
            }
            Ok(None) => {}
            Err(why) => {
                problems.push(why.to_string());
                return None;
            }
        }
    }
    let found = variables(env);
    if found.is_none() {
        problems.push(format!(
            "credentials: expected clientId and accessToken in the configuration, ./secrets.json, {} or \
             TASKCLUSTER_CLIENT_ID and TASKCLUSTER_ACCESS_TOKEN, found none",
            home.join(".scriptworker").display()
        ));
    }
    found
}

fn variables(env: Env<'_>) -> Option<Source> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    let credentials = Credentials {
        client_id: set("TASKCLUSTER_CLIENT_ID")?,
        access_token: Secret::new(set("TASKCLUSTER_ACCESS_TOKEN")?),
        certificate: set("TASKCLUSTER_CERTIFICATE").map(Secret::new),
    };
    Some(Source {
        credentials,
        from: "the environment".to_owned(),
        file: None,
    })
}
