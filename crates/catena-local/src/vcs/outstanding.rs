// SPDX-License-Identifier: MPL-2.0
//! Pushes through git whose tasks may not have been created yet. A process may end anywhere between the moment at which git moves
//! a reference and the last task of that push: what is left is done when the host starts again. Delivering twice does no harm, for
//! the same event has the same tasks.

use catena_core::model::ids::TaskId;

use super::deliver::{Event, TaskSink, deliver};
use super::error::broken;
use super::event::address;
use super::{Host, Push, RepoName, VcsError};

/// Logs what moved and was not logged when the last process ended, and creates the tasks of all pushes through git that may lack
/// them. To be called once, before anybody can push. Returns the ids of the tasks. A repository that cannot be read is logged and
/// passed over.
///
/// # Errors
/// `Broken` if the repositories cannot be listed.
pub async fn deliver_outstanding(
    host: &Host,
    sink: &dyn TaskSink,
) -> Result<Vec<TaskId>, VcsError> {
    let mut created = Vec::new();
    for repo in host.repos()? {
        match deliver_of(host, &repo, sink).await {
            Ok(tasks) => created.extend(tasks),
            Err(why) => tracing::warn!(%repo, %why, "pushes without tasks were not looked for"),
        }
    }
    Ok(created)
}

async fn deliver_of(
    host: &Host,
    repo: &RepoName,
    sink: &dyn TaskSink,
) -> Result<Vec<TaskId>, VcsError> {
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

/// Creates the tasks of all pushes that may lack them, oldest first.
pub(crate) async fn deliver_all(
    host: &Host,
    repo: &RepoName,
    sink: &dyn TaskSink,
) -> Result<Vec<TaskId>, VcsError> {
    let mut created = Vec::new();
    for push in pushes(host, repo)? {
        let id = push.id;
        created.extend(deliver(host, repo, Event::Push(push), sink).await);
        host.change(repo, |records| {
            records.outstanding.remove(&id);
            Ok(())
        })?;
    }
    Ok(created)
}

fn pushes(host: &Host, repo: &RepoName) -> Result<Vec<Push>, VcsError> {
    let records = host.records(repo)?;
    let mut pushes = records.pushes;
    pushes.retain(|push| records.outstanding.contains(&push.id));
    Ok(pushes)
}
