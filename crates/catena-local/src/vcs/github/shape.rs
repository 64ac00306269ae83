// SPDX-License-Identifier: MPL-2.0
//! GitHub's documents, made from what the host knows. All URLs in them are canonical (P24).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::links::{self, with};
use crate::vcs::record::Records;
use crate::vcs::repos::{Change, Commit, Comparison, File, Repo};
use crate::vcs::write::{login, seconds};
use crate::vcs::{Host, Pull, Push, Release, RepoName, Tag, VcsError};

/// `repos/{repo}`; a fork with its parent.
pub(crate) fn repository(host: &Host, name: &RepoName) -> Result<Value, VcsError> {
    let (repo, records) = (host.repo(name)?, host.records(name)?);
    let mut out = bare_repository(&repo, &records)?;
    if let (Some(parent), Value::Object(members)) = (&records.parent, &mut out) {
        // a parent that is gone is left out, as GitHub leaves it out
        if let Ok(parent) = host.repo(parent) {
            let parent = bare_repository(&parent, &host.records(parent.name())?)?;
            members.insert("source".to_owned(), parent.clone());
            members.insert("parent".to_owned(), parent);
        }
    }
    Ok(out)
}

fn bare_repository(repo: &Repo, records: &Records) -> Result<Value, VcsError> {
    let name = repo.name();
    let (full, created) = (name.to_string(), seconds(records.created));
    let pushed = records
        .pushes
        .last()
        .map_or_else(|| created.clone(), |push| seconds(push.time));
    let out = json!({
        "id": number(&full), "name": name.name(), "full_name": full, "private": false,
        "owner": account(name.owner(), "Organization"), "html_url": format!("https://github.com/{full}"),
        "url": format!("https://api.github.com/repos/{full}"), "clone_url": format!("https://github.com/{full}.git"),
        "ssh_url": format!("git@github.com:{full}.git"), "fork": records.parent.is_some(),
        "default_branch": repo.default_branch()?, "archived": false, "disabled": false, "visibility": "public",
        "created_at": created, "updated_at": pushed, "pushed_at": pushed,
    });
    Ok(with(out, links::repository(&full)))
}

/// A user or an organisation.
pub(crate) fn account(login: &str, kind: &str) -> Value {
    let out = json!({"login": login, "id": number(login), "url": format!("https://api.github.com/users/{login}"),
                     "html_url": format!("https://github.com/{login}"), "type": kind, "site_admin": false});
    with(out, links::account(login))
}

/// `repos/{repo}/commits/{sha}` (V65).
pub(crate) fn commit(repo: &Repo, revision: &str) -> Result<Value, VcsError> {
    let commit = repo.commit(revision)?;
    let files = repo.changed_files(&commit.revision)?;
    let status = |change| match change {
        Change::Added => "added",
        Change::Modified => "modified",
        Change::Removed => "removed",
    };
    // the lines of a file are not compared: no rule reads the numbers
    let files: Vec<Value> = files
        .iter()
        .take(MOST_FILES)
        .map(|(name, change)| {
            json!({"sha": repo.read(&commit.revision, name).map(|file| file.blob).ok(), "filename": name,
                   "status": status(*change), "additions": 0, "deletions": 0, "changes": 0})
        })
        .collect();
    let rest = json!({"stats": {"total": 0, "additions": 0, "deletions": 0}, "files": files});
    Ok(with(listed_commit(repo.name(), &commit), rest))
}

