// SPDX-License-Identifier: MPL-2.0
//! What came while nobody could create its tasks has them in the end, whatever happened in between.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use catena_core::model::ids::TaskId;
use catena_local::demo::QueueSink;
use catena_local::vcs::{
    Host, NotCreated, RepoName, TaskSink, deliver_outstanding, github_api, tasks,
};
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::http_world::{self, caps, definition, task, world_in};
use crate::vcs_world::{TEMPLATE, World, commit, git, post};

/// As a queue: a task that is there is taken again only if nothing differs. What is new waits until it is let in.
struct Strict {
    tasks: Mutex<BTreeMap<TaskId, Map<String, Value>>>,
    asked: UnboundedSender<TaskId>,
    /// How many may be in it.
    room: watch::Receiver<usize>,
    /// Of these names it takes none: for good, or not now.
    never: Option<&'static str>,
    not_now: Option<&'static str>,
}

fn strict(room: usize) -> (Strict, UnboundedReceiver<TaskId>, watch::Sender<usize>) {
    let (asked, asks) = unbounded_channel();
    let (open, room) = watch::channel(room);
    let sink = Strict {
        tasks: Mutex::default(),
        asked,
        room,
        never: None,
        not_now: None,
    };
    (sink, asks, open)
}

impl Strict {
    fn names(&self) -> Vec<String> {
        let tasks = self.tasks.lock().unwrap();
        let mut names: Vec<String> = tasks
            .values()
            .map(|task| task["metadata"]["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    fn roots(&self) -> Vec<Value> {
        let tasks = self.tasks.lock().unwrap();
        tasks
            .values()
            .map(|task| task["extra"]["root"].clone())
            .collect()
    }
}

#[async_trait::async_trait]
impl TaskSink for Strict {
    async fn create(
        &self,
        _: &str,
        id: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), NotCreated> {
        let _ = self.asked.send(id);
        let name = definition["metadata"]["name"].as_str();
        if self.never.is_some() && name == self.never {
            return Err(NotCreated::Refused("never".to_owned()));
        }
        if self.not_now.is_some() && name == self.not_now {
            return Err(NotCreated::Failed("not now".to_owned()));
        }
        let known = self.tasks.lock().unwrap().get(&id).cloned();
        if let Some(known) = known {
            let same = known == definition;
            let differs = || NotCreated::Refused("the definitions differ".to_owned());
            return same.then_some(()).ok_or_else(differs);
        }
        let mut room = self.room.clone();
        let fits = |room: &usize| *room > self.tasks.lock().unwrap().len();
        if room.wait_for(fits).await.is_err() {
            return std::future::pending().await;
        }
        self.tasks.lock().unwrap().insert(id, definition);
        Ok(())
    }
}

/// Three tasks, which name the deployment they are for.
const THREE: &str = "
version: 1
tasks:
  $map: [one, two, three]
  each(name):
    taskQueueId: widget-1/decision
    metadata: {name: '${name}', description: d, owner: o, source: s}
    payload: {}
    extra: {root: '${taskcluster_root_url}', updated: '${event.repository.updated_at}'}
";

/// A world whose `octo/widget` has three tasks for each event, and a push that came while the process ended.
fn pushed() -> (World, RepoName) {
    let world = World::new();
    let (repo, _) = world.widget();
    let push = commit("main", &[(".taskcluster.yml", THREE)], "Three");
    let tip = world.host.commit(&repo, &push).unwrap().after.unwrap();
    git(
        &world.git_dir(&repo),
        &["update-ref", "refs/heads/late", &tip],
    );
    (world, repo)
}

/// The host of a world after another start, under another URL.
fn again(world: &World) -> Host {
    let mut options = world.host.options().clone();
    options.root_url = "http://127.0.0.1:9999".to_owned();
    Host::open(&world.dir.path().join("vcs"), options).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_lacks_some_tasks_gets_those_that_were_rendered_first() {
    let (world, _) = pushed();
    let (sink, mut asks, open) = strict(1);
    let sink = Arc::new(sink);
    let (first, to) = (world.host.clone(), Arc::clone(&sink));
    let killed = tokio::spawn(async move { deliver_outstanding(&first, to.as_ref()).await });
    asks.recv().await.unwrap();
    asks.recv().await.unwrap();
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    assert_eq!(sink.names().len(), 1);

    open.send_replace(9);
    let done = deliver_outstanding(&again(&world), sink.as_ref()).await;
    let done = done.unwrap();
    assert_eq!(done.failures, Vec::<String>::new());
    assert_eq!((done.created.len(), sink.names().len()), (3, 3));
    assert_eq!(sink.roots(), vec![json!("http://127.0.0.1:8000"); 3]);
}

#[tokio::test]
async fn a_refused_task_does_not_keep_the_others_from_being_created() {
    let (world, _) = pushed();
    let (mut sink, _asks, _open) = strict(9);
    sink.never = Some("one");
    let done = deliver_outstanding(&world.host, &sink).await.unwrap();
    assert_eq!((done.created.len(), done.failures.len()), (2, 1));
    assert!(done.failures[0].contains("octo/widget"), "{done:?}");
    assert!(done.failures[0].contains("never"), "{done:?}");
    assert_eq!(sink.names(), ["three", "two"]);
    let rest = deliver_outstanding(&world.host, &sink).await.unwrap();
    assert!(rest.created.is_empty() && rest.failures.is_empty());
}

#[tokio::test]
async fn a_task_that_could_not_be_created_right_now_is_asked_for_again() {
    let (world, _) = pushed();
    let (mut sink, _asks, _open) = strict(9);
    sink.not_now = Some("two");
    let done = deliver_outstanding(&world.host, &sink).await.unwrap();
    assert_eq!((done.created.len(), done.failures.len()), (2, 1));
    sink.not_now = None;
    let done = deliver_outstanding(&again(&world), &sink).await.unwrap();
    assert_eq!((done.created.len(), done.failures.len()), (3, 0));
    assert_eq!(sink.names(), ["one", "three", "two"]);
}

#[test]
fn an_event_tells_of_its_push_and_not_of_later_ones() {
    let (world, repo) = pushed();
    let push = world.host.pushes(&repo).unwrap().pop().unwrap();
    let event = catena_local::vcs::Event::Push(push);
    let before = tasks(&world.host, &repo, &event).unwrap();
    world.clock.advance(SignedDuration::from_secs(60));
    let later = commit("other", &[("x", "x")], "Later");
    world.host.commit(&repo, &later).unwrap();
    assert_eq!(tasks(&world.host, &repo, &event).unwrap(), before);
    assert_eq!(
        before[0].definition["extra"]["updated"],
        "2026-03-02T08:58:41Z"
    );
}

fn release() -> Value {
    json!({"tag_name": "v1", "target_commitish": "main"})
}

const RELEASES: &str = "/repos/octo/widget/releases";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_does_not_stop_the_tasks_of_its_release() {
    let world = World::new();
    world.widget();
    let (sink, mut asks, open) = strict(0);
    let sink = Arc::new(sink);
    let api = github_api(world.host.clone(), sink.clone());
    let client = tokio::spawn(async move { post(api, RELEASES, "a-dev", &release()).await });
    let asked = asks.recv().await.unwrap();
    client.abort();
    assert!(client.await.err().unwrap().is_cancelled());
    open.send_replace(1);
    // the next one waits for its turn
    let pull = json!({"title": "t", "head": "main", "base": "main"});
    open.send_replace(2);
    let api = github_api(world.host.clone(), sink.clone());
    let reply = post(api, "/repos/octo/widget/pulls", "octo", &pull).await;
    assert_eq!(reply.status, StatusCode::CREATED);
    assert!(sink.tasks.lock().unwrap().contains_key(&asked));
    assert_eq!(sink.names().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_and_pull_requests_have_their_tasks_after_the_next_start() {
    let world = World::new();
    world.widget();
    for (path, body) in [
        (RELEASES, release()),
        (
            "/repos/octo/widget/pulls",
            json!({"title": "t", "head": "main", "base": "main"}),
        ),
    ] {
        let (sink, _asks, _open) = strict(9);
        let failing = Strict {
            not_now: Some("Decision"),
            ..sink
        };
        let api = github_api(world.host.clone(), Arc::new(failing));
        let reply = post(api, path, "octo", &body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{path}");
    }
    assert!(TEMPLATE.contains("name: Decision"));
    let done = deliver_outstanding(&again(&world), world.sink.as_ref()).await;
    assert_eq!(done.unwrap().created.len(), 2);
    let tasks_for: Vec<_> = world
        .created()
        .into_iter()
        .map(|(_, task)| task["extra"]["tasks_for"].clone())
        .collect();
    assert_eq!(tasks_for, ["github-release", "github-pull-request"]);
}

/// A process may have been down for hours.
#[tokio::test]
async fn the_queue_takes_the_tasks_of_an_event_of_hours_ago_and_no_more_than_its_role_may() {
    let world: http_world::World = world_in(None, caps()).await;
    let role = "repo:github.com/octo/widget:branch:main";
    let path = format!("/api/auth/v1/roles/{}", role.replace('/', "%2F"));
    let scopes =
        json!({"scopes": ["queue:create-task:*", "queue:scheduler-id:*"], "description": ""});
    let made = world.as_root("PUT", &path, Some(&scopes)).await;
    assert_eq!(made.status, 200, "{made:?}");
    let body = definition(world.now(), json!({}));
    world.clock.advance(SignedDuration::from_mins(40));
    let path = format!("/api/queue/v1/task/{}", task(1));
    let untrusted = world.as_root("PUT", &path, Some(&body)).await;
    assert_eq!(untrusted.status, 400, "{untrusted:?}");
    let sink = QueueSink::new(world.local.services().clone());
    let object = |value: &Value| value.as_object().unwrap().clone();
    sink.create(role, task(1), object(&body)).await.unwrap();
    sink.create(role, task(1), object(&body)).await.unwrap();
    assert_eq!(world.as_root("GET", &path, None).await.status, 200);
    let mut greedy = body.clone();
    greedy["scopes"] = json!(["secrets:get:x"]);
    let refused = sink.create(role, task(2), object(&greedy)).await;
    let Err(NotCreated::Refused(why)) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("InsufficientScopes"), "{why}");
    let over = sink.create(
        "repo:github.com/octo/other:branch:main",
        task(3),
        object(&body),
    );
    assert!(over.await.is_err());
    world.clock.advance(SignedDuration::from_hours(24 * 10));
    let dead = sink.create(role, task(4), object(&body)).await;
    let Err(NotCreated::Refused(why)) = dead else {
        panic!("{dead:?}");
    };
    assert!(why.contains("`deadline` cannot be in the past"), "{why}");
}
