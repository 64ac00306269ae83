// SPDX-License-Identifier: MPL-2.0
//! Repositories, and the scopes that they may have.

use std::collections::BTreeSet;

use super::era::CotVersion;
use super::walk::{Chain, Link, Role};
use crate::model::ids::TaskId;
use crate::model::shape::Shape;

impl Chain<'_> {
    /// Enters where a decision or action task came from.
    pub(super) fn came_from(&mut self, task: TaskId, version: CotVersion, source: Source) {
        if source.differs {
            match version {
                CotVersion::V1 => {
                    let text = format!(
                        "{task}: metadata.source does not begin with GECKO_HEAD_REPOSITORY, which counts"
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
        let decision = self.decision_of(task);
        self.repositories
            .entry(decision)
            .or_default()
            .insert(source.repository);
    }

    /// Returns the decision task that a task goes back to: that of its group, or of the action that made its group.
    fn decision_of(&self, task: TaskId) -> TaskId {
        let group = self.links.get(&task).map_or(task, |link| link.decision);
        match self.links.get(&group) {
            Some(link) if link.role == Role::Action => link.decision,
            _ => group,
        }
    }

    /// Compares the root's restricted scopes with its repository. What other decision tasks made, an image for
    /// instance, may be from another repository, but only from one of a tree.
    pub(super) fn scopes(&mut self) {
        let root = self.inputs.root;
        let own = self.decision_of(root);
        let Some(repository) = self.one_repository(own) else {
            return;
        };
        let others: Vec<TaskId> = self.repositories.keys().copied().collect();
        for other in others.into_iter().filter(|other| *other != own) {
            let Some(foreign) = self.one_repository(other) else {
                continue;
            };
            if foreign != repository && !self.inputs.policy.has_tree(&foreign) {
                let expected = format!("{repository}, or a repository of a tree");
                self.reject("legacy-source", other, expected, foreign);
            }
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

    /// Returns the one repository of a decision task and its actions.
    fn one_repository(&mut self, decision: TaskId) -> Option<String> {
        let found: BTreeSet<String> = self
            .repositories
            .get(&decision)
            .cloned()
            .unwrap_or_default();
        let mut all = found.iter();
        match (all.next(), all.next()) {
            (Some(only), None) => return Some(only.clone()),
            (None, _) => self.undetermined(
                "legacy-source",
                decision,
                "a repository that the chain goes back to",
                "none",
            ),
            _ => self.reject(
                "legacy-source",
                decision,
                "one repository for a decision task and its actions",
                found.into_iter().collect::<Vec<String>>().join(", "),
            ),
        }
        None
    }
}

/// Where a decision or action task says that it is from: the task's own word, as it was then.
pub(super) struct Source {
    pub(super) repository: String,
    /// Whether `metadata.source` is somewhere else.
    pub(super) differs: bool,
}

pub(super) fn repository(link: &Link) -> Result<Source, Shape> {
    let fields = link.definition.fields()?;
    let source = fields.object("metadata")?.text("source")?;
    let head = link
        .definition
        .env()?
        .optional_text("GECKO_HEAD_REPOSITORY")?;
    let trimmed = |url: &str| url.trim_end_matches('/').to_owned();
    match head.filter(|head| !head.is_empty()) {
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
