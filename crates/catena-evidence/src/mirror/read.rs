// SPDX-License-Identifier: MPL-2.0
//! Reads one document from a mirror.

use std::path::Path;

use bytes::Bytes;
use catena_core::document::ErrorKind;
use catena_core::model::ids::Revision;
use catena_core::request::{Hosted, Request};
use gix::objs::tree::EntryKind;
use gix::objs::{CommitRefIter, Kind, TreeRefIter};
use gix::{ObjectId, Repository};
use serde_json::{Value, json};

use super::Unread;
use super::history::{commit, is_ancestor, object};

/// Answers a request from the bare repository at `place`.
pub(super) fn read(
    place: &Path,
    hosted: &Hosted,
    request: &Request,
    most: u64,
) -> Result<Bytes, Unread> {
    let repo = open(place)?;
    let answer = match request {
        Request::Template { revision, .. } => {
            return template(&repo, hash(revision)?, most).map(Bytes::from);
        }
        Request::Repository { .. } => about(&repo, hosted)?,
        Request::Branch { branch, .. } => branch_of(&repo, branch.as_str())?,
        Request::Branches { .. } => branches(&repo)?,
        Request::Landed {
            branch, revision, ..
        } => {
            let (head, commit) = (hash(branch)?, hash(revision)?);
            let reached = is_ancestor(&repo, commit, head)?;
            let base = if reached { revision.as_str() } else { "" };
            json!({"ahead_by": u8::from(!reached), "merge_base_commit": {"sha": base}})
        }
        Request::TagRef { tag, .. } => tag_of(&repo, tag.as_str())?,
        _ => {
            return Err(Unread::unavailable(
                "a mirror does not know it: only a host with an API does",
            ));
        }
    };
    Ok(answer.to_string().into())
}

/// Opens a mirror: only its own configuration is read, replacement objects do not count, and a history that was cut
/// is none.
fn open(place: &Path) -> Result<Repository, Unread> {
    let unusable = |why: String| {
        let place = place.display();
        Unread::unavailable(format!("no usable mirror at {place}: {why}"))
    };
    let options = gix::open::Options::isolated()
        .open_path_as_is(true)
        .bail_if_untrusted(true)
        .config_overrides(["core.useReplaceRefs=false"]);
    let repo = gix::open_opts(place, options).map_err(|error| unusable(error.to_string()))?;
    match repo.is_shallow() {
        Ok(false) => Ok(repo),
        Ok(true) => Err(unusable("its history was cut (it is shallow)".to_owned())),
        Err(error) => Err(unusable(error.to_string())),
    }
}

/// Takes full hashes only: names can be moved, and short hashes can mean two things.
fn hash(revision: &Revision) -> Result<ObjectId, Unread> {
    let id = ObjectId::from_hex(revision.as_str().as_bytes());
    let id = id.ok().filter(|_| revision.is_commit());
    id.ok_or_else(|| {
        let detail = format!("expected 40 hex digits of a revision, found {revision}");
        Unread::unavailable(detail)
    })
}

fn template(repo: &Repository, revision: ObjectId, most: u64) -> Result<Vec<u8>, Unread> {
    let data = commit(repo, revision)?;
    let tree = CommitRefIter::from_bytes(&data, revision.kind()).tree_id();
    let tree = tree.map_err(|error| odd(revision, &error))?;
    let lacks = |id: ObjectId| Unread::unavailable(format!("the mirror lacks {id}"));
    let data = object(repo, tree, Kind::Tree, MOST_TREE)?.ok_or_else(|| lacks(tree))?;
    for entry in TreeRefIter::from_bytes(&data, tree.kind()) {
        let entry = entry.map_err(|error| odd(tree, &error))?;
        if entry.filename != ".taskcluster.yml" {
            continue;
        }
        return match entry.mode.kind() {
            EntryKind::Blob | EntryKind::BlobExecutable => {
                let id = entry.oid.to_owned();
                object(repo, id, Kind::Blob, most)?.ok_or_else(|| lacks(id))
            }
            EntryKind::Commit | EntryKind::Link | EntryKind::Tree => Err(Unread::absent(format!(
                "{revision} has a .taskcluster.yml that is no file"
            ))),
        };
    }
    Err(Unread::absent(format!(
        "{revision} has no .taskcluster.yml"
    )))
}

