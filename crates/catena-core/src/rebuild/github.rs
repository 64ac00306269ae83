// SPDX-License-Identifier: MPL-2.0
//! The context of events on GitHub (V65).

use catena_jsone::{Map, Value};

use super::{Parent, Stop};
use crate::checks::{cron_level, repo_rename, trigger};
use crate::evidence::Miss;
use crate::model::shape::{Fields, Shape, describe};
use crate::model::url::VcsUrl;
use crate::policy::Switch;
use crate::report::Asserter;
use crate::request::{Repo, Request};
use crate::yaml::Node;

impl Parent<'_> {
    /// Returns the names of a GitHub event.
    pub(super) fn github_context(&self) -> Result<Map, Stop> {
        let mut names = self.base_context();
        let event = match self.tasks_for {
            "github-push" => self.push_event()?,
            "github-release" => self.release_event()?,
            "github-pull-request" | "github-pull-request-untrusted" => self.pull_request_event()?,
            "cron" => return self.cron_context(names),
            _ => {
                self.merge_action(&mut names)?;
                return Ok(names);
            }
        };
        names.insert("event".into(), event);
        Ok(names)
    }

    /// Returns the head repository in the form that events have (V66): `git@` becomes `ssh://`.
    fn url(&self) -> Result<String, Stop> {
        let repo = self
            .read(self.decision.definition, self.decision.head_repository())?
            .unwrap_or_default();
        Ok(rewrite(repo))
    }

    /// Returns a prefixed variable of D, which only D asserts (S36).
    fn claimed(&self, name: &str, variables: &[&str]) -> Result<Value, Stop> {
        let value = self.read(self.decision.definition, self.decision.variable(variables))?;
        let value = value.map_or(Value::Null, Value::from);
        self.self_asserted(self.decision.definition.id(), name, &value);
        Ok(value)
    }

    fn owner_and_name(&self) -> Result<(String, String), Stop> {
        match &self.repo {
            Repo::Github { owner, name } => Ok((owner.to_string(), name.to_string())),
            Repo::Hg { .. } => {
                let finding =
                    trigger::META.reject("a repository on github.com", self.repo.to_string());
                Err(super::at_own(finding, self.decision.definition, "/payload/env").into())
            }
        }
    }

    fn push_event(&self) -> Result<Value, Stop> {
        let request = Request::Commit {
            repo: self.repo.clone(),
            revision: self.revision.clone(),
        };
        let (owner, name) = self.owner_and_name()?;
        let commit = self.host(&request)?;
        let login = login(&commit).map_err(|shape| super::missed(&request, &Miss::Shape(shape)))?;
        let url = self.url()?;
        let decision = self.decision.definition;
        let metadata = self.read(
            decision,
            decision
                .fields()
                .and_then(|fields| fields.object("metadata")),
        )?;
        let email = self.read(decision, metadata.text("owner"))?;
        self.self_asserted(decision.id(), "event.pusher.email", &email.into());
        Ok(Value::from([
            ("before", self.claimed("event.before", &["BASE_REV"])?),
            ("after", self.revision.as_str().into()),
            ("pusher", Value::from([("email", email.into())])),
            (
                "base_ref",
                self.claimed("event.base_ref", &["BASE_BRANCH", "BASE_REF"])?,
            ),
            (
                "ref",
                self.claimed("event.ref", &["HEAD_BRANCH", "HEAD_REF"])?,
            ),
            (
                "repository",
                Value::from([
                    ("full_name", format!("{owner}/{name}").into()),
                    (
                        "ssh_url",
                        format!("git@github.com:{owner}/{name}.git").into(),
                    ),
                    ("html_url", url.into()),
                    ("name", name.into()),
                    (
                        "pushed_at",
                        self.claimed("event.repository.pushed_at", &["PUSH_DATE_TIME"])?,
                    ),
                ]),
            ),
            ("sender", Value::from([("login", login)])),
        ]))
    }

    fn release_event(&self) -> Result<Value, Stop> {
        let request = Request::Release {
            repo: self.repo.clone(),
            tag: self.revision.clone(),
        };
        let (owner, name) = self.owner_and_name()?;
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
        Ok(Value::from([
            ("action", "published".into()),
            (
                "repository",
                Value::from([
                    ("clone_url", format!("{url}.git").into()),
                    ("full_name", format!("{owner}/{name}").into()),
                    ("html_url", url.into()),
                    ("name", name.into()),
                ]),
            ),
            (
                "release",
                Value::from([
                    ("tag_name", self.revision.as_str().into()),
                    ("target_commitish", target),
                    ("published_at", published),
                ]),
            ),
            ("sender", Value::from([("login", author)])),
        ]))
    }

    fn pull_request_event(&self) -> Result<Value, Stop> {
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
        let overwrite = [
            (
                "head",
                "updated_at",
                self.claimed("event.pull_request.head.updated_at", &["PUSH_DATE_TIME"])?,
            ),
            (
                "base",
                "sha",
                self.claimed("event.pull_request.base.sha", &["BASE_REV"])?,
            ),
            ("head", "sha", self.revision.as_str().into()),
        ];
        if let Value::Object(map) = &mut pull {
            for (side, key, value) in overwrite {
                if let Some(Value::Object(side)) = map.get_mut(side) {
                    side.insert(key.into(), value);
                }
            }
            map.shift_remove("ETag");
            map.shift_remove("Last-Modified");
        }
        Ok(Value::from([
            ("action", "synchronize".into()),
            ("repository", repository),
            ("pull_request", pull),
            ("sender", Value::from([("login", login)])),
        ]))
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
        url.and_then(|url| url.repo().ok()).ok_or_else(|| {
            let finding =
                repo_rename::META.reject("the fork's parent", format!("{owner:.60}/{name:.100}"));
            finding
                .says(Asserter::VcsHost)
                .at(&request, "/parent")
                .into()
        })
    }

    fn cron_context(&self, mut names: Map) -> Result<Map, Stop> {
        self.evidence.want(&Request::Projects);
        let decision = self.decision.definition;
        let repo = self
            .read(decision, self.decision.head_repository())?
            .unwrap_or_default();
        if repo.starts_with("git@") {
            let finding = trigger::META.reject("an https or ssh URL", format!("{repo:.200}"));
            return Err(super::at_own(finding, decision, "/payload/env").into());
        }
        let (owner, name) = self.owner_and_name()?;
        let projects = self.projects()?;
        let level = self.level(&projects, &name)?;
        let listed = projects
            .get(&name)
            .and_then(|entry| entry.get("repo"))
            .and_then(Node::as_str);
        let own = format!("https://github.com/{owner}/{name}");
        let same =
            listed.is_some_and(|listed| listed.trim_end_matches('/').eq_ignore_ascii_case(&own));
        if !same && !self.inputs.relaxations.allows(Switch::CronLevelByName) {
            let finding = cron_level::META.reject(own, listed.unwrap_or("no repo").to_owned());
            return Err(finding
                .says(Asserter::VcsHost)
                .at(&Request::Projects, format!("/{name}/repo"))
                .into());
        }
        let branch = self.claimed("push.branch", &["HEAD_BRANCH", "HEAD_REF"])?;
        let user = match self.claimed("event.sender.login", &["TRIGGERED_BY"])? {
            Value::String(user) if !user.is_empty() => Value::String(user),
            _ => "TaskclusterHook".into(),
        };
        names.insert("cron".into(), self.cron(decision)?);
        names.insert(
            "event".into(),
            Value::from([
                (
                    "repository",
                    Value::from([
                        ("clone_url", repo.into()),
                        ("full_name", format!("{owner}/{name}").into()),
                        ("html_url", repo.into()),
                        ("name", name.as_str().into()),
                    ]),
                ),
                (
                    "release",
                    Value::from([
                        ("tag_name", self.revision.as_str().into()),
                        ("target_commitish", branch.clone()),
                        (
                            "published_at",
                            self.claimed("event.release.published_at", &["PUSH_DATE_TIME"])?,
                        ),
                    ]),
                ),
                ("sender", Value::from([("login", user)])),
            ]),
        );
        names.insert(
            "repository".into(),
            Value::from([
                ("url", repo.into()),
                ("project", name.into()),
                ("level", level),
                ("type", "git".into()),
            ]),
        );
        let push = Value::from([
            ("revision", self.revision.as_str().into()),
            ("branch", branch),
        ]);
        names.insert("push".into(), push);
        Ok(names)
    }
}

fn rewrite(repo: &str) -> String {
    repo.replacen("git@github.com:", "ssh://github.com/", 1)
}

/// Returns who pushed, as far as the commit tells (V65): its committer, or for GitHub's own its author.
fn login(commit: &Value) -> Result<Value, Shape> {
    let fields = Fields::of(commit, "")?;
    let person = |key| match fields.get(key) {
        Some(value) if value.is_truthy() => Fields::of(value, fields.pointer(key)).map(Some),
        _ => Ok(None),
    };
    fields.required("committer")?;
    let committer = person("committer")?.and_then(|user| user.get("login").cloned());
    match committer {
        Some(login) if !login.is_null() && login.as_str() != Some("web-flow") => return Ok(login),
        _ => {}
    }
    if let Some(login) = person("author")?.and_then(|user| user.get("login").cloned()) {
        return Ok(login);
    }
    let author = fields
        .optional_object("commit")?
        .optional_object("author")?;
    Ok(author
        .get("login")
        .cloned()
        .unwrap_or_else(|| "@@@unknown@@@".into()))
}
