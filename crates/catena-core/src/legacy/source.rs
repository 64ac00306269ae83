// SPDX-License-Identifier: MPL-2.0
//! Repositories of all tasks, and the scopes that they may have (V72, V84 to V89).

use super::era::CotVersion;
use super::policy::EnvPrefix;
use super::walk::{Chain, Link, Role};
use crate::checks::try_or_pull_request::signs_of_try;
use crate::model::ids::TaskId;
use crate::model::shape::Shape;
use crate::model::url::VcsUrl;
use crate::policy::PULL_REQUEST_TASKS_FOR;

impl Chain<'_> {
    /// Enters where a task came from (V72), which every task says of itself, as it was then.
    pub(super) fn came_from(&mut self, task: TaskId) {
        let prefix = self.inputs.policy.env_prefix();
        let Some(source) = self.judged(task, |link| repository(link, prefix)) else {
            return;
        };
        if source.differs {
            match self.version {
                Some(CotVersion::V1) => {
                    let text = format!(
                        "{task}: metadata.source does not begin with {}, which counts",
                        prefix.repository()
                    );
                    self.relaxations.insert(text);
                }
                _ => self.reject(
                    "legacy-source",
                    task,
                    "metadata.source in the task's repository",
                    "another place",
                ),
            }
        }
        if !self.inputs.policy.knows(&source.repository) {
            return self.reject(
                "legacy-source",
                task,
                "a repository where the policy has some",
                source.repository,
            );
        }
        self.repositories.insert(task, source.repository);
        self.checks_out(task);
    }

    /// Refuses a decision or action task that checks out, or has its history from, a repository that the policy does not
    /// know: run-task takes whatever these say, whichever of them names the task's own tree.
    fn checks_out(&mut self, task: TaskId) {
        let Some(found) = self.judged(task, |link| {
            let mut found = Vec::new();
            if matches!(link.role, Role::Action | Role::Decision) {
                let env = link.definition.env()?;
                for name in CHECKED_OUT {
                    found.push((
                        name,
                        env.optional_text(name)?.unwrap_or_default().to_owned(),
                    ));
                }
            }
            Ok(found)
        }) else {
            return;
        };
        for (name, url) in found {
            if !url.is_empty() && !self.inputs.policy.knows(url.trim_end_matches('/')) {
                let expected = format!("{name} where the policy has repositories");
                self.reject("legacy-source", task, expected, format!("{url:.300}"));
            }
        }
    }

    /// Returns the decision task that a task goes back to: that of its group, or of the action that made its group.
    fn decision_of(&self, task: TaskId) -> TaskId {
        let group = self.links.get(&task).map_or(task, |link| link.decision);
        match self.links.get(&group) {
            Some(link) if link.role == Role::Action => link.decision,
            _ => group,
        }
    }

    /// Traces all tasks to the tree, and compares the root's restricted scopes with it (V84 to V86).
    pub(super) fn scopes(&mut self) {
        let root = self.inputs.root;
        let own = self.decision_of(root);
        let repository = self.repositories.get(&own).cloned();
        if repository.is_none() {
            let expected = "a repository that the chain goes back to";
            self.undetermined("legacy-source", own, expected, "none");
        }
        let Some(scopes) = self.judged(root, |link| {
            let scopes = link.definition.scopes()?;
            Ok(scopes
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<String>>())
        }) else {
            return;
        };
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        // no tree has this repository
        let restricted = !self.inputs.policy.denied(&scopes, "").is_empty();
        if restricted {
            self.screen();
        }
        let Some(repository) = repository else {
            return;
        };
        self.trace(own, &repository, restricted);
        let denied = self.inputs.policy.denied(&scopes, &repository).join(", ");
        if !denied.is_empty() {
            self.reject(
                "legacy-scopes",
                root,
                format!("no restricted scopes outside their trees, from {repository}"),
                denied,
            );
        }
    }

    /// Compares the repository of every task with that of the root's decision task (V85). What other decision tasks
    /// made, an image for instance, may be from another repository; from one of a tree, if the root has restricted scopes.
    fn trace(&mut self, own: TaskId, repository: &str, restricted: bool) {
        for (task, found) in self.repositories.clone() {
            let decision = self.decision_of(task);
            let action = self
                .links
                .get(&task)
                .is_some_and(|link| link.role == Role::Action);
            let made = self.repositories.get(&decision).cloned();
            let made = made.filter(|_| decision == own || action);
            if let Some(made) = made.filter(|made| *made != found) {
                let expected = format!("{made}, as its decision task's repository");
                self.reject("legacy-source", task, expected, found);
            } else if restricted && found != repository && !self.inputs.policy.has_tree(&found) {
                let expected = format!("{repository}, or a repository of a tree");
                self.reject("legacy-source", task, expected, found);
            }
        }
    }

    /// Refuses try in a chain with restricted scopes (V86, V88), and pull requests. What else is from GitHub is not
    /// judged.
    fn screen(&mut self) {
        let tasks: Vec<TaskId> = self.links.keys().copied().collect();
        for task in tasks {
            let Some((signs, github)) = self.judged(task, |link| {
                let heads = [EnvPrefix::Gecko, EnvPrefix::Comm].map(|it| head_repository(link, it));
                let heads = heads.into_iter().filter_map(Result::transpose);
                let heads: Vec<&str> = heads.collect::<Result<_, _>>()?;
                let signs = signs_of_try(&link.definition, &heads)?;
                Ok((signs, github(link, &heads)?))
            }) else {
                continue;
            };
            for (found, _) in signs {
                self.reject("legacy-try", task, "a task that is not of try", found);
            }
            match github {
                Some((found, true)) => {
                    self.reject("legacy-try", task, "no pull request", found);
                }
                Some((found, false)) => {
                    let expected =
                        "a task of hg: whether one of GitHub is a pull request is not judged";
                    self.undetermined("legacy-try", task, expected, found);
                }
                None => {}
            }
        }
    }
}

