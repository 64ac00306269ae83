// SPDX-License-Identifier: MPL-2.0
//! Turns what happened in a repository into tasks, as the GitHub integration and hg's push hook do: the event becomes the context
//! of `.taskcluster.yml` at the new revision, and what that renders to goes to a sink (V58–V67 read it back).

use async_trait::async_trait;
use catena_core::model::ids::TaskId;
use serde_json::{Map, Value};

use super::error::broken;
use super::event::{self, Occasion};
use super::{Host, Pull, Push, Release, RepoName, VcsError, render};

/// Takes the tasks of an event: the queue, or a list in a test.
#[async_trait]
pub trait TaskSink: Send + Sync {
    /// Creates a task, with no more than what `role` may do: `repo:github.com/OWNER/NAME:branch:BRANCH`, or `:tag:TAG`,
    /// `:pull-request`, `:release`. Called again with the same arguments for the same event; must then do nothing.
    ///
    /// # Errors
    /// What the task was refused for, for people.
    async fn create(
        &self,
        role: &str,
        id: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), String>;
}

/// What happened.
#[derive(Clone, Debug)]
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
    fn role(&self, repo: &RepoName) -> String {
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
        why: String,
    },
}

/// A task that an event asks for.
#[derive(Clone, Debug, PartialEq)]
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
    let moved = match &event {
        Event::Push(push) => pulls_of(host.clone(), repo.clone(), push.clone()).await,
        _ => Vec::new(),
    };
    let mut created = Vec::new();
    let own = (repo.clone(), event);
    for (repo, event) in std::iter::once(own).chain(moved) {
        match deliver_one(host, &repo, event, sink).await {
            Ok(tasks) => created.extend(tasks),
            Err(why) => tracing::warn!(repo = %repo, error = %why, "an event made no tasks"),
        }
    }
    created
}

/// As [`deliver`], for one event, and tells what went wrong.
///
/// # Errors
/// The template, or the sink at the first task that it refuses.
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
    let mut created = Vec::new();
    for task in tasks {
        let refused = |why| DeliverError::Refused { task: task.id, why };
        sink.create(&role, task.id, task.definition)
            .await
            .map_err(refused)?;
        created.push(task.id);
    }
    Ok(created)
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

/// Moves the heads of the pull requests that come from a pushed branch.
async fn pulls_of(host: Host, repo: RepoName, push: Push) -> Vec<(RepoName, Event)> {
    let work = move || {
        let bases = [Some(repo.clone()), host.records(&repo)?.parent];
        let mut out = Vec::new();
        for base in bases.into_iter().flatten() {
            let moved = host.move_pulls(&base, &repo, &push)?;
            out.extend(
                moved
                    .into_iter()
                    .map(|pull| (base.clone(), Event::Pull(pull))),
            );
        }
        Ok::<_, VcsError>(out)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(moved)) => moved,
        Ok(Err(why)) => {
            tracing::warn!(error = %why, "pull requests were not updated");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// Where the template is.
pub(crate) const TEMPLATE: &str = ".taskcluster.yml";
