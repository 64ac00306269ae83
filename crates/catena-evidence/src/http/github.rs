// SPDX-License-Identifier: MPL-2.0
//! What is special about asking GitHub's API: tokens (V95, S55), its budget, and answers that are kept (P22).

use std::sync::Arc;

use bytes::Bytes;
use catena_core::request::Request;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::access::{Access, Minted, github_repo};
use super::cache::{Cache, Cached, Key, Validators};
use super::classify::Failure;
use super::client::Client;
use super::redirect::authority;
use super::urls::{GITHUB_API, origin};
use crate::spool::Kept;

impl Client {
    /// Returns as whom a request is made; `None` if it is not for GitHub's API.
    pub(super) async fn access(&self, request: &Request) -> Option<Access> {
        let (owner, name) = github_repo(request)?;
        let api = Url::parse(&format!("https://{GITHUB_API}/")).ok()?;
        if self.redirects.map(&api).is_some() {
            return Some(Access::anonymous()); // a loopback origin gets no token, so none is asked for
        }
        if self.signer.is_none() {
            return Some(self.tokens.fixed());
        }
        let mint = || async {
            let minted = self.mint(owner, name).await;
            minted.map_err(|failure| {
                let why = failure.detail;
                tracing::warn!(%owner, %name, why, "no GitHub token from the deployment");
                Arc::from(why)
            })
        };
        Some(self.tokens.of(owner, name, mint).await)
    }

    /// Asks the deployment for a token that may read one repository, and nothing else (V95).
    async fn mint(&self, owner: &str, name: &str) -> Result<Minted, Failure> {
        let unusable = |detail: &str| Failure::unavailable(detail);
        let signer = self.signer.as_ref();
        let signer = signer.ok_or_else(|| unusable("no credentials"))?;
        let app = &self.options.github_app_name;
        let url = self.urls.repo_token(app, owner);
        let url = url.map_err(|error| unusable(&error.to_string()))?;
        let body = json!({
            "permissions": {"contents": "read", "metadata": "read", "pull_requests": "read"},
            "repositories": [name],
        });
        let body = Bytes::from(body.to_string());
        let end = Instant::now() + self.options.retry.deadline.min(MINTING);
        let attempt = || async {
            let authorization = signer.header(&url, &body);
            let authorization =
                authorization.ok_or_else(|| unusable("the request cannot be signed"))?;
            self.post(&url, authorization, body.clone()).await
        };
        let answer = tokio::time::timeout_at(end, self.repeat(end, attempt)).await;
        let answer = answer.unwrap_or_else(|_| Err(unusable("no answer in time")))?;
        let identity = [
            "taskcluster",
            &self.options.root_url,
            signer.client_id(),
            app,
            &owner.to_ascii_lowercase(),
            &name.to_ascii_lowercase(),
        ];
        Minted::read(&answer, &identity).ok_or_else(|| unusable("an answer without a token"))
    }

    /// Sends a signed POST; redirects are not followed.
    async fn post(
        &self,
        url: &Url,
        authorization: HeaderValue,
        body: Bytes,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let _pass = self.gates.host(&authority(url)).await;
        let call = match self.redirects.map(url) {
            Some((mapped, host)) => self.first().post(mapped).header(HOST, host),
            None => self.first().post(url.clone()),
        };
        let call = call
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        self.count_request();
        let mut response = call.send().await.map_err(Failure::transport)?;
        if response.status() != StatusCode::OK {
            return Err(Failure::status(response.status(), response.headers()));
        }
        let mut answer = Zeroizing::new(Vec::with_capacity(LONGEST_TOKEN));
        while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
            if answer.len() + chunk.len() > LONGEST_TOKEN {
                return Err(Failure::unavailable("a token of unusual length"));
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }

    /// Judges status 403 or 429 of GitHub's API.
    pub(super) async fn refused(&self, access: &Access, mut response: Response) -> Failure {
        let (status, headers) = (response.status(), response.headers().clone());
        let mut text = Vec::new();
        while text.len() < REFUSAL
            && let Ok(Some(chunk)) = response.chunk().await
        {
            text.extend_from_slice(&chunk);
        }
        text.truncate(REFUSAL);
        self.budget
            .refused(&access.identity, status, &headers, &text, Timestamp::now())
    }

    /// Returns what was kept of an answer, if it may be kept and is. The key tells where the connection
    /// goes: what a mapped origin said is never taken for the canonical one's.
    pub(super) async fn recall(
        &self,
        request: &Request,
        url: &Url,
        access: Option<&Access>,
    ) -> Option<Recalled> {
        let cache = Arc::clone(self.cache.as_ref()?);
        let anonymous = Access::anonymous();
        let access = match (request, access) {
            (_, Some(access)) => access,
            // named validators, not times of a second: so the pushlog is not among these
            (Request::Projects, None) => &anonymous,
            _ => return None,
        };
        let mapped = self.redirects.map(url);
        let target = mapped.map_or_else(|| url.clone(), |(mapped, _)| mapped);
        let key = Key::new(target.as_str(), &access.identity);
        let cap = self.limits().of(request);
        let found = {
            let (cache, key) = (Arc::clone(&cache), key.clone());
            tokio::task::spawn_blocking(move || cache.read(&key)).await
        };
        let small = |cached: &Cached| u64::try_from(cached.body.len()).is_ok_and(|len| len <= cap);
        Some(Recalled {
            cached: found.ok().flatten().filter(small),
            cache,
            key,
        })
    }
}

/// Returns whether a URL is GitHub's API.
pub(super) fn is_api(url: &Url) -> bool {
    origin(url) == format!("https://{GITHUB_API}")
}

/// A place in the cache, and what it holds.
pub(super) struct Recalled {
    cache: Arc<Cache>,
    key: Key,
    cached: Option<Cached>,
}

impl Recalled {
    /// Returns the headers that ask whether what is kept is still so.
    pub(super) fn conditions(&self) -> HeaderMap {
        let cached = self.cached.as_ref();
        cached.map_or_else(HeaderMap::new, |cached| cached.validators.conditions())
    }

    /// Returns what is kept, when the host says that it is still so.
    pub(super) async fn confirmed(self) -> Option<Kept> {
        let body = self.cached?.body;
        let _ = tokio::task::spawn_blocking(move || self.cache.touch(&self.key)).await;
        Some(Kept::Bytes(body))
    }

    /// Keeps a new answer.
    pub(super) async fn keep(self, validators: Validators, body: Bytes) {
        let write = move || self.cache.write(&self.key, validators, &body);
        let _ = tokio::task::spawn_blocking(write).await;
    }
}

/// A slow auth service must not eat all of the time that documents have.
const MINTING: std::time::Duration = std::time::Duration::from_secs(60);
/// An answer is some 200 bytes long.
const LONGEST_TOKEN: usize = 16 << 10;
/// As much of a refusal is read as it takes to see what it is about.
const REFUSAL: usize = 2 << 10;
