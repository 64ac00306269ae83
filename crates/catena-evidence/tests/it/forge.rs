// SPDX-License-Identifier: MPL-2.0
//! GitLab's and Gitea's answers about a real repository, in the shapes that their API documentation gives.

use serde_json::{Value, json};

use crate::git::Repository;
use crate::server::Reply;

/// Protects one branch, as administrators do.
const PROTECTED: &str = "main";

/// Answers `target` as GitLab does for the project `full`.
pub(crate) fn gitlab(git: &Repository, full: &str, target: &str) -> Reply {
    let project = format!("/api/v4/projects/{}", full.replace('/', "%2F"));
    let Some(rest) = target.strip_prefix(&project) else {
        return absent("404 Project Not Found");
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        let name = full.rsplit('/').next();
        return ok(
            &json!({"id": 4, "description": null, "name": name, "path": name, "path_with_namespace": full,
            "default_branch": "main", "visibility": "public", "web_url": format!("https://gitlab.example.org/{full}")}),
        );
    }
    match path.trim_start_matches("/repository/") {
        "branches" => {
            let all = heads(git);
            ok(&all
                .iter()
                .map(|(name, sha)| gitlab_branch(git, name, sha))
                .collect())
        }
        "merge_base" => {
            let refs: Vec<_> = query
                .split('&')
                .map(|part| &part["refs[]=".len()..])
                .collect();
            if refs.iter().any(|sha| !exists(git, sha)) {
                return Reply::status(400);
            }
            match git.try_git(&["merge-base", refs[0], refs[1]]) {
                Some(base) => {
                    let base = String::from_utf8(base).unwrap();
                    ok(&gitlab_commit(git, base.trim()))
                }
                None => absent("404 Merge Base Not Found"),
            }
        }
        "files/.taskcluster.yml/raw" => raw(git, query),
        other => match other.strip_prefix("branches/") {
            Some(name) => {
                let name = name.replace("%2F", "/");
                let found = heads(git).into_iter().find(|(known, _)| *known == name);
                found.map_or_else(
                    || absent("404 Branch Not Found"),
                    |(name, sha)| ok(&gitlab_branch(git, &name, &sha)),
                )
            }
            None => absent("404 Not Found"),
        },
    }
}

/// Answers `target` as Gitea does for the repository `full`, with pages of one entry.
pub(crate) fn gitea(git: &Repository, full: &str, target: &str) -> Reply {
    let repo = format!("/api/v1/repos/{full}");
    let Some(rest) = target.strip_prefix(&repo) else {
        return absent("GetRepositoryByName");
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        let (owner, name) = full.split_once('/').unwrap();
        return ok(
            &json!({"id": 4, "owner": {"id": 2, "login": owner}, "name": name, "full_name": full, "private": false,
            "fork": false, "default_branch": "main", "html_url": format!("https://gitea.example.org/{full}")}),
        );
    }
    if path == "/branches" {
        let page = query.split('&').find_map(|part| part.strip_prefix("page="));
        let page: usize = page.map_or(1, |page| page.parse().unwrap());
        let all = heads(git);
        let here = all.iter().skip(page - 1).take(1);
        return ok(&here.map(|(name, sha)| gitea_branch(name, sha)).collect());
    }
    if path == "/raw/.taskcluster.yml" {
        return raw(git, query);
    }
    if let Some(name) = path.strip_prefix("/branches/") {
        let found = heads(git).into_iter().find(|(known, _)| known == name);
        return found.map_or_else(
            || absent("branch does not exist"),
            |(name, sha)| ok(&gitea_branch(&name, &sha)),
        );
    }
    if let Some(sha) = path.strip_prefix("/git/commits/") {
        return if exists(git, sha) {
            ok(&gitea_commit(git, sha))
        } else {
            absent("commit does not exist")
        };
    }
    let Some((base, head)) = path
        .strip_prefix("/compare/")
        .and_then(|two| two.split_once("..."))
    else {
        return absent("not found");
    };
    if !exists(git, base) || !exists(git, head) {
        return absent("BaseNotExist");
    }
    // without a common history it lists nothing
    let commits: Vec<_> = match git.try_git(&["merge-base", base, head]) {
        None => Vec::new(),
        Some(_) => {
            let list = git.git(&["rev-list", &format!("{base}..{head}")]);
            list.lines().map(|sha| gitea_commit(git, sha)).collect()
        }
    };
    ok(&json!({"total_commits": commits.len(), "commits": commits}))
}

fn ok(value: &Value) -> Reply {
    Reply::ok(value.to_string()).with("Content-Type", "application/json")
}

fn absent(message: &str) -> Reply {
    ok(&json!({"message": message})).coded(404)
}

fn raw(git: &Repository, query: &str) -> Reply {
    let revision = query.strip_prefix("ref=").unwrap();
    match git.try_git(&["show", &format!("{revision}:.taskcluster.yml")]) {
        Some(text) => Reply::ok(text).with("Content-Type", "text/plain; charset=utf-8"),
        None => absent("404 File Not Found"),
    }
}

fn exists(git: &Repository, sha: &str) -> bool {
    sha.len() == 40
        && git
            .try_git(&["cat-file", "-e", &format!("{sha}^{{commit}}")])
            .is_some()
}

fn heads(git: &Repository) -> Vec<(String, String)> {
    let format = "--format=%(refname) %(objectname)";
    let list = git.git(&["for-each-ref", format, "refs/heads/"]);
    let pair = |line: &str| {
        let (name, sha) = line.split_once(' ')?;
        Some((name.strip_prefix("refs/heads/")?.to_owned(), sha.to_owned()))
    };
    list.lines().filter_map(pair).collect()
}

fn parents(git: &Repository, sha: &str) -> Vec<String> {
    let list = git.git(&["show", "--no-patch", "--format=%P", sha]);
    list.split_whitespace().map(str::to_owned).collect()
}

fn gitlab_commit(git: &Repository, sha: &str) -> Value {
    json!({"id": sha, "short_id": &sha[..8], "title": "t", "message": "t\n", "parent_ids": parents(git, sha),
        "created_at": "2026-03-02T08:58:40.000Z", "author_name": "A Dev", "author_email": "dev@example.org",
        "committer_name": "A Dev", "committer_email": "dev@example.org"})
}

fn gitlab_branch(git: &Repository, name: &str, sha: &str) -> Value {
    json!({"name": name, "merged": false, "protected": name == PROTECTED, "default": name == "main", "can_push": false,
        "developers_can_push": false, "developers_can_merge": false, "commit": gitlab_commit(git, sha)})
}

fn gitea_branch(name: &str, sha: &str) -> Value {
    json!({"name": name, "protected": name == PROTECTED, "required_approvals": 0, "enable_status_check": false,
        "status_check_contexts": [], "user_can_push": false, "user_can_merge": false, "effective_branch_protection_name": "",
        "commit": {"id": sha, "message": "t\n", "author": {"name": "A Dev", "email": "dev@example.org", "username": ""}}})
}

fn gitea_commit(git: &Repository, sha: &str) -> Value {
    let parents: Vec<_> = parents(git, sha)
        .iter()
        .map(|sha| json!({"sha": sha, "url": "u"}))
        .collect();
    let person =
        json!({"name": "A Dev", "email": "dev@example.org", "date": "2026-03-02T08:58:40Z"});
    let user = json!({"id": 3, "login": "a-dev", "username": "a-dev"});
    json!({"sha": sha, "url": "u", "html_url": "u", "created": "2026-03-02T08:58:40Z", "parents": parents, "files": [],
        "commit": {"message": "t\n", "author": person, "committer": person}, "author": user, "committer": user})
}
