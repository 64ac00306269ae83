// SPDX-License-Identifier: MPL-2.0
//! Changes a repository in process: commits, tags, branches, and objects brought over from another repository. Equal inputs give
//! equal hashes: times and people are arguments.

use bytes::Bytes;
use gix::actor::SignatureRef;
use gix::objs::tree::EntryKind;
use gix::prelude::Write as _;
use gix::refs::Target;
use gix::refs::transaction::{Change, PreviousValue, RefEdit, RefLog};
use gix::{ObjectId, Repository};
use jiff::Timestamp;

use super::error::broken;
use super::repos::{Person, Repo};
use super::{VcsError, names};

/// A commit to make on top of a branch.
#[derive(Clone, Debug)]
pub struct NewCommit {
    /// The branch; it is created if it is not there, as a first commit or from `from`.
    pub branch: String,
    /// Where a new branch begins; ignored for one that exists.
    pub from: Option<String>,
    /// Files to write, or with `None` to remove; all others stay.
    pub files: Vec<(String, Option<Bytes>)>,
    /// The message.
    pub message: String,
    /// Who wrote it, and when; also the committer.
    pub author: Person,
}

impl Repo {
    /// Writes a commit and moves the branch.
    pub(crate) fn write_commit(&self, new: &NewCommit) -> Result<String, VcsError> {
        names::branch(&new.branch)?;
        names::person(&new.author.name)?;
        names::person(&new.author.email)?;
        let tip = self.branch(&new.branch)?;
        let parent = match (&tip, &new.from) {
            (Some(tip), _) => Some(self.commit_id(tip)?),
            (None, Some(from)) => Some(self.commit_id(from)?),
            (None, None) => None,
        };
        let tree = self.write_tree(parent, &new.files)?;
        let time = format!("{} +0000", new.author.time.as_second());
        let who = signature(&new.author, &time);
        let commit = self.git.new_commit_as(who, who, &new.message, tree, parent);
        let commit = commit.map_err(broken("a commit cannot be written"))?.id;
        let expected = match tip {
            Some(_) => parent.map_or(PreviousValue::MustNotExist, |parent| {
                PreviousValue::MustExistAndMatch(Target::Object(parent))
            }),
            None => PreviousValue::MustNotExist,
        };
        self.set(&format!("refs/heads/{}", new.branch), commit, expected)?;
        Ok(commit.to_string())
    }

    fn write_tree(
        &self,
        parent: Option<ObjectId>,
        files: &[(String, Option<Bytes>)],
    ) -> Result<ObjectId, VcsError> {
        let fail = "a tree cannot be written";
        let base = match parent {
            Some(parent) => {
                let commit = self.git.find_commit(parent).map_err(broken(fail))?;
                commit.tree_id().map_err(broken(fail))?.detach()
            }
            None => ObjectId::empty_tree(self.git.object_hash()),
        };
        let mut editor = self.git.edit_tree(base).map_err(broken(fail))?;
        for (path, content) in files {
            names::file(path)?;
            match content {
                Some(content) => {
                    let blob = self.git.write_blob(content).map_err(broken(fail))?;
                    editor
                        .upsert(path, EntryKind::Blob, blob)
                        .map_err(broken(fail))?;
                }
                None => {
                    editor.remove(path).map_err(broken(fail))?;
                }
            }
        }
        Ok(editor.write().map_err(broken(fail))?.detach())
    }

    /// Makes a tag of a commit: with a message an annotated one.
    pub(crate) fn write_tag(
        &self,
        name: &str,
        revision: &str,
        annotation: Option<(&str, &Person)>,
    ) -> Result<String, VcsError> {
        names::branch(name)?;
        let full = format!("refs/tags/{name}");
        if let Ok(Some(_)) = self.git.try_find_reference(full.as_str()) {
            return Err(VcsError::Conflict(format!("the tag {name} exists already")));
        }
        let target = self.commit_id(revision)?;
        let object = match annotation {
            None => target,
            Some((message, tagger)) => {
                names::person(&tagger.name)?;
                names::person(&tagger.email)?;
                let time = format!("{} +0000", tagger.time.as_second());
                let tag = gix::objs::Tag {
                    target,
                    target_kind: gix::objs::Kind::Commit,
                    name: name.into(),
                    tagger: Some(
                        signature(tagger, &time)
                            .to_owned()
                            .map_err(broken("a tagger"))?,
                    ),
                    message: message.into(),
                    signature: None,
                };
                let id = self.git.write_object(&tag);
                id.map_err(broken("a tag cannot be written"))?.detach()
            }
        };
        self.set(
            &format!("refs/tags/{name}"),
            object,
            PreviousValue::MustNotExist,
        )?;
        Ok(object.to_string())
    }

