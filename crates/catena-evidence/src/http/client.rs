// SPDX-License-Identifier: MPL-2.0
//! One attempt at one document: send, follow redirects, receive.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catena_core::document::ErrorKind;
use catena_core::request::Request;
use jiff::Timestamp;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
};
use reqwest::{Response, StatusCode, Url};
use tokio::time::Instant;

use super::access::{Access, Tokens};
use super::budget::Budget;
use super::cache::{Cache, Validators};
use super::classify::{Again, Failure};
use super::connections::Connections;
use super::decode::ACCEPTED;
use super::gate::{Gates, Pass};
use super::github::{Recalled, is_api};
use super::hawk::Signer;
use super::limits::Limits;
use super::options::{HttpOptions, OptionsError};
use super::redirect::{Hop, Reach, Redirects, authority};
use super::urls::{GITHUB_API, Urls};
use crate::progress::Progress;
use crate::source::Stats;
use crate::spool::{Kept, Spool};

/// The client and all that one run shares.
pub(super) struct Client {
    pub(super) budget: Budget,
    pub(super) cache: Option<Arc<Cache>>,
    connections: Arc<Connections>,
    pub(super) options: HttpOptions,
    pub(super) gates: Gates,
    pub(super) redirects: Redirects,
    pub(super) signer: Option<Signer>,
    pub(super) tokens: Tokens,
    spool: Spool,
    pub(super) counts: Counts,
    pub(super) urls: Urls,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) bytes: AtomicU64,
    requests: AtomicU64,
    retries: AtomicU64,
}

impl Client {
    pub(super) fn new(
        options: &HttpOptions,
        connections: Arc<Connections>,
    ) -> Result<Self, OptionsError> {
        let cache = options.cache_dir.as_ref().map(|dir| {
            let cache = Cache::open(dir, options.cache_size);
            cache.map(Arc::new).map_err(|source| OptionsError::Cache {
                path: dir.clone(),
                source,
            })
        });
        let spool = match &options.spool_dir {
            Some(dir) => Spool::within(dir).map_err(|source| OptionsError::Spool {
                path: dir.clone(),
                source,
            })?,
            None => Spool::unlinked(),
        };
        Ok(Self {
            budget: Budget::default(),
            cache: cache.transpose()?,
            connections,
            gates: Gates::new(options.concurrency, options.max_concurrent_downloads),
            redirects: Redirects::new(options)?,
            signer: options.credentials.as_ref().map(Signer::new).transpose()?,
            tokens: Tokens::new(options)?,
            urls: Urls::new(options)?,
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

    pub(super) fn count_request(&self) {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            bytes: self.counts.bytes.load(Ordering::Relaxed),
            github: self.budget.stats(),
            requests: self.counts.requests.load(Ordering::Relaxed),
            retries: self.counts.retries.load(Ordering::Relaxed),
        }
    }

    /// Repeats what fails and may pass, until `end` (P20). A host that asks for a longer pause than there
    /// is time for is not asked again.
    pub(super) async fn repeat<F, T>(
        &self,
        end: Instant,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let retry = &self.options.retry;
        let mut failed = 0;
        loop {
            let failure = match attempt().await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            failed += 1;
            match failure.again {
                Again::Later(asked) if failed < retry.attempts => {
                    let pause = retry.pause(failed, asked);
                    let left = end.saturating_duration_since(Instant::now());
                    if let Some(asked) = asked.filter(|_| pause > left.min(retry.deadline)) {
                        let wanted = asked.as_secs();
                        let detail = format!(
                            "{}; a pause of {wanted} s is longer than we wait",
                            failure.detail
                        );
                        return Err(Failure { detail, ..failure });
                    }
                    tracing::debug!(failed, detail = failure.detail, "will try again");
                    tokio::time::sleep(pause).await;
                    self.counts.retries.fetch_add(1, Ordering::Relaxed);
                }
                Again::Later(_) => {
                    let detail = format!("{} ({failed} attempts)", failure.detail);
                    return Err(Failure { detail, ..failure });
                }
                Again::Never => return Err(failure),
            }
        }
    }

    /// Tries once to get the body of a document.
    pub(super) async fn attempt(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let reach = reach(request);
        let _download = match reach {
            Reach::AnyHost => self.gates.download().await,
            Reach::SameHost => None,
        };
        let access = self.access(request).await;
        let mut hop = Hop {
            url: self.signed(request, url),
            guarded: false,
        };
        let mut redirects = 0;
        loop {
            let Sent {
                response,
                recalled,
                pass,
            } = self.send(request, &hop, access.as_ref()).await?;
            match response.status() {
                StatusCode::OK => {
                    let validators = Validators::of(response.headers());
                    let body = self.receive(request, url, response).await;
                    drop(pass);
                    if let (Ok(Kept::Bytes(body)), Some(validators), Some(recalled)) =
                        (&body, validators, recalled)
                    {
                        recalled.keep(validators, body.clone()).await;
                    }
                    return body;
                }
                StatusCode::NOT_MODIFIED => {
                    let failure = Failure::status(response.status(), response.headers());
                    drain(response).await;
                    return match recalled {
                        Some(recalled) => recalled.confirmed().await.ok_or(failure),
                        None => Err(failure),
                    };
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
                    return Err(self
                        .failed(request, access.as_ref(), status, response)
                        .await);
                }
            }
        }
    }

    /// Judges an answer that is neither a document nor a redirect.
    async fn failed(
        &self,
        request: &Request,
        access: Option<&Access>,
        status: StatusCode,
        response: Response,
    ) -> Failure {
        let mut failure = match (status, access) {
            (StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS, Some(access)) => {
                self.refused(access, response).await
            }
            _ => {
                let failure = Failure::status(status, response.headers());
                drain(response).await;
                failure
            }
        };
        if let Some(hint) = self.hint(request, access, failure.kind) {
            failure.detail = format!("{}: {hint}", failure.detail);
        }
        failure
    }

    /// Returns what may help against a refusal (V31, V95).
    fn hint(&self, request: &Request, access: Option<&Access>, kind: ErrorKind) -> Option<String> {
        if kind == ErrorKind::Forbidden && is_private(request) {
            let hint = match &self.signer {
                None => {
                    "a private artifact needs Taskcluster credentials: set TASKCLUSTER_CLIENT_ID and \
                     TASKCLUSTER_ACCESS_TOKEN, or `credentials` in the configuration"
                }
                Some(_) => "these Taskcluster credentials may not read this private artifact",
            };
            return Some(hint.to_owned());
        }
        let access = access?;
        match (kind, &access.unminted) {
            (ErrorKind::Absent | ErrorKind::Forbidden, Some(why)) => Some(format!(
                "the deployment gave no token for this repository ({why})"
            )),
            (ErrorKind::Forbidden, None) if access.header.is_some() => {
                Some("the GitHub token may not read this".to_owned())
            }
            _ => None,
        }
    }

    /// Returns the URL to connect to: that of a private artifact is signed, if we can sign (V31).
    fn signed(&self, request: &Request, url: &Url) -> Url {
        let signed = match &self.signer {
            Some(signer) if is_private(request) => signer.bewit(url),
            _ => None,
        };
        signed.unwrap_or_else(|| url.clone())
    }

    async fn send(
        &self,
        request: &Request,
        hop: &Hop,
        access: Option<&Access>,
    ) -> Result<Sent, Failure> {
        let client = if hop.guarded {
            self.guarded()?
        } else {
            self.first()
        };
        let recalled = self.recall(request, &hop.url, access).await;
        let pass = self.gates.host(&authority(&hop.url)).await;
        let account = access.filter(|_| is_api(&hop.url));
        if let Some(access) = account {
            // asked after waiting for our turn: those before us may have used up what there was
            self.budget.admit(&access.identity, Timestamp::now())?;
        }
        let mapped = self.redirects.map(&hop.url);
        let call = match &mapped {
            Some((url, host)) => client.get(url.clone()).header(HOST, host),
            None => client.get(hop.url.clone()),
        };
        let mut headers = self.headers(request, &hop.url, mapped.is_some(), access);
        if let Some(recalled) = &recalled {
            headers.extend(recalled.conditions());
        }
        self.count_request();
        let response = call.headers(headers).send().await;
        let response = response.map_err(Failure::transport)?;
        if let Some(access) = account {
            let (status, headers) = (response.status(), response.headers());
            self.budget
                .note(&access.identity, status, headers, Timestamp::now());
        }
        Ok(Sent {
            response,
            recalled,
            pass,
        })
    }

    /// Returns what a request says of itself. The token is for the canonical host over TLS: it
    /// follows no redirect elsewhere, and no mapping to loopback.
    fn headers(
        &self,
        request: &Request,
        url: &Url,
        mapped: bool,
        access: Option<&Access>,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED));
        if is_page(request) {
            headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
        }
        if let Some(access) = access {
            headers.insert(
                ACCEPT,
                HeaderValue::from_static("application/vnd.github+json"),
            );
            headers.insert(API_VERSION, HeaderValue::from_static("2022-11-28"));
            if let Some(token) = &access.header
                && !mapped
                && may_have_token(url)
            {
                headers.insert(AUTHORIZATION, token.clone());
            }
        }
        if !mapped && let Some(token) = self.urls.apis.token(request, url) {
            headers.insert(AUTHORIZATION, token.clone());
        }
        headers
    }

