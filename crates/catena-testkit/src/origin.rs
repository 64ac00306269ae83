// SPDX-License-Identifier: MPL-2.0
//! Where tasks come from: a push, a release, a pull request, a schedule. One origin is the facts, what the
//! hosts say about them, and what the template sees.

use catena_core::request::{Repo, Request};
use serde_json::{Map, Value, json};

use crate::builder::Builder;
use crate::chain::must;
use crate::hosts::{self, HgPush, Pull};
use crate::json::sorted;
use crate::spec::{Flow, Presence, Product};

#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The head repository.
    pub(crate) url: String,
    /// What `P_HEAD_REV` says: a commit, or the tag of a release.
    pub(crate) revision: String,
    /// What `P_HEAD_REF` says.
    pub(crate) reference: String,
    /// Name of the repository that takes part in names and routes.
    pub(crate) project: String,
    pub(crate) level: &'static str,
    pub(crate) tasks_for: &'static str,
    /// What the template sees beyond the base context.
    pub(crate) context: Map<String, Value>,
    /// `.taskcluster.yml`.
    pub(crate) template: String,
    /// Repository and revision that sources are in, where it is not the head repository (V72).
    pub(crate) comm: Option<(String, String)>,
}

impl Origin {
    pub(crate) fn is_git(&self) -> bool {
        self.url.starts_with(GITHUB)
    }
}

const GITHUB: &str = "https://github.com/";
const PUSHED: &str = "2026-03-02T08:58:41Z";
const LOGIN: &str = "a-dev";
const COMM: &str = "thunderbird/thunderbird-desktop";

