// SPDX-License-Identifier: MPL-2.0
//! The configuration that applies: flag before environment before file before default (P29).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use catena_core::policy::{Config, Credentials, RootUrl, Secret};
use catena_crypto::digest::{Algorithm, Digest};

use crate::failure::Failure;

/// Where the environment names the deployment.
const ROOT_URL: &str = "TASKCLUSTER_ROOT_URL";

/// Where the environment holds the GitHub token; the first that is set counts.
const GITHUB_TOKEN: [&str; 2] = ["CATENA_GITHUB_TOKEN", "SCRIPTWORKER_GITHUB_OAUTH_TOKEN"];

/// Where the environment holds Taskcluster credentials.
const CLIENT_ID: &str = "TASKCLUSTER_CLIENT_ID";
const ACCESS_TOKEN: &str = "TASKCLUSTER_ACCESS_TOKEN";
const CERTIFICATE: &str = "TASKCLUSTER_CERTIFICATE";

/// Where the environment says that answers are kept.
const CACHE_DIR: &str = "CATENA_CACHE_DIR";

/// A configuration and the digest of its file.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) sha256: Option<String>,
}

/// Reads the file, if there is one, and lays the token and credentials of the environment over it.
pub(crate) fn load(file: Option<&Path>, product: Option<&str>) -> Result<Loaded, Failure> {
    let mut loaded = match file {
        None => Loaded {
            config: Config::builtin(),
            sha256: None,
        },
        Some(path) => {
            let bytes = fs::read(path).map_err(|source| Failure::ConfigFile {
                path: path.to_owned(),
                source,
            })?;
            let config = Config::load_for(&bytes, &path.to_string_lossy(), product)?;
            Loaded {
                config,
                sha256: Some(Digest::of(Algorithm::Sha256, &bytes).to_string()),
            }
        }
    };
    if let Some(token) = GITHUB_TOKEN.iter().find_map(|name| variable(name)) {
        loaded.config.settings.github_token = Secret::new(token);
    }
    if let Some(credentials) = credentials()? {
        loaded.config.credentials = Some(credentials);
    }
    Ok(loaded)
}

/// Returns the environment's Taskcluster credentials; half of them are a mistake.
fn credentials() -> Result<Option<Credentials>, Failure> {
    match (variable(CLIENT_ID), variable(ACCESS_TOKEN)) {
        (Some(client_id), Some(access_token)) => Ok(Some(Credentials {
            client_id,
            access_token: Secret::new(access_token),
            certificate: variable(CERTIFICATE).map(Secret::new),
        })),
        (Some(_), None) => Err(Failure::Credentials {
            missing: ACCESS_TOKEN,
        }),
        (None, Some(_)) => Err(Failure::Credentials { missing: CLIENT_ID }),
        (None, None) => Ok(None),
    }
}

/// Where answers are kept.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum CacheDir {
    /// Where somebody said: it must be usable.
    Chosen(PathBuf),
    /// Where programs keep such things: used if it can be.
    Default(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// Returns where answers are kept: as the flag says, else the environment, else the file, else the default.
pub(crate) fn cache_dir(flag: Option<&Path>, config: &Config) -> CacheDir {
    let chosen = flag
        .map(Path::to_owned)
        .or_else(|| variable(CACHE_DIR).map(PathBuf::from))
        .or_else(|| config.settings.cache_dir.as_ref().map(PathBuf::from));
    if let Some(chosen) = chosen {
        return CacheDir::Chosen(chosen);
    }
    let base = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|p| p.is_absolute())
    };
    let own = base("XDG_CACHE_HOME").or_else(|| Some(base("HOME")?.join(".cache")));
    own.map_or(CacheDir::Nowhere, |base| {
        CacheDir::Default(base.join("catena"))
    })
}

/// Returns the deployment: what the flag says, else what the evidence was recorded from, else the environment,
/// else what the file or the default says. Recorded evidence does not change with the environment.
pub(crate) fn root_url(
    flag: Option<&str>,
    recorded: Option<&str>,
    configured: impl FnOnce() -> RootUrl,
) -> Result<RootUrl, Failure> {
    let environment = variable(ROOT_URL);
    let (origin, text) = match (flag, recorded, &environment) {
        (Some(flag), ..) => ("--root-url", flag),
        (_, Some(recorded), _) => ("the evidence's root URL", recorded),
        (.., Some(environment)) => (ROOT_URL, environment.as_str()),
        _ => return Ok(configured()),
    };
    text.parse().map_err(|_| Failure::RootUrl {
        origin,
        found: text.chars().take(300).collect(),
    })
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
