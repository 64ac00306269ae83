// SPDX-License-Identifier: MPL-2.0
//! One git repository, read in process: revisions, files, branches, tags and ancestry. `write` changes it.

use gix::bstr::ByteSlice as _;
use gix::{ObjectId, Repository};
use jiff::Timestamp;

use super::error::broken;
use super::names;
use super::{RepoName, VcsError};

/// A repository of the host, opened.
pub struct Repo {
    name: RepoName,
    pub(crate) git: Repository,
}

/// Who did something, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Person {
    pub name: String,
    pub email: String,
    pub time: Timestamp,
}

/// A commit, read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are git's")]
pub struct Commit {
    pub revision: String,
    pub tree: String,
    pub parents: Vec<String>,
    pub author: Person,
    pub committer: Person,
    pub message: String,
}

/// A file at a revision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct File {
    /// The blob's hash.
    pub blob: String,
    /// The bytes.
    pub content: Vec<u8>,
}

/// How two commits stand to each other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Comparison {
    /// The best common ancestor.
    pub merge_base: String,
    /// The head's commits that the base has not, oldest first.
    pub ahead: Vec<String>,
    /// How many commits the base has that the head has not.
    pub behind: usize,
}

/// A tag as the reference stores it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tag {
    /// Its short name.
    pub name: String,
    /// What the reference points to: a tag object or a commit.
    pub object: String,
    /// Whether that is a tag object.
    pub annotated: bool,
    /// The commit.
    pub commit: String,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repo").field(&self.name).finish()
    }
}

impl Repo {
    pub(crate) fn new(name: RepoName, git: Repository) -> Self {
        Self { name, git }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &RepoName {
        &self.name
    }

    /// The branch that `HEAD` names.
    ///
    /// # Errors
    /// `Broken`.
    pub fn default_branch(&self) -> Result<String, VcsError> {
        let head = self
            .git
            .head_name()
            .map_err(broken("HEAD cannot be read"))?;
        let head = head.ok_or_else(|| broken("HEAD cannot be read")("it names no branch"))?;
        Ok(head.shorten().to_str_lossy().into_owned())
    }

    /// Finds the commit that a full hash, a branch, a tag, `heads/…`, `tags/…`, `refs/…`, `HEAD` or hg's `tip` names. Nothing else of
    /// git's revision syntax is understood.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn resolve(&self, text: &str) -> Result<String, VcsError> {
        self.commit_id(text).map(|id| id.to_string())
    }

    pub(crate) fn commit_id(&self, text: &str) -> Result<ObjectId, VcsError> {
        let missing =
            || VcsError::NotFound(format!("no commit found for {text:.200?} in {}", self.name));
        if matches!(text, "HEAD" | "tip") {
            let branch = self.default_branch()?;
            return self
                .peel(&format!("refs/heads/{branch}"))
                .ok_or_else(missing);
        }
        let revision = text
            .parse::<catena_core::model::ids::Revision>()
            .map_err(|_| missing())?;
        if revision.is_commit() {
            let id = ObjectId::from_hex(text.as_bytes()).map_err(|_| missing())?;
            let found = self.git.find_commit(id).map_err(|_| missing())?;
            return Ok(found.id);
        }
        let bare = text.strip_prefix("refs/").unwrap_or(text);
        let places = match bare.split_once('/') {
            Some(("heads" | "tags" | "pull", _)) => vec![format!("refs/{bare}")],
            _ => vec![format!("refs/heads/{text}"), format!("refs/tags/{text}")],
        };
        places
            .iter()
            .find_map(|place| self.peel(place))
            .or_else(|| self.peel(&format!("refs/heads/{text}")))
            .ok_or_else(missing)
    }

    /// The commit of a reference by its full name, which may be one that no task could name.
    pub(crate) fn peel(&self, full: &str) -> Option<ObjectId> {
        let name = gix::refs::FullName::try_from(full).ok()?;
        let mut reference = self.git.try_find_reference(name.as_ref()).ok()??;
        Some(reference.peel_to_commit().ok()?.id)
    }

    /// Where a branch stands; `None` if there is none.
    ///
    /// # Errors
    /// `Invalid` for what is no branch name.
    pub fn branch(&self, name: &str) -> Result<Option<String>, VcsError> {
        names::branch(name)?;
        Ok(self
            .peel(&format!("refs/heads/{name}"))
            .map(|id| id.to_string()))
    }

