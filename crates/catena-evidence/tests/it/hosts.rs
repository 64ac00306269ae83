// SPDX-License-Identifier: MPL-2.0
//! Whole chains whose repository is on GitLab, on Gitea or in a git mirror (ADR 11): trusted when the commit has landed,
//! rejected when it has not, undetermined when the host does not say.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use catena_core::policy::{Config, Profile, Relaxations};
use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_evidence::{HttpOptions, HttpSource, Proxy};
use catena_testkit::{Chain, ChainSpec, Flow};

use crate::chain::verify;
use crate::forge;
use crate::git::Repository;
use crate::server::{Got, Reply, Server};

/// A host, and how a push to it looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Git,
    Gitea,
    Gitlab,
}

const ALL: [Kind; 3] = [Kind::Git, Kind::Gitea, Kind::Gitlab];
const GITHUB: &str = "github.com/mozilla-extensions/xpi-manifest";
const NAME: &str = "mozilla-extensions/xpi-manifest";

impl Kind {
    const fn host(self) -> &'static str {
        match self {
            Self::Git => "git.example.org",
            Self::Gitea => "gitea.example.org",
            Self::Gitlab => "gitlab.example.org",
        }
    }

    /// GitLab has groups in groups.
    fn full(self) -> String {
        let group = if self == Self::Gitlab { "acme/" } else { "" };
        format!("{group}{NAME}")
    }

    /// What stands before a revision in the URL of a file.
    const fn raw(self) -> &'static str {
        match self {
            Self::Git | Self::Gitlab => "/-/raw/",
            Self::Gitea => "/raw/commit/",
        }
    }

    /// Returns the template of a product with this host.
    fn template(self) -> String {
        let chain = ChainSpec::new(5, Flow::XpiPush).build();
        let text = chain.template_text("decision");
        let home = "${facts.home}/raw/";
        assert!(text.contains(home));
        let sender = "PUSHED_BY: '${event.sender.login}'";
        assert!(text.contains(sender));
        let both = format!(
            "{sender}\n                          XPI_TRIGGERED_BY: '${{event.sender.login}}'"
        );
        text.replace(home, &format!("${{facts.home}}{}", self.raw()))
            .replace(sender, &both)
    }

    /// Returns the chain of a push of a revision to this host.
    fn chain(self, revision: &str, mirrors: &Path, protected: &str) -> Chain {
        let mut chain = ChainSpec::new(5, Flow::XpiPush).build();
        let template = chain.template("decision");
        let Request::Template { revision: old, .. } = &template else {
            panic!("{template}");
        };
        let old = old.as_str().to_owned();
        let home = format!("{}/{}", self.host(), self.full());
        chain.replace_text(GITHUB, &home);
        for folder in ["raw", "blob"] {
            let file = format!("{home}/{folder}/{old}");
            chain.replace_text(&file, &format!("{home}{}{old}", self.raw()));
        }
        chain.replace_text(&old, revision);
        chain.edit_everywhere("decision", |task| {
            task["payload"]["env"]["XPI_TRIGGERED_BY"] = "a-dev".into();
        });
        let (host, full) = (self.host(), self.full());
        let entry = match self {
            Self::Git => format!("kind: git, mirror: '{}'", mirrors.display()),
            Self::Gitea => "kind: forgejo".to_owned(),
            Self::Gitlab => "kind: gitlab".to_owned(),
        };
        let (group, owner) = (
            full.trim_end_matches(NAME),
            full.trim_end_matches("/xpi-manifest"),
        );
        let slash = if group.is_empty() { "" } else { "/acme" };
        chain.settings = vec![
            format!(
                "trusted_vcs_rules: {{by-cot-product: {{xpi: [{{schemes: [https], netlocs: [{host}], path_regexes: ['^{slash}(?P<path>/{NAME})(/|$)']}}]}}}}"
            ),
            format!("official_github_repos_owner: {{by-cot-product: {{xpi: {host}/{owner}}}}}"),
            format!(
                "x_cot: {{vcs_hosts: {{'https://{host}': {{{entry}, protected_branches: [{protected}]}}}}}}"
            ),
        ];
        chain
    }
}

/// What is wrong with a host.
type Trouble = fn(&str) -> Option<Reply>;