/// Returns the mark of GitHub on a task (V80), and whether it is that of a pull request (V89).
fn github(link: &Link, heads: &[&str]) -> Result<Option<(String, bool)>, Shape> {
    let fields = link.definition.fields()?;
    let trigger = link.definition.extra()?.optional_text("tasks_for")?;
    if let Some(trigger) = trigger.filter(|trigger| trigger.starts_with("github-")) {
        let pull = PULL_REQUEST_TASKS_FOR.contains(&trigger);
        return Ok(Some((format!("tasks_for {trigger:.100}"), pull)));
    }
    let scheduler = fields.text("schedulerId")?;
    if scheduler == "taskcluster-github" {
        return Ok(Some((format!("schedulerId {scheduler}"), false)));
    }
    let source = fields.object("metadata")?.text("source")?;
    let there = |url: &&str| {
        VcsUrl::parse(url).is_ok_and(|url| url.host().eq_ignore_ascii_case("github.com"))
    };
    let found = heads.iter().copied().chain([source]).find(there);
    Ok(found.map(|url| (format!("{url:.300}"), false)))
}

fn head_repository(link: &Link, prefix: EnvPrefix) -> Result<Option<&str>, Shape> {
    let env = link.definition.env()?;
    let head = env.optional_text(prefix.repository())?;
    Ok(head.filter(|head| !head.is_empty()))
}

/// What a task's environment has run-task check out, and take the history from.
const CHECKED_OUT: [&str; 4] = [
    "COMM_BASE_REPOSITORY",
    "COMM_HEAD_REPOSITORY",
    "GECKO_BASE_REPOSITORY",
    "GECKO_HEAD_REPOSITORY",
];

/// Where a task says that it is from.
struct Source {
    repository: String,
    /// Whether `metadata.source` is somewhere else.
    differs: bool,
}

fn repository(link: &Link, prefix: EnvPrefix) -> Result<Source, Shape> {
    let fields = link.definition.fields()?;
    let source = fields.object("metadata")?.text("source")?;
    let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
    match head_repository(link, prefix)? {
        Some(head) => {
            let repository = trimmed(head);
            let inside = source
                .strip_prefix(&repository)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            Ok(Source {
                repository,
                differs: !inside,
            })
        }
        None => {
            let ends = ["/file/", "/raw-file/", "/rev/"]
                .iter()
                .filter_map(|mark| source.find(mark));
            let repository = ends
                .min()
                .and_then(|end| source.get(..end))
                .unwrap_or(source);
            Ok(Source {
                repository: trimmed(repository),
                differs: false,
            })
        }
    }
}