    /// The branches and where they stand, by name.
    ///
    /// # Errors
    /// `Broken`.
    pub fn branches(&self) -> Result<Vec<(String, String)>, VcsError> {
        let fail = "the branches cannot be read";
        let platform = self.git.references().map_err(broken(fail))?;
        let mut out = Vec::new();
        for reference in platform.local_branches().map_err(broken(fail))? {
            let mut reference = reference.map_err(broken(fail))?;
            let name = reference.name().shorten().to_str_lossy().into_owned();
            if let Ok(commit) = reference.peel_to_commit() {
                out.push((name, commit.id.to_string()));
            }
        }
        out.sort();
        Ok(out)
    }

    /// The tags that lead to commits, by name.
    ///
    /// # Errors
    /// `Broken`.
    pub fn tags(&self) -> Result<Vec<Tag>, VcsError> {
        let fail = "the tags cannot be read";
        let platform = self.git.references().map_err(broken(fail))?;
        let mut out = Vec::new();
        for reference in platform.tags().map_err(broken(fail))? {
            let mut reference = reference.map_err(broken(fail))?;
            let name = reference.name().shorten().to_str_lossy().into_owned();
            let object = reference.try_id().map(gix::Id::detach);
            if let (Some(object), Ok(commit)) = (object, reference.peel_to_commit()) {
                out.push(Tag {
                    name,
                    annotated: object != commit.id,
                    object: object.to_string(),
                    commit: commit.id.to_string(),
                });
            }
        }
        out.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(out)
    }

