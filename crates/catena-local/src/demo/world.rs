// SPDX-License-Identifier: MPL-2.0
//! The services, a VCS host, keys, roles and workers, and the configuration that trusts them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use catena_core::model::ids::TaskId;
use catena_core::policy::Config;
use catena_crypto::signer::{Signer as _, SigningKey};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::DemoError;
use super::config::{SIGNING_SCOPE, pools, scriptworker_yaml};
use super::sink::QueueSink;
use super::source::ENDPOINTS;
use crate::client::Client;
use crate::http::Services;
use crate::queue::Worker;
use crate::slug::slug;
use crate::vcs::{self, Host, HostOptions, NewCommit, Person, Push, Recovered, RepoName, TaskSink};
use crate::worker::{self, Event, Family, WorkerOptions};
use crate::{Credentials, Local, LocalOptions};

/// How to start a world.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Where everything is kept; `None`: in a temporary directory.
    pub dir: Option<PathBuf>,
    /// Port of the Taskcluster services, 0 for any.
    pub port: u16,
    /// How long a claim holds; `None`: 1200 s.
    pub claim_timeout: Option<Duration>,
    /// The program that scripts of tasks see as `$CATENA`.
    pub program: PathBuf,
}

/// A running deployment with its VCS hosts; ends when it is dropped.
pub struct World {
    local: Local,
    client: Client,
    host: Host,
    push_token: Zeroizing<String>,
    endpoints: BTreeMap<String, String>,
    keys: BTreeMap<&'static str, Arc<SigningKey>>,
    program: PathBuf,
    dir: PathBuf,
    recovered: Recovered,
    servers: JoinSet<()>,
    _temporary: Option<TempDir>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

impl World {
    /// Starts everything on loopback and writes the configuration.
    ///
    /// # Errors
    /// The directory is in use or not writable, or an address is taken.
    pub async fn start(options: WorldOptions) -> Result<Self, DemoError> {
        let temporary = match options.dir {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(DemoError::io("no temporary directory"))?),
        };
        let dir = match (&options.dir, &temporary) {
            (Some(dir), _) => dir.clone(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => return Err(DemoError::Setup("no directory".to_owned())),
        };
        fs::create_dir_all(&dir).map_err(DemoError::io("the directory cannot be made"))?;
        let local = Local::start(LocalOptions {
            dir: options.dir.as_ref().map(|dir| dir.join("taskcluster")),
            port: options.port,
            claim_timeout: options.claim_timeout,
            ..LocalOptions::default()
        })
        .await?;
        let client = Client::new(local.root_url(), &local.credentials())?;
        let push_token = Zeroizing::new(slug().map_err(DemoError::random)?);
        let mut host_options = HostOptions::new(local.root_url());
        host_options.push_token = Some(push_token.clone());
        let host = Host::open(&dir.join("vcs"), host_options)?;
        let mut servers = JoinSet::new();
        let endpoints = serve(&host, local.services(), &mut servers).await?;
        let mut world = Self {
            keys: keys(&dir)?,
            local,
            client,
            host,
            push_token,
            endpoints,
            program: options.program,
            dir,
            recovered: Recovered::default(),
            servers,
            _temporary: temporary,
        };
        world.write_config()?;
        world.grant().await?;
        let sink = QueueSink::new(world.services().clone());
        world.recovered = vcs::deliver_outstanding(&world.host, &sink).await?;
        Ok(world)
    }

    pub(super) const fn services(&self) -> &Services {
        self.local.services()
    }

    /// Serves something more, and returns its origin.
    pub(super) async fn serve(&mut self, router: Router) -> Result<String, DemoError> {
        listen(router, &mut self.servers).await
    }

    /// The root URL of the deployment.
    #[must_use]
    pub fn root_url(&self) -> &str {
        self.local.root_url()
    }

    /// What became of the events that had no tasks when the last process ended.
    #[must_use]
    pub const fn recovered(&self) -> &Recovered {
        &self.recovered
    }

    /// Credentials with all scopes.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.local.credentials()
    }

    /// A client with all scopes.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The VCS host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The password with which `git push` is allowed.
    #[must_use]
    pub fn push_token(&self) -> &str {
        &self.push_token
    }

    /// Canonical origin to the loopback origin that stands for it.
    #[must_use]
    pub const fn endpoints(&self) -> &BTreeMap<String, String> {
        &self.endpoints
    }