    /// The client for what the operator's configuration leads to.
    pub(super) fn first(&self) -> &reqwest::Client {
        &self.connections.first
    }

    fn guarded(&self) -> Result<&reqwest::Client, Failure> {
        let unusable =
            |why: OptionsError| Failure::lasting(ErrorKind::Unavailable, why.to_string());
        self.connections.guarded().map_err(unusable)
    }
}

/// An answer on its way, with what was kept of an earlier one.
struct Sent {
    response: Response,
    recalled: Option<Recalled>,
    pass: Pass,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .finish_non_exhaustive()
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

/// Returns whether a document is not for everybody (V31).
fn is_private(request: &Request) -> bool {
    matches!(request, Request::Artifact { name, .. } if !name.as_str().starts_with("public/"))
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
    fn client(options: &HttpOptions) -> Result<Client, OptionsError> {
        Client::new(options, Arc::new(Connections::new(options)?))
    }

    use catena_core::policy::Secret;
    use catena_core::request::Repo;

    use super::super::access::github_repo;
    use super::*;

    #[test]
    fn the_token_goes_to_the_api_over_https_only_s55() {
        let mut options = HttpOptions::new("https://tc.example.org");
        options.github_token = Some(Secret::new("secret"));
        let client = client(&options).unwrap();
        let access = client.tokens.fixed();
        let repo = Repo::Github {
            owner: "octo".into(),
            name: "widget".into(),
        };
        let asked = Request::Repository { repo: repo.clone() };
        let token = |request: &Request, url: &str, mapped| {
            let access = github_repo(request).map(|_| &access);
            let headers = client.headers(request, &Url::parse(url).unwrap(), mapped, access);
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
        options.github_token = Some(Secret::new("secret\nX-Injected: 1"));
        let error = client(&options).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