impl Builder<'_> {
    /// A push to or a schedule of a repository; for GitHub also a release or a pull request.
    pub(crate) fn origin(
        &mut self,
        product: &Product,
        url: &str,
        tasks_for: &'static str,
    ) -> Origin {
        if url.starts_with(GITHUB) {
            self.git(product, url, tasks_for)
        } else {
            self.hg(product, url, tasks_for)
        }
    }

    fn hg(&mut self, product: &Product, url: &str, tasks_for: &'static str) -> Origin {
        let push = HgPush {
            id: (30_000 + self.random.below(9_000)).to_string(),
            date: 1_772_441_000,
            user: "sheriff@example.org",
            base: self.random.revision(),
            first: self.random.revision(),
            head: self.random.revision(),
        };
        let template = fill(include_str!("templates/hg.yml"), product);
        let (repo, revision) = (repo(url), must(push.head.parse().ok(), "revision"));
        self.put(
            Request::Pushlog {
                repo: repo.clone(),
                revision,
            },
            sorted(&hosts::pushlog(&push)),
        );
        let revision = must(push.head.parse().ok(), "revision");
        self.put(
            Request::Template { repo, revision },
            template.clone().into_bytes(),
        );
        let project = url.rsplit('/').next().unwrap_or_default().to_owned();
        let (owner, comment) = if tasks_for == "cron" {
            ("cron", "")
        } else {
            (push.user, " ")
        };
        let mut context = object(json!({
            "repository": {"url": url, "project": project, "level": "3", "type": "hg"},
            "push": {"base_revision": push.base, "revision": push.head, "comment": comment, "owner": owner,
                     "pushlog_id": push.id, "pushdate": push.date},
        }));
        if tasks_for == "cron" {
            context.insert("cron".to_owned(), cron());
        }
        let revision = push.head;
        Origin {
            url: url.to_owned(),
            reference: revision.clone(),
            revision,
            project,
            level: "3",
            tasks_for,
            context,
            template,
            comm: None,
        }
    }

    fn git(&mut self, product: &Product, url: &str, tasks_for: &'static str) -> Origin {
        let sha = self.random.revision();
        let full = url.trim_start_matches(GITHUB);
        let project = full.split('/').nth(1).unwrap_or_default().to_owned();
        let template = fill(include_str!("templates/git.yml"), product);
        let mut origin = Origin {
            url: url.to_owned(),
            revision: sha.clone(),
            reference: "refs/heads/main".to_owned(),
            project,
            level: "3",
            tasks_for,
            context: Map::new(),
            template,
            comm: None,
        };
        let event_repository = json!({"full_name": full, "html_url": url, "name": origin.project});
        let event = match tasks_for {
            "cron" => {
                origin.reference = "main".to_owned();
                return self.git_cron(origin, &sha);
            }
            "github-release" => {
                origin.revision = format!("v2.{}.0", self.random.below(90));
                origin.reference = "main".to_owned();
                self.describe_release(full, &origin, &sha);
                let release = json!({"tag_name": origin.revision, "target_commitish": "main", "published_at": PUSHED});
                let mut repository = event_repository;
                repository["clone_url"] = format!("{url}.git").into();
                json!({"action": "published", "repository": repository, "release": release, "sender": {"login": LOGIN}})
            }
            "github-pull-request" | "github-pull-request-untrusted" => {
                return self.pull_request(origin, full, &sha);
            }
            _ => {
                let mut repository = event_repository;
                repository["ssh_url"] = format!("git@github.com:{full}.git").into();
                repository["pushed_at"] = PUSHED.into();
                json!({"before": self.random.revision(), "after": sha, "base_ref": null, "ref": origin.reference,
                       "pusher": {"email": "dev@example.org"}, "repository": repository, "sender": {"login": LOGIN}})
            }
        };
        origin.context.insert("event".to_owned(), event);
        if self.has_comm(url) {
            self.comm(&mut origin);
        }
        self.describe_git(full, &origin, &sha, None);
        origin
    }

    /// Adds the second repository of [`Flow::EnterpriseComm`], in which all sources are.
    fn comm(&mut self, origin: &mut Origin) {
        let (url, sha) = (format!("{GITHUB}{COMM}"), self.random.revision());
        origin.template = origin
            .template
            .replace(
                "'${facts.home}/raw/${facts.revision}/",
                &format!("'{url}/raw/{sha}/"),
            )
            .replace(
                "\n              env:\n",
                &format!("\n              env:\n                COMM_HEAD_REPOSITORY: {url}\n                COMM_HEAD_REV: '{sha}'\n"),
            );
        let second = Origin {
            url: url.clone(),
            revision: sha.clone(),
            ..origin.clone()
        };
        self.describe_git(COMM, &second, &sha, None);
        origin.comm = Some((url, sha));
    }

    fn git_cron(&mut self, mut origin: Origin, sha: &str) -> Origin {
        let full = origin.url.trim_start_matches(GITHUB).to_owned();
        let url = &origin.url;
        origin.context = object(json!({
            "cron": cron(),
            "repository": {"url": url, "project": origin.project, "level": "3", "type": "git"},
            "push": {"revision": sha, "branch": "main"},
            "event": {"repository": {"clone_url": url, "html_url": url, "full_name": full, "name": origin.project},
                      "release": {"tag_name": sha, "target_commitish": "main", "published_at": null},
                      "sender": {"login": "TaskclusterHook"}},
        }));
        self.describe_git(&full, &origin, sha, None);
        origin
    }

    fn pull_request(&mut self, mut origin: Origin, base: &str, sha: &str) -> Origin {
        let fork = format!("contributor/{}", origin.project);
        let base_sha = self.random.revision();
        let pull = Pull {
            number: 7,
            base,
            base_sha: &base_sha,
            fork: &fork,
            head_sha: sha,
        };
        let mut answer = hosts::pull_request(&pull);
        let request = Request::PullRequest {
            repo: repo(&origin.url),
            number: pull.number,
        };
        self.put(request, sorted(&answer));
        let base_request = Request::Repository {
            repo: repo(&origin.url),
        };
        self.put(base_request, sorted(&hosts::repository(base, None)));
        answer["head"]["updated_at"] = PUSHED.into();
        let event = json!({"action": "synchronize", "repository": answer["base"]["repo"], "pull_request": answer,
                           "sender": {"login": "contributor"}});
        origin.context.insert("event".to_owned(), event);
        origin.url = format!("{GITHUB}{fork}");
        origin.reference = "fix-widget".to_owned();
        origin.level = "1";
        self.describe_git(&fork, &origin, sha, Some(base));
        origin
    }

    /// The mirror that one build of [`Flow::FirefoxMirror`] is made from; it has no decision here.
    pub(crate) fn mirror(&mut self, main: &Origin) -> Origin {
        let product = Flow::FirefoxMirror.product();
        let mut out = self.git(
            product,
            "https://github.com/mozilla-firefox/firefox",
            "github-push",
        );
        out.project.clone_from(&main.project);
        out
    }

    fn describe_git(&mut self, full: &str, origin: &Origin, sha: &str, parent: Option<&str>) {
        let repo = || repo(&origin.url);
        let revision = |text: &str| must(text.parse().ok(), "revision");
        let landed = if parent.is_some() {
            hosts::not_landed()
        } else {
            hosts::landed(sha)
        };
        let contents = hosts::contents(full, &origin.revision, &origin.template);
        let page: &[u8] = if parent.is_some() {
            b"\n"
        } else {
            b"<ul class=\"branches-list\"><li class=\"branch\">main</li></ul>\n"
        };
        let main = || revision("main");
        self.put(
            Request::Repository { repo: repo() },
            sorted(&hosts::repository(full, parent)),
        );
        self.put(
            Request::Branch {
                repo: repo(),
                branch: main(),
            },
            sorted(&hosts::branch("main")),
        );
        self.put(
            Request::Commit {
                repo: repo(),
                revision: revision(sha),
            },
            sorted(&hosts::commit(full, sha, LOGIN)),
        );
        self.put(
            Request::Template {
                repo: repo(),
                revision: revision(&origin.revision),
            },
            sorted(&contents),
        );
        self.put(
            Request::Landed {
                repo: repo(),
                branch: main(),
                revision: revision(sha),
            },
            sorted(&landed),
        );
        self.put(
            Request::BranchCommits {
                repo: repo(),
                revision: revision(sha),
            },
            page.to_vec(),
        );
    }

    fn describe_release(&mut self, full_name: &str, origin: &Origin, sha: &str) {
        let (repo, tag) = (
            || repo(&origin.url),
            || must(origin.revision.parse().ok(), "tag"),
        );
        let release = hosts::release(full_name, &origin.revision, LOGIN);
        self.put(
            Request::Release {
                repo: repo(),
                tag: tag(),
            },
            sorted(&release),
        );
        let annotated = self.spec.annotated_tag == Presence::Present;
        let object = self.random.clone().revision();
        let tagged = if annotated {
            let full = must(format!("tags/{}", origin.revision).parse().ok(), "tag");
            let commit = Request::Commit {
                repo: repo(),
                revision: full,
            };
            self.put(commit, sorted(&hosts::commit(full_name, sha, LOGIN)));
            hosts::tag_ref(&origin.revision, "tag", &object)
        } else {
            hosts::tag_ref(&origin.revision, "commit", sha)
        };
        self.put(
            Request::TagRef {
                repo: repo(),
                tag: tag(),
            },
            sorted(&tagged),
        );
        self.put(
            Request::Tags { repo: repo() },
            sorted(&hosts::tags(full_name, &origin.revision, sha)),
        );
    }
}

/// Returns the repository of a URL that this crate made.
pub(crate) fn repo(url: &str) -> Repo {
    let rest = url.trim_start_matches("https://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match path.split_once('/') {
        Some((owner, name)) if host == "github.com" => Repo::Github {
            owner: owner.into(),
            name: name.into(),
        },
        _ => Repo::Hg {
            host: host.into(),
            path: format!("/{path}").into(),
        },
    }
}

fn cron() -> Value {
    json!({"job_name": "nightly", "job_symbol": "Nd", "quoted_args": "--target-tasks-method=nightly", "task_id": "<cron>"})
}

fn fill(template: &str, product: &Product) -> String {
    let image = "d0".repeat(32);
    template
        .replace("@DOMAIN@", product.domain)
        .replace("@PREFIX@", product.prefix)
        .replace("@DECISION@", product.decision)
        .replace("@IMAGE@", &image)
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