fn odd(id: ObjectId, why: &dyn std::fmt::Display) -> Unread {
    Unread::unavailable(format!("{id} cannot be understood: {why}"))
}

fn about(repo: &Repository, hosted: &Hosted) -> Result<Value, Unread> {
    let malformed = |detail: String| Unread {
        kind: ErrorKind::Malformed,
        detail,
    };
    let head = repo.head_name();
    let head = head.map_err(|error| malformed(error.to_string()))?;
    let head = head.map(|name| name.as_bstr().to_string());
    let branch = head.as_deref().and_then(|name| name.strip_prefix(HEADS));
    let branch = branch.ok_or_else(|| malformed("HEAD of the mirror names no branch".into()))?;
    Ok(json!({"full_name": hosted.full_name(), "default_branch": branch}))
}

fn branch_of(repo: &Repository, branch: &str) -> Result<Value, Unread> {
    let id = named(repo, &format!("{HEADS}{branch}"))?;
    let id = id.ok_or_else(|| Unread::absent(format!("the mirror has no branch {branch}")))?;
    Ok(entry(branch, id))
}

/// Only the policy and the configuration protect branches of a mirror: git itself knows no protection.
fn entry(branch: &str, id: ObjectId) -> Value {
    json!({"name": branch, "protected": false, "commit": {"sha": id.to_string()}})
}

fn branches(repo: &Repository) -> Result<Value, Unread> {
    let failed = |error: &dyn std::fmt::Display| {
        Unread::unavailable(format!("the branches of the mirror: {error}"))
    };
    let references = repo.references().map_err(|e| failed(&e))?;
    let mut branches = Vec::new();
    for reference in references.local_branches().map_err(|e| failed(&e))? {
        let reference = reference.map_err(|e| failed(&e))?;
        let name = reference.name().as_bstr().to_string();
        let id = reference.into_fully_peeled_id().map_err(|e| failed(&e))?;
        let branch = name.strip_prefix(HEADS).unwrap_or(&name);
        branches.push(entry(branch, id.detach()));
        if branches.len() > MOST_BRANCHES {
            return Err(failed(&format!("more than {MOST_BRANCHES}")));
        }
    }
    Ok(branches.into())
}

fn tag_of(repo: &Repository, tag: &str) -> Result<Value, Unread> {
    let id = named(repo, &format!("refs/tags/{tag}"))?;
    let id = id.ok_or_else(|| {
        Unread::unavailable(format!("the mirror lacks the tag {tag}; is it up to date?"))
    })?;
    commit(repo, id)?;
    Ok(json!({"object": {"type": "commit", "sha": id.to_string()}}))
}

/// Returns what a full name of a ref leads to in the end, through annotated tags.
fn named(repo: &Repository, name: &str) -> Result<Option<ObjectId>, Unread> {
    let failed = |error: &dyn std::fmt::Display| Unread::unavailable(format!("{name}: {error}"));
    let found = repo.try_find_reference(name).map_err(|e| failed(&e))?;
    let Some(reference) = found else {
        return Ok(None);
    };
    if reference.name().as_bstr() != name {
        return Ok(None); // found by git's rules for short names
    }
    let id = reference.into_fully_peeled_id().map_err(|e| failed(&e))?;
    Ok(Some(id.detach()))
}

const HEADS: &str = "refs/heads/";
/// A folder of ten thousands of files.
const MOST_TREE: u64 = 16 << 20;
const MOST_BRANCHES: usize = 100_000;
