// SPDX-License-Identifier: MPL-2.0
//! The context of events on GitHub (V65), and of pushes and schedules on other git hosts, which have their form
//! (ADR 11).

use catena_jsone::Value;

use super::names::{Names, Origin};
use super::{Parent, Stop};
use crate::checks::{cron_level, repo_rename, trigger};
use crate::evidence::Miss;
use crate::model::shape::{Fields, Shape, describe};
use crate::model::url::VcsUrl;
use crate::policy::Switch;
use crate::report::Asserter;
use crate::request::{HostedKind, Repo, Request};
use crate::yaml::Node;

impl Parent<'_> {
    /// Sets the names of a GitHub event.
    pub(super) fn github_context(&self, names: &mut Names) -> Result<(), Stop> {
        let hosted = matches!(self.repo, Repo::Hosted(_));
        match self.tasks_for {
            "github-push" => self.push_event(names),
            "github-release" | "github-pull-request" | "github-pull-request-untrusted"
                if hosted =>
            {
                let finding = trigger::META.undetermined(
                    "github-push, cron or an action, which are all that is known on this kind of host",
                    self.tasks_for,
                );
                Err(super::at_own(finding, self.own, "/extra/tasks_for").into())
            }
            "github-release" => self.release_event(names),
            "github-pull-request" | "github-pull-request-untrusted" => {
                self.pull_request_event(names)
            }
            "cron" => self.cron_context(names),
            _ => self.merge_action(names),
        }
    }

    /// Returns the head repository in the form that events have (V66): `git@` becomes `ssh://`.
    fn url(&self) -> Result<String, Stop> {
        let repo = self
            .read(self.decision.definition, self.decision.head_repository())?
            .unwrap_or_default();
        Ok(rewrite(repo))
    }

    /// Sets a name to a prefixed variable of D, which only D asserts (S36).
    fn claim(&self, names: &mut Names, name: &str, variables: &[&str]) -> Result<(), Stop> {
        names.set(name, self.claimed(variables)?, self.env(variables));
        Ok(())
    }

    fn claimed(&self, variables: &[&str]) -> Result<Value, Stop> {
        let value = self.read(self.decision.definition, self.decision.variable(variables))?;
        Ok(value.map_or(Value::Null, Value::from))
    }

    /// Returns the full name and the name of the repository.
    fn full_and_name(&self) -> Result<(String, String), Stop> {
        match &self.repo {
            Repo::Github { owner, name } => Ok((format!("{owner}/{name}"), name.to_string())),
            Repo::Hosted(hosted) => Ok((hosted.full_name().to_owned(), hosted.name().to_owned())),
            Repo::Hg { .. } => {
                let finding =
                    trigger::META.reject("a repository on a git host", self.repo.to_string());
                Err(super::at_own(finding, self.decision.definition, "/payload/env").into())
            }
        }
    }

    fn push_event(&self, names: &mut Names) -> Result<(), Stop> {
        let (full, name) = self.full_and_name()?;
        let (login, said) = self.pusher()?;
        let url = self.url()?;
        let decision = self.decision.definition;
        let metadata = self.read(
            decision,
            decision
                .fields()
                .and_then(|fields| fields.object("metadata")),
        )?;
        let email = self.read(decision, metadata.text("owner"))?;
        let repo = || self.env(&["HEAD_REPOSITORY"]);
        self.claim(names, "event.before", &["BASE_REV"])?;
        names.set(
            "event.after",
            self.revision.as_str(),
            self.env(&["HEAD_REV"]),
        );
        let owner_place = Origin::definition(decision.id(), "/metadata/owner");
        names.set("event.pusher.email", email, owner_place);
        self.claim(names, "event.base_ref", &["BASE_BRANCH", "BASE_REF"])?;
        self.claim(names, "event.ref", &["HEAD_BRANCH", "HEAD_REF"])?;
        let host = match &self.repo {
            Repo::Hosted(hosted) => &*hosted.host,
            Repo::Github { .. } | Repo::Hg { .. } => "github.com",
        };
        let ssh = format!("git@{host}:{full}.git");
        names.set("event.repository.full_name", full, repo());
        names.set("event.repository.ssh_url", ssh, repo());
        names.set("event.repository.html_url", url, repo());
        names.set("event.repository.name", name, repo());
        self.claim(names, "event.repository.pushed_at", &["PUSH_DATE_TIME"])?;
        names.set("event.sender.login", login, said);
        Ok(())
    }

    /// Returns who pushed, and who says so: the host's commit, where it names accounts. GitLab and mirrors know names
    /// and addresses only; there the decision task says it (S36).
    fn pusher(&self) -> Result<(Value, Origin), Stop> {
        if let Repo::Hosted(hosted) = &self.repo
            && hosted.kind != HostedKind::Gitea
        {
            let login = match self.claimed(&["TRIGGERED_BY"])? {
                Value::Null => UNKNOWN.into(),
                login => login,
            };
            return Ok((login, self.env(&["TRIGGERED_BY"])));
        }
        let request = Request::Commit {
            repo: self.repo.clone(),
            revision: self.revision.clone(),
        };
        let commit = self.host(&request)?;
        let (login, place) =
            login(&commit).map_err(|shape| super::missed(&request, &Miss::Shape(shape)))?;
        Ok((login, Origin::new(&request, place)))
    }

    fn release_event(&self, names: &mut Names) -> Result<(), Stop> {
        let request = Request::Release {
            repo: self.repo.clone(),
            tag: self.revision.clone(),
        };
        let (full, name) = self.full_and_name()?;
        let release = self.host(&request)?;
        let read = || {
            let fields = Fields::of(&release, "")?;
            let author = fields.object("author")?.required("login")?;
            Ok((
                author.clone(),
                fields.required("target_commitish")?.clone(),
                fields.required("published_at")?.clone(),
            ))
        };
        let (author, target, published) =
            read().map_err(|shape| super::missed(&request, &Miss::Shape(shape)))?;
        let decision = self.decision.definition;
        let url = self
            .read(decision, self.decision.head_repository())?
            .unwrap_or_default();
        let repo = || self.env(&["HEAD_REPOSITORY"]);
        let of = |place: &str| Origin::new(&request, place);
        names.set_constant("event.action", "published");
        names.set("event.repository.clone_url", format!("{url}.git"), repo());
        names.set("event.repository.full_name", full, repo());
        names.set("event.repository.html_url", url, repo());
        names.set("event.repository.name", name, repo());
        let tag = self.env(&["HEAD_REV"]);
        names.set("event.release.tag_name", self.revision.as_str(), tag);
        names.set(
            "event.release.target_commitish",
            target,
            of("/target_commitish"),
        );
        names.set("event.release.published_at", published, of("/published_at"));
        names.set("event.sender.login", author, of("/author/login"));
        Ok(())
    }

    fn pull_request_event(&self, names: &mut Names) -> Result<(), Stop> {
        let decision = self.decision.definition;
        let base = self
            .read(decision, self.decision.base_repository())?
            .ok_or_else(|| {
                let finding = trigger::META.reject("a base repository", "nothing");
                super::at_own(finding, decision, "/payload/env")
            })?;
        let number = self.read(decision, self.decision.variable(&["PULL_REQUEST_NUMBER"]))?;
        let number = number
            .and_then(|number| number.trim().parse::<u64>().ok())
            .ok_or_else(|| {
                let finding = trigger::META.reject(
                    "a pull request number",
                    describe(number.map(Value::from).as_ref()),
                );
                super::at_own(finding, decision, "/payload/env")
            })?;
        let repo = self.pull_request_repo(base)?;
        let request = Request::PullRequest { repo, number };
        let mut pull = self.host(&request)?;
        let read = || {
            let fields = Fields::of(&pull, "")?;
            let login = fields
                .object("head")?
                .object("user")?
                .required("login")?
                .clone();
            Ok((fields.object("base")?.required("repo")?.clone(), login))
        };
        let (repository, login) =
            read().map_err(|shape| super::missed(&request, &Miss::Shape(shape)))?;
        if let Value::Object(map) = &mut pull {
            map.shift_remove("ETag");
            map.shift_remove("Last-Modified");
        }
        names.set_constant("event.action", "synchronize");
        let base_repo = Origin::new(&request, "/base/repo");
        names.set("event.repository", repository, base_repo);
        names.set("event.pull_request", pull, Origin::new(&request, ""));
        let chosen = self.env(&["PULL_REQUEST_NUMBER"]);
        let number = Value::Int(number.into());
        names.note("event.pull_request.number", &number, chosen);
        let updated = "event.pull_request.head.updated_at";
        self.claim(names, updated, &["PUSH_DATE_TIME"])?;
        self.claim(names, "event.pull_request.base.sha", &["BASE_REV"])?;
        let head = "event.pull_request.head.sha";
        names.set(head, self.revision.as_str(), self.env(&["HEAD_REV"]));
        let user = Origin::new(&request, "/head/user/login");
        names.set("event.sender.login", login, user);
        Ok(())
    }

    /// Returns the repository that holds the pull request: the parent of a fork, else the head's own (V65).
    fn pull_request_repo(&self, base: &str) -> Result<Repo, Stop> {
        let request = Request::Repository {
            repo: self.repo.clone(),
        };
        let object = self.host(&request)?;
        let fork = Fields::of(&object, "").and_then(|object| object.required("fork"));
        let fork = fork
            .map_err(|shape| super::missed(&request, &Miss::Shape(shape)))?
            .is_truthy();
        if !fork || rewrite(base) == self.url()? {
            return Ok(self.repo.clone());
        }
        let parent = || {
            let parent = Fields::of(&object, "")?.object("parent")?;
            let (owner, name) = (parent.object("owner")?.text("login")?, parent.text("name")?);
            Ok((owner.to_owned(), name.to_owned()))
        };
        let (owner, name) =
            parent().map_err(|shape: Shape| super::missed(&request, &Miss::Shape(shape)))?;
        let url = VcsUrl::parse(&format!("https://github.com/{owner}/{name}")).ok();
        let hosts = &self.inputs.settings.vcs_hosts;
        url.and_then(|url| url.repo(hosts).ok()).ok_or_else(|| {
            let finding =
                repo_rename::META.reject("the fork's parent", format!("{owner:.60}/{name:.100}"));
            finding
                .says(Asserter::VcsHost)
                .at(&request, "/parent")
                .into()
        })
    }

    fn cron_context(&self, names: &mut Names) -> Result<(), Stop> {
        self.evidence.want(&Request::Projects);
        let decision = self.decision.definition;
        let repo = self
            .read(decision, self.decision.head_repository())?
            .unwrap_or_default();
        if repo.starts_with("git@") {
            let finding = trigger::META.reject("an https or ssh URL", format!("{repo:.200}"));
            return Err(super::at_own(finding, decision, "/payload/env").into());
        }
        let (full, name) = self.full_and_name()?;
        let projects = self.projects()?;
        let (level, level_place) = self.level(&projects, &name)?;
        let listed = projects
            .get(&name)
            .and_then(|entry| entry.get("repo"))
            .and_then(Node::as_str);
        let own = self.repo.to_string();
        let same =
            listed.is_some_and(|listed| listed.trim_end_matches('/').eq_ignore_ascii_case(&own));
        if !same && !self.inputs.relaxations.allows(Switch::CronLevelByName) {
            let finding = cron_level::META.reject(own, listed.unwrap_or("no repo").to_owned());
            return Err(finding
                .says(Asserter::VcsHost)
                .at(&Request::Projects, format!("/{name}/repo"))
                .into());
        }
        self.cron(names, decision)?;
        let of = |variable: &str| self.env(&[variable]);
        let place = || of("HEAD_REPOSITORY");
        names.set("event.repository.clone_url", repo, place());
        names.set("event.repository.full_name", full, place());
        names.set("event.repository.html_url", repo, place());
        names.set("event.repository.name", name.as_str(), place());
        let revision = self.revision.as_str();
        names.set("event.release.tag_name", revision, of("HEAD_REV"));
        let branch = ["HEAD_BRANCH", "HEAD_REF"];
        self.claim(names, "event.release.target_commitish", &branch)?;
        self.claim(names, "event.release.published_at", &["PUSH_DATE_TIME"])?;
        match self.claimed(&["TRIGGERED_BY"])? {
            Value::Null => names.set_constant("event.sender.login", "TaskclusterHook"),
            user => names.set("event.sender.login", user, of("TRIGGERED_BY")),
        }
        names.set("repository.url", repo, place());
        names.set("repository.project", name, place());
        let level_place = Origin::new(&Request::Projects, level_place);
        names.set("repository.level", level, level_place);
        names.set_constant("repository.type", "git");
        names.set("push.revision", revision, of("HEAD_REV"));
        self.claim(names, "push.branch", &branch)
    }
}