/// Verifies a chain with the queue's documents from a server that is the forge as well.
async fn judge(
    kind: Kind,
    git: &Arc<Repository>,
    chain: &Chain,
    trouble: Trouble,
) -> (Verdict, Vec<String>, Vec<String>) {
    let product = Some(chain.product);
    let text = chain.scriptworker_yaml();
    let config = Config::load_for(text.as_bytes(), "scriptworker.yaml", product).unwrap();
    let mut options = HttpOptions::of(&config.settings, &Relaxations::of(Profile::Strict));
    options.proxy = Proxy::Direct;
    options.retry.attempts = 1;
    let urls = HttpSource::new(&options).unwrap();
    let root = format!("{}/", chain.root_url);
    let queue: BTreeMap<_, _> = chain
        .documents
        .iter()
        .filter_map(|(request, body)| {
            Some((
                urls.url(request)?.strip_prefix(&root)?.to_owned(),
                body.clone(),
            ))
        })
        .collect();
    let (git, full) = (Arc::clone(git), kind.full());
    let server = Server::start(move |got: &Got| {
        let target = got.target.as_str();
        if let Some(reply) = trouble(target) {
            return reply;
        }
        match (kind, got.header("host").unwrap()) {
            (Kind::Gitlab, "gitlab.example.org") => forge::gitlab(&git, &full, target),
            (Kind::Gitea, "gitea.example.org") => forge::gitea(&git, &full, target),
            (_, "taskcluster.example.org") => {
                let body = queue.get(target.trim_start_matches('/')).cloned();
                body.map_or(Reply::status(404), |body| {
                    Reply::ok(body).with("Content-Type", "x/y")
                })
            }
            _ => Reply::status(404),
        }
    })
    .await;
    for origin in [chain.root_url.clone(), format!("https://{}", kind.host())] {
        options.endpoints.insert(origin, server.root());
    }
    let source = HttpSource::new(&options).unwrap();
    let report = verify(chain, &source).await.report;
    let findings = report.findings.iter();
    let ids = findings
        .map(|finding| format!("{}: {}", finding.id, finding.found))
        .collect();
    let asserted = report
        .self_asserted
        .iter()
        .map(|fact| format!("{fact:?}"))
        .collect();
    (report.verdict, ids, asserted)
}

fn well(_: &str) -> Option<Reply> {
    None
}

/// A repository, and its mirror.
fn repository(kind: Kind) -> (Arc<Repository>, tempfile::TempDir) {
    let git = Repository::new(&kind.template());
    let root = tempfile::tempdir().unwrap();
    git.mirror(root.path(), &kind.full());
    (Arc::new(git), root)
}

#[tokio::test]
async fn a_commit_that_has_landed_is_trusted_p15() {
    for kind in ALL {
        let (git, root) = repository(kind);
        for revision in [&git.landed, &git.head] {
            let chain = kind.chain(revision, root.path(), "");
            let (verdict, findings, asserted) = judge(kind, &git, &chain, well).await;
            assert_eq!(verdict, Verdict::Trusted, "{kind:?} {findings:?}");
            let own = asserted
                .iter()
                .any(|fact| fact.contains("event.sender.login"));
            assert_eq!(own, kind != Kind::Gitea, "{asserted:?}");
        }
    }
}

#[tokio::test]
async fn a_commit_of_no_protected_branch_is_rejected_p15_s29() {
    for kind in ALL {
        let (git, root) = repository(kind);
        for revision in [&git.feature, &git.fork, &git.orphan] {
            let chain = kind.chain(revision, root.path(), "");
            let (verdict, findings, _) = judge(kind, &git, &chain, well).await;
            assert_eq!(verdict, Verdict::Rejected, "{kind:?} {revision}");
            let landed = |finding: &String| finding.starts_with("landed: ");
            assert!(findings.iter().all(landed), "{kind:?} {findings:?}");
        }
    }
}

#[tokio::test]
async fn the_configuration_of_a_host_protects_branches_p15() {
    for kind in ALL {
        let (git, root) = repository(kind);
        for glob in ["feature/x", "feature/*"] {
            let chain = kind.chain(&git.feature, root.path(), &format!("'{glob}'"));
            let (verdict, findings, _) = judge(kind, &git, &chain, well).await;
            assert_eq!(verdict, Verdict::Trusted, "{kind:?} {glob} {findings:?}");
        }
        let chain = kind.chain(&git.fork, root.path(), "'feature/*'");
        let (verdict, ..) = judge(kind, &git, &chain, well).await;
        assert_eq!(verdict, Verdict::Rejected, "{kind:?}");
    }
}

