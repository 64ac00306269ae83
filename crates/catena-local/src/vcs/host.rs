// SPDX-License-Identifier: MPL-2.0
//! The host: a directory of bare repositories and what is recorded beside them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gix::refs::transaction::PreviousValue;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::deliver::Event;
use super::error::broken;
use super::record::{self, Push, Records};
use super::repos::{Person, Repo};
use super::write::{NewCommit, login};
use super::{RepoName, VcsError, names};
use crate::clock::Clock;
use crate::locks::{Held, Locks};

/// How the host is run.
#[derive(Clone)]
pub struct HostOptions {
    /// The password with which `git push` and the API's POSTs are allowed; `None`: nobody may.
    pub push_token: Option<Zeroizing<String>>,
    /// The time of pushes.
    pub clock: Clock,
    /// What templates see as `taskcluster_root_url`.
    pub root_url: String,
    /// The most bytes that one request to git may have.
    pub request_limit: u64,
    /// The git program for git over HTTP; nothing else needs it.
    pub git: PathBuf,
}

impl HostOptions {
    /// The system's clock and git, half a gigabyte for a push, no token.
    #[must_use]
    pub fn new(root_url: impl Into<String>) -> Self {
        Self {
            push_token: None,
            clock: Clock::system(),
            root_url: root_url.into(),
            request_limit: 512 << 20,
            git: PathBuf::from("git"),
        }
    }
}

impl fmt::Debug for HostOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostOptions")
            .field("root_url", &self.root_url)
            .field("request_limit", &self.request_limit)
            .field("git", &self.git)
            .finish_non_exhaustive()
    }
}

/// An hg repository: a branch of a git repository under another name. Its changesets are the git commits.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Mount {
    /// The git repository.
    pub repo: RepoName,
    /// The branch.
    pub branch: String,
    /// The project's name, as projects.yml has it.
    pub project: String,
    /// The level of its tasks, as text.
    pub level: String,
}

/// What the host keeps beside its repositories.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Settings {
    pub(crate) seed: String,
    pub(crate) mounts: BTreeMap<String, Mount>,
}

/// The VCS host. A clone is the same host. One process at a time may have a directory.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    options: HostOptions,
    records: Mutex<()>,
    requests: AtomicU64,
    receiving: Locks,
    delivering: Locks,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("dir", &self.0.dir)
            .finish_non_exhaustive()
    }
}

impl Host {
    /// Opens the host in a directory, which is created if it is not there.
    ///
    /// # Errors
    /// `Broken` if the directory cannot be made or its settings cannot be read.
    pub fn open(dir: &Path, options: HostOptions) -> Result<Self, VcsError> {
        let repos = dir.join("repos");
        std::fs::create_dir_all(&repos)
            .map_err(broken("the directory of repositories cannot be made"))?;
        let dir = dir
            .canonicalize()
            .map_err(broken("the directory of repositories cannot be found"))?;
        let path = dir.join("host.json");
        if record::read::<Settings>(&path)?.is_none() {
            let mut seed = [0_u8; 16];
            getrandom::fill(&mut seed).map_err(broken("no random bytes"))?;
            let seed = seed.iter().map(|byte| format!("{byte:02x}")).collect();
            record::write(
                &path,
                &Settings {
                    seed,
                    mounts: BTreeMap::new(),
                },
            )?;
        }
        Ok(Self(Arc::new(Inner {
            dir,
            options,
            records: Mutex::new(()),
            requests: AtomicU64::new(0),
            receiving: Locks::default(),
            delivering: Locks::default(),
        })))
    }

    /// How it is run.
    #[must_use]
    pub fn options(&self) -> &HostOptions {
        &self.0.options
    }

