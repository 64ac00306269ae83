// SPDX-License-Identifier: MPL-2.0
//! One attempt at one document: send, follow redirects, receive.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use catena_core::document::ErrorKind;
use catena_core::request::{Repo, Request};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Certificate, ClientBuilder, Response, StatusCode, Url};

use super::classify::Failure;
use super::decode::ACCEPTED;
use super::gate::{Gates, Pass};
use super::guard::{Guard, Names};
use super::limits::Limits;
use super::options::{HttpOptions, OptionsError, Proxy};
use super::redirect::{Hop, Reach, Redirects, authority};
use super::urls::GITHUB_API;
use crate::progress::Progress;
use crate::source::Stats;
use crate::spool::{Kept, Spool};

/// The client and all that one run shares.
pub(super) struct Client {
    first: reqwest::Client,
    /// For hops whose address is judged; made when the first one comes.
    guarded: OnceLock<reqwest::Client>,
    names: Names,
    options: HttpOptions,
    gates: Gates,
    redirects: Redirects,
    token: Option<HeaderValue>,
    spool: Spool,
    pub(super) counts: Counts,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) bytes: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Client {
    pub(super) fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let token = options.github_token.as_ref().map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                let found = "(not shown)".to_owned();
                OptionsError::Setting {
                    key: "github_token",
                    expected: "printable ASCII",
                    found,
                }
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let spool = match &options.spool_dir {
            Some(dir) => Spool::within(dir).map_err(|source| OptionsError::Spool {
                path: dir.clone(),
                source,
            })?,
            None => Spool::unlinked(),
        };
        let names = Names::default();
        let first = builder(options)?.dns_resolver(Arc::new(names.clone()));
        Ok(Self {
            first: first.build().map_err(|e| unbuilt(&e))?,
            names,
            guarded: OnceLock::new(),
            gates: Gates::new(options.concurrency, options.max_concurrent_downloads),
            redirects: Redirects::new(options)?,
            token: token.transpose()?,
            spool: spool.of_at_most(options.limits.spool),
            counts: Counts::default(),
            options: options.clone(),
        })
    }

    pub(super) const fn spool(&self) -> &Spool {
        &self.spool
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.options.limits
    }

    pub(super) const fn progress(&self) -> &Progress {
        &self.options.progress
    }

    pub(super) fn count_retry(&self) {
        self.counts.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            bytes: self.counts.bytes.load(Ordering::Relaxed),
            requests: self.counts.requests.load(Ordering::Relaxed),
            retries: self.counts.retries.load(Ordering::Relaxed),
        }
    }

    /// Tries once to get the body of a document.
    pub(super) async fn attempt(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let reach = reach(request);
        let _download = match reach {
            Reach::AnyHost => self.gates.download().await,
            Reach::SameHost => None,
        };
        let mut hop = Hop {
            url: url.clone(),
            guarded: false,
        };
        let mut redirects = 0;
        loop {
            let (response, pass) = self.send(request, &hop).await?;
            match response.status() {
                StatusCode::OK => {
                    let body = self.receive(request, response).await;
                    drop(pass);
                    return body;
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    redirects += 1;
                    let location = response.headers().get(LOCATION);
                    let next = self.redirects.next(&hop.url, location, reach, redirects);
                    hop =
                        next.map_err(|e| Failure::lasting(ErrorKind::Malformed, e.to_string()))?;
                    drain(response).await;
                }
                status => {
                    let failure = Failure::status(status, response.headers());
                    drain(response).await;
                    return Err(failure);
                }
            }
        }
    }

    async fn send(&self, request: &Request, hop: &Hop) -> Result<(Response, Pass), Failure> {
        let client = if hop.guarded {
            self.guarded()?
        } else {
            &self.first
        };
        let pass = self.gates.host(&authority(&hop.url)).await;
        let mapped = self.redirects.map(&hop.url);
        let call = match &mapped {
            Some((url, host)) => client.get(url.clone()).header(HOST, host),
            None => client.get(hop.url.clone()),
        };
        let call = call.headers(self.headers(request, &hop.url, mapped.is_some()));
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let response = call.send().await.map_err(Failure::transport)?;
        Ok((response, pass))
    }

    /// Returns what a request says of itself. The token is for the canonical host over TLS: it
    /// follows no redirect elsewhere, and no mapping to loopback.
    fn headers(&self, request: &Request, url: &Url, mapped: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        if is_page(request) {
            headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
        }
        if is_github_api(request) {
            headers.insert(
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            );
            headers.insert(API_VERSION, HeaderValue::from_static("2022-11-28"));
            if let Some(token) = &self.token
                && !mapped
                && may_have_token(url)
            {
                headers.insert(AUTHORIZATION, token.clone());
            }
        }
        headers
    }

    fn guarded(&self) -> Result<&reqwest::Client, Failure> {
        if let Some(client) = self.guarded.get() {
            return Ok(client);
        }
        let guard = match self.options.proxy {
            Proxy::Direct => Guard::direct(self.names.clone()),
            Proxy::System => Guard::with_system_proxies(self.names.clone()),
        };
        let unusable = |detail: String| Failure::lasting(ErrorKind::Unavailable, detail);
        let builder = builder(&self.options).map_err(|e| unusable(e.to_string()))?;
        let client = builder.dns_resolver(Arc::new(guard)).build();
        let client = client.map_err(|e| unusable(e.to_string()))?;
        Ok(self.guarded.get_or_init(|| client))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn builder(options: &HttpOptions) -> Result<ClientBuilder, OptionsError> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(options.connect_timeout)
        .read_timeout(options.read_timeout)
        .redirect(reqwest::redirect::Policy::none()) // ours are judged, see `redirect`
        .referer(false)
        // another package may switch these on for all of the binary; coding is undone in `decode`
        .no_brotli()
        .no_deflate()
        .no_gzip()
        .no_zstd()
        .user_agent(&options.user_agent);
    if options.proxy == Proxy::Direct {
        builder = builder.no_proxy();
    }
    if let Some(pem) = &options.ca_bundle {
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

/// Returns whether a URL may be sent the token: GitHub's API over https, nothing else (S55).
fn may_have_token(url: &Url) -> bool {
    url.scheme() == "https"
        && url.host_str() == Some(GITHUB_API)
        && url.port_or_known_default() == Some(443)
}

/// Artifacts lie on storage hosts, and a digest or signature vouches for them (S14).
const fn reach(request: &Request) -> Reach {
    match request {
        Request::Artifact { .. }
        | Request::CotBody { .. }
        | Request::CotSignature { .. }
        | Request::TaskGraph { .. } => Reach::AnyHost,
        _ => Reach::SameHost,
    }
}

/// Returns whether the document is a page for people.
pub(super) const fn is_page(request: &Request) -> bool {
    matches!(request, Request::BranchCommits { .. })
}

const fn is_github_api(request: &Request) -> bool {
    match request {
        Request::Branch { .. }
        | Request::Branches { .. }
        | Request::Commit { .. }
        | Request::Landed { .. }
        | Request::PullRequest { .. }
        | Request::Release { .. }
        | Request::Repository { .. }
        | Request::TagRef { .. }
        | Request::Tags { .. } => true,
        Request::Template { repo, .. } => matches!(repo, Repo::Github { .. }),
        _ => false,
    }
}

/// Reads what is left of an answer that does not matter, so that its connection can be used again.
async fn drain(mut response: Response) {
    let mut left = DRAIN;
    while let Ok(Some(chunk)) = response.chunk().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            break;
        }
    }
}