    /// Reads a commit.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn commit(&self, revision: &str) -> Result<Commit, VcsError> {
        let fail = "a commit cannot be read";
        let id = self.commit_id(revision)?;
        let commit = self.git.find_commit(id).map_err(broken(fail))?;
        let decoded = commit.decode().map_err(broken(fail))?;
        let author = decoded.author().map_err(broken(fail))?;
        let committer = decoded.committer().map_err(broken(fail))?;
        Ok(Commit {
            revision: id.to_string(),
            tree: decoded.tree().to_string(),
            parents: decoded.parents().map(|parent| parent.to_string()).collect(),
            author: person(&author),
            committer: person(&committer),
            message: decoded.message.to_str_lossy().into_owned(),
        })
    }

    /// Reads a file at a revision.
    ///
    /// # Errors
    /// `NotFound` for the revision or the file, `Invalid` for a path that is none.
    pub fn read(&self, revision: &str, path: &str) -> Result<File, VcsError> {
        names::file(path)?;
        let missing = || {
            VcsError::NotFound(format!(
                "no file {path:?} at {revision:.200} in {}",
                self.name
            ))
        };
        let fail = "a tree cannot be read";
        let commit = self
            .git
            .find_commit(self.commit_id(revision)?)
            .map_err(broken(fail))?;
        let tree = commit.tree().map_err(broken(fail))?;
        let entry = tree
            .lookup_entry(path.split('/').map(str::as_bytes))
            .map_err(broken(fail))?;
        let entry = entry
            .filter(|entry| entry.mode().is_blob())
            .ok_or_else(missing)?;
        let mut object = entry.object().map_err(broken("a blob cannot be read"))?;
        Ok(File {
            blob: object.id.to_string(),
            content: std::mem::take(&mut object.data),
        })
    }

    /// Whether `ancestor` is `revision` or one of its ancestors.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn is_ancestor(&self, ancestor: &str, revision: &str) -> Result<bool, VcsError> {
        let ancestor = self.resolve(ancestor)?;
        Ok(self
            .compare(revision, &ancestor)
            .is_ok_and(|found| found.merge_base == ancestor))
    }

    /// The best common ancestor of two commits; `None` if they have none.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn merge_base(&self, one: &str, two: &str) -> Result<Option<String>, VcsError> {
        let (one, two) = (self.commit_id(one)?, self.commit_id(two)?);
        let base = self.git.merge_base(one, two);
        let base = base.map_err(broken("the history cannot be walked"))?;
        Ok(base.map(|id| id.to_string()))
    }

    /// Compares two commits, as `base...head` does.
    ///
    /// # Errors
    /// `NotFound` for either, and without a common ancestor.
    pub fn compare(&self, base: &str, head: &str) -> Result<Comparison, VcsError> {
        let merge_base = self.merge_base(base, head)?.ok_or_else(|| {
            VcsError::NotFound(format!(
                "no common ancestor between {base:.100} and {head:.100}"
            ))
        })?;
        let (base, head) = (self.commit_id(base)?, self.commit_id(head)?);
        Ok(Comparison {
            merge_base,
            ahead: self.only_in(&[head], &[base])?,
            behind: self.only_in(&[base], &[head])?.len(),
        })
    }

    /// The commits that `tips` reach and `hidden` do not, oldest first, parents before children.
    pub(crate) fn only_in(
        &self,
        tips: &[ObjectId],
        hidden: &[ObjectId],
    ) -> Result<Vec<String>, VcsError> {
        let fail = "the history cannot be walked";
        let walk = self
            .git
            .rev_walk(tips.iter().copied())
            .with_hidden(hidden.iter().copied())
            .all()
            .map_err(broken(fail))?;
        let mut found = Vec::new();
        for info in walk {
            let info = info.map_err(broken(fail))?;
            let parents = info.parent_ids.iter().copied().collect();
            found.push((info.id, parents));
        }
        Ok(parents_first(tips, found.into_iter().collect()))
    }

    /// The files in which a commit differs from its first parent, and how.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn changed_files(&self, revision: &str) -> Result<Vec<(String, Change)>, VcsError> {
        let commit = self.commit(revision)?;
        let old = match commit.parents.first() {
            Some(parent) => Some(self.commit(parent)?.tree),
            None => None,
        };
        let mut out = Vec::new();
        self.diff(old.as_deref(), Some(&commit.tree), "", &mut out)?;
        Ok(out)
    }

    fn diff(
        &self,
        old: Option<&str>,
        new: Option<&str>,
        prefix: &str,
        out: &mut Vec<(String, Change)>,
    ) -> Result<(), VcsError> {
        let (before, after) = (self.entries(old)?, self.entries(new)?);
        let names: std::collections::BTreeSet<&String> =
            before.keys().chain(after.keys()).collect();
        for name in names {
            let (was, is) = (before.get(name), after.get(name));
            if was == is {
                continue;
            }
            let path = format!("{prefix}{name}");
            let tree = |entry: Option<&Entry>| {
                entry
                    .filter(|entry| entry.tree)
                    .map(|entry| entry.id.to_string())
            };
            let blob = |entry: Option<&Entry>| entry.is_some_and(|entry| !entry.tree);
            let (old_tree, new_tree) = (tree(was), tree(is));
            match (blob(was), blob(is)) {
                (true, true) => out.push((path.clone(), Change::Modified)),
                (true, false) => out.push((path.clone(), Change::Removed)),
                (false, true) => out.push((path.clone(), Change::Added)),
                (false, false) => {}
            }
            if old_tree.is_some() || new_tree.is_some() {
                self.diff(
                    old_tree.as_deref(),
                    new_tree.as_deref(),
                    &format!("{path}/"),
                    out,
                )?;
            }
        }
        Ok(())
    }

    fn entries(
        &self,
        tree: Option<&str>,
    ) -> Result<std::collections::BTreeMap<String, Entry>, VcsError> {
        let fail = "a tree cannot be read";
        let Some(tree) = tree else {
            return Ok(std::collections::BTreeMap::new());
        };
        let id = ObjectId::from_hex(tree.as_bytes()).map_err(broken(fail))?;
        let tree = self.git.find_tree(id).map_err(broken(fail))?;
        let decoded = tree.decode().map_err(broken(fail))?;
        let entry = |entry: &gix::objs::tree::EntryRef<'_>| {
            let name = entry.filename.to_str_lossy().into_owned();
            let (id, tree) = (entry.oid.to_owned(), entry.mode.is_tree());
            (name, Entry { id, tree })
        };
        Ok(decoded.entries.iter().map(entry).collect())
    }
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Change {
    Added,
    Modified,
    Removed,
}

#[derive(Eq, PartialEq)]
struct Entry {
    id: ObjectId,
    tree: bool,
}

/// Orders commits so that each comes after its parents; equal histories give equal orders.
fn parents_first(
    tips: &[ObjectId],
    mut parents: std::collections::HashMap<ObjectId, Vec<ObjectId>>,
) -> Vec<String> {
    let mut out = Vec::new();
    let mut stack: Vec<(ObjectId, bool)> = tips.iter().rev().map(|tip| (*tip, false)).collect();
    while let Some((id, done)) = stack.pop() {
        if done {
            out.push(id.to_string());
        } else if let Some(above) = parents.remove(&id) {
            stack.push((id, true));
            stack.extend(above.into_iter().rev().map(|parent| (parent, false)));
        }
    }
    out
}

fn person(signature: &gix::actor::SignatureRef<'_>) -> Person {
    Person {
        name: signature.name.to_str_lossy().into_owned(),
        email: signature.email.to_str_lossy().into_owned(),
        time: Timestamp::from_second(signature.seconds()).unwrap_or_default(),
    }
}
