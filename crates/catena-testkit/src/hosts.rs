// SPDX-License-Identifier: MPL-2.0
//! What the VCS hosts answer: pure functions from a few facts to documents of the hosts' shapes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::github;

/// A push to a Mercurial repository.
#[derive(Clone, Debug)]
pub(crate) struct HgPush {
    pub(crate) id: String,
    pub(crate) date: i64,
    pub(crate) user: &'static str,
    pub(crate) base: String,
    pub(crate) first: String,
    pub(crate) head: String,
}

/// `json-pushes?version=2&full=1&changeset=…` (V62).
pub(crate) fn pushlog(push: &HgPush) -> Value {
    let changeset = |node: &str, parent: &str, desc: &str| {
        json!({"author": "A Dev <dev@example.org>", "branch": "default", "desc": desc, "files": ["build/widget.py"],
               "node": node, "parents": [parent], "tags": []})
    };
    let changesets = [
        changeset(&push.first, &push.base, "Bug 1 - Add the widget r=reviewer"),
        changeset(
            &push.head,
            &push.first,
            "Bug 2 - Ship the widget r=reviewer a=release",
        ),
    ];
    json!({"lastpushid": 90_210, "pushes": {&push.id: {"changesets": changesets, "date": push.date, "user": push.user}}})
}

/// A user or an organisation.
fn account(login: &str, kind: &str) -> Value {
    let out = json!({"login": login, "id": login.len() * 1_001, "url": format!("https://api.github.com/users/{login}"),
                     "html_url": format!("https://github.com/{login}"), "type": kind, "site_admin": false});
    github::with(out, github::account(login))
}

/// `repos/{full}`; with `parent` a fork.
pub(crate) fn repository(full: &str, parent: Option<&str>) -> Value {
    let (owner, name) = full.split_once('/').unwrap_or((full, ""));
    let mut out = json!({
        "id": 4_200 + full.len(), "name": name, "full_name": full, "private": false, "owner": account(owner, "Organization"),
        "html_url": format!("https://github.com/{full}"), "url": format!("https://api.github.com/repos/{full}"),
        "clone_url": format!("https://github.com/{full}.git"), "ssh_url": format!("git@github.com:{full}.git"),
        "fork": parent.is_some(), "default_branch": "main", "archived": false, "disabled": false, "visibility": "public",
    });
    if let Some(parent) = parent {
        out["parent"] = repository(parent, None);
        out["source"] = repository(parent, None);
    }
    github::with(out, github::repository(full))
}

/// `repos/{full}/commits/{sha}`, made in the web interface by `login` (V65).
pub(crate) fn commit(full: &str, sha: &str, login: &str) -> Value {
    let person =
        json!({"name": "A Dev", "email": "dev@example.org", "date": "2026-03-02T08:58:40Z"});
    let (tree, parent) = ("5e".repeat(20), "7a".repeat(20));
    let message = json!({"author": person, "message": "Ship the widget (#7)", "comment_count": 0,
                         "committer": {"name": "GitHub", "email": "noreply@github.com", "date": "2026-03-02T08:58:40Z"}});
    let out = json!({
        "sha": sha, "url": format!("https://api.github.com/repos/{full}/commits/{sha}"),
        "html_url": format!("https://github.com/{full}/commit/{sha}"),
        "commit": github::with(message, github::git_commit(full, sha, &tree)),
        "author": account(login, "User"), "committer": account("web-flow", "User"),
        "parents": [{"sha": parent, "url": format!("https://api.github.com/repos/{full}/commits/{parent}"),
                     "html_url": format!("https://github.com/{full}/commit/{parent}")}],
        "stats": {"total": 3, "additions": 2, "deletions": 1},
    });
    github::with(out, github::commit(full, sha))
}

/// `repos/{full}/contents/.taskcluster.yml?ref={reference}` (V66).
pub(crate) fn contents(full: &str, reference: &str, text: &str) -> Value {
    let encoded = STANDARD.encode(text);
    let wrapped: String = encoded
        .as_bytes()
        .chunks(60)
        .flat_map(|line| [String::from_utf8_lossy(line), "\n".into()])
        .collect();
    let blob = "b1".repeat(20);
    let api = format!("https://api.github.com/repos/{full}");
    let url = format!("{api}/contents/.taskcluster.yml?ref={reference}");
    let page = format!("https://github.com/{full}/blob/{reference}/.taskcluster.yml");
    json!({
        "name": ".taskcluster.yml", "path": ".taskcluster.yml", "sha": blob, "size": text.len(), "type": "file",
        "encoding": "base64", "content": wrapped, "url": url, "html_url": page, "git_url": format!("{api}/git/blobs/{blob}"),
        "download_url": format!("https://raw.githubusercontent.com/{full}/{reference}/.taskcluster.yml"),
        "_links": {"self": url, "git": format!("{api}/git/blobs/{blob}"), "html": page},
    })
}

/// `repos/{full}/compare/{branch}...{sha}` (P15): the commit is behind the branch, so it landed.
pub(crate) fn landed(sha: &str) -> Value {
    json!({"status": "behind", "ahead_by": 0, "behind_by": 2, "total_commits": 0, "merge_base_commit": {"sha": sha},
           "base_commit": {"sha": "cd".repeat(20)}, "commits": [], "files": []})
}