    /// The directory that all repositories are below, as `owner/name.git`.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.0.dir.join("repos")
    }

    /// Where a repository is, whether or not it exists.
    pub(crate) fn path(&self, name: &RepoName) -> PathBuf {
        self.root()
            .join(name.owner())
            .join(format!("{}.git", name.name()))
    }

    /// Creates an empty repository.
    ///
    /// # Errors
    /// `Conflict` if it exists, `Invalid` for names that are none.
    pub fn create(&self, owner: &str, name: &str, default_branch: &str) -> Result<Repo, VcsError> {
        let name = RepoName::new(owner, name)?;
        let _held = self.hold();
        self.create_held(&name, default_branch, None)
    }

    fn create_held(
        &self,
        name: &RepoName,
        branch: &str,
        parent: Option<RepoName>,
    ) -> Result<Repo, VcsError> {
        names::branch(branch)?;
        let path = self.path(name);
        if path.exists() {
            return Err(VcsError::Conflict(format!(
                "the repository {name} exists already"
            )));
        }
        let above = self.root().join(name.owner());
        let fail = "a repository cannot be created";
        std::fs::create_dir_all(&above).map_err(broken(fail))?;
        // built aside and renamed, so that what is under its name is whole
        let aside = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&above)
            .map_err(broken(fail))?;
        let options = gix::open::Options::isolated()
            .config_overrides([format!("init.defaultBranch={branch}")]);
        let bare = gix::create::Options::default();
        gix::ThreadSafeRepository::init_opts(aside.path(), gix::create::Kind::Bare, bare, options)
            .map_err(broken(fail))?;
        let records = Records::new(self.now(), parent);
        record::write(&aside.path().join(RECORDS), &records)?;
        std::fs::rename(aside.path(), &path).map_err(broken(fail))?;
        drop(aside);
        self.repo(name)
    }

    /// Opens a repository.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn repo(&self, name: &RepoName) -> Result<Repo, VcsError> {
        let path = self.path(name);
        if !path.join(RECORDS).is_file() {
            return Err(VcsError::NotFound(format!("there is no repository {name}")));
        }
        let options = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full);
        let git = gix::open_opts(path, options).map_err(broken("a repository cannot be opened"))?;
        Ok(Repo::new(name.clone(), git))
    }

    /// The repositories, by name.
    ///
    /// # Errors
    /// `Broken`.
    pub fn repos(&self) -> Result<Vec<RepoName>, VcsError> {
        let list = |dir: &Path| -> Result<Vec<String>, VcsError> {
            let entries = std::fs::read_dir(dir)
                .map_err(broken("the directory of repositories cannot be read"))?;
            Ok(entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect())
        };
        let mut out = Vec::new();
        for owner in list(&self.root())? {
            let names = list(&self.root().join(&owner))?;
            let names = names.iter().filter_map(|name| name.strip_suffix(".git"));
            out.extend(names.filter_map(|name| RepoName::new(&owner, name).ok()));
        }
        out.sort();
        Ok(out)
    }

    /// Copies a repository with its branches and tags to another owner; the copy names its parent.
    ///
    /// # Errors
    /// `NotFound`, `Conflict` if the copy exists.
    pub fn fork(&self, parent: &RepoName, owner: &str) -> Result<Repo, VcsError> {
        let from = self.repo(parent)?;
        let name = RepoName::new(owner, parent.name())?;
        let _held = self.hold();
        let fork = self.create_held(&name, &from.default_branch()?, Some(parent.clone()))?;
        let mut references = Vec::new();
        for (branch, tip) in from.branches()? {
            references.push((format!("refs/heads/{branch}"), from.commit_id(&tip)?));
        }
        for tag in from.tags()? {
            let id = gix::ObjectId::from_hex(tag.object.as_bytes()).map_err(broken("a tag"))?;
            references.push((format!("refs/tags/{}", tag.name), id));
        }
        let tips: Vec<_> = references.iter().map(|(_, id)| *id).collect();
        fork.bring(&from, &tips)?;
        let mut records = self.records(&name)?;
        for (reference, id) in references {
            fork.set(&reference, id, PreviousValue::MustNotExist)?;
            records.tips.insert(reference, id.to_string());
        }
        self.keep(&name, &records)?;
        Ok(fork)
    }

    /// Commits to a branch and logs the push. It creates no tasks: [`deliver`](super::deliver) does.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` names and paths, `Conflict` if the branch moved meanwhile.
    pub fn commit(&self, repo: &RepoName, new: &NewCommit) -> Result<Push, VcsError> {
        let opened = self.repo(repo)?;
        let _held = self.hold();
        let revision = opened.write_commit(new)?;
        let reference = format!("refs/heads/{}", new.branch);
        let user = login(&new.author.email);
        let pushes = self.log_held(&opened, (&user, &new.author.email), Of::One(&reference))?;
        let own =
            |push: &Push| push.reference == reference && push.after.as_ref() == Some(&revision);
        pushes
            .into_iter()
            .find(own)
            .ok_or_else(|| broken("the push was not logged")("no change of the branch was seen"))
    }

    /// Makes a tag, with a message an annotated one, and logs the push.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Conflict` if it exists.
    pub fn tag(
        &self,
        repo: &RepoName,
        name: &str,
        revision: &str,
        message: Option<&str>,
        tagger: &Person,
    ) -> Result<Push, VcsError> {
        let opened = self.repo(repo)?;
        let _held = self.hold();
        opened.write_tag(name, revision, message.map(|message| (message, tagger)))?;
        let reference = format!("refs/tags/{name}");
        let user = login(&tagger.email);
        let pushes = self.log_held(&opened, (&user, &tagger.email), Of::One(&reference))?;
        let own = pushes.into_iter().find(|push| push.reference == reference);
        own.ok_or_else(|| broken("the push was not logged")("no change of the tag was seen"))
    }

    /// Logs every reference that stands elsewhere than when it was last logged, once, whoever moved it. Returns the new pushes.
    ///
    /// # Errors
    /// `NotFound`, `Broken`.
    pub fn log_pushes(
        &self,
        repo: &RepoName,
        user: &str,
        email: &str,
    ) -> Result<Vec<Push>, VcsError> {
        let opened = self.repo(repo)?;
        let _held = self.hold();
        self.log_held(&opened, (user, email), Of::All)
    }

    /// As [`Host::log_pushes`], for those that came through git: their tasks are outstanding.
    pub(crate) fn log_received(
        &self,
        repo: &Repo,
        pusher: (&str, &str),
    ) -> Result<Vec<Push>, VcsError> {
        let _held = self.hold();
        self.log_held(repo, pusher, Of::Git)
    }

    fn log_held(
        &self,
        repo: &Repo,
        pusher: (&str, &str),
        of: Of<'_>,
    ) -> Result<Vec<Push>, VcsError> {
        let mut records = self.records(repo.name())?;
        let now = self.now();
        let new = super::pushlog::changes(repo, &records, pusher, of.reference(), now)?;
        for push in &new {
            if matches!(of, Of::Git) {
                records.owe(Event::Push(push.clone()));
            }
            match &push.after {
                Some(after) => records.tips.insert(push.reference.clone(), after.clone()),
                None => records.tips.remove(&push.reference),
            };
        }
        if !new.is_empty() {
            records.pushes.extend(new.iter().cloned());
            self.keep(repo.name(), &records)?;
        }
        Ok(new)
    }

    /// Marks a branch as protected, or no longer.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub fn protect(
        &self,
        repo: &RepoName,
        branch: &str,
        protected: Protection,
    ) -> Result<(), VcsError> {
        names::branch(branch)?;
        self.change(repo, |records| {
            match protected {
                Protection::Open => records.protected.remove(branch),
                Protection::Protected => records.protected.insert(branch.to_owned()),
            };
            Ok(())
        })
    }

    /// The protected branches.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn protected(&self, repo: &RepoName) -> Result<Vec<String>, VcsError> {
        Ok(self.records(repo)?.protected.into_iter().collect())
    }

    /// The pushes, oldest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn pushes(&self, repo: &RepoName) -> Result<Vec<Push>, VcsError> {
        Ok(self.records(repo)?.pushes)
    }

    /// Serves a branch as an hg repository under `path`, such as `/mozilla-central` or `/releases/mozilla-beta`.
    ///
    /// # Errors
    /// `NotFound` for the repository, `Invalid` for the path or the branch.
    pub fn mount(&self, path: &str, mount: Mount) -> Result<(), VcsError> {
        names::branch(&mount.branch)?;
        self.repo(&mount.repo)?;
        let parts = path.strip_prefix('/').map(|rest| names::file(rest).is_ok());
        if parts != Some(true) {
            return Err(names::invalid("an hg path such as /releases/main", path));
        }
        let _held = self.hold();
        let mut settings = self.settings()?;
        settings.mounts.insert(path.to_owned(), mount);
        record::write(&self.0.dir.join("host.json"), &settings)
    }

    /// What the host keeps beside its repositories.
    pub(crate) fn settings(&self) -> Result<Settings, VcsError> {
        Ok(record::read(&self.0.dir.join("host.json"))?.unwrap_or_default())
    }

    /// Waits until no other push through git to a repository is under way.
    pub(crate) async fn receive(&self, repo: &RepoName) -> Held {
        self.0.receiving.hold(&repo.to_string()).await
    }

    /// Waits until nobody else creates the outstanding tasks of a repository.
    pub(crate) async fn delivering(&self, repo: &RepoName) -> Held {
        self.0.delivering.hold(&repo.to_string()).await
    }

    /// The time, by the host's clock.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.0.options.clock.now()
    }

    /// Counts a request to the API; returns how many there were.
    pub(crate) fn count_request(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// What is recorded of a repository.
    pub(crate) fn records(&self, repo: &RepoName) -> Result<Records, VcsError> {
        let missing = || VcsError::NotFound(format!("there is no repository {repo}"));
        record::read(&self.path(repo).join(RECORDS))?.ok_or_else(missing)
    }

    fn keep(&self, repo: &RepoName, records: &Records) -> Result<(), VcsError> {
        record::write(&self.path(repo).join(RECORDS), records)
    }

    pub(crate) fn change<T>(
        &self,
        repo: &RepoName,
        change: impl FnOnce(&mut Records) -> Result<T, VcsError>,
    ) -> Result<T, VcsError> {
        let _held = self.hold();
        let mut records = self.records(repo)?;
        let out = change(&mut records)?;
        self.keep(repo, &records)?;
        Ok(out)
    }

    /// All changes of records are made one after the other.
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.0
            .records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which changes are to be logged.
#[derive(Clone, Copy)]
enum Of<'a> {
    /// All that there are.
    All,
    /// All that there are, which came through git.
    Git,
    /// Those of one reference: others may be another's push that is under way.
    One(&'a str),
}

impl<'a> Of<'a> {
    const fn reference(self) -> Option<&'a str> {
        match self {
            Self::All | Self::Git => None,
            Self::One(reference) => Some(reference),
        }
    }
}

/// Whether a branch is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Protection {
    Open,
    Protected,
}

/// The file of records, within the repository's directory: git ignores it.
const RECORDS: &str = "catena.json";
