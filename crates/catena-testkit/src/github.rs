// SPDX-License-Identifier: MPL-2.0
//! What GitHub's answers hold beyond what any rule reads. Clients with typed models, such as the reference's, refuse
//! an answer that lacks it.

use serde_json::{Value, json};

/// Adds members that are not there yet.
pub(crate) fn with(mut answer: Value, rest: Value) -> Value {
    if let (Value::Object(members), Value::Object(rest)) = (&mut answer, rest) {
        for (key, value) in rest {
            members.entry(key).or_insert(value);
        }
    }
    answer
}

/// Of a user or an organisation.
pub(crate) fn account(login: &str) -> Value {
    let api = format!("https://api.github.com/users/{login}");
    let mut out = json!({"node_id": "U_testkit", "avatar_url": format!("https://avatars.example.org/{login}"), "gravatar_id": ""});
    for (key, tail) in ACCOUNT_LINKS {
        out[format!("{key}_url")] = format!("{api}/{tail}").into();
    }
    out
}

/// Of a repository.
pub(crate) fn repository(full: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    let mut out = json!({
        "node_id": "R_testkit", "description": "A repository", "created_at": "2019-05-01T10:00:00Z", "forks": 3, "forks_count": 3,
        "git_url": format!("git://github.com/{full}.git"), "svn_url": format!("https://github.com/{full}"), "has_downloads": true,
        "has_issues": true, "has_pages": false, "has_projects": false, "has_wiki": false, "homepage": null, "language": "Python",
        "mirror_url": null, "open_issues": 4, "open_issues_count": 4, "pushed_at": "2026-03-02T08:58:41Z", "size": 2_210,
        "stargazers_count": 11, "updated_at": "2026-03-02T08:58:44Z", "watchers": 11, "watchers_count": 11, "topics": [],
        "license": {"key": "mpl-2.0", "name": "Mozilla Public License 2.0", "spdx_id": "MPL-2.0", "node_id": "L_testkit",
                    "url": "https://api.github.com/licenses/mpl-2.0"},
        "network_count": 3, "subscribers_count": 5,
    });
    for link in REPOSITORY_LINKS.split_whitespace() {
        let (path, key) = link.split_once('=').unwrap_or((link, link));
        let key = key.split('{').next().unwrap_or_default();
        out[format!("{key}_url")] = format!("{api}/{path}").into();
    }
    out
}

/// Of a commit.
pub(crate) fn commit(full: &str, sha: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    json!({
        "node_id": "C_testkit", "comments_url": format!("{api}/commits/{sha}/comments"),
        "files": [{"sha": "aa".repeat(20), "filename": "widget.py", "status": "modified", "additions": 2, "deletions": 1, "changes": 3}],
    })
}

/// Of the part of a commit that git itself knows, and of its tree and parent.
pub(crate) fn git_commit(full: &str, sha: &str, tree: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}/git");
    json!({
        "url": format!("{api}/commits/{sha}"), "tree": {"sha": tree, "url": format!("{api}/trees/{tree}")},
        "verification": {"verified": true, "reason": "valid", "signature": null, "payload": null},
    })
}

/// Of a release.
pub(crate) fn release(full: &str, tag: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    json!({
        "node_id": "RE_testkit", "assets_url": format!("{api}/releases/77/assets"),
        "upload_url": format!("https://uploads.github.com/repos/{full}/releases/77/assets{{?name,label}}"),
        "tarball_url": format!("{api}/tarball/{tag}"), "zipball_url": format!("{api}/zipball/{tag}"),
    })
}

/// Of an entry of the list of tags.
pub(crate) fn tag(full: &str, name: &str, sha: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    json!({
        "zipball_url": format!("{api}/zipball/refs/tags/{name}"), "tarball_url": format!("{api}/tarball/refs/tags/{name}"),
        "commit": {"sha": sha, "url": format!("{api}/commits/{sha}")}, "node_id": "T_testkit",
    })
}

/// Of a pull request.
pub(crate) fn pull_request(base: &str, number: u64, sha: &str) -> Value {
    let api = format!("https://api.github.com/repos/{base}");
    let page = format!("https://github.com/{base}/pull/{number}");
    json!({
        "id": 900_118, "node_id": "PR_testkit", "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        "issue_url": format!("{api}/issues/{number}"), "locked": false, "active_lock_reason": null, "body": "Please.",
        "body_html": "<p>Please.</p>", "body_text": "Please.", "closed_at": null, "merged_at": null, "merge_commit_sha": "bc".repeat(20),
        "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [], "labels": [], "milestone": null,
        "commits_url": format!("{api}/pulls/{number}/commits"), "review_comments_url": format!("{api}/pulls/{number}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{api}/issues/{number}/comments"),
        "statuses_url": format!("{api}/statuses/{sha}"), "author_association": "CONTRIBUTOR", "auto_merge": null, "mergeable": true,
        "rebaseable": true, "mergeable_state": "clean", "merged_by": null, "comments": 0, "review_comments": 0,
        "maintainer_can_modify": true, "commits": 1, "additions": 2, "deletions": 1, "changed_files": 1,
        "_links": {"self": {"href": format!("{api}/pulls/{number}")}},
    })
}

const ACCOUNT_LINKS: [(&str, &str); 9] = [
    ("events", "events{/privacy}"),
    ("followers", "followers"),
    ("following", "following{/other_user}"),
    ("gists", "gists{/gist_id}"),
    ("organizations", "orgs"),
    ("received_events", "received_events"),
    ("repos", "repos"),
    ("starred", "starred{/owner}{/repo}"),
    ("subscriptions", "subscriptions"),
];

/// Paths below the repository; `=` names those whose key is not the path's beginning.
const REPOSITORY_LINKS: &str = "\
    archive{/format}{/ref} assignees{/user} git/blobs{/sha}=blobs branches{/branch} collaborators{/collaborator} comments{/number} \
    commits{/sha} compare/{base}...{head}=compare contents/{+path}=contents contributors deployments downloads events forks \
    git/commits{/sha}=git_commits git/refs{/sha}=git_refs git/tags{/sha}=git_tags hooks issues/comments{/number}=issue_comment \
    issues/events{/number}=issue_events issues{/number} keys{/key_id} labels{/name} languages merges milestones{/number} \
    notifications{?since}=notifications pulls{/number} releases{/id} stargazers statuses/{sha}=statuses subscribers subscription tags \
    teams git/trees{/sha}=trees";
