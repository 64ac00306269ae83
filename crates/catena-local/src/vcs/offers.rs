// SPDX-License-Identifier: MPL-2.0
//! Pull requests and releases: what is offered to be merged, and what is offered to users.

use gix::refs::transaction::PreviousValue;

use super::deliver::Event;
use super::record::{Pull, Push, Release};
use super::{Host, RepoName, VcsError, names};

/// A release to publish.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are those of `Release`")]
pub struct NewRelease {
    pub tag: String,
    /// `None`: the default branch.
    pub target: Option<String>,
    /// `None`: the tag.
    pub title: Option<String>,
    pub body: String,
    pub author: String,
}

/// Whether a record comes with tasks that are outstanding from its first moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tasks {
    None,
    Outstanding,
}

impl Host {
    /// Opens a pull request of `head` of one repository for `base` of another, or the same. It creates no tasks:
    /// [`deliver`](super::deliver()) does.
    ///
    /// # Errors
    /// `NotFound` for repositories and branches.
    pub fn open_pull(
        &self,
        base: (&RepoName, &str),
        head: (&RepoName, &str),
        title: &str,
        user: &str,
    ) -> Result<Pull, VcsError> {
        self.offer(base, head, (title, user), Tasks::None)
    }

    /// As [`Host::open_pull`], with or without outstanding tasks.
    pub(crate) fn offer(
        &self,
        base: (&RepoName, &str),
        head: (&RepoName, &str),
        (title, user): (&str, &str),
        tasks: Tasks,
    ) -> Result<Pull, VcsError> {
        let missing = |repo: &RepoName, branch: &str| {
            VcsError::NotFound(format!("{repo} has no branch {branch:.200}"))
        };
        let (onto, from) = (self.repo(base.0)?, self.repo(head.0)?);
        let base_sha = onto
            .branch(base.1)?
            .ok_or_else(|| missing(base.0, base.1))?;
        let head_sha = from
            .branch(head.1)?
            .ok_or_else(|| missing(head.0, head.1))?;
        let tip = from.commit_id(&head_sha)?;
        onto.bring(&from, &[tip])?;
        let now = self.now();
        let pull = self.change(base.0, |records| {
            let number = u64::try_from(records.pulls.len())
                .unwrap_or(u64::MAX)
                .saturating_add(1);
            let pull = Pull {
                number,
                title: title.to_owned(),
                user: user.to_owned(),
                base: base.1.to_owned(),
                base_sha,
                head_repo: head.0.clone(),
                head: head.1.to_owned(),
                head_sha,
                created: now,
                updated: now,
            };
            records.pulls.push(pull.clone());
            if tasks == Tasks::Outstanding {
                records.owe(Event::Pull(pull.clone()));
            }
            Ok(pull)
        })?;
        onto.set(
            &format!("refs/pull/{}/head", pull.number),
            tip,
            PreviousValue::Any,
        )?;
        Ok(pull)
    }

    /// A pull request.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn pull(&self, repo: &RepoName, number: u64) -> Result<Pull, VcsError> {
        let found = self
            .records(repo)?
            .pulls
            .into_iter()
            .find(|pull| pull.number == number);
        found.ok_or_else(|| VcsError::NotFound(format!("{repo} has no pull request {number}")))
    }

    /// Moves the heads of the pull requests to `base` that come from the branch which was pushed to `from`. Their tasks are
    /// outstanding from then on. Returns whether there were any.
    pub(crate) fn move_pulls(
        &self,
        base: &RepoName,
        from: &RepoName,
        push: &Push,
    ) -> Result<bool, VcsError> {
        let (Some(head), Some(branch)) = (&push.after, push.reference.strip_prefix("refs/heads/"))
        else {
            return Ok(false);
        };
        let comes = |pull: &Pull| {
            pull.head_repo == *from
                && pull.head == branch
                && (pull.head_sha != *head || told_again(pull, push))
        };
        let (onto, source) = (self.repo(base)?, self.repo(from)?);
        let moving = self.records(base)?.pulls;
        let moving: Vec<u64> = moving
            .iter()
            .filter(|pull| comes(pull))
            .map(|pull| pull.number)
            .collect();
        if moving.is_empty() {
            return Ok(false);
        }
        let tip = source.commit_id(head)?;
        onto.bring(&source, &[tip])?;
        // the references first: a process that ends before the records say so begins again here
        for number in &moving {
            onto.set(&format!("refs/pull/{number}/head"), tip, PreviousValue::Any)?;
        }
        self.change(base, |records| {
            let moved = records
                .pulls
                .iter_mut()
                .filter(|pull| moving.contains(&pull.number));
            let mut events = Vec::new();
            for pull in moved {
                pull.head_sha.clone_from(head);
                pull.updated = push.time;
                events.push(Event::Pull(pull.clone()));
            }
            events.into_iter().for_each(|event| records.owe(event));
            Ok(true)
        })
    }

    /// Publishes a release of a tag that exists. It creates no tasks: [`deliver`](super::deliver()) does.
    ///
    /// # Errors
    /// `NotFound` for the tag, `Conflict` if it is released.
    pub fn publish(&self, repo: &RepoName, new: NewRelease) -> Result<Release, VcsError> {
        self.release_as(repo, new, Tasks::None)
    }

    /// As [`Host::publish`], with or without outstanding tasks.
    pub(crate) fn release_as(
        &self,
        repo: &RepoName,
        new: NewRelease,
        tasks: Tasks,
    ) -> Result<Release, VcsError> {
        let opened = self.repo(repo)?;
        names::branch(&new.tag)?;
        opened.resolve(&format!("tags/{}", new.tag))?;
        let target = match new.target {
            Some(target) => target,
            None => opened.default_branch()?,
        };
        let published = self.now();
        self.change(repo, |records| {
            if records
                .releases
                .iter()
                .any(|release| release.tag == new.tag)
            {
                return Err(VcsError::Conflict(format!(
                    "{repo} has a release of {} already",
                    new.tag
                )));
            }
            let release = Release {
                id: u64::try_from(records.releases.len())
                    .unwrap_or(u64::MAX)
                    .saturating_add(1),
                title: new.title.unwrap_or_else(|| new.tag.clone()),
                tag: new.tag,
                target,
                author: new.author,
                body: new.body,
                published,
            };
            records.releases.push(release.clone());
            if tasks == Tasks::Outstanding {
                records.owe(Event::Release(release.clone()));
            }
            Ok(release)
        })
    }

    /// The release of a tag.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn release(&self, repo: &RepoName, tag: &str) -> Result<Release, VcsError> {
        let found = self
            .records(repo)?
            .releases
            .into_iter()
            .find(|release| release.tag == tag);
        found.ok_or_else(|| VcsError::NotFound(format!("{repo} has no release of {tag:.200?}")))
    }
}

/// Whether it was this push that moved the head: its tasks are created again, which changes nothing.
fn told_again(pull: &Pull, push: &Push) -> bool {
    pull.updated == push.time && pull.updated != pull.created
}
