// SPDX-License-Identifier: MPL-2.0
//! Turns what happened in a repository into tasks, as the GitHub integration and hg's push hook do: the event becomes the context
//! of `.taskcluster.yml` at the new revision, and what that renders to goes to a sink (V58–V67 read it back).

use async_trait::async_trait;
use catena_core::model::ids::TaskId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::broken;
use super::event::{self, Occasion};
use super::{Host, Pull, Push, Release, RepoName, VcsError, outstanding, render};

/// Takes the tasks of an event: the queue, or a list in a test.
#[async_trait]
pub trait TaskSink: Send + Sync {
    /// Creates a task, with no more than what `role` may do: `repo:github.com/OWNER/NAME:branch:BRANCH`, or `:tag:TAG`,
    /// `:pull-request`, `:release`. Called again with the same arguments for the same event; must then do nothing. After a restart
    /// that may be long after the event, so that `created` is in the past.
    ///
    /// # Errors
    /// What the task was refused for, and whether it makes sense to try again.
    async fn create(
        &self,
        role: &str,
        id: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), NotCreated>;
}

/// Why a sink did not create a task. The texts are for people.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotCreated {
    /// It will never take it.
    #[error("{0}")]
    Refused(String),
    /// It could not right now; the task stays outstanding.
    #[error("{0}")]
    Failed(String),
}

/// What happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Event {
    /// A branch or a tag moved.
    Push(Push),
    /// A pull request was opened, or its head moved.
    Pull(Pull),
    /// A release was published.
    Release(Release),
}

impl Event {
    /// The role that the tasks of this event in `repo` have, as the GitHub integration names it.
    pub(crate) fn role(&self, repo: &RepoName) -> String {
        let what = match self {
            Self::Push(push) => match push.reference.strip_prefix("refs/tags/") {
                Some(tag) => format!("tag:{tag}"),
                None => format!(
                    "branch:{}",
                    push.reference.trim_start_matches("refs/heads/")
                ),
            },
            Self::Pull(_) => "pull-request".to_owned(),
            Self::Release(_) => "release".to_owned(),
        };
        format!("repo:github.com/{repo}:{what}")
    }
}

/// Why an event made no tasks, or not all.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The repository could not be read.
    #[error(transparent)]
    Vcs(#[from] VcsError),
    /// `.taskcluster.yml` does not parse or does not render.
    #[error(".taskcluster.yml of {repo} at {revision}: {why}")]
    Template {
        /// Whose.
        repo: RepoName,
        /// Where.
        revision: String,
        /// What is wrong with it.
        why: String,
    },
    /// The sink refused a task.
    #[error("task {task} was not created: {why}")]
    Refused {
        /// Which.
        task: TaskId,
        /// What the sink said.
        why: NotCreated,
    },
}

impl DeliverError {
    /// Whether the same event will never have this task: no reason to try again.
    pub(crate) const fn is_final(&self) -> bool {
        match self {
            Self::Vcs(VcsError::Broken { .. }) => false,
            Self::Vcs(_) | Self::Template { .. } => true,
            Self::Refused { why, .. } => matches!(why, NotCreated::Refused(_)),
        }
    }
}

/// A task that an event asks for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Task {
    /// Its id: the same whenever the same event is delivered.
    pub id: TaskId,
    /// Its definition, as `createTask` takes it.
    pub definition: Map<String, Value>,
}

/// Renders and creates the tasks of an event, and of the pull requests whose head a push moved. What fails is logged; the event
/// itself stays, as on GitHub. Returns the ids of the tasks that were created.
pub async fn deliver(
    host: &Host,
    repo: &RepoName,
    event: Event,
    sink: &dyn TaskSink,
) -> Vec<TaskId> {
    let (inner, name, moved) = (host.clone(), repo.clone(), event.clone());
    let bases = tokio::task::spawn_blocking(move || move_pulls(&inner, &name, &moved));
    let bases = bases.await.unwrap_or_default();
    let mut created = Vec::new();
    match deliver_one(host, repo, event, sink).await {
        Ok(tasks) => created.extend(tasks),
        Err(why) => tracing::warn!(repo = %repo, error = %why, "an event made no tasks"),
    }
    for base in bases {
        match outstanding::deliver_all(host, &base, sink).await {
            Ok(done) => created.extend(done.created),
            Err(why) => tracing::warn!(repo = %base, error = %why, "events made no tasks"),
        }
    }
    created
}

/// As [`deliver`], for one event, and tells what went wrong. A refusal does not keep the other tasks from being created.
///
/// # Errors
/// The template, or what the sink said of the first task that it did not create.
pub async fn deliver_one(
    host: &Host,
    repo: &RepoName,
    event: Event,
    sink: &dyn TaskSink,
) -> Result<Vec<TaskId>, DeliverError> {
    let role = event.role(repo);
    let (inner, name) = (host.clone(), repo.clone());
    let tasks = tokio::task::spawn_blocking(move || tasks(&inner, &name, &event));
    let tasks = tasks.await.map_err(broken("rendering ended early"))??;
    let (created, mut failed) = create_all(&role, tasks, sink).await;
    if failed.is_empty() {
        Ok(created)
    } else {
        Err(failed.swap_remove(0))
    }
}

/// Asks the sink for each task, whatever became of the others: the ids of those that are there, and what went wrong.
pub(crate) async fn create_all(
    role: &str,
    tasks: Vec<Task>,
    sink: &dyn TaskSink,
) -> (Vec<TaskId>, Vec<DeliverError>) {
    let (mut created, mut failed) = (Vec::new(), Vec::new());
    for Task { id, definition } in tasks {
        match sink.create(role, id, definition).await {
            Ok(()) => created.push(id),
            Err(why) => failed.push(DeliverError::Refused { task: id, why }),
        }
    }
    (created, failed)
}

/// Returns the tasks of an event without creating them; none if the repository has no `.taskcluster.yml` there, if a branch was
/// removed, or if its policy wants none for this pull request.
///
/// # Errors
/// The template does not parse or does not render.
pub fn tasks(host: &Host, repo: &RepoName, event: &Event) -> Result<Vec<Task>, DeliverError> {
    let Some(occasion) = event::occasion(host, repo, event)? else {
        return Ok(Vec::new());
    };
    let template = match host
        .repo(&occasion.repo)?
        .read(&occasion.revision, TEMPLATE)
    {
        Ok(file) => file.content,
        Err(VcsError::NotFound(_)) => return Ok(Vec::new()),
        Err(why) => return Err(why.into()),
    };
    let Occasion { repo, revision, .. } = &occasion;
    render::tasks(&template, &occasion, &host.settings()?.seed).map_err(|why| {
        DeliverError::Template {
            repo: repo.clone(),
            revision: revision.clone(),
            why,
        }
    })
}

/// Moves the heads of the pull requests that come from a pushed branch, whose tasks are outstanding from then on. Returns the
/// repositories that have such. What fails is logged.
pub(crate) fn move_pulls(host: &Host, repo: &RepoName, event: &Event) -> Vec<RepoName> {
    let Event::Push(push) = event else {
        return Vec::new();
    };
    let work = || {
        let bases = [Some(repo.clone()), host.records(repo)?.parent];
        let mut out = Vec::new();
        for base in bases.into_iter().flatten() {
            if host.move_pulls(&base, repo, push)? {
                out.push(base);
            }
        }
        Ok::<_, VcsError>(out)
    };
    work().unwrap_or_else(|why| {
        tracing::warn!(error = %why, "pull requests were not updated");
        Vec::new()
    })
}

/// Where the template is.
pub(crate) const TEMPLATE: &str = ".taskcluster.yml";
