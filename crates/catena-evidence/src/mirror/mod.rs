// SPDX-License-Identifier: MPL-2.0
//! Hosts of kind `git` (ADR 11): documents from a bare mirror on the local disk. No network, no program, no hook.
//!
//! What the mirror says comes out as JSON with the names that rules read of GitHub's answers. A revision or tag that
//! the mirror lacks is evidence that we do not have, never a verdict: the mirror may be behind.

#[cfg(feature = "git")]
mod history;
#[cfg(feature = "git")]
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use catena_core::document::{Answer, Body, Document, ErrorKind, EvidenceError};
use catena_core::policy::VcsHosts;
use catena_core::request::{Hosted, HostedKind, Request};

/// Why a mirror gives no document.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) kind: ErrorKind,
    pub(crate) detail: String,
}

impl Unread {
    /// What was asked for is not there, and that is all there is to know.
    #[cfg(feature = "git")]
    pub(crate) fn absent(detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Absent,
            detail: detail.into(),
        }
    }

    /// What was asked for is not to be had from this mirror.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            detail: detail.into(),
        }
    }
}

/// The directories of mirrors, by host name; from the configuration only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirrors(BTreeMap<String, PathBuf>);

impl Mirrors {
    /// Takes the hosts of kind `git`.
    pub(crate) fn new(hosts: &VcsHosts) -> Self {
        let mirrors = hosts.iter().filter_map(|(name, host)| {
            let mirror = host.mirror.as_ref()?;
            Some((name.to_owned(), PathBuf::from(mirror)))
        });
        Self(mirrors.collect())
    }

    /// Answers a request about a repository of kind `git`; `most` is the cap on its bytes (S17).
    pub(crate) async fn answer(&self, hosted: &Hosted, request: &Request, most: u64) -> Answer {
        let origin: Arc<str> = format!("mirror of https://{}{}", hosted.host, hosted.path).into();
        let read = match self.place(hosted) {
            None => Err(Unread::unavailable("no mirror is configured for this host")),
            Some(place) => {
                self.read(place, hosted.clone(), request.clone(), most)
                    .await
            }
        };
        match read {
            Ok(body) => Ok(Document {
                body: Body::Bytes(body),
                origin,
            }),
            Err(Unread { kind, detail }) => Err(EvidenceError {
                kind,
                detail,
                origin,
            }),
        }
    }

    /// Returns where the mirror of a repository is. Its path was validated: it has no part that leads elsewhere.
    fn place(&self, hosted: &Hosted) -> Option<PathBuf> {
        debug_assert_eq!(hosted.kind, HostedKind::Git);
        let root = self.0.get(&*hosted.host)?;
        Some(root.join(format!("{}.git", hosted.full_name())))
    }

    #[cfg(feature = "git")]
    async fn read(
        &self,
        place: PathBuf,
        hosted: Hosted,
        request: Request,
        most: u64,
    ) -> Result<Bytes, Unread> {
        let task = tokio::task::spawn_blocking(move || read::read(&place, &hosted, &request, most));
        let read = task.await;
        read.unwrap_or_else(|error| Err(Unread::unavailable(format!("the mirror: {error}"))))
    }

    #[cfg(not(feature = "git"))]
    async fn read(&self, _: PathBuf, _: Hosted, _: Request, _: u64) -> Result<Bytes, Unread> {
        Err(Unread::unavailable(
            "this build reads no mirrors: it lacks the feature git",
        ))
    }
}