/// A commit as lists have it.
pub(crate) fn listed_commit(name: &RepoName, commit: &Commit) -> Value {
    let sha = &commit.revision;
    let api = format!("https://api.github.com/repos/{name}");
    let person = |who: &crate::vcs::Person| json!({"name": who.name, "email": who.email, "date": seconds(who.time)});
    let parent = |sha: &String| json!({"sha": sha, "url": format!("{api}/commits/{sha}"), "html_url": format!("https://github.com/{name}/commit/{sha}")});
    json!({
        "sha": sha, "node_id": format!("C_{sha}"), "url": format!("{api}/commits/{sha}"),
        "html_url": format!("https://github.com/{name}/commit/{sha}"), "comments_url": format!("{api}/commits/{sha}/comments"),
        "commit": {
            "url": format!("{api}/git/commits/{sha}"), "author": person(&commit.author), "committer": person(&commit.committer),
            "message": commit.message.trim_end_matches('\n'), "comment_count": 0,
            "tree": {"sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree)},
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "author": account(&login(&commit.author.email), "User"), "committer": account(&login(&commit.committer.email), "User"),
        "parents": commit.parents.iter().map(parent).collect::<Vec<_>>(),
    })
}

/// `repos/{repo}/contents/{path}?ref={reference}` (V66): base64 in lines of 60, as GitHub breaks them.
pub(crate) fn contents(name: &RepoName, reference: &str, path: &str, file: &File) -> Value {
    let encoded = STANDARD.encode(&file.content);
    let mut wrapped = String::with_capacity(encoded.len() + encoded.len() / 60 + 1);
    for (at, c) in encoded.chars().enumerate() {
        if at > 0 && at % 60 == 0 {
            wrapped.push('\n');
        }
        wrapped.push(c);
    }
    if !wrapped.is_empty() {
        wrapped.push('\n');
    }
    let api = format!("https://api.github.com/repos/{name}");
    let url = format!("{api}/contents/{path}?ref={reference}");
    let page = format!("https://github.com/{name}/blob/{reference}/{path}");
    let blob = format!("{api}/git/blobs/{}", file.blob);
    json!({
        "name": path.rsplit('/').next(), "path": path, "sha": file.blob, "size": file.content.len(), "type": "file",
        "encoding": "base64", "content": wrapped, "url": url, "html_url": page, "git_url": blob,
        "download_url": format!("https://raw.githubusercontent.com/{name}/{reference}/{path}"),
        "_links": {"self": url, "git": blob, "html": page},
    })
}

/// `repos/{repo}/compare/{base}...{head}` (P15).
pub(crate) fn compare(
    repo: &Repo,
    base: &str,
    head: &str,
    found: &Comparison,
) -> Result<Value, VcsError> {
    let status = match (found.ahead.len(), found.behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let name = repo.name();
    let one = |revision: &str| Ok::<_, VcsError>(listed_commit(name, &repo.commit(revision)?));
    let newest = found.ahead.len().saturating_sub(MOST_COMMITS);
    let commits = found
        .ahead
        .iter()
        .skip(newest)
        .map(|revision| one(revision));
    let api = format!("https://api.github.com/repos/{name}/compare/{base}...{head}");
    let page = format!("https://github.com/{name}/compare/{base}...{head}");
    Ok(json!({
        "url": api, "html_url": page, "permalink_url": page, "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        "base_commit": one(base)?, "merge_base_commit": one(&found.merge_base)?, "status": status, "ahead_by": found.ahead.len(),
        "behind_by": found.behind, "total_commits": found.ahead.len(), "commits": commits.collect::<Result<Vec<_>, _>>()?,
        "files": [],
    }))
}

/// `repos/{repo}/branches/{branch}`.
pub(crate) fn branch(
    repo: &Repo,
    name: &str,
    tip: &str,
    protected: bool,
) -> Result<Value, VcsError> {
    let full = repo.name();
    let api = format!("https://api.github.com/repos/{full}/branches/{name}");
    let page = format!("https://github.com/{full}/tree/{name}");
    Ok(
        json!({"name": name, "commit": listed_commit(full, &repo.commit(tip)?), "_links": {"self": api, "html": page},
              "protected": protected, "protection": protection(protected), "protection_url": format!("{api}/protection")}),
    )
}

/// An entry of `repos/{repo}/branches`.
pub(crate) fn listed_branch(name: &RepoName, branch: &str, tip: &str, protected: bool) -> Value {
    let api = format!("https://api.github.com/repos/{name}");
    json!({"name": branch, "commit": {"sha": tip, "url": format!("{api}/commits/{tip}")}, "protected": protected,
           "protection": protection(protected), "protection_url": format!("{api}/branches/{branch}/protection")})
}

fn protection(protected: bool) -> Value {
    json!({"enabled": protected, "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []}})
}

/// `repos/{repo}/git/ref/tags/{tag}`.
pub(crate) fn tag_ref(name: &RepoName, tag: &Tag) -> Value {
    let api = format!("https://api.github.com/repos/{name}/git");
    let (kind, place) = if tag.annotated {
        ("tag", "tags")
    } else {
        ("commit", "commits")
    };
    json!({"ref": format!("refs/tags/{}", tag.name), "node_id": format!("REF_{}", tag.object),
           "url": format!("{api}/refs/tags/{}", tag.name),
           "object": {"type": kind, "sha": tag.object, "url": format!("{api}/{place}/{}", tag.object)}})
}

/// An entry of `repos/{repo}/tags` (V94).
pub(crate) fn listed_tag(name: &RepoName, tag: &Tag) -> Value {
    let api = format!("https://api.github.com/repos/{name}");
    json!({"name": tag.name, "node_id": format!("T_{}", tag.object),
           "commit": {"sha": tag.commit, "url": format!("{api}/commits/{}", tag.commit)},
           "zipball_url": format!("{api}/zipball/refs/tags/{}", tag.name),
           "tarball_url": format!("{api}/tarball/refs/tags/{}", tag.name)})
}

/// `repos/{repo}/releases/tags/{tag}` (V65).
pub(crate) fn release(name: &RepoName, release: &Release) -> Value {
    let (full, time) = (name.to_string(), seconds(release.published));
    let out = json!({
        "id": release.id, "url": format!("https://api.github.com/repos/{full}/releases/{}", release.id),
        "author": account(&release.author, "User"), "tag_name": release.tag, "target_commitish": release.target,
        "html_url": format!("https://github.com/{full}/releases/tag/{}", release.tag), "name": release.title,
        "created_at": time, "published_at": time, "body": release.body,
    });
    with(out, links::release(&full, release.id, &release.tag))
}

/// `repos/{base}/pulls/{number}` (V65).
pub(crate) fn pull(host: &Host, base: &RepoName, pull: &Pull) -> Result<Value, VcsError> {
    let side = |repo: &RepoName, branch: &str, sha: &str, repository: Value| {
        json!({"label": format!("{}:{branch}", repo.owner()), "ref": branch, "sha": sha, "user": account(repo.owner(), "User"),
               "repo": repository})
    };
    let slim = |name: &RepoName| bare_repository(&host.repo(name)?, &host.records(name)?);
    // GitHub says null for a fork that is gone
    let head = slim(&pull.head_repo).unwrap_or(Value::Null);
    let counts = host.repo(base)?.compare(&pull.base_sha, &pull.head_sha);
    let out = json!({
        "id": number(&format!("{base}#{}", pull.number)), "number": pull.number, "state": "open", "title": pull.title,
        "url": format!("https://api.github.com/repos/{base}/pulls/{}", pull.number),
        "html_url": format!("https://github.com/{base}/pull/{}", pull.number), "user": account(&pull.user, "User"),
        "created_at": seconds(pull.created), "updated_at": seconds(pull.updated),
        "head": side(&pull.head_repo, &pull.head, &pull.head_sha, head),
        "base": side(base, &pull.base, &pull.base_sha, slim(base)?),
        "commits": counts.map_or(0, |counts| counts.ahead.len()), "additions": 0, "deletions": 0, "changed_files": 0,
    });
    Ok(with(
        out,
        links::pull(&base.to_string(), pull.number, &pull.head_sha),
    ))
}

/// A commit as push events have it.
pub(crate) fn event_commit(name: &RepoName, commit: &Commit) -> Value {
    let person = |who: &crate::vcs::Person| json!({"name": who.name, "email": who.email, "username": login(&who.email)});
    json!({"id": commit.revision, "tree_id": commit.tree, "distinct": true, "message": commit.message,
           "timestamp": seconds(commit.committer.time), "url": format!("https://github.com/{name}/commit/{}", commit.revision),
           "author": person(&commit.author), "committer": person(&commit.committer), "added": [], "removed": [], "modified": []})
}

/// The time of a push as push events have it: seconds since 1970.
pub(crate) fn pushed_at(push: &Push) -> i64 {
    push.time.as_second()
}

/// A number for a name: the same for the same name, below 2^31.
fn number(text: &str) -> u32 {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash >> 1
}

/// As GitHub: the newest of a comparison, the first of a commit.
const MOST_COMMITS: usize = 250;
const MOST_FILES: usize = 300;
