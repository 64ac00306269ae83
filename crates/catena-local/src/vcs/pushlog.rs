// SPDX-License-Identifier: MPL-2.0
//! Finds what changed since the last entry of the push log.

use std::collections::BTreeMap;

use gix::ObjectId;
use jiff::Timestamp;

use super::VcsError;
use super::record::{Push, Records};
use super::repos::Repo;

/// Returns one push for each branch and tag that stands elsewhere than the records say, or for one of them. Removed ones come
/// last.
pub(crate) fn changes(
    repo: &Repo,
    records: &Records,
    (user, email): (&str, &str),
    only: Option<&str>,
    time: Timestamp,
) -> Result<Vec<Push>, VcsError> {
    let now = tips(repo)?;
    let known: Vec<ObjectId> = records
        .tips
        .values()
        .filter_map(|tip| repo.commit_id(tip).ok())
        .collect();
    let mut id = records.pushes.last().map_or(0, |push| push.id);
    let mut push = |reference: &str, after: Option<&String>, changesets| {
        id += 1;
        Push {
            id,
            reference: reference.to_owned(),
            before: records.tips.get(reference).cloned(),
            after: after.cloned(),
            user: user.to_owned(),
            email: email.to_owned(),
            time,
            changesets,
        }
    };
    let asked = |reference: &str| only.is_none_or(|only| only == reference);
    let mut out = Vec::new();
    for (reference, tip) in &now {
        if records.tips.get(reference) == Some(tip) || !asked(reference) {
            continue;
        }
        let before = records
            .tips
            .get(reference)
            .and_then(|tip| repo.commit_id(tip).ok());
        let hidden = before.map_or_else(|| known.clone(), |before| vec![before]);
        // by its full name, whatever that is; a tag of no commit brings none
        let changesets = match repo.peel(reference) {
            Some(tip) => repo.only_in(&[tip], &hidden)?,
            None => Vec::new(),
        };
        out.push(push(reference, Some(tip), changesets));
    }
    for reference in records.tips.keys() {
        if !now.contains_key(reference) && asked(reference) {
            out.push(push(reference, None, Vec::new()));
        }
    }
    Ok(out)
}

/// What each branch and tag points to: for annotated tags the tag object.
fn tips(repo: &Repo) -> Result<BTreeMap<String, String>, VcsError> {
    let branches = repo.branches()?.into_iter();
    let branches = branches.map(|(name, tip)| (format!("refs/heads/{name}"), tip));
    let tags = repo.tags()?.into_iter();
    let tags = tags.map(|tag| (format!("refs/tags/{}", tag.name), tag.object));
    Ok(branches.chain(tags).collect())
}
