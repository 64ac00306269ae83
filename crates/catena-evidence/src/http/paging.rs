// SPDX-License-Identifier: MPL-2.0
//! Joins the pages of a listing to one document: the queue's of artifacts (V42), GitHub's of branches and
//! tags (P15).

use std::collections::HashSet;

use bytes::Bytes;
use catena_core::document::ErrorKind;
use catena_core::request::{HostedKind, Request};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::HttpSource;
use super::classify::Failure;
use super::hosts::hosted;
use crate::spool::Kept;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    artifacts: Vec<Box<RawValue>>,
    continuation_token: Option<String>,
}

#[derive(Serialize)]
struct Whole<'a> {
    artifacts: &'a [Box<RawValue>],
}

impl HttpSource {
    /// Returns all pages as one. A listing of one page is passed on as received.
    pub(super) async fn list(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let cap = self.client.limits().of(request);
        let first = self.page(request, url).await?;
        let Ok(page) = serde_json::from_slice::<Page>(&first) else {
            return Ok(Kept::Bytes(first)); // what is wrong with it is for the core to say
        };
        let Some(token) = page.continuation_token else {
            return Ok(Kept::Bytes(first));
        };
        let mut artifacts = page.artifacts;
        let mut bytes = first.len();
        let mut seen = HashSet::new();
        let mut next = Some(token);
        while let Some(token) = next {
            if !seen.insert(token.clone()) {
                let detail = "the listing's continuation tokens go in a circle";
                return Err(Failure::lasting(ErrorKind::Malformed, detail));
            }
            let mut at = url.clone();
            at.query_pairs_mut()
                .append_pair("continuationToken", &token);
            let body = self.page(request, &at).await?;
            bytes += body.len();
            if u64::try_from(bytes).unwrap_or(u64::MAX) > cap || seen.len() > MOST_PAGES {
                let detail = format!("a listing of more than {cap} bytes or {MOST_PAGES} pages");
                return Err(Failure::lasting(ErrorKind::TooLarge, detail));
            }
            let page: Page = serde_json::from_slice(&body).map_err(unreadable)?;
            artifacts.extend(page.artifacts);
            next = page.continuation_token;
        }
        let whole = serde_json::to_vec(&Whole {
            artifacts: &artifacts,
        })
        .map_err(unreadable)?;
        Ok(Kept::Bytes(whole.into()))
    }

    /// Returns all pages of a list of GitHub's or GitLab's as one. A page that is not full is the last; on Gitea, where
    /// the operator may set smaller pages than we ask for, one that is empty.
    pub(super) async fn join(&self, request: &Request, url: &Url) -> Result<Kept, Failure> {
        let cap = self.client.limits().of(request);
        let first = self.page(request, url).await?;
        let Ok(mut items) = serde_json::from_slice::<Vec<Box<RawValue>>>(&first) else {
            return Ok(Kept::Bytes(first)); // what is wrong with it is for the core to say
        };
        let gitea = hosted(request).is_some_and(|hosted| hosted.kind == HostedKind::Gitea);
        let least = if gitea { 1 } else { PER_PAGE };
        if items.len() < least {
            return Ok(Kept::Bytes(first));
        }
        let mut bytes = first.len();
        for number in 2..=MOST_PAGES {
            let mut at = url.clone();
            at.query_pairs_mut()
                .append_pair("page", &number.to_string());
            let body = self.page(request, &at).await?;
            bytes += body.len();
            if u64::try_from(bytes).unwrap_or(u64::MAX) > cap {
                break;
            }
            let page: Vec<Box<RawValue>> = serde_json::from_slice(&body).map_err(unreadable)?;
            let full = page.len() >= least;
            items.extend(page);
            if !full {
                let whole = serde_json::to_vec(&items).map_err(unreadable)?;
                return Ok(Kept::Bytes(whole.into()));
            }
        }
        let detail = format!("a listing of more than {cap} bytes or {MOST_PAGES} pages");
        Err(Failure::lasting(ErrorKind::TooLarge, detail))
    }

    async fn page(&self, request: &Request, url: &Url) -> Result<Bytes, Failure> {
        match self.get(request, url).await? {
            Kept::Bytes(bytes) => Ok(bytes),
            Kept::Graph(_) | Kept::Stored(_) => Err(Failure::lasting(
                ErrorKind::Malformed,
                "a listing that was not kept in memory",
            )),
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn unreadable(error: serde_json::Error) -> Failure {
    Failure::lasting(
        ErrorKind::Malformed,
        format!("a page of the listing: {error}"),
    )
}

/// What we ask GitHub and GitLab for, and the most that they give.
pub(super) const PER_PAGE: usize = 100;
/// The most that Gitea gives unless it is configured otherwise.
pub(super) const PER_PAGE_GITEA: usize = 50;
/// The queue gives 1,000 names on a page.
const MOST_PAGES: usize = 1000;