#[tokio::test]
async fn an_outage_is_no_verdict_p7() {
    let parts: [(Kind, Trouble); 6] = [
        (Kind::Gitlab, |target| down(target, "/merge_base")),
        (Kind::Gitlab, |target| down(target, "/branches/main")),
        (Kind::Gitlab, |target| down(target, "/raw?ref=")),
        (Kind::Gitea, |target| down(target, "/compare/")),
        (Kind::Gitea, |target| down(target, "/git/commits/")),
        (Kind::Gitea, |target| down(target, "/raw/")),
    ];
    for (kind, trouble) in parts {
        let (git, root) = repository(kind);
        let chain = kind.chain(&git.landed, root.path(), "");
        let (verdict, findings, _) = judge(kind, &git, &chain, trouble).await;
        assert_eq!(verdict, Verdict::Undetermined, "{kind:?} {findings:?}");
    }
    let (git, _root) = repository(Kind::Git);
    let none = tempfile::tempdir().unwrap();
    let chain = Kind::Git.chain(&git.landed, none.path(), "");
    let (verdict, findings, _) = judge(Kind::Git, &git, &chain, well).await;
    assert_eq!(verdict, Verdict::Undetermined, "{findings:?}");
}

fn down(target: &str, part: &str) -> Option<Reply> {
    target.contains(part).then(|| Reply::status(503))
}

#[tokio::test]
async fn an_answer_of_another_shape_is_no_verdict_p7() {
    let parts: [(Kind, Trouble); 4] = [
        // GitHub's proof is none here
        (Kind::Gitlab, |target| {
            let all = r#"{"ahead_by": 0, "merge_base_commit": {"sha": "x"}}"#;
            target.contains("/merge_base").then(|| Reply::ok(all))
        }),
        (Kind::Gitlab, |target| {
            target
                .contains("/branches/main")
                .then(|| Reply::ok(r#"{"name": "main", "protected": true}"#))
        }),
        (Kind::Gitea, |target| {
            target
                .contains("/compare/")
                .then(|| Reply::ok(r#"{"total_commits": 1, "commits": []}"#))
        }),
        (Kind::Gitea, |target| {
            let other = r#"{"name": "other", "protected": true, "commit": {"id": "0123456789abcdef0123456789abcdef01234567"}}"#;
            target.contains("/branches/main").then(|| Reply::ok(other))
        }),
    ];
    for (kind, trouble) in parts {
        let (git, root) = repository(kind);
        let chain = kind.chain(&git.landed, root.path(), "");
        let (verdict, findings, _) = judge(kind, &git, &chain, trouble).await;
        assert_eq!(verdict, Verdict::Undetermined, "{kind:?} {findings:?}");
    }
}

#[tokio::test]
async fn hosts_and_owners_that_are_not_configured_are_rejected_s4_v89() {
    for kind in ALL {
        let (git, root) = repository(kind);
        // the host is not listed
        let mut chain = kind.chain(&git.landed, root.path(), "");
        chain.settings.pop();
        let (verdict, findings, _) = judge(kind, &git, &chain, well).await;
        assert_eq!(verdict, Verdict::Rejected, "{kind:?} {findings:?}");
        // the owner is official on GitHub, which says nothing about a namesake
        let mut chain = kind.chain(&git.landed, root.path(), "");
        chain.settings[1] =
            "official_github_repos_owner: {by-cot-product: {xpi: mozilla-extensions}}".to_owned();
        let (verdict, findings, _) = judge(kind, &git, &chain, well).await;
        assert_eq!(verdict, Verdict::Rejected, "{kind:?}");
        assert!(
            findings
                .iter()
                .any(|finding| finding.starts_with("try-or-pull-request: a repository of")),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn a_repository_that_was_renamed_is_another_one_s27() {
    let (git, root) = repository(Kind::Gitea);
    let chain = Kind::Gitea.chain(&git.landed, root.path(), "");
    let renamed: Trouble = |target| {
        let other = r#"{"full_name": "mallory/xpi-manifest", "default_branch": "main"}"#;
        target.ends_with("/xpi-manifest").then(|| Reply::ok(other))
    };
    let (verdict, findings, _) = judge(Kind::Gitea, &git, &chain, renamed).await;
    assert_eq!(verdict, Verdict::Rejected, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding.starts_with("repo-rename: ")),
        "{findings:?}"
    );
}

#[tokio::test]
async fn events_that_these_hosts_do_not_tell_are_undetermined_v59() {
    for kind in ALL {
        let (git, root) = repository(kind);
        for event in ["github-release", "github-pull-request"] {
            let mut chain = kind.chain(&git.landed, root.path(), "");
            chain.edit_everywhere("decision", |task| {
                task["extra"]["tasks_for"] = event.into();
            });
            let (verdict, findings, _) = judge(kind, &git, &chain, well).await;
            assert_ne!(verdict, Verdict::Trusted);
            assert!(
                findings
                    .iter()
                    .any(|finding| *finding == format!("trigger: {event}")),
                "{kind:?} {findings:?}"
            );
        }
    }
}
