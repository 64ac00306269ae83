// SPDX-License-Identifier: MPL-2.0
//! Objects of a mirror, each checked against its own name, and the question whether one commit is an ancestor of
//! another.

use std::collections::{BinaryHeap, HashSet};

use gix::objs::{CommitRefIter, Kind};
use gix::{ObjectId, Repository};

use super::Unread;

/// Returns the bytes of an object of a kind, after comparing their hash with its name (P22). `None` if the mirror
/// has no such object.
pub(super) fn object(
    repo: &Repository,
    id: ObjectId,
    kind: Kind,
    most: u64,
) -> Result<Option<Vec<u8>>, Unread> {
    let header = repo.try_find_header(id).map_err(|e| damaged(id, &e))?;
    let Some(header) = header else {
        return Ok(None);
    };
    if header.kind() != kind {
        let detail = format!("{id} is a {} where a {kind} was due", header.kind());
        return Err(Unread::unavailable(detail));
    }
    if header.size() > most {
        return Err(Unread {
            kind: catena_core::document::ErrorKind::TooLarge,
            detail: format!("{id} has more than the {most} bytes that are allowed"),
        });
    }
    let Some(object) = repo.try_find_object(id).map_err(|e| damaged(id, &e))? else {
        return Ok(None);
    };
    let data = object.detach().data;
    let hash = gix::objs::compute_hash(id.kind(), kind, &data).map_err(|e| damaged(id, &e))?;
    if hash == id {
        Ok(Some(data))
    } else {
        Err(damaged(id, &"its bytes have another hash"))
    }
}

fn damaged(id: ObjectId, why: &dyn std::fmt::Display) -> Unread {
    Unread::unavailable(format!("{id} cannot be read from the mirror: {why}"))
}

/// Returns the commit's bytes; a commit that the mirror lacks is unavailable.
pub(super) fn commit(repo: &Repository, id: ObjectId) -> Result<Vec<u8>, Unread> {
    let found = object(repo, id, Kind::Commit, MOST_BYTES)?;
    found.ok_or_else(|| Unread::unavailable(format!("the mirror lacks {id}; is it up to date?")))
}

/// Returns whether `commit` is `head` or an ancestor of it. Younger commits are looked at first, and older ones
/// until none is left: dates save time and decide nothing.
pub(super) fn is_ancestor(
    repo: &Repository,
    commit_id: ObjectId,
    head: ObjectId,
) -> Result<bool, Unread> {
    commit(repo, commit_id)?;
    if commit_id == head {
        return Ok(true);
    }
    let mut seen = HashSet::from([head]);
    let mut queue = BinaryHeap::from([(i64::MAX, head)]);
    while let Some((_, id)) = queue.pop() {
        let data = commit(repo, id)?;
        for parent in CommitRefIter::from_bytes(&data, id.kind()).parent_ids() {
            if parent == commit_id {
                return Ok(true);
            }
            if seen.insert(parent) {
                let time = time_of(&commit(repo, parent)?, parent);
                queue.push((time, parent));
            }
        }
        if seen.len() > MOST_COMMITS {
            let detail = format!("more than {MOST_COMMITS} commits between {head} and {commit_id}");
            return Err(Unread::unavailable(detail));
        }
    }
    Ok(false)
}

fn time_of(data: &[u8], id: ObjectId) -> i64 {
    let committer = CommitRefIter::from_bytes(data, id.kind()).committer();
    committer.map_or(0, |committer| committer.seconds())
}

/// Bytes of a commit; the longest real ones have some 100 KB.
const MOST_BYTES: u64 = 4 << 20;
/// A history of gecko has a million.
const MOST_COMMITS: usize = 5_000_000;