    /// The generated configuration.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("scriptworker.yaml")
    }

    /// The generated configuration, read.
    ///
    /// # Errors
    /// It was changed, and is none any more.
    pub fn config(&self) -> Result<Config, DemoError> {
        let path = self.config_path();
        let bytes = fs::read(&path).map_err(DemoError::io("scriptworker.yaml cannot be read"))?;
        Ok(Config::load(&bytes, &path.to_string_lossy())?)
    }

    /// Commits the product of the demo, on top of what is there.
    ///
    /// # Errors
    /// The repository cannot be written.
    pub fn commit_demo(&self) -> Result<Push, DemoError> {
        let repo = demo_repo()?;
        let exists = self.host.repos()?.contains(&repo);
        if !exists {
            self.host.create(repo.owner(), repo.name(), "main")?;
        }
        let now = jiff::Timestamp::now();
        let mut files: Vec<_> = TREE
            .iter()
            .map(|(path, text)| {
                (
                    (*path).to_owned(),
                    Some(Bytes::from_static(text.as_bytes())),
                )
            })
            .collect();
        // a commit that changes nothing would be no push
        files.push(("VERSION".to_owned(), Some(format!("{now}\n").into())));
        Ok(self.host.commit(
            &repo,
            &NewCommit {
                branch: "main".to_owned(),
                from: None,
                files,
                message: "Say hello".to_owned(),
                author: Person {
                    name: "A Developer".to_owned(),
                    email: "dev@example.org".to_owned(),
                    time: now,
                },
            },
        )?)
    }

    /// Creates the tasks of a push to the demo repository, as the GitHub integration does; returns the decision task.
    ///
    /// # Errors
    /// The template makes no task, or the queue refuses it.
    pub async fn deliver(&self, push: Push) -> Result<TaskId, DemoError> {
        let sink = QueueSink::new(self.services().clone());
        let tasks =
            vcs::deliver_one(&self.host, &demo_repo()?, vcs::Event::Push(push), &sink).await?;
        let first = tasks.first().copied();
        first.ok_or_else(|| DemoError::Setup("the push made no task".to_owned()))
    }

    /// The end of the log of a task's latest run; says so if there is none.
    pub async fn log(&self, task: TaskId) -> String {
        let log = self
            .client
            .artifact(task, None, "public/logs/live_backing.log", 1 << 20)
            .await;
        match log {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let lines: Vec<_> = text.lines().collect();
                lines
                    .get(lines.len().saturating_sub(20)..)
                    .unwrap_or_default()
                    .join("\n")
            }
            Err(why) => format!("no log: {why}"),
        }
    }

    /// Starts one worker for each pool of the demo.
    #[must_use]
    pub fn start_workers(&self, events: Option<mpsc::UnboundedSender<Event>>) -> Workers {
        self.start_workers_of(events, |_| true)
    }

    /// As [`start_workers`](Self::start_workers), for the pools of some families; others are served by somebody else.
    #[must_use]
    pub fn start_workers_of(
        &self,
        events: Option<mpsc::UnboundedSender<Event>>,
        wanted: impl Fn(Family) -> bool,
    ) -> Workers {
        let (stop, stopped) = watch::channel(false);
        let mut running = JoinSet::new();
        for (pool, family) in WORKERS.into_iter().filter(|(_, family)| wanted(*family)) {
            let Some(key) = self.keys.get(implementation(family)) else {
                continue;
            };
            let options = self.worker(pool, family, Arc::clone(key), events.clone());
            let (client, stopped) = (self.client.clone(), stopped.clone());
            running.spawn(async move {
                if let Err(error) = worker::run(&client, &options, stopped).await {
                    tracing::error!(pool, %error, "a worker stopped");
                }
            });
        }
        Workers { stop, running }
    }

    fn worker(
        &self,
        pool: &str,
        family: Family,
        key: Arc<SigningKey>,
        events: Option<mpsc::UnboundedSender<Event>>,
    ) -> WorkerOptions {
        let endpoints = serde_json::to_string(&self.endpoints).unwrap_or_default();
        WorkerOptions {
            family,
            pool: pool.to_owned(),
            worker: Worker {
                group: "local".to_owned(),
                id: pool.rsplit('/').next().unwrap_or(pool).to_owned(),
            },
            key,
            dir: self.dir.join("tasks"),
            program: self.program.clone(),
            env: vec![(ENDPOINTS.to_owned(), endpoints)],
            script: SIGNING_SCRIPT.to_owned(),
            grace: Duration::from_secs(5),
            events,
        }
    }

    fn write_config(&self) -> Result<(), DemoError> {
        let keys = self
            .keys
            .iter()
            .map(|(implementation, key)| (*implementation, key.public_key().to_base64()))
            .collect();
        let yaml = scriptworker_yaml(self.root_url(), &keys, &self.endpoints);
        fs::write(self.config_path(), yaml)
            .map_err(DemoError::io("scriptworker.yaml cannot be written"))
    }

    /// Lets decision tasks of the demo's repositories create tasks for its pools.
    async fn grant(&self) -> Result<(), DemoError> {
        let create = |pool: &str| format!("queue:create-task:highest:{pool}");
        let scopes = [
            create("demo-3/*"),
            create(pools::SIGNING),
            "queue:create-task:project:none".to_owned(),
            "queue:scheduler-id:demo-level-3".to_owned(),
            SIGNING_SCOPE.to_owned(),
        ];
        let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
        match self
            .client
            .create_role("repo:github.com/demo/*", &scopes)
            .await
        {
            // it was granted when the directory was used before
            Err(error) if error.status() == Some(409) => Ok(()),
            done => done.map(drop).map_err(DemoError::from),
        }
    }
}

