// SPDX-License-Identifier: MPL-2.0
//! A page over a queue with whole chains, good and bad, and with tasks in every state whose authors mean harm. Also what
//! the browser looks at (`examples/page-world.rs`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use catena_core::model::ids::{RunId, TaskId};
use catena_core::policy::Profile;
use catena_core::report::Report;
use catena_core::request::Request;
use catena_local::clock::ManualClock;
use catena_local::page::{Page, Verify, router};
use catena_local::queue::{
    ArtifactContent, ArtifactRequest, Claim, Exception, Queue, QueueSettings, Resolution, Worker,
    complete,
};
use catena_local::store::Store;
use catena_testkit::{Chain, ChainSpec, Flow, saboteur};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Its verification waits until it is told to go on.
pub(crate) const HELD: &str = "held0000TAmwDhB4Itm0jg";
/// Everything in it is hostile.
pub(crate) const HOSTILE: &str = "hostile0TAmwDhB4Itm0jg";
/// Fails.
pub(crate) const FAILED: &str = "failed00TAmwDhB4Itm0jg";
/// Runs for ever.
pub(crate) const RUNNING: &str = "running0TAmwDhB4Itm0jg";
/// Waits for `RUNNING`.
pub(crate) const WAITING: &str = "waiting0TAmwDhB4Itm0jg";
/// Is in no queue.
pub(crate) const UNKNOWN: &str = "unknown0TAmwDhB4Itm0jg";

/// What markup in a name must not become.
pub(crate) const SCRIPT: &str = "<script>alert('name')</script>";

/// The page, served, and what is behind it.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) queue: Queue,
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    /// Lets the verification of [`HELD`] go on.
    pub(crate) go_on: Arc<Notify>,
    /// Roots of the chains: `trusted`, `rejected`, `undetermined`.
    pub(crate) roots: BTreeMap<&'static str, TaskId>,
}

/// Verifies the roots of chains in memory, as the page's argument.
struct Chains {
    chains: HashMap<TaskId, Chain>,
    go_on: Arc<Notify>,
}

#[async_trait]
impl Verify for Chains {
    async fn verify(&self, task: TaskId) -> Result<Report, String> {
        if task.as_str() == HELD {
            self.go_on.notified().await;
        }
        let chain = self.chains.get(&task);
        let chain =
            chain.ok_or_else(|| "no policy infers from this task's pool and source".to_owned())?;
        Ok(catena_testkit::verify(chain, Profile::Strict))
    }
}

impl World {
    /// A page over a queue without tasks.
    pub(crate) async fn empty() -> Self {
        Self::serve(
            "127.0.0.1:0",
            "2026-01-02T03:04:05Z".parse().unwrap(),
            &BTreeMap::new(),
        )
        .await
    }

    /// A page over a queue with chains and hostile tasks, at an address.
    pub(crate) async fn full(address: &str) -> Self {
        let broken = |name: &str| {
            saboteur::all()
                .into_iter()
                .find(|one| one.name == name)
                .unwrap()
        };
        let chains = BTreeMap::from([
            ("trusted", ChainSpec::new(7, Flow::FirefoxPush).build()),
            ("rejected", broken("decision-command-changed").build(8)),
            ("undetermined", broken("artifact-down").build(9)),
        ]);
        let mut definitions = Vec::new();
        for chain in chains.values() {
            for task in chain.tasks.values() {
                let request = Request::Definition { task: task.id };
                if let Some(bytes) = chain.documents.get(&request) {
                    let definition: Map<String, Value> = serde_json::from_slice(bytes).unwrap();
                    let created: Timestamp =
                        definition["created"].as_str().unwrap().parse().unwrap();
                    definitions.push((created, task.id, definition));
                }
            }
        }
        definitions.sort_by_key(|(created, task, _)| (*created, *task));
        let world = Self::serve(address, definitions[0].0, &chains).await;
        world.create(definitions).await;
        world.run(&chains).await;
        world.trouble().await;
        world
    }

