// SPDX-License-Identifier: MPL-2.0
//! What an [`HttpSource`](super::HttpSource) is told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use catena_core::model::ids::TaskId;
use catena_core::policy::{
    Credentials, Relaxations, RetrySettings, Secret, Settings, Switch, VcsHosts,
};

use super::limits::Limits;
use super::retry::Retry;
use crate::progress::Progress;
use crate::shared::SharedCache;

/// Settings of a source over HTTP. Plain data; checked by [`HttpSource::new`](super::HttpSource::new).
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// Hosts that may be reached under a local address by a redirect (`x_cot.artifact_hosts`, P24).
    pub artifact_hosts: BTreeSet<String>,
    /// Certificate authorities in PEM to trust instead of the system's.
    pub ca_bundle: Option<Vec<u8>>,
    /// Where GitHub's answers are kept to ask less; nowhere if not set (`x_cot.cache_dir`, P22).
    pub cache_dir: Option<PathBuf>,
    /// The most bytes that are kept there.
    pub cache_size: u64,
    /// Requests under way to one host at a time (P20).
    pub concurrency: usize,
    /// The longest time to establish a connection.
    pub connect_timeout: Duration,
    /// Taskcluster credentials: they sign what private artifacts (V31) and GitHub tokens (V95) are
    /// asked for with, and are never sent.
    pub credentials: Option<Credentials>,
    /// Canonical origin → loopback origin; only the connection is mapped (`x_cot.endpoints`, P24).
    pub endpoints: BTreeMap<String, String>,
    /// The application that the deployment asks for repository tokens (`github_app_name`, V95).
    pub github_app_name: String,
    /// Sent to `https://api.github.com` and to nobody else (S55), where the deployment gives no token.
    pub github_token: Option<Secret>,
    /// Tokens for the APIs of `vcs_hosts`, by host; each is sent to that API and to nobody else (S55).
    pub host_tokens: BTreeMap<String, Secret>,
    /// The most bytes of an answer, by kind.
    pub limits: Limits,
    /// Artifacts downloaded at a time, over all hosts (`max_concurrent_downloads`, V98).
    pub max_concurrent_downloads: Option<usize>,
    /// Told about what is received.
    pub progress: Progress,
    /// Where projects.yml is (`project_configuration_url`).
    pub projects_url: Option<String>,
    /// Which proxies to use.
    pub proxy: Proxy,
    /// Where pushlogs are, with `{repo}` and `{revision}`.
    pub pushlog_url: Option<String>,
    /// The longest silence within an answer.
    pub read_timeout: Duration,
    /// Whether redirects may change to http and, for documents without a digest, to another host
    /// (`x_cot.relax.http_redirects`, P5). The limit of ten and the address rules stay.
    pub relax_redirects: bool,
    /// Host names that lead to an address of their own, whatever name resolution says; TLS still asks
    /// for a certificate of that name.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// When to try again.
    pub retry: Retry,
    /// The deployment's root URL: https, or http on loopback.
    pub root_url: String,
    /// Evidence that is shared with other sources; none if not set. Not for a run that does not verify signatures: what
    /// is kept there is trusted for what is signed only.
    pub shared: Option<Arc<SharedCache>>,
    /// Requests about this task are not shared: the one that is verified.
    pub shared_without: Option<TaskId>,
    /// A directory on the file system where accepted artifacts will be placed; the system's
    /// temporary directory if not set.
    pub spool_dir: Option<PathBuf>,
    /// The `User-Agent`.
    pub user_agent: String,
    /// The hosts that repositories may be on (`x_cot.vcs_hosts`, ADR 11).
    pub vcs_hosts: VcsHosts,
}

impl HttpOptions {
    /// Returns the defaults for a deployment.
    pub fn new(root_url: impl Into<String>) -> Self {
        Self {
            artifact_hosts: BTreeSet::new(),
            ca_bundle: None,
            cache_dir: None,
            cache_size: 64 << 20,
            concurrency: 64,
            connect_timeout: Duration::from_secs(10),
            credentials: None,
            endpoints: BTreeMap::new(),
            github_app_name: "read".to_owned(),
            github_token: None,
            host_tokens: BTreeMap::new(),
            limits: Limits::default(),
            max_concurrent_downloads: None,
            progress: Progress::default(),
            projects_url: None,
            proxy: Proxy::System,
            pushlog_url: None,
            read_timeout: Duration::from_secs(30),
            relax_redirects: false,
            resolve: BTreeMap::new(),
            retry: Retry::default(),
            root_url: root_url.into(),
            shared: None,
            shared_without: None,
            spool_dir: None,
            user_agent: concat!("catena/", env!("CARGO_PKG_VERSION")).to_owned(),
            vcs_hosts: VcsHosts::default(),
        }
    }

    /// Returns what a configuration says.
    #[must_use]
    pub fn of(settings: &Settings, relaxations: &Relaxations) -> Self {
        let RetrySettings {
            base,
            cap,
            attempts,
            deadline,
        } = settings.retry;
        Self {
            artifact_hosts: settings.artifact_hosts.iter().cloned().collect(),
            cache_dir: settings.cache_dir.as_ref().map(PathBuf::from),
            endpoints: settings.endpoints.clone(),
            github_app_name: settings.github_app_name.clone(),
            github_token: (!settings.github_token.is_empty())
                .then(|| settings.github_token.clone()),
            max_concurrent_downloads: settings
                .max_concurrent_downloads
                .map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
            projects_url: Some(settings.project_configuration_url.clone()),
            pushlog_url: Some(settings.pushlog_url.clone()),
            relax_redirects: relaxations.allows(Switch::HttpRedirects),
            retry: Retry {
                attempts,
                base,
                cap,
                deadline,
            },
            vcs_hosts: settings.vcs_hosts.clone(),
            ..Self::new(settings.root_url.as_str())
        }
    }

    /// Takes the tokens that the configuration names by environment variable (`token_env`); `read` gives the value of
    /// a variable. Hosts whose variable is not set, or empty, are asked anonymously.
    pub fn read_host_tokens(&mut self, read: impl Fn(&str) -> Option<String>) {
        for (name, host) in self.vcs_hosts.iter() {
            let token = host.token_env.as_deref().and_then(&read);
            if let Some(token) = token.filter(|token| !token.is_empty()) {
                self.host_tokens.insert(name.to_owned(), Secret::new(token));
            }
        }
    }
}

impl fmt::Debug for HttpOptions {
    /// Shows where requests go; never the token or credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpOptions")
            .field("root_url", &self.root_url)
            .field("endpoints", &self.endpoints)
            .field("relax_redirects", &self.relax_redirects)
            .finish_non_exhaustive()
    }
}

/// Which proxies to use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Proxy {
    /// None.
    Direct,
    /// Those that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
    System,
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The directory for answers cannot be used.
    #[error("cannot keep answers in {path}")]
    Cache {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The HTTP client cannot be made, for example for lack of certificate authorities.
    #[error("cannot set up HTTPS: {detail}")]
    Client {
        /// What the client says.
        detail: String,
    },
    /// A value is not what is due.
    #[error("{key}: expected {expected}, found {found:?}")]
    Setting {
        /// Which setting.
        key: &'static str,
        /// What is due.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// The directory for downloads cannot be made.
    #[error("cannot use {path} for downloads")]
    Spool {
        /// Where it was to be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}
