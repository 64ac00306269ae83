// SPDX-License-Identifier: MPL-2.0
//! Members of GitHub's answers that no rule reads. Clients with typed models refuse an answer that lacks them.

use serde_json::{Value, json};

/// Adds members that are not there yet.
pub(super) fn with(mut answer: Value, rest: Value) -> Value {
    if let (Value::Object(members), Value::Object(rest)) = (&mut answer, rest) {
        for (key, value) in rest {
            members.entry(key).or_insert(value);
        }
    }
    answer
}

/// Of a user or an organisation.
pub(super) fn account(login: &str) -> Value {
    let api = format!("https://api.github.com/users/{login}");
    let mut out = json!({"node_id": format!("U_{login}"), "avatar_url": format!("https://avatars.githubusercontent.com/{login}"),
                         "gravatar_id": ""});
    for link in ACCOUNT_LINKS.split_whitespace() {
        add(&mut out, &api, link);
    }
    out
}

/// Of a repository.
pub(super) fn repository(full: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    let mut out = json!({
        "node_id": format!("R_{}", full.replace('/', "_")), "description": null, "forks": 0, "forks_count": 0,
        "git_url": format!("git://github.com/{full}.git"), "svn_url": format!("https://github.com/{full}"), "has_downloads": true,
        "has_issues": false, "has_pages": false, "has_projects": false, "has_wiki": false, "has_discussions": false,
        "homepage": null, "language": null, "mirror_url": null, "open_issues": 0, "open_issues_count": 0, "size": 0,
        "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "topics": [], "license": null, "allow_forking": true,
        "is_template": false, "web_commit_signoff_required": false, "network_count": 0, "subscribers_count": 0,
    });
    for link in REPOSITORY_LINKS.split_whitespace() {
        add(&mut out, &api, link);
    }
    out
}

fn add(out: &mut Value, api: &str, link: &str) {
    let (path, key) = link.split_once('=').unwrap_or((link, link));
    let key = key.split('{').next().unwrap_or_default();
    if let Value::Object(members) = out {
        members.insert(format!("{key}_url"), format!("{api}/{path}").into());
    }
}

/// Of a release.
pub(super) fn release(full: &str, id: u64, tag: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full}");
    json!({
        "node_id": format!("RE_{id}"), "assets_url": format!("{api}/releases/{id}/assets"), "assets": [], "draft": false, "prerelease": false,
        "upload_url": format!("https://uploads.github.com/repos/{full}/releases/{id}/assets{{?name,label}}"),
        "tarball_url": format!("{api}/tarball/{tag}"), "zipball_url": format!("{api}/zipball/{tag}"),
    })
}

/// Of a pull request.
pub(super) fn pull(base: &str, number: u64, head_sha: &str) -> Value {
    let api = format!("https://api.github.com/repos/{base}");
    let page = format!("https://github.com/{base}/pull/{number}");
    json!({
        "node_id": format!("PR_{number}"), "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        "issue_url": format!("{api}/issues/{number}"), "locked": false, "active_lock_reason": null, "body": null,
        "closed_at": null, "merged_at": null, "merge_commit_sha": null, "assignee": null, "assignees": [],
        "requested_reviewers": [], "requested_teams": [], "labels": [], "milestone": null, "draft": false, "merged": false,
        "commits_url": format!("{api}/pulls/{number}/commits"), "review_comments_url": format!("{api}/pulls/{number}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{api}/issues/{number}/comments"),
        "statuses_url": format!("{api}/statuses/{head_sha}"), "author_association": "CONTRIBUTOR", "auto_merge": null,
        "mergeable": true, "rebaseable": true, "mergeable_state": "clean", "merged_by": null, "comments": 0,
        "review_comments": 0, "maintainer_can_modify": true,
        "_links": {"self": {"href": format!("{api}/pulls/{number}")}, "html": {"href": page}},
    })
}

const ACCOUNT_LINKS: &str = "events{/privacy} followers following{/other_user} gists{/gist_id} orgs=organizations received_events \
    repos starred{/owner}{/repo} subscriptions";

/// Paths below the repository; `=` names those whose key is not the path's beginning.
const REPOSITORY_LINKS: &str = "\
    {archive_format}{/ref}=archive assignees{/user} git/blobs{/sha}=blobs branches{/branch} collaborators{/collaborator} \
    comments{/number} commits{/sha} compare/{base}...{head}=compare contents/{+path}=contents contributors deployments downloads \
    events forks git/commits{/sha}=git_commits git/refs{/sha}=git_refs git/tags{/sha}=git_tags hooks \
    issues/comments{/number}=issue_comment issues/events{/number}=issue_events issues{/number} keys{/key_id} labels{/name} \
    languages merges milestones{/number} notifications{?since}=notifications pulls{/number} releases{/id} stargazers \
    statuses/{sha}=statuses subscribers subscription tags teams git/trees{/sha}=trees";