    /// Sets a reference. `Conflict` if it is not what was expected.
    pub(crate) fn set(
        &self,
        full: &str,
        to: ObjectId,
        expected: PreviousValue,
    ) -> Result<(), VcsError> {
        let name =
            gix::refs::FullName::try_from(full).map_err(broken("a reference has no valid name"))?;
        let edit = RefEdit {
            change: Change::Update {
                log: gix::refs::transaction::LogChange {
                    mode: RefLog::AndReference,
                    force_create_reflog: false,
                    message: "".into(),
                },
                expected,
                new: Target::Object(to),
            },
            name,
            deref: false,
        };
        let done = self.git.edit_reference(edit);
        done.map(drop)
            .map_err(|why| VcsError::Conflict(format!("{full} was not changed: {why}")))
    }

    /// Brings over what a commit or tag object of another repository needs and this one lacks.
    pub(crate) fn bring(&self, from: &Self, tips: &[ObjectId]) -> Result<(), VcsError> {
        copy(&from.git, &self.git, tips)
    }
}

fn signature<'a>(person: &'a Person, time: &'a str) -> SignatureRef<'a> {
    SignatureRef {
        name: person.name.as_str().into(),
        email: person.email.as_str().into(),
        time,
    }
}

/// Copies objects; children first, so that an interrupted copy leaves no object whose children are missing.
fn copy(from: &Repository, to: &Repository, tips: &[ObjectId]) -> Result<(), VcsError> {
    let fail = "an object cannot be brought over";
    let mut stack: Vec<(ObjectId, bool)> = tips.iter().map(|tip| (*tip, false)).collect();
    let mut seen = std::collections::HashSet::new();
    while let Some((id, children_done)) = stack.pop() {
        if !children_done && (to.has_object(id) || !seen.insert(id)) {
            continue;
        }
        let object = from.find_object(id).map_err(broken(fail))?;
        if children_done {
            to.write_buf(object.kind, &object.data)
                .map_err(broken(fail))?;
            continue;
        }
        stack.push((id, true));
        stack.extend(children(&object)?.into_iter().map(|child| (child, false)));
    }
    Ok(())
}

fn children(object: &gix::Object<'_>) -> Result<Vec<ObjectId>, VcsError> {
    let fail = "an object cannot be read";
    Ok(match object.kind {
        gix::objs::Kind::Blob => Vec::new(),
        gix::objs::Kind::Commit => {
            let commit = gix::objs::CommitRef::from_bytes(&object.data, object.id.kind())
                .map_err(broken(fail))?;
            commit.parents().chain([commit.tree()]).collect()
        }
        gix::objs::Kind::Tag => {
            let tag = gix::objs::TagRef::from_bytes(&object.data, object.id.kind())
                .map_err(broken(fail))?;
            vec![tag.target()]
        }
        gix::objs::Kind::Tree => {
            let tree = gix::objs::TreeRef::from_bytes(&object.data, object.id.kind())
                .map_err(broken(fail))?;
            let own = tree.entries.iter().filter(|entry| !entry.mode.is_commit());
            own.map(|entry| entry.oid.to_owned()).collect()
        }
    })
}

/// Who the host says somebody is: the account of an address. `…@users.noreply.github.com` is GitHub's own form; any other address
/// belongs to the account named like its local part.
#[must_use]
pub(crate) fn login(email: &str) -> String {
    let (local, _) = email.split_once('@').unwrap_or((email, ""));
    let local = local.rsplit('+').next().unwrap_or(local);
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let login: String = local.chars().map(clean).take(39).collect();
    let login = login.trim_matches('-');
    if login.is_empty() {
        "ghost".to_owned()
    } else {
        login.to_owned()
    }
}

/// The time as GitHub writes it: whole seconds, `Z`.
pub(crate) fn seconds(time: Timestamp) -> String {
    format!("{time:.0}")
}