/// Running workers.
#[derive(Debug)]
pub struct Workers {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Workers {
    /// Lets them end what they are at, as `worker-shutdown`, and waits for that.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// Serves the host, each canonical origin on a loopback address of its own (P24).
async fn serve(
    host: &Host,
    services: &Services,
    servers: &mut JoinSet<()>,
) -> Result<BTreeMap<String, String>, DemoError> {
    let sink: Arc<dyn TaskSink> = Arc::new(QueueSink::new(services.clone()));
    let routers: [(&str, Router); 3] = [
        (
            "https://api.github.com",
            vcs::github_api(host.clone(), Arc::clone(&sink)),
        ),
        ("https://github.com", vcs::github_site(host.clone(), sink)),
        ("https://hg.mozilla.org", vcs::hg(host.clone())),
    ];
    let mut endpoints = BTreeMap::new();
    for (canonical, router) in routers {
        endpoints.insert(canonical.to_owned(), listen(router, servers).await?);
    }
    Ok(endpoints)
}

/// Serves a router at an address of its own, and returns the origin.
async fn listen(router: Router, servers: &mut JoinSet<()>) -> Result<String, DemoError> {
    let failed = DemoError::io("no loopback address can be had");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
    let failed = DemoError::io("no loopback address can be had");
    let address = listener.local_addr().map_err(failed)?;
    servers.spawn(async move {
        // it has no end of its own
        let listener = listener.tap_io(|connection| _ = connection.set_nodelay(true));
        let _ = axum::serve(listener, router).await;
    });
    Ok(format!("http://{address}"))
}

/// Returns a key for each worker implementation: those of the directory, or new ones.
fn keys(dir: &Path) -> Result<BTreeMap<&'static str, Arc<SigningKey>>, DemoError> {
    let dir = dir.join("keys");
    fs::create_dir_all(&dir).map_err(DemoError::io("no directory for keys"))?;
    let mut out = BTreeMap::new();
    for family in [
        Family::DockerWorker,
        Family::GenericWorker,
        Family::Scriptworker,
    ] {
        let name = implementation(family);
        let path = dir.join(name);
        if !path.exists() {
            let mut seed = Zeroizing::new([0_u8; 32]);
            getrandom::fill(seed.as_mut_slice()).map_err(DemoError::random)?;
            SigningKey::from_seed(*seed).write_new_file(&path)?;
        }
        out.insert(name, Arc::new(SigningKey::read_file(&path)?));
    }
    Ok(out)
}

const fn implementation(family: Family) -> &'static str {
    match family {
        Family::DockerWorker => "docker-worker",
        Family::GenericWorker => "generic-worker",
        Family::Scriptworker => "scriptworker",
    }
}

fn demo_repo() -> Result<RepoName, DemoError> {
    Ok(RepoName::new("demo", "hello")?)
}

/// A worker for each.
const WORKERS: [(&str, Family); 5] = [
    (pools::DECISION, Family::DockerWorker),
    (pools::IMAGES, Family::DockerWorker),
    (pools::BUILD, Family::DockerWorker),
    (pools::GENERIC, Family::GenericWorker),
    (pools::SIGNING, Family::Scriptworker),
];

/// The files of the product.
const TREE: [(&str, &str); 4] = [
    (".taskcluster.yml", include_str!("tree/taskcluster.yml")),
    ("README.md", include_str!("tree/README.md")),
    ("src/hello.sh", include_str!("tree/src/hello.sh")),
    (
        "taskcluster/graph.yml",
        include_str!("tree/taskcluster/graph.yml"),
    ),
];

/// Stands for a signing script: what it adds is a checksum, not a signature.
const SIGNING_SCRIPT: &str = r#"set -e
mkdir -p "$ARTIFACT_DIR/public/build"
for file in cot/*/public/build/*; do
    echo "signing $file"
    cp "$file" "$ARTIFACT_DIR/public/build/"
    cksum < "$file" > "$ARTIFACT_DIR/public/build/$(basename "$file").asc"
done
"#;
