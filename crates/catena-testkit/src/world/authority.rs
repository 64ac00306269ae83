// SPDX-License-Identifier: MPL-2.0
//! A certificate authority that lives as long as the process, and the one certificate of all hosts.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The hosts that chains name, and loopback for clients that map origins.
pub const HOSTS: [&str; 8] = [
    "firefox-ci-tc.services.mozilla.com",
    "hg.mozilla.org",
    "github.com",
    "api.github.com",
    "raw.githubusercontent.com",
    "uploads.github.com",
    "localhost",
    "127.0.0.1",
];

/// An authority that nobody trusts but who is told to.
#[derive(Clone)]
pub struct Authority {
    pem: String,
    pub(super) acceptor: TlsAcceptor,
}

/// An authority that could not be made.
#[derive(Debug)]
pub struct AuthorityError(String);

impl std::fmt::Display for AuthorityError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot make certificates: {}", self.0)
    }
}

impl std::error::Error for AuthorityError {}

impl Authority {
    /// Makes a new one.
    ///
    /// # Errors
    /// The cryptographic library refuses.
    pub fn new() -> Result<Self, AuthorityError> {
        let refused = |error: &dyn ToString| AuthorityError(error.to_string());
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "catena-testkit, trusted nowhere");
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(|error| refused(&error))?;

        let names = HOSTS.map(str::to_owned);
        let mut params = CertificateParams::new(names).map_err(|error| refused(&error))?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(|error| refused(&error))?;
        let leaf = params
            .signed_by(&key, &issuer)
            .map_err(|error| refused(&error))?;

        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| refused(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .map_err(|error| refused(&error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            pem: issuer.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Returns the authority's certificate.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}