const API_VERSION: HeaderName = HeaderName::from_static("x-github-api-version");
/// More than this costs more than a new connection.
const DRAIN: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_the_api_over_https_only_s55() {
        let mut options = HttpOptions::new("https://tc.example.org");
        options.github_token = Some("secret".to_owned());
        let client = Client::new(&options).unwrap();
        let repo = Repo::Github {
            owner: "octo".into(),
            name: "widget".into(),
        };
        let asked = Request::Repository { repo: repo.clone() };
        let token = |request: &Request, url: &str, mapped| {
            let headers = client.headers(request, &Url::parse(url).unwrap(), mapped);
            headers
                .get(AUTHORIZATION)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        for (url, expected) in [
            ("https://api.github.com/repos/a/b", true),
            ("https://API.GitHub.com:443/repositories/1", true),
            ("http://api.github.com/repos/a/b", false),
            ("https://api.github.com:8443/repos/a/b", false),
            ("https://github.com/a/b", false),
            ("https://raw.githubusercontent.com/a/b", false),
            ("https://api.github.com.example.org/", false),
        ] {
            let expected = expected.then(|| "Bearer secret".to_owned());
            assert_eq!(token(&asked, url, false), expected, "{url}");
            assert_eq!(token(&asked, url, true), None, "{url}");
        }
        // a queue that redirects to the API gets nothing from it
        let page = Request::BranchCommits {
            repo,
            revision: "abc".parse().unwrap(),
        };
        for request in [page, Request::Projects] {
            assert_eq!(
                token(&request, "https://api.github.com/repos/a/b", false),
                None
            );
        }
    }

    #[test]
    fn a_token_that_is_no_header_is_refused_and_not_shown() {
        let mut options = HttpOptions::new("https://tc.example.org");
        options.github_token = Some("secret\nX-Injected: 1".to_owned());
        let error = Client::new(&options).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
