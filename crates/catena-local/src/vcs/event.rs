// SPDX-License-Identifier: MPL-2.0
//! What a template sees of an event (G3, G4 of verification.md): the documents of GitHub's webhooks, and hg's push.

use catena_core::yaml;
use serde_json::{Map, Value, json};

use super::deliver::{Event, TEMPLATE};
use super::github::shape;
use super::repos::Repo;
use super::write::{login, seconds};
use super::{Host, Pull, Push, Release, RepoName, VcsError};

/// All that rendering needs to know.
pub(crate) struct Occasion {
    /// Whose template.
    pub(crate) repo: RepoName,
    /// At which commit.
    pub(crate) revision: String,
    pub(crate) tasks_for: &'static str,
    /// Names beyond `tasks_for`, `now` and `as_slugid`.
    pub(crate) context: Map<String, Value>,
    /// What makes task ids of this event differ from those of others.
    pub(crate) identity: String,
    /// When it happened: `now`.
    pub(crate) time: jiff::Timestamp,
    /// The scheduler of tasks that name none.
    pub(crate) scheduler: &'static str,
}

/// Returns what to render; `None` if the event asks for nothing.
pub(crate) fn occasion(
    host: &Host,
    repo: &RepoName,
    event: &Event,
) -> Result<Option<Occasion>, VcsError> {
    match event {
        Event::Push(push) => self::push(host, repo, push),
        Event::Pull(pull) => pull_request(host, repo, pull),
        Event::Release(release) => self::release(host, repo, release).map(Some),
    }
}

fn push(host: &Host, name: &RepoName, push: &Push) -> Result<Option<Occasion>, VcsError> {
    let Some(after) = &push.after else {
        return Ok(None);
    };
    let repo = host.repo(name)?;
    // the branch may have moved on: what was pushed counts; of an annotated tag, its commit
    let tip = || repo.peel(&push.reference).map(|id| id.to_string());
    let Some(revision) = repo.resolve(after).ok().or_else(tip) else {
        return Ok(None);
    };
    let mounts = host.settings()?.mounts;
    let mount = mounts.iter().find(|(_, mount)| {
        mount.repo == *name && push.reference == format!("refs/heads/{}", mount.branch)
    });
    if let Some((path, mount)) = mount {
        let context = hg_context(&repo, push, &revision, path, mount)?;
        return Ok(Some(Occasion {
            repo: name.clone(),
            revision,
            tasks_for: "hg-push",
            context,
            identity: format!("hg{path}/{}", push.id),
            time: push.time,
            scheduler: "-",
        }));
    }
    let event = push_event(host, &repo, push, &revision)?;
    Ok(Some(Occasion {
        repo: name.clone(),
        revision,
        tasks_for: "github-push",
        context: github_context(host, event),
        identity: format!("{name}/push/{}", push.id),
        time: push.time,
        scheduler: GITHUB,
    }))
}

fn github_context(host: &Host, event: Value) -> Map<String, Value> {
    let root = Value::from(host.options().root_url.as_str());
    Map::from_iter([
        ("event".to_owned(), event),
        ("taskcluster_root_url".to_owned(), root),
    ])
}

fn push_event(host: &Host, repo: &Repo, push: &Push, revision: &str) -> Result<Value, VcsError> {
    let name = repo.name();
    let mut repository = shape::repository(host, name)?;
    if let Value::Object(members) = &mut repository {
        members.remove("parent");
        members.remove("source");
        // a number in push events, and only there
        members.insert("pushed_at".to_owned(), shape::pushed_at(push).into());
        // of this push: there may have been later ones
        members.insert("updated_at".to_owned(), seconds(push.time).into());
    }
    let zero = || "0".repeat(40);
    let (before, after) = (
        push.before.clone().unwrap_or_else(zero),
        push.after.clone().unwrap_or_else(zero),
    );
    let newest = push.changesets.len().saturating_sub(EVENT_COMMITS);
    let commits = push.changesets.iter().skip(newest);
    let commits =
        commits.map(|sha| Ok::<_, VcsError>(shape::event_commit(name, &repo.commit(sha)?)));
    let forced = match &push.before {
        Some(before) => !repo.is_ancestor(before, revision).unwrap_or(false),
        None => false,
    };
    Ok(json!({
        "ref": push.reference, "before": before, "after": after, "base_ref": null, "created": push.before.is_none(),
        "deleted": push.after.is_none(), "forced": forced,
        "compare": format!("https://github.com/{name}/compare/{before}...{after}"),
        "commits": commits.collect::<Result<Vec<_>, _>>()?, "head_commit": shape::event_commit(name, &repo.commit(revision)?),
        "repository": repository, "pusher": {"name": push.user, "email": push.email},
        "organization": shape::account(name.owner(), "Organization"), "sender": shape::account(&push.user, "User"),
    }))
}