/// Who pushed, when nobody says (V65).
const UNKNOWN: &str = "@@@unknown@@@";

fn rewrite(repo: &str) -> String {
    repo.replacen("git@github.com:", "ssh://github.com/", 1)
}

/// Returns who pushed, as far as the commit tells (V65): its committer, or for GitHub's own its author; and where it
/// says so.
fn login(commit: &Value) -> Result<(Value, &'static str), Shape> {
    let fields = Fields::of(commit, "")?;
    let person = |key| match fields.get(key) {
        Some(value) if value.is_truthy() => Fields::of(value, fields.pointer(key)).map(Some),
        _ => Ok(None),
    };
    fields.required("committer")?;
    let committer = person("committer")?.and_then(|user| user.get("login").cloned());
    match committer {
        Some(login) if !login.is_null() && login.as_str() != Some("web-flow") => {
            return Ok((login, "/committer/login"));
        }
        _ => {}
    }
    // read whether it counts or not, as the reference does (P3)
    let author = fields
        .optional_object("commit")?
        .optional_object("author")?;
    if let Some(login) = person("author")?.and_then(|user| user.get("login").cloned()) {
        return Ok((login, "/author/login"));
    }
    let login = author.get("login").cloned();
    let login = login.unwrap_or_else(|| UNKNOWN.into());
    Ok((login, "/commit/author/login"))
}
