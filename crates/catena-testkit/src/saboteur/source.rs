// SPDX-License-Identifier: MPL-2.0
//! Attacks on sources, repositories, trees and scopes (section I).

use catena_core::request::Request;
use serde_json::{Value, json};

use super::{Compat, Saboteur, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

const BETA: &str = "https://hg.mozilla.org/releases/mozilla-beta";
const XPI: &str = "https://github.com/mozilla-extensions/xpi-manifest";

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("all-of-try-by-dot-segments", "url-form", &["S4"],
        "All tasks name a repository that reads as mozilla-beta and is fetched from try, by way of dot segments.",
        Flow::FirefoxPush, |chain| chain.replace_text(BETA, "https://hg.mozilla.org/releases/mozilla-beta/../../try")),
    saboteur("all-of-try-by-encoded-dots", "url-form", &["S4"],
        "All tasks name a repository that reads as mozilla-beta and is fetched from try, by way of encoded dot segments.",
        Flow::FirefoxPush, |chain| chain.replace_text(BETA, "https://hg.mozilla.org/releases/mozilla-beta/%2e%2e/%2E%2E/try")),
    saboteur("source-with-dot-segments", "url-form", &["S4"],
        "A build's source reads as mozilla-beta and leads to try.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}/../../try/file/abc/x"))),
    saboteur("source-with-a-dot", "url-form", &["S4"],
        "A build's source has a dot segment.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}/./file/abc/x"))),
    saboteur("source-with-encoded-slash", "url-form", &["S4"],
        "A build's source has an encoded slash.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}/file%2fabc/x"))),
    saboteur("source-with-user", "url-form", &["S4", "S23"],
        "A build's source has a user name that reads like the trusted host.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "https://hg.mozilla.org@evil.example.org/releases/mozilla-beta/file/x")),
    saboteur("source-with-port", "url-form", &["S4", "S23"],
        "A build's source is on another port of the trusted host.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "https://hg.mozilla.org:8443/releases/mozilla-beta/file/x")),
    saboteur("source-in-the-clear", "url-form", &["S4"],
        "A build's source is fetched without encryption.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "http://hg.mozilla.org/releases/mozilla-beta/file/x")),
    saboteur("source-on-this-disk", "url-form", &["S4"],
        "A build's source is a file on the disk.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "file:///releases/mozilla-beta/file/x")),
    saboteur("source-with-query", "url-form", &["S4", "S22"],
        "A build's source has a query, which the tree check ignores.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}/file/abc?repo=try"))),
    saboteur("source-with-fragment", "url-form", &["S4"],
        "A build's source has a fragment.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}#/try"))),
    saboteur("source-with-parameters", "url-form", &["S4", "S22"],
        "A build's source has path parameters, which the tree check ignores.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA};x=try/file"))),
    saboteur("source-with-backslash", "url-form", &["S4"],
        "A build's source has a backslash, which some clients read as a slash.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}\\..\\try"))),
    saboteur("source-with-newline", "url-form", &["S4", "S22"],
        "A build's source has a line break, which clients drop.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "https://hg.mozilla.org/releases/mozilla-be\nta/file/x")),
    saboteur("source-with-encoded-newline", "url-form", &["S4", "S22"],
        "A build's source ends in an encoded line break, before which a pattern's end matches.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!("{BETA}%0a"))),
    saboteur("source-with-leading-blank", "url-form", &["S4"],
        "A build's source begins with a blank, which clients drop.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", &format!(" {BETA}/file/x"))),
    saboteur("source-scheme-in-capitals", "url-form", &["S4", "V80"],
        "A build's source spells its scheme in capitals, so that one rule sees GitHub and another does not.",
        Flow::XpiPush, |chain| source(chain, "build-0", &format!("{}/blob/abc/x", XPI.replace("https", "HTTPS")))),
    saboteur("source-by-scp", "url-form", &["S4", "V80"],
        "A build's source is in the notation of scp, which is no URL.",
        Flow::XpiPush, |chain| source(chain, "build-0", "git@github.com:mozilla-extensions/xpi-manifest/blob/abc/x")),
    saboteur("source-empty", "url-form", &["S4", "V72"],
        "A build's source is empty.",
        Flow::FirefoxPush, |chain| source(chain, "build-1", "")),
    saboteur("repository-a-whole-host", "url-form", &["S23"],
        "A build names the whole host as its repository, which contains every source.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "GECKO_HEAD_REPOSITORY", "https://hg.mozilla.org/")),
    saboteur("repository-in-the-clear", "url-form", &["S4", "S43"],
        "A decision task's repository is fetched without encryption, which the reference takes.",
        Flow::FirefoxPush, |chain| chain.edit_definition("decision", |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = "http://hg.mozilla.org/releases/mozilla-beta/".into();
        })),
    saboteur("base-repository-with-dots", "url-form", &["S4"],
        "A decision task's base repository has dot segments.",
        Flow::FirefoxPush, |chain| chain.edit_template("decision", "hg.mozilla.org/mozilla-unified", "hg.mozilla.org/mozilla-unified/../try")),
    saboteur("source-of-another-repository", "source-repository", &["V71", "V72"],
        "A build shows a trusted source and works on another repository.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "GECKO_HEAD_REPOSITORY", "https://hg.mozilla.org/mozilla-central")),
    saboteur("source-of-a-neighbour", "source-repository", &["V71"],
        "A build's source is in a repository whose name begins like that of its own.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "GECKO_HEAD_REPOSITORY", "https://hg.mozilla.org/releases/mozilla")),
    saboteur("source-on-another-host", "source-repository", &["V71"],
        "A build works on a repository of the same path on another host.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "GECKO_HEAD_REPOSITORY", "https://hg.example.org/releases/mozilla-beta")),
    saboteur("decision-source-of-another-repository", "source-repository", &["V72", "V69a"],
        "A fork's template shows the official repository as the source of its decision task.",
        Flow::XpiPullRequest, |chain| chain.edit_template("decision", "source: '${facts.home}/", &format!("source: '{XPI}/"))),
    saboteur("all-of-a-side-project", "restricted-tree", &["V84", "V81"],
        "A release scope is on a chain from a project repository that the scope's level does not list.",
        Flow::FirefoxPush, |chain| chain.move_repo(BETA, "https://hg.mozilla.org/projects/larch")),
    saboteur("all-of-a-private-user", "restricted-tree", &["V84", "V81"],
        "A release scope is on a chain from somebody's own repository.",
        Flow::FirefoxPush, |chain| chain.move_repo(BETA, "https://hg.mozilla.org/users/mallory_example.org/beta")),
    saboteur("scope-of-another-branch", "restricted-tree", &["V84", "V83"],
        "The root, of a beta, has a scope that belongs to nightlies.",
        Flow::FirefoxPush, |chain| scopes(chain, &json!(["project:releng:beetmover:bucket:maven-nightly-production"]))),
    saboteur("scope-of-another-branch-second", "restricted-tree", &["V84"],
        "The second scope of the root is one that belongs to releases.",
        Flow::FirefoxPush, |chain| scopes(chain, &json!(["project:releng:signing:cert:release-signing", "project:releng:balrog:server:release"]))),
    saboteur("repository-named-like-ours", "restricted-tree", &["S22", "V70"],
        "A chain is from a repository whose name goes on where a careless pattern expects the ending .git.",
        Flow::XpiPush, |chain| chain.move_repo(XPI, "https://github.com/mozilla-extensions/xpi-manifest-git-copy"))
        .compat(Compat::Trusted),
    saboteur("root-of-another-repository", "restricted-tree", &["V84"],
        "The graph of a trusted decision task has a signing task with a source that nobody trusts.",
        Flow::FirefoxPush, |chain| source(chain, "root", "https://hg.example.org/releases/mozilla-beta/file/x")),
    saboteur("sibling-of-another-tree", "sibling-tree", &["V85"],
        "A build of the group works on another trusted repository than the root.",
        Flow::FirefoxPush, |chain| relocate(chain, "build-1", BETA, "https://hg.mozilla.org/mozilla-central")),
    saboteur("sibling-of-no-tree", "sibling-tree", &["V85"],
        "A build of the group works on a repository that nobody trusts.",
        Flow::FirefoxPush, |chain| relocate(chain, "build-1", BETA, "https://hg.mozilla.org/users/mallory_example.org/beta")),
    saboteur("image-of-no-tree", "sibling-tree", &["V85"],
        "The docker image of a release is from a repository that nobody trusts.",
        Flow::FirefoxPush, |chain| relocate(chain, "image-0", "https://hg.mozilla.org/mozilla-central", "https://hg.mozilla.org/users/mallory_example.org/images")),
    saboteur("mirror-of-another-owner", "try-or-pull-request", &["V82", "V89"],
        "A build of the group is from a fork of the git mirror.",
        Flow::FirefoxMirror, |chain| relocate(chain, "build-0", "https://github.com/mozilla-firefox/firefox", "https://github.com/mallory/firefox")),
    saboteur("scheduler-of-try", "try-or-pull-request", &["V88", "S25"],
        "A build of the group was scheduled by try.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-1", |task| task["schedulerId"] = "gecko-level-1".into())),
    saboteur("branch-of-try", "try-or-pull-request", &["V88", "S25"],
        "A build of the group says that its branch is try.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "MH_BRANCH", "try")),
    saboteur("branch-like-try", "try-or-pull-request", &["V88", "S25"],
        "A build of the group says that its branch is one whose name contains try.",
        Flow::FirefoxPush, |chain| variable(chain, "build-1", "MH_BRANCH", "my-retry-branch")),
    saboteur("all-of-try", "try-or-pull-request", &["V86", "V88"],
        "A release scope is on a chain that was pushed to try.",
        Flow::FirefoxPush, |chain| chain.move_repo(BETA, "https://hg.mozilla.org/try")),
    saboteur("pull-request-with-release-scope", "try-or-pull-request", &["V86", "V89"],
        "A pull request that nobody has reviewed asks for a release signature.",
        Flow::XpiPullRequest, |chain| scopes(chain, &json!(["project:xpi:signing:cert:release-signing"]))),
    saboteur("build-of-a-pull-request", "try-or-pull-request", &["V89"],
        "A build of a release says that a pull request started it.",
        Flow::XpiPush, |chain| chain.edit_task("build-0", |task| task["extra"]["tasks_for"] = "github-pull-request".into())),
    saboteur("build-of-an-untrusted-pull-request", "try-or-pull-request", &["V89"],
        "A build of a release says that an untrusted pull request started it.",
        Flow::XpiPush, |chain| chain.edit_task("build-0", |task| task["extra"]["tasks_for"] = "github-pull-request-untrusted".into())),
    saboteur("build-of-a-fork", "try-or-pull-request", &["V89"],
        "A build of a release is from the repository of a contributor.",
        Flow::XpiPush, |chain| relocate(chain, "build-0", XPI, "https://github.com/mallory/xpi-manifest")),
    saboteur("source-without-revision", "try-or-pull-request", &["V89", "S31"],
        "A build of a release shows a source without a revision, so that nobody can ask whether it landed.",
        Flow::XpiPush, |chain| source(chain, "build-0", XPI)),
    saboteur("untrusted-pull-request-with-release-scope", "try-or-pull-request", &["V86", "V89"],
        "A pull request of somebody who is not trusted asks for a release signature.",
        Flow::MobileUntrusted, |chain| scopes(chain, &json!(["project:mobile:reference-browser:releng:signing:cert:release-signing"]))),
    saboteur("pr-action-with-release-scope", "pr-action", &["S28", "V86"],
        "An action on a pull request asks to publish a release.",
        Flow::TranslationsPrAction, |chain| scopes(chain, &json!(["project:translations:releng:beetmover:bucket:release"]))),
    saboteur("comm-source-of-another-repository", "source-repository", &["V72"],
        "A task of the enterprise product shows a source in its head repository, and names a second repository that does not have it.",
        Flow::EnterpriseComm, |chain| variable(chain, "build-1", "COMM_HEAD_REPOSITORY", "https://github.com/mozilla/enterprise-firefox")),
    saboteur("comm-repository-left-out", "source-repository", &["V72"],
        "A task of the enterprise product leaves out its second repository, so that its head repository does not have the source.",
        Flow::EnterpriseComm, |chain| chain.edit_task("build-1", |task| super::drop_member(&mut task["payload"]["env"], "COMM_HEAD_REPOSITORY"))),
    saboteur("comm-repository-with-dots", "url-form", &["S4", "V72"],
        "The second repository of a task of the enterprise product has dot segments.",
        Flow::EnterpriseComm, |chain| variable(chain, "build-1", "COMM_HEAD_REPOSITORY", "https://github.com/thunderbird/thunderbird-desktop/../x")),
    saboteur("comm-commit-not-landed", "landed", &["V89", "V72"],
        "The commit of the second repository never landed.",
        Flow::EnterpriseComm, |chain| {
            not_landed(chain);
            let (yes, home) = (json!({"ahead_by": 0, "merge_base_commit": {"sha": ""}}), "https://github.com/mozilla/enterprise-firefox");
            for request in chain.documents.keys().cloned().collect::<Vec<_>>() {
                if let Request::Landed { repo, revision, .. } = &request && repo.to_string() == home {
                    let mut yes = yes.clone();
                    yes["merge_base_commit"]["sha"] = revision.as_str().into();
                    chain.replace(&request, yes.to_string().into_bytes());
                }
            }
        }),
    saboteur("enterprise-repository-named-like-ours", "restricted-tree", &["S22", "V70"],
        "A chain is from a repository whose name goes on where a careless pattern expects the ending .git.",
        Flow::EnterprisePush, |chain| chain.move_repo("https://github.com/mozilla/enterprise-firefox", "https://github.com/mozilla/enterprise-firefox-git-fork"))
        .compat(Compat::Trusted),
    saboteur("build-of-a-pr-action", "pr-action", &["S28"],
        "A build of a release says that an action on a pull request started it.",
        Flow::XpiPush, |chain| chain.edit_task("build-0", |task| task["extra"]["tasks_for"] = "pr-action".into())),
    saboteur("commit-of-a-fork", "landed", &["V89", "V94", "P15", "S29"],
        "A fork's commit, which GitHub serves under the address of the official repository, never landed there.",
        Flow::XpiCron, not_landed),
    saboteur("commit-ahead-of-the-branch", "landed", &["P15"],
        "The commit of a push is ahead of every protected branch.",
        Flow::XpiPush, |chain| {
            not_landed(chain);
            chain.answer(is_compare, &json!({"status": "ahead", "ahead_by": 3, "merge_base_commit": {"sha": "ef".repeat(20)}}));
        }),
    saboteur("commit-with-another-merge-base", "landed", &["P15"],
        "A host says that a commit is not ahead, but that the histories meet elsewhere.",
        Flow::XpiPush, |chain| {
            not_landed(chain);
            chain.answer(is_compare, &json!({"status": "behind", "ahead_by": 0, "merge_base_commit": {"sha": "ef".repeat(20)}}));
        }),
    saboteur("commit-on-an-open-branch", "landed", &["P15"],
        "A commit is on a branch that anybody may push to, which the undocumented page shows all the same.",
        Flow::XpiPush, |chain| {
            not_landed(chain);
            let page = chain.find(|request| matches!(request, Request::BranchCommits { .. }));
            chain.replace(&page, b"<li class=\"branch\">mallory/patch</li>".to_vec());
        }).compat(Compat::Trusted),
    saboteur("mirror-commit-not-landed", "landed", &["V89", "V82"],
        "A build of the group is from a commit of the git mirror that never landed.",
        Flow::FirefoxMirror, not_landed),
    saboteur("repository-renamed", "repo-rename", &["S27"],
        "GitHub answers for the official repository with one that now belongs to somebody else.",
        Flow::XpiPush, |chain| {
            let request = chain.find(|request| matches!(request, Request::Repository { .. }));
            chain.edit_json(&request, |answer| answer["full_name"] = "mallory/xpi-manifest".into());
        }).compat(Compat::Trusted),
    saboteur("star-scope", "star-scope", &["S8"],
        "The root has a scope that covers every signing scope and equals none, so that it counts as unrestricted.",
        Flow::FirefoxPush, |chain| scopes(chain, &json!(["project:releng:signing:cert:*"]))).compat(Compat::Trusted),
    saboteur("star-scope-of-everything", "star-scope", &["S8"],
        "The root may do anything.",
        Flow::XpiPush, |chain| scopes(chain, &json!(["*"]))).compat(Compat::Trusted),
    saboteur("star-scope-below-a-pattern", "star-scope", &["S8", "V83"],
        "The root has a starred scope of a project repository, where no release scope may be.",
        Flow::FirefoxPush, |chain| {
            chain.move_repo(BETA, "https://hg.mozilla.org/projects/larch");
            scopes(chain, &json!(["project:releng:*"]));
        }).compat(Compat::Trusted),
];

/// Sets a task's source, in all that states it.
fn source(chain: &mut Chain, name: &str, source: &str) {
    chain.edit_everywhere(name, |task| task["metadata"]["source"] = source.into());
}

/// Sets a variable of a task, in all that states it.
fn variable(chain: &mut Chain, name: &str, variable: &str, value: &str) {
    chain.edit_everywhere(name, |task| task["payload"]["env"][variable] = value.into());
}

/// Sets the scopes of the root, in all that states them.
fn scopes(chain: &mut Chain, scopes: &Value) {
    chain.edit_task("root", |task| task["scopes"] = scopes.clone());
}

/// Replaces a repository in one task, in all that states it.
fn relocate(chain: &mut Chain, name: &str, from: &str, to: &str) {
    chain.edit_everywhere(name, |task| {
        let text = task.to_string().replace(from, to);
        *task = serde_json::from_str(&text).unwrap_or_default();
    });
}

const fn is_compare(request: &Request) -> bool {
    matches!(request, Request::Landed { .. })
}

/// Has GitHub say that no commit is on any branch.
fn not_landed(chain: &mut Chain) {
    chain.answer(is_compare, &json!({"status": "diverged", "ahead_by": 1, "merge_base_commit": {"sha": "ef".repeat(20)}}));
    for request in chain.documents.keys().cloned().collect::<Vec<_>>() {
        match &request {
            Request::BranchCommits { .. } => chain.replace(&request, b"\n".to_vec()),
            Request::Branch { repo, .. } => {
                let branches = Request::Branches { repo: repo.clone() };
                chain.documents.insert(branches, b"[]".to_vec());
            }
            _ => {}
        }
    }
}
