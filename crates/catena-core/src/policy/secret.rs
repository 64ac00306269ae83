// SPDX-License-Identifier: MPL-2.0
//! Secrets of the configuration: no `Debug`, no `Display`, wiped when dropped.

use zeroize::Zeroizing;

/// A text that must not be shown. It deliberately has no `Debug`.
///
/// ```compile_fail
/// let secret = catena_core::policy::Secret::new("token");
/// println!("{secret:?}");
/// ```
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the text, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns whether nothing is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Taskcluster credentials (C5).
#[derive(Clone)]
pub struct Credentials {
    /// `clientId`.
    pub client_id: String,
    /// `accessToken`.
    pub access_token: Secret,
    /// `certificate`, as JSON text; temporary credentials have one.
    pub certificate: Option<Secret>,
}