/// `repos/{full}/compare/{branch}...{sha}`: the commit is not reachable from the branch.
pub(crate) fn not_landed() -> Value {
    json!({"status": "diverged", "ahead_by": 1, "behind_by": 2, "total_commits": 1, "merge_base_commit": {"sha": "ef".repeat(20)},
           "base_commit": {"sha": "cd".repeat(20)}, "commits": [], "files": []})
}

/// `repos/{full}/branches/{name}`.
pub(crate) fn branch(name: &str) -> Value {
    json!({"name": name, "commit": {"sha": "cd".repeat(20)}, "protected": true})
}

/// `repos/{full}/git/ref/tags/{tag}`.
pub(crate) fn tag_ref(tag: &str, kind: &str, sha: &str) -> Value {
    json!({"ref": format!("refs/tags/{tag}"), "object": {"type": kind, "sha": sha}})
}

/// `repos/{full}/tags` (V94).
pub(crate) fn tags(full: &str, tag: &str, sha: &str) -> Value {
    let entry =
        |name: &str, sha: &str| github::with(json!({"name": name}), github::tag(full, name, sha));
    json!([entry(tag, sha), entry("v0.1.0", &"01".repeat(20))])
}

/// `repos/{full}/releases/tags/{tag}` (V65).
pub(crate) fn release(full: &str, tag: &str, login: &str) -> Value {
    let out = json!({
        "id": 77, "url": format!("https://api.github.com/repos/{full}/releases/77"), "author": account(login, "User"),
        "html_url": format!("https://github.com/{full}/releases/tag/{tag}"), "tag_name": tag, "target_commitish": "main",
        "name": tag, "draft": false, "prerelease": false, "created_at": "2026-03-02T08:50:00Z",
        "published_at": "2026-03-02T08:58:41Z", "assets": [], "body": "The widget.",
    });
    github::with(out, github::release(full, tag))
}

/// The facts of a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Pull<'a> {
    pub(crate) number: u64,
    pub(crate) base: &'a str,
    pub(crate) base_sha: &'a str,
    pub(crate) fork: &'a str,
    pub(crate) head_sha: &'a str,
}

/// `repos/{base}/pulls/{number}` (V65).
pub(crate) fn pull_request(pull: &Pull<'_>) -> Value {
    let owner = |full: &str| full.split('/').next().unwrap_or_default().to_owned();
    let (base_owner, login) = (owner(pull.base), owner(pull.fork));
    let out = json!({
        "number": pull.number, "state": "open", "title": "Fix the widget", "draft": false, "merged": false,
        "url": format!("https://api.github.com/repos/{}/pulls/{}", pull.base, pull.number),
        "html_url": format!("https://github.com/{}/pull/{}", pull.base, pull.number), "user": account(&login, "User"),
        "created_at": "2026-03-01T08:58:41Z", "updated_at": "2026-03-02T08:58:41Z",
        "head": {"label": format!("{login}:fix-widget"), "ref": "fix-widget", "sha": pull.head_sha,
                 "user": account(&login, "User"), "repo": repository(pull.fork, None)},
        "base": {"label": format!("{base_owner}:main"), "ref": "main", "sha": pull.base_sha,
                 "user": account(&base_owner, "Organization"), "repo": repository(pull.base, None)},
    });
    github::with(
        out,
        github::pull_request(pull.base, pull.number, pull.head_sha),
    )
}

/// `projects.yml` (V107).
pub(crate) const PROJECTS: &str = "\
# Repositories and who may push to them.
---
mozilla-central: {repo: 'https://hg.mozilla.org/mozilla-central', repo_type: hg, access: scm_level_3, trust_domain: gecko}
mozilla-beta: {repo: 'https://hg.mozilla.org/releases/mozilla-beta', repo_type: hg, access: scm_level_3, trust_domain: gecko}
comm-central: {repo: 'https://hg.mozilla.org/comm-central', repo_type: hg, access: scm_level_3, trust_domain: comm}
comm-beta: {repo: 'https://hg.mozilla.org/releases/comm-beta', repo_type: hg, access: scm_level_3, trust_domain: comm}
try: {repo: 'https://hg.mozilla.org/try', repo_type: hg, access: scm_level_1, trust_domain: gecko, is_try: true}
firefox:
  repo: https://github.com/mozilla-firefox/firefox
  repo_type: git
  default_branch: main
  branches: &standard
    - {name: main, level: 3}
    - {name: '*', level: 1}
  trust_domain: gecko
xpi-manifest:
  repo: https://github.com/mozilla-extensions/xpi-manifest
  repo_type: git
  branches: *standard
  trust_domain: xpi
adhoc-signing:
  repo: https://github.com/mozilla-releng/adhoc-signing
  repo_type: git
  default_branch: main
  branches: *standard
  trust_domain: adhoc
mozilla-vpn-client:
  repo: https://github.com/mozilla-mobile/mozilla-vpn-client
  repo_type: git
  branches: *standard
  trust_domain: mozillavpn
";
