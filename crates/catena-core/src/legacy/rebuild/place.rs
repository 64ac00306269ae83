// SPDX-License-Identifier: MPL-2.0
//! Where a decision task's template is: `.taskcluster.yml` in a repository of the policy, at a full revision.
//!
//! # Security
//! The original loaded whatever `metadata.source` named, if its name ended in `.yml`: a file that anybody may have
//! planted deep in a tree, at another revision than the one that was built. Here all three are tied together.

use std::sync::Arc;

use super::super::walk::Chain;
use super::{Stop, refused};
use crate::model::definition::Definition;
use crate::model::ids::Revision;
use crate::model::url::VcsUrl;
use crate::request::Repo;

/// A repository on an hg host, and a revision of it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) repo: Repo,
    /// Its URL, without a slash at the end.
    pub(super) url: String,
    pub(super) revision: Revision,
}

impl Place {
    /// Returns the last part of the repository's path, which names its project.
    pub(super) fn project(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }
}

impl Chain<'_> {
    /// Returns the place that a decision task's environment and `metadata.source` both name.
    pub(super) fn place(&self, decision: &Definition) -> Result<Place, Stop> {
        let env = decision.env()?;
        let prefix = self.inputs.policy.env_prefix();
        let (head, revision) = (env.text(prefix.repository())?, env.text(prefix.revision())?);
        let url = head.trim_end_matches('/');
        if !self.inputs.policy.knows(url) {
            // also where another place stands in for an empty one
            return Err(Stop::Refused {
                id: "legacy-source",
                expected: "a repository where the policy has some".to_owned(),
                found: format!("{} = {head:.300?}", prefix.repository()),
            });
        }
        let parsed = VcsUrl::parse_repository(url).map_err(|error| {
            let expected = format!("{} with a repository", prefix.repository());
            refused(expected, error.to_string())
        })?;
        if parsed.host().eq_ignore_ascii_case("github.com") {
            return Err(Stop::Open(
                "a repository on an hg host".to_owned(),
                format!("{url:.200}, whose events are not rebuilt"),
            ));
        }
        let revision = revision
            .parse::<Revision>()
            .ok()
            .filter(Revision::is_commit)
            .ok_or_else(|| {
                refused(
                    format!("40 hex digits as {}", prefix.revision()),
                    format!("{revision:.100}"),
                )
            })?;
        let source = decision
            .fields()?
            .object("metadata")?
            .text("source")?
            .to_owned();
        let expected = format!("{url}/raw-file/{revision}/.taskcluster.yml");
        if source != expected {
            return Err(Stop::Refused {
                id: "legacy-source",
                expected: format!("metadata.source = {expected}"),
                found: format!("{source:.300}"),
            });
        }
        Ok(Place {
            repo: Repo::Hg {
                host: Arc::from(parsed.host().to_ascii_lowercase()),
                path: Arc::from(parsed.path()),
            },
            url: url.to_owned(),
            revision,
        })
    }
}
