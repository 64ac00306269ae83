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

/// Finds the credentials, and says where.
pub(super) fn credentials(
    policy: &Config,
    env: Env<'_>,
    problems: &mut Vec<String>,
) -> Option<(Credentials, String)> {
    if let Some(credentials) = &policy.credentials {
        return Some((credentials.clone(), "the configuration".to_owned()));
    }
    let home = env("HOME").map_or_else(|| PathBuf::from("/etc"), PathBuf::from);
    for path in [PathBuf::from("secrets.json"), home.join(".scriptworker")] {
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == ErrorKind::NotFound => continue,
            Err(why) => {
                problems.push(format!("credentials: {}: {why}", path.display()));
                return None;
            }
        };
        match parse(&bytes, &path.to_string_lossy()) {
            Ok(Some(credentials)) => return Some((credentials, path.display().to_string())),
            Ok(None) => {}
            Err(why) => {
                problems.push(format!("credentials: {why}"));
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

/// Reads the member `credentials` of a file in JSON or YAML; other members are not ours.
fn parse(bytes: &[u8], name: &str) -> Result<Option<Credentials>, String> {
    let limits = catena_core::yaml::Limits::default();
    let parsed = catena_core::yaml::parse(bytes, &limits)
        .map_err(|why| format!("{name}:{}: {}", why.place.line, why.detail))?;
    let found = parsed.root.get("credentials");
    let Some(found) = found else {
        return Ok(None);
    };
    let text = |key: &str| found.get(key).and_then(|value| value.as_str());
    let (Some(client_id), Some(token)) = (text("clientId"), text("accessToken")) else {
        return Err(format!(
            "{name}: expected the strings clientId and accessToken in credentials"
        ));
    };
    Ok(Some(Credentials {
        client_id: client_id.to_owned(),
        access_token: Secret::new(token),
        certificate: text("certificate").map(Secret::new),
    }))
}

fn variables(env: Env<'_>) -> Option<(Credentials, String)> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    let credentials = Credentials {
        client_id: set("TASKCLUSTER_CLIENT_ID")?,
        access_token: Secret::new(set("TASKCLUSTER_ACCESS_TOKEN")?),
        certificate: set("TASKCLUSTER_CERTIFICATE").map(Secret::new),
    };
    Some((credentials, "the environment".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_json_or_yaml_section_1_1() {
        for text in [
            r#"{"credentials": {"clientId": "c", "accessToken": "s"}, "other": 1}"#,
            "credentials:\n  clientId: c\n  accessToken: s\n",
        ] {
            let found = parse(text.as_bytes(), "f").unwrap().unwrap();
            assert_eq!(found.access_token.expose(), "s");
        }
        assert!(parse(b"{}", "f").unwrap().is_none());
    }

    #[test]
    fn errors_show_no_secret() {
        let text = r#"{"credentials": {"clientId": 1, "accessToken": "s3cret"}}"#;
        assert!(
            !parse(text.as_bytes(), "f")
                .err()
                .unwrap()
                .contains("s3cret")
        );
    }
}