    async fn serve(
        address: &str,
        start: Timestamp,
        chains: &BTreeMap<&'static str, Chain>,
    ) -> Self {
        let clock = ManualClock::at(start);
        let store = Store::ephemeral().unwrap();
        let queue = Queue::open(store.clone(), clock.clock(), QueueSettings::default()).unwrap();
        let go_on = Arc::new(Notify::new());
        let verify = Chains {
            chains: chains
                .values()
                .map(|chain| (chain.root, chain.clone()))
                .collect(),
            go_on: Arc::clone(&go_on),
        };
        let root_url = "http://127.0.0.1:8080".to_owned();
        let page = Page::new(
            queue.clone(),
            store.clone(),
            clock.clock(),
            root_url,
            Arc::new(verify),
        )
        .unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router(page)).await.unwrap() });
        let roots = chains
            .iter()
            .map(|(name, chain)| (*name, chain.root))
            .collect();
        Self {
            address,
            queue,
            store,
            clock,
            go_on,
            roots,
        }
    }

    /// Creates tasks in the order in which they were, dependencies first.
    async fn create(&self, definitions: Vec<(Timestamp, TaskId, Map<String, Value>)>) {
        for (created, task, definition) in definitions {
            let now = self.clock.clock().now();
            self.clock
                .advance(created.duration_since(now).max(SignedDuration::ZERO));
            let mut definition = complete(definition, task);
            // tasks of other deployments wait for some that are not of the chain
            definition["dependencies"] = json!([]);
            self.queue.create_task(task, definition).await.unwrap();
        }
    }

    /// Runs all pending tasks to the run that their chain has.
    async fn run(&self, chains: &BTreeMap<&'static str, Chain>) {
        let tasks: HashMap<TaskId, (&Chain, RunId)> = chains
            .values()
            .flat_map(|chain| {
                chain
                    .tasks
                    .values()
                    .map(move |task| (task.id, (chain, task.run)))
            })
            .collect();
        let pools: BTreeSet<String> = tasks
            .keys()
            .filter_map(|task| Some(self.queue.status(*task).ok()?.task_queue_id))
            .collect();
        for pool in pools {
            while let Some(claim) = self.claim(&pool).await {
                let task = claim.status.task_id;
                let (chain, last) = tasks[&task];
                self.clock.advance(SignedDuration::from_secs(95));
                if claim.run < last {
                    let gone = Resolution::Exception(Exception::WorkerShutdown);
                    self.queue.resolve(task, claim.run, gone).await.unwrap();
                    continue;
                }
                for (request, bytes) in &chain.documents {
                    if let Some(name) = artifact_name(request, task) {
                        self.upload(task, claim.run, name, bytes).await;
                    }
                }
                self.upload(
                    task,
                    claim.run,
                    "public/logs/live_backing.log",
                    b"[taskcluster] nothing to say\n",
                )
                .await;
                self.queue
                    .resolve(task, claim.run, Resolution::Completed)
                    .await
                    .unwrap();
            }
        }
    }

    async fn claim(&self, pool: &str) -> Option<Claim> {
        self.clock.advance(SignedDuration::from_secs(3));
        let worker = Worker {
            group: "eu-west-1".to_owned(),
            id: "i-0123456789".to_owned(),
        };
        self.queue
            .claim_work(pool, &worker, 1, Duration::ZERO)
            .await
            .unwrap()
            .pop()
    }

    /// Stores an artifact of a running task.
    pub(crate) async fn upload(&self, task: TaskId, run: RunId, name: &str, bytes: &[u8]) {
        let head = b"{\"contentType\":null,\"contentEncoding\":null}\n";
        let stored = [head.as_slice(), bytes].concat();
        self.store.write_blob(task, run, name, &stored).unwrap();
        self.announce(task, run, name, ArtifactContent::S3).await;
    }

    /// Creates an artifact without bytes.
    pub(crate) async fn announce(
        &self,
        task: TaskId,
        run: RunId,
        name: &str,
        content: ArtifactContent,
    ) {
        let expires = self.queue.status(task).unwrap().expires;
        let content_type = Some("text/html; charset=utf-8".to_owned());
        let request = ArtifactRequest {
            content,
            content_type,
            content_length: None,
            expires,
        };
        self.queue
            .create_artifact(task, run, name, request)
            .await
            .unwrap();
    }

    /// Creates a task, by default one that is claimed by nobody.
    pub(crate) async fn task(&self, id: &str, name: &str, pool: &str, more: Value) -> TaskId {
        let id: TaskId = id.parse().unwrap();
        let now = self.clock.clock().now();
        let mut definition = json!({
            "taskQueueId": pool,
            "taskGroupId": HELD,
            "created": now.to_string(),
            "deadline": (now + SignedDuration::from_hours(24)).to_string(),
            "payload": {"command": ["true", "</pre><script>alert('payload')</script>"]},
            "metadata": {"name": name, "description": "A task.", "owner": "a@example.org", "source": "javascript:alert(1)"},
        });
        for (key, value) in more.as_object().unwrap() {
            definition[key] = value.clone();
        }
        let definition = complete(definition.as_object().unwrap().clone(), id);
        self.queue.create_task(id, definition).await.unwrap();
        id
    }

    /// Tasks in every state.
    async fn trouble(&self) {
        let held = self
            .task(HELD, "Nightly trouble", "local/held", json!({}))
            .await;
        self.claim("local/held").await.unwrap();
        self.clock.advance(SignedDuration::from_secs(7));
        self.queue
            .resolve(held, RunId(0), Resolution::Completed)
            .await
            .unwrap();
        self.hostile().await;
        let failed = self
            .task(
                FAILED,
                "test-linux-mochitest-7",
                "local/test",
                json!({"tags": {"kind": "test"}}),
            )
            .await;
        self.claim("local/test").await.unwrap();
        self.clock.advance(SignedDuration::from_secs(185));
        self.queue
            .resolve(failed, RunId(0), Resolution::Failed)
            .await
            .unwrap();
        self.task(
            RUNNING,
            "build-linux-slow",
            "local/build",
            json!({"tags": {"kind": "build"}}),
        )
        .await;
        self.claim("local/build").await.unwrap();
        self.task(
            WAITING,
            "sign-linux-slow",
            "local/sign",
            json!({"dependencies": [RUNNING], "tags": {"kind": "signing"}}),
        )
        .await;
        self.clock.advance(SignedDuration::from_secs(42));
    }

    async fn hostile(&self) {
        let tags = json!({"tags": {"kind": "<b>kind</b>"}, "routes": ["index.<i>.x"]});
        let task = self.task(HOSTILE, SCRIPT, "local/hostile", tags).await;
        self.claim("local/hostile").await.unwrap();
        let run = RunId(0);
        self.clock.advance(SignedDuration::from_secs(12));
        self.upload(task, run, "public/logs/live_backing.log", log().as_bytes())
            .await;
        self.upload(
            task,
            run,
            "public/page.html",
            b"<script>alert('html')</script>",
        )
        .await;
        self.upload(task, run, "public/logs/a&b=\"c\"?#.log", b"odd name\n")
            .await;
        self.upload(task, run, "public/empty.txt", b"").await;
        self.upload(task, run, "public/program", b"\x7fELF\0\0\0")
            .await;
        self.upload(task, run, "secret/token.txt", b"hunter2").await;
        self.announce(task, run, "public/late.txt", ArtifactContent::S3)
            .await;
        let link = |to: &str| ArtifactContent::Link {
            artifact: to.to_owned(),
        };
        self.announce(
            task,
            run,
            "public/log",
            link("public/logs/live_backing.log"),
        )
        .await;
        self.announce(task, run, "public/there", link("public/back"))
            .await;
        self.announce(task, run, "public/back", link("public/there"))
            .await;
        self.announce(task, run, "public/way-in", link("secret/token.txt"))
            .await;
        let url = "javascript:alert('reference')".to_owned();
        self.announce(
            task,
            run,
            "public/elsewhere",
            ArtifactContent::Reference { url },
        )
        .await;
        let (reason, message) = (
            "file-missing-on-worker".to_owned(),
            "<u>not there</u>".to_owned(),
        );
        self.announce(
            task,
            run,
            "public/broken",
            ArtifactContent::Error { reason, message },
        )
        .await;
        self.queue
            .resolve(task, run, Resolution::Completed)
            .await
            .unwrap();
    }
}

fn log() -> String {
    let mut log = String::from(
        "\u{1b}[32m[setup]\u{1b}[0m ready\r\n<img src=x onerror=alert('log')>\n\u{202e}drawkcab\n",
    );
    for n in 4..=6000 {
        log.push_str(&format!(
            "[task] line {n}: compiling unit {}\n",
            n * 7 % 1013
        ));
    }
    log
}

/// The name under which a document is an artifact of a task.
fn artifact_name(request: &Request, of: TaskId) -> Option<&str> {
    match request {
        Request::Artifact { task, name, .. } if *task == of => Some(name.as_str()),
        Request::CotBody { task, .. } if *task == of => Some("public/chain-of-trust.json"),
        Request::CotSignature { task, .. } if *task == of => Some("public/chain-of-trust.json.sig"),
        _ => None,
    }
}
