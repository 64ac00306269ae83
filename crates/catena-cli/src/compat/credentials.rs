// SPDX-License-Identifier: MPL-2.0
//! Taskcluster credentials where the tools of the reference look for them (cli.md, P29): `./secrets.json`, then
//! `$HOME/.scriptworker`, then the environment.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use catena_core::json::{self, Reading};
use catena_core::policy::{Credentials, Secret};
use catena_jsone::Value;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Returns the credentials of the first file that has some; those of the environment are read with the configuration.
pub(super) fn from_files() -> Result<Option<Credentials>, Failure> {
    let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/etc"), PathBuf::from);
    for path in [PathBuf::from("secrets.json"), home.join(".scriptworker")] {
        match std::fs::read(&path).map(Zeroizing::new) {
            Ok(bytes) => {
                if let Some(found) = read(&bytes, &path)? {
                    return Ok(Some(found));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Usage(format!("{}: {error}", path.display()))),
        }
    }
    Ok(None)
}

/// Reads a file's `credentials`; `None` when it has none. No error quotes the file.
fn read(bytes: &[u8], path: &Path) -> Result<Option<Credentials>, Failure> {
    let unfit = |what: &str| Failure::Usage(format!("{}: expected {what}", path.display()));
    let value = json::parse(bytes, Reading::Lenient)
        .map_err(|_| unfit("a JSON object with credentials, found other text"))?;
    let Some(found) = member(&value, "credentials").filter(|found| found.is_truthy()) else {
        return Ok(None);
    };
    let text = |name: &str| {
        member(found, name)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    match (text("clientId"), text("accessToken")) {
        (Some(client_id), Some(access_token)) => Ok(Some(Credentials {
            client_id,
            access_token: Secret::new(access_token),
            certificate: text("certificate").map(Secret::new),
        })),
        _ => Err(unfit("credentials with clientId and accessToken")),
    }
}

fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match read(text.as_bytes(), Path::new("secrets.json")) {
            Ok(Some(found)) => found.client_id,
            Ok(None) => "none".to_owned(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn credentials_are_found_or_missed_without_quoting() {
        let good = r#"{"credentials": {"clientId": "me", "accessToken": "hunter2"}, "x": 1}"#;
        assert_eq!(said(good), "me");
        for none in [
            "{}",
            r#"{"credentials": {}}"#,
            r#"{"credentials": null}"#,
            "[]",
        ] {
            assert_eq!(said(none), "none", "{none}");
        }
        for bad in ["hunter2", r#"{"credentials": {"accessToken": "hunter2"}}"#] {
            assert!(said(bad).starts_with("secrets.json: expected"), "{bad}");
            assert!(!said(bad).contains("hunter2"), "{bad}");
        }
    }
}
