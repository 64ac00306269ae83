// SPDX-License-Identifier: MPL-2.0
//! What may be changed over the API: repositories, forks, pull requests and releases. All need the host's token.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{self, Answer};
use super::{Service, shape};
use crate::vcs::error::broken;
use crate::vcs::login::Caller;
use crate::vcs::offers::Tasks;
use crate::vcs::repos::Person;
use crate::vcs::{NewRelease, RepoName, VcsError, names, outstanding};

#[derive(Deserialize)]
struct NewRepository {
    name: String,
    default_branch: Option<String>,
}

#[derive(Deserialize)]
struct NewFork {
    organization: String,
}

#[derive(Deserialize)]
struct NewPull {
    title: String,
    /// `branch`, or `owner:branch` for the fork of that owner.
    head: String,
    base: String,
}

#[derive(Deserialize)]
struct PostedRelease {
    tag_name: String,
    target_commitish: Option<String>,
    name: Option<String>,
    #[serde(default)]
    body: String,
}

/// `POST /orgs/{owner}/repos`.
pub(super) async fn repository(
    State(service): State<Service>,
    Path(owner): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    act(
        service,
        headers,
        body,
        move |service, _, new: NewRepository| {
            let branch = new.default_branch.as_deref().unwrap_or("main");
            let repo = service.host.create(&owner, &new.name, branch)?;
            Ok((shape::repository(&service.host, repo.name())?, None))
        },
    )
    .await
}

/// `POST /repos/{owner}/{name}/forks`.
pub(super) async fn fork(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    act(service, headers, body, move |service, _, new: NewFork| {
        let fork = service
            .host
            .fork(&RepoName::new(&owner, &name)?, &new.organization)?;
        Ok((shape::repository(&service.host, fork.name())?, None))
    })
    .await
}

/// `POST /repos/{owner}/{name}/pulls`.
pub(super) async fn pull(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    act(
        service,
        headers,
        body,
        move |service, user, new: NewPull| {
            let base = RepoName::new(&owner, &name)?;
            let (head, branch) = match new.head.split_once(':') {
                Some((owner, branch)) => (RepoName::new(owner, &name)?, branch),
                None => (base.clone(), new.head.as_str()),
            };
            let user = user.unwrap_or_else(|| head.owner().to_owned());
            let (onto, from) = ((&base, new.base.as_str()), (&head, branch));
            let about = (new.title.as_str(), user.as_str());
            let pull = service.host.offer(onto, from, about, Tasks::Outstanding)?;
            let answer = shape::pull(&service.host, &base, &pull)?;
            Ok((answer, Some(base)))
        },
    )
    .await
}

/// `POST /repos/{owner}/{name}/releases`. A tag that is not there is made, as GitHub does.
pub(super) async fn release(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    act(
        service,
        headers,
        body,
        move |service, user, new: PostedRelease| {
            let repo = RepoName::new(&owner, &name)?;
            let author = user.unwrap_or(owner);
            let opened = service.host.repo(&repo)?;
            names::branch(&new.tag_name)?;
            if opened.resolve(&format!("tags/{}", new.tag_name)).is_err() {
                let target = new.target_commitish.clone();
                let target = target.map_or_else(|| opened.default_branch(), Ok)?;
                let time = service.host.options().clock.now();
                let email = format!("{author}@users.noreply.github.com");
                let tagger = Person {
                    name: author.clone(),
                    email,
                    time,
                };
                service
                    .host
                    .tag(&repo, &new.tag_name, &target, None, &tagger)?;
            }
            let release = service.host.release_as(
                &repo,
                NewRelease {
                    tag: new.tag_name,
                    target: new.target_commitish,
                    title: new.name,
                    body: new.body,
                    author,
                },
                Tasks::Outstanding,
            )?;
            let answer = shape::release(&repo, &release);
            Ok((answer, Some(repo)))
        },
    )
    .await
}

/// What to answer, and whose tasks are outstanding by it.
type Done = Result<(serde_json::Value, Option<RepoName>), VcsError>;

/// Checks who calls and what was sent, does it, and creates the tasks that come of it.
async fn act<T: DeserializeOwned + Send + 'static>(
    service: Service,
    headers: HeaderMap,
    body: Bytes,
    work: impl FnOnce(&Service, Option<String>, T) -> Done + Send + 'static,
) -> Response {
    let user = match Caller::of(&headers, service.host.options()) {
        Caller::Allowed(user) => user,
        Caller::Refused => return answer::error(StatusCode::UNAUTHORIZED, "Bad credentials"),
        Caller::Unknown => {
            return answer::error(StatusCode::UNAUTHORIZED, "Requires authentication");
        }
    };
    let Ok(new) = serde_json::from_slice::<T>(&body) else {
        return answer::error(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Invalid request: the body lacks a member or is no JSON",
        );
    };
    // a task of its own: a client that goes away does not stop it half-way
    let done = tokio::spawn(finish(service.clone(), move |service| {
        work(service, user, new)
    }));
    match done.await {
        Ok(Ok(document)) => answer::respond(&service.host, &headers, Ok(Answer::Created(document))),
        Ok(Err(why)) => answer::respond(&service.host, &headers, Err(why)),
        Err(_) => answer::error(StatusCode::INTERNAL_SERVER_ERROR, "Server Error"),
    }
}

/// Does it, and creates the tasks that are outstanding by it.
async fn finish(
    service: Service,
    work: impl FnOnce(&Service) -> Done + Send + 'static,
) -> Result<serde_json::Value, VcsError> {
    let inner = service.clone();
    let done = tokio::task::spawn_blocking(move || work(&inner)).await;
    let (document, repo) = done.map_err(broken("it ended early"))??;
    if let Some(repo) = repo {
        let delivered = outstanding::deliver_all(&service.host, &repo, service.sink.as_ref()).await;
        if let Err(why) = delivered {
            tracing::warn!(%repo, %why, "an event made no tasks yet");
        }
    }
    Ok(document)
}
