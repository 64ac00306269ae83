// SPDX-License-Identifier: MPL-2.0
//! Puts the services on loopback addresses.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct LocalOptions {
    /// Where everything is kept; `None`: in memory and temporary files.
    pub dir: Option<PathBuf>,
    /// Port of the Taskcluster services, 0 for any.
    pub port: u16,
    /// How long a claim holds; `None`: 1200 s.
    pub claim_timeout: Option<Duration>,
}

/// A client id and its access token.
#[derive(Clone)]
pub struct Credentials {
    /// Who.
    pub client_id: String,
    /// The secret; has no `Debug`.
    pub access_token: Zeroizing<String>,
    /// The certificate of temporary credentials, as JSON text.
    pub certificate: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The store could not be opened.
    #[error("the store could not be opened")]
    Store(#[from] crate::store::StoreError),
    /// No address could be had, or a file could not be written.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        why: std::io::Error,
    },
}

/// A running Taskcluster; ends when it is dropped.
#[derive(Debug)]
pub struct Local {}

impl Local {
    /// Starts everything on loopback.
    ///
    /// # Errors
    /// The store is in use, or no address can be had.
    pub async fn start(_options: LocalOptions) -> Result<Self, LocalError> {
        Ok(Self {})
    }

    /// `http://127.0.0.1:PORT`, the root URL for clients.
    #[must_use]
    pub fn root_url(&self) -> &str {
        ""
    }

    /// Credentials with all scopes: client `root`.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials {
            client_id: "root".to_owned(),
            access_token: Zeroizing::new(String::new()),
            certificate: None,
        }
    }
}
