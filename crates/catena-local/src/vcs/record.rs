// SPDX-License-Identifier: MPL-2.0
//! What a host knows of a repository beyond git: a JSON file beside it, replaced whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::Path;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::deliver::{Event, Task};
use super::error::broken;
use super::{RepoName, VcsError};

/// One change of one branch or tag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Push {
    /// Its number in the repository, from 1.
    pub id: u64,
    /// `refs/heads/…` or `refs/tags/…`.
    pub reference: String,
    /// Where it pointed; `None`: it is new.
    pub before: Option<String>,
    /// Where it points; `None`: it was removed.
    pub after: Option<String>,
    /// Whose push it was.
    pub user: String,
    /// The pusher's address.
    pub email: String,
    /// When.
    pub time: Timestamp,
    /// The commits that came with it, oldest first.
    pub changesets: Vec<String>,
}

/// A pull request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Pull {
    /// Its number in the base repository, from 1.
    pub number: u64,
    /// For people.
    pub title: String,
    /// Who opened it.
    pub user: String,
    /// The branch it wants to change.
    pub base: String,
    /// Where that branch stood.
    pub base_sha: String,
    /// The repository that it comes from.
    pub head_repo: RepoName,
    /// The branch it comes from.
    pub head: String,
    /// Where that branch stood when it was last looked at.
    pub head_sha: String,
    /// When it was opened.
    pub created: Timestamp,
    /// When its head last moved.
    pub updated: Timestamp,
}

/// A published release.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Release {
    /// Its number in the repository, from 1.
    pub id: u64,
    /// The tag.
    pub tag: String,
    /// The branch or commit that the tag was to be made from.
    pub target: String,
    /// Who published it.
    pub author: String,
    /// For people.
    pub title: String,
    /// For people.
    pub body: String,
    /// When.
    pub published: Timestamp,
}

/// An event whose tasks may not have been created yet.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Due {
    pub(crate) event: Event,
    /// What it renders to, kept before the first task is created: another start of the host, under another URL, would render
    /// something else.
    pub(crate) tasks: Option<Vec<Task>>,
}

/// All that is kept of one repository.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Records {
    pub(crate) created: Timestamp,
    pub(crate) protected: BTreeSet<String>,
    pub(crate) parent: Option<RepoName>,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) releases: Vec<Release>,
    pub(crate) pushes: Vec<Push>,
    /// Where each reference stood when it was last logged.
    pub(crate) tips: BTreeMap<String, String>,
    /// What came through git and the API and whose tasks may not have been created yet, oldest first.
    #[serde(default)]
    pub(crate) due: Vec<Due>,
    /// Who pushes through git, or did so last, if they gave a name.
    #[serde(default)]
    pub(crate) pusher: Option<String>,
}

impl Records {
    pub(crate) fn new(created: Timestamp, parent: Option<RepoName>) -> Self {
        Self {
            created,
            protected: BTreeSet::new(),
            parent,
            pulls: Vec::new(),
            releases: Vec::new(),
            pushes: Vec::new(),
            tips: BTreeMap::new(),
            due: Vec::new(),
            pusher: None,
        }
    }

    /// Notes that an event has no tasks yet.
    pub(crate) fn owe(&mut self, event: Event) {
        if self.due.iter().all(|due| due.event != event) {
            self.due.push(Due { event, tasks: None });
        }
    }
}

/// Reads a JSON file; `None` if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, VcsError> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(broken("a record of the VCS host does not parse")),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(broken("a record of the VCS host cannot be read")(why)),
    }
}

/// Replaces a JSON file: a reader sees the old or the new one, whole.
pub(crate) fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), VcsError> {
    let replace = || {
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = tempfile::NamedTempFile::new_in(parent)?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.persist(path)?;
        Ok::<_, io::Error>(())
    };
    replace().map_err(broken("a record of the VCS host cannot be written"))
}
