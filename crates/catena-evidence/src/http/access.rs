// SPDX-License-Identifier: MPL-2.0
//! As whom GitHub's API is asked (V95, S55).
//!
//! With Taskcluster credentials, the deployment's auth service gives a token for each repository, with
//! the right to read it and no other; where it does not, the configured token is used, and without one
//! nobody's. Tokens live in memory only, for as long as they are good.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use catena_core::policy::Secret;
use catena_core::request::{Repo, Request};
use catena_crypto::digest::{Algorithm, Hasher};
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::options::{HttpOptions, OptionsError};

/// A token ready to send, and whose it is.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) identity: Identity,
    /// Marked as sensitive, so that no `Debug` shows it.
    pub(crate) header: Option<HeaderValue>,
    /// Why the deployment gave no token, if it was asked and gave none.
    pub(crate) unminted: Option<Arc<str>>,
}

impl Access {
    pub(crate) fn anonymous() -> Self {
        Self {
            identity: Identity::anonymous(),
            header: None,
            unminted: None,
        }
    }

    fn with(identity: Identity, token: &Secret) -> Option<Self> {
        let text = Secret::new(format!("Bearer {}", token.expose()));
        let mut header = HeaderValue::from_str(text.expose()).ok()?;
        header.set_sensitive(true);
        Some(Self {
            identity,
            header: Some(header),
            unminted: None,
        })
    }
}

/// Tells whose answers and budgets are whose, without holding anything that gives access.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Identity(Option<Arc<str>>);

impl Identity {
    pub(crate) const fn anonymous() -> Self {
        Self(None)
    }

    /// Returns the identity that these parts tell: a SHA-256, so that it may lie about.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        for part in parts {
            // lengths keep the parts apart
            hasher.update(format!("{}:", part.len()).as_bytes());
            hasher.update(part.as_bytes());
        }
        Self(Some(hasher.finish().hex().into()))
    }

    pub(crate) const fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// Returns it as text, for keys of the cache.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("anonymous")
    }
}

/// The tokens of one run.
pub(crate) struct Tokens {
    fixed: Access,
    /// By owner and name, lower case; where the deployment gave no token, why.
    minted: Mutex<HashMap<(String, String), Flight>>,
}

type Flight = Arc<OnceCell<Result<Minted, Arc<str>>>>;

/// A token that the deployment gave.
#[derive(Clone)]
pub(crate) struct Minted {
    access: Access,
    expires: Option<Timestamp>,
}

/// The answer of `githubRepoToken`.
#[derive(Deserialize)]
struct RepoToken {
    token: String,
    expires: Option<String>,
}

impl Minted {
    /// Reads the auth service's answer; `parts` tell for whom the token is.
    pub(crate) fn read(answer: &[u8], parts: &[&str]) -> Option<Self> {
        let RepoToken { token, expires } = serde_json::from_slice(answer).ok()?;
        let token = Secret::new(token);
        // tokens change by the hour, what they may read does not: so the identity is not theirs
        Some(Self {
            access: Access::with(Identity::of(parts), &token)?,
            expires: expires.and_then(|text| text.parse().ok()),
        })
    }

    fn is_good(&self, now: Timestamp) -> bool {
        let soon = now.checked_add(EARLY).unwrap_or(Timestamp::MAX);
        self.expires.is_none_or(|expires| expires > soon)
    }
}

impl Tokens {
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let fixed = match &options.github_token {
            None => Access::anonymous(),
            Some(token) => {
                let identity = Identity::of(&["token", token.expose()]);
                Access::with(identity, token).ok_or_else(|| OptionsError::Setting {
                    key: "github_token",
                    expected: "printable ASCII",
                    found: "(not shown)".to_owned(),
                })?
            }
        };
        Ok(Self {
            fixed,
            minted: Mutex::default(),
        })
    }

    /// Returns the configured token's access, or nobody's.
    pub(crate) fn fixed(&self) -> Access {
        self.fixed.clone()
    }

    /// Returns access to a repository: by the token that `mint` gets, which is asked once for as long as
    /// its token is good, else the configured one (V95).
    pub(crate) async fn of<F>(&self, owner: &str, name: &str, mint: impl FnOnce() -> F) -> Access
    where
        F: Future<Output = Result<Minted, Arc<str>>>,
    {
        let flight = {
            let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
            let key = (owner.to_ascii_lowercase(), name.to_ascii_lowercase());
            let flight = minted.entry(key).or_default();
            let now = Timestamp::now();
            if let Some(Ok(known)) = flight.get()
                && !known.is_good(now)
            {
                *flight = Flight::default();
            }
            Arc::clone(flight)
        };
        match flight.get_or_init(mint).await {
            Ok(minted) => minted.access.clone(),
            Err(why) => Access {
                unminted: Some(Arc::clone(why)),
                ..self.fixed.clone()
            },
        }
    }
}

/// Returns the repository that a request asks GitHub's API about; `None` for a request to any other host.
pub(crate) const fn github_repo(request: &Request) -> Option<(&Arc<str>, &Arc<str>)> {
    match request {
        Request::Branch { repo, .. }
        | Request::Branches { repo }
        | Request::Commit { repo, .. }
        | Request::Landed { repo, .. }
        | Request::PullRequest { repo, .. }
        | Request::Release { repo, .. }
        | Request::Repository { repo }
        | Request::TagRef { repo, .. }
        | Request::Tags { repo }
        | Request::Template { repo, .. } => match repo {
            Repo::Github { owner, name } => Some((owner, name)),
            Repo::Hg { .. } | Repo::Hosted(_) => None,
        },
        _ => None,
    }
}

/// A token is not used in its last minutes: requests take time, and clocks differ.
const EARLY: Duration = Duration::from_secs(120);
