// SPDX-License-Identifier: MPL-2.0
//! Connections to hosts, which several sources may use one after the other or at once.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Certificate, ClientBuilder};

use super::guard::{Guard, Names};
use super::options::{HttpOptions, OptionsError, Proxy};

/// Open connections, resolved names and the certificate authorities that are trusted.
///
/// A source makes its own; [`HttpSource::over`](super::HttpSource::over) takes those of others, so that a process that
/// verifies again and again reads certificates once and keeps its connections. They carry no credentials and no answers.
#[derive(Debug)]
pub struct Connections {
    /// For what the operator's configuration leads to.
    pub(super) first: reqwest::Client,
    /// For hops whose address is judged; made when the first one comes.
    guarded: OnceLock<reqwest::Client>,
    names: Names,
    how: How,
}

/// What of the options says how to connect. No credentials are among it.
#[derive(Clone, Debug)]
struct How {
    ca_bundle: Option<Vec<u8>>,
    connect_timeout: Duration,
    proxy: Proxy,
    read_timeout: Duration,
    user_agent: String,
}

impl Connections {
    /// Makes ready to connect; connects to nobody yet. Of the options, those count that say how: certificate authorities,
    /// proxies, time limits, resolved names, the user agent.
    ///
    /// # Errors
    /// [`OptionsError::Client`]
    pub fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let names = Names::default();
        let how = How {
            ca_bundle: options.ca_bundle.clone(),
            connect_timeout: options.connect_timeout,
            proxy: options.proxy,
            read_timeout: options.read_timeout,
            user_agent: options.user_agent.clone(),
        };
        let mut first = builder(&how)?.dns_resolver(Arc::new(names.clone()));
        for (name, address) in &options.resolve {
            first = first.resolve(name, *address);
        }
        Ok(Self {
            first: first.build().map_err(|e| unbuilt(&e))?,
            guarded: OnceLock::new(),
            names,
            how,
        })
    }

    /// Returns the client for hops whose address is judged (P24).
    pub(super) fn guarded(&self) -> Result<&reqwest::Client, OptionsError> {
        if let Some(client) = self.guarded.get() {
            return Ok(client);
        }
        let guard = match self.how.proxy {
            Proxy::Direct => Guard::direct(self.names.clone()),
            Proxy::System => Guard::with_system_proxies(self.names.clone()),
        };
        let client = builder(&self.how)?.dns_resolver(Arc::new(guard));
        let client = client.build().map_err(|e| unbuilt(&e))?;
        Ok(self.guarded.get_or_init(|| client))
    }
}

fn builder(how: &How) -> Result<ClientBuilder, OptionsError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(how.connect_timeout)
        .read_timeout(how.read_timeout)
        .redirect(reqwest::redirect::Policy::none()) // ours are judged, see `redirect`
        .referer(false)
        // another package may switch these on for all of the binary; coding is undone in `decode`
        .no_brotli()
        .no_deflate()
        .no_gzip()
        .no_zstd()
        .user_agent(&how.user_agent);
    if how.proxy == Proxy::Direct {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &how.ca_bundle {
        let roots = Certificate::from_pem_bundle(pem).map_err(|e| unbuilt(&e))?;
        builder = builder.tls_certs_only(roots);
    }
    Ok(builder)
}

fn unbuilt(error: &reqwest::Error) -> OptionsError {
    let source = std::error::Error::source(error).map_or_else(String::new, |e| format!(": {e}"));
    OptionsError::Client {
        detail: format!("{error}{source}"),
    }
}