/// V61–V63, and what the hook itself adds: the task's own id comes with the slugs.
fn hg_context(
    repo: &Repo,
    push: &Push,
    revision: &str,
    path: &str,
    mount: &super::Mount,
) -> Result<Map<String, Value>, VcsError> {
    let first = push.changesets.first().map_or(revision, String::as_str);
    let base = repo.commit(first)?.parents.into_iter().next();
    let message = repo.commit(revision)?.message;
    // a blank, or what follows `try:` on its line (V63)
    let tried = message
        .find("try:")
        .and_then(|at| message.get(at..)?.split('\n').next());
    let context = json!({
        "repository": {"url": format!("https://hg.mozilla.org{path}"), "project": mount.project, "level": mount.level, "type": "hg"},
        "push": {"base_revision": base.unwrap_or_else(|| "0".repeat(40)), "revision": revision, "comment": tried.unwrap_or(" "),
                 "owner": push.email, "pushlog_id": push.id.to_string(), "pushdate": push.time.as_second()},
        "taskId": null,
    });
    Ok(match context {
        Value::Object(members) => members,
        _ => Map::new(),
    })
}

fn release(host: &Host, name: &RepoName, release: &Release) -> Result<Occasion, VcsError> {
    let revision = host.repo(name)?.resolve(&format!("tags/{}", release.tag))?;
    let event = json!({
        "action": "published", "release": shape::release(name, release), "repository": shape::repository(host, name)?,
        "organization": shape::account(name.owner(), "Organization"), "sender": shape::account(&release.author, "User"),
    });
    Ok(Occasion {
        repo: name.clone(),
        revision,
        tasks_for: "github-release",
        context: github_context(host, event),
        identity: format!("{name}/release/{}", release.id),
        time: release.published,
        scheduler: GITHUB,
    })
}

fn pull_request(host: &Host, base: &RepoName, pull: &Pull) -> Result<Option<Occasion>, VcsError> {
    let Some(tasks_for) = pull_policy(host, base, pull)? else {
        return Ok(None);
    };
    let mut document = shape::pull(host, base, pull)?;
    let repository = document.pointer("/base/repo").cloned().unwrap_or_default();
    if let Some(Value::Object(head)) = document.get_mut("head") {
        // not in the API's answer; templates name it, and the rebuild sets it (V65)
        head.insert("updated_at".to_owned(), seconds(pull.updated).into());
    }
    let action = if pull.created == pull.updated {
        "opened"
    } else {
        "synchronize"
    };
    let event = json!({
        "action": action, "number": pull.number, "pull_request": document, "repository": repository,
        "organization": shape::account(base.owner(), "Organization"), "sender": shape::account(&pull.user, "User"),
    });
    Ok(Some(Occasion {
        repo: base.clone(),
        revision: pull.head_sha.clone(),
        tasks_for,
        context: github_context(host, event),
        identity: format!("{base}/pull/{}/{}", pull.number, pull.head_sha),
        time: pull.updated,
        scheduler: GITHUB,
    }))
}

/// What `policy.pullRequests` of the default branch says of a pull request. Collaborators are the owner and whoever has a branch
/// in the repository itself.
fn pull_policy(
    host: &Host,
    base: &RepoName,
    pull: &Pull,
) -> Result<Option<&'static str>, VcsError> {
    let file = match host.repo(base)?.read("HEAD", TEMPLATE) {
        Ok(file) => file.content,
        Err(VcsError::NotFound(_)) => Vec::new(),
        Err(why) => return Err(why),
    };
    let parsed = yaml::parse(&file, &yaml::Limits::default());
    let policy = parsed
        .as_ref()
        .ok()
        .and_then(|parsed| parsed.root.get("policy")?.get("pullRequests")?.as_str());
    let collaborator = pull.head_repo == *base || pull.user == base.owner();
    Ok(match policy.unwrap_or("collaborators") {
        "public" => Some("github-pull-request"),
        "public_restricted" if !collaborator => Some("github-pull-request-untrusted"),
        "public_restricted" | "collaborators" | "collaborators_quiet" if collaborator => {
            Some("github-pull-request")
        }
        _ => None,
    })
}

/// The address that the pusher's name stands for, when only the name is known.
pub(crate) fn address(repo: &Repo, user: Option<String>) -> (String, String) {
    match user {
        Some(user) => (user.clone(), format!("{user}@users.noreply.github.com")),
        None => {
            let email = repo
                .commit("HEAD")
                .map(|commit| commit.committer.email)
                .unwrap_or_default();
            (login(&email), email)
        }
    }
}

const GITHUB: &str = "taskcluster-github";
/// As GitHub: the newest of a push.
const EVENT_COMMITS: usize = 2048;
