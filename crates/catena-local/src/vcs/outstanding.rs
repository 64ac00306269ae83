// SPDX-License-Identifier: MPL-2.0
//! Events that came through git or the API and whose tasks may not have been created yet. A process may end anywhere between the
//! moment at which git moves a reference and the last task of that push: what is left is done when the host starts again. What an
//! event renders to is kept before its first task is created, so that delivering twice asks for the same tasks.

use catena_core::model::ids::TaskId;

use super::deliver::{DeliverError, Event, Task, TaskSink, create_all, move_pulls, tasks};
use super::error::broken;
use super::event::address;
use super::{Host, RepoName, VcsError};

/// What became of events that had no tasks, or not all.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The tasks that are there now.
    pub created: Vec<TaskId>,
    /// What went wrong, each with its repository, for people. What may go well another time stays outstanding.
    pub failures: Vec<String>,
}

impl Recovered {
    fn failed(&mut self, repo: &RepoName, why: &dyn std::fmt::Display) {
        tracing::warn!(%repo, %why, "an event lacks tasks");
        self.failures.push(format!("{repo}: {why}"));
    }

    fn add(&mut self, more: Self) {
        self.created.extend(more.created);
        self.failures.extend(more.failures);
    }
}

/// Logs what moved and was not logged when the last process ended, and creates the tasks of all that came through git or the API
/// and may lack them. To be called once, before anybody can push. A repository that cannot be read is one of the failures.
///
/// # Errors
/// `Broken` if the repositories cannot be listed.
pub async fn deliver_outstanding(host: &Host, sink: &dyn TaskSink) -> Result<Recovered, VcsError> {
    let mut out = Recovered::default();
    for repo in host.repos()? {
        match deliver_of(host, &repo, sink).await {
            Ok(done) => out.add(done),
            Err(why) => out.failed(&repo, &why),
        }
    }
    Ok(out)
}

async fn deliver_of(
    host: &Host,
    repo: &RepoName,
    sink: &dyn TaskSink,
) -> Result<Recovered, VcsError> {
    let (inner, name) = (host.clone(), repo.clone());
    let logged = tokio::task::spawn_blocking(move || log(&inner, &name));
    logged.await.map_err(broken("logging ended early"))??;
    deliver_all(host, repo, sink).await
}

/// Notes who begins to push.
pub(crate) fn note(host: &Host, repo: &RepoName, user: Option<String>) -> Result<(), VcsError> {
    if host.records(repo)?.pusher == user {
        return Ok(());
    }
    host.change(repo, |records| {
        records.pusher = user;
        Ok(())
    })
}

/// Logs what moved, under the name that was noted.
pub(crate) fn log(host: &Host, repo: &RepoName) -> Result<(), VcsError> {
    let opened = host.repo(repo)?;
    let (user, email) = address(&opened, host.records(repo)?.pusher);
    host.log_received(&opened, (&user, &email)).map(drop)
}

/// Creates the tasks of all events of a repository that may lack them, oldest first, then those of the pull requests that its
/// pushes moved. An event is done when each of its tasks is there or was refused for good.
pub(crate) async fn deliver_all(
    host: &Host,
    repo: &RepoName,
    sink: &dyn TaskSink,
) -> Result<Recovered, VcsError> {
    let mut out = Recovered::default();
    let mut repos = vec![repo.clone()];
    while let Some(repo) = repos.pop() {
        // one repository at a time: whoever waits for this lock has no other
        let _held = host.delivering(&repo).await;
        let mut tried = Vec::new();
        while let Some(event) = next(host, &repo, &tried).await? {
            tried.push(event.clone());
            let bases = deliver_due(host, &repo, event, sink, &mut out).await?;
            repos.extend(bases.into_iter().filter(|base| *base != repo));
        }
    }
    Ok(out)
}

/// The oldest event that lacks tasks and was not tried.
async fn next(host: &Host, repo: &RepoName, tried: &[Event]) -> Result<Option<Event>, VcsError> {
    let (host, repo) = (host.clone(), repo.clone());
    let records = tokio::task::spawn_blocking(move || host.records(&repo)).await;
    let due = records.map_err(broken("reading ended early"))??.due;
    let mut events = due.into_iter().map(|due| due.event);
    Ok(events.find(|event| !tried.contains(event)))
}

/// Creates the tasks of one event. Returns the repositories whose pull requests it moved.
async fn deliver_due(
    host: &Host,
    repo: &RepoName,
    event: Event,
    sink: &dyn TaskSink,
    out: &mut Recovered,
) -> Result<Vec<RepoName>, VcsError> {
    let role = event.role(repo);
    let (inner, name, asked) = (host.clone(), repo.clone(), event.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&inner, &name, &asked));
    let (bases, rendered) = prepared.await.map_err(broken("rendering ended early"))?;
    let failed = match rendered {
        Ok(tasks) => {
            let (created, failed) = create_all(&role, tasks, sink).await;
            out.created.extend(created);
            failed
        }
        Err(why) => vec![why],
    };
    let done = failed.iter().all(DeliverError::is_final);
    for why in failed {
        out.failed(repo, &why);
    }
    if done {
        host.change(repo, |records| {
            records.due.retain(|due| due.event != event);
            Ok(())
        })?;
    }
    Ok(bases)
}

type Prepared = (Vec<RepoName>, Result<Vec<Task>, DeliverError>);

/// What was kept of an event's tasks; or moves the pull requests that it moves, renders it, and keeps that.
fn prepare(host: &Host, repo: &RepoName, event: &Event) -> Prepared {
    match kept(host, repo, event) {
        Ok(None) => {}
        Ok(Some(tasks)) => return (Vec::new(), Ok(tasks)),
        Err(why) => return (Vec::new(), Err(why.into())),
    }
    let bases = move_pulls(host, repo, event);
    (bases, render(host, repo, event))
}

fn kept(host: &Host, repo: &RepoName, event: &Event) -> Result<Option<Vec<Task>>, VcsError> {
    let due = host.records(repo)?.due;
    let kept = due.into_iter().find(|due| due.event == *event);
    Ok(kept.and_then(|due| due.tasks))
}

fn render(host: &Host, repo: &RepoName, event: &Event) -> Result<Vec<Task>, DeliverError> {
    let tasks = tasks(host, repo, event)?;
    host.change(repo, |records| {
        for due in records.due.iter_mut().filter(|due| due.event == *event) {
            due.tasks = Some(tasks.clone());
        }
        Ok(())
    })?;
    Ok(tasks)
}
