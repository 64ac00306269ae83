// SPDX-License-Identifier: MPL-2.0
//! A host in a temporary directory, and the git program to check it with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use catena_core::model::ids::TaskId;
use catena_local::clock::ManualClock;
use catena_local::vcs::{
    Host, HostOptions, NewCommit, NotCreated, Person, Push, RepoName, TaskSink, github_api,
    github_site, hg,
};
use serde_json::{Map, Value};
use tower::ServiceExt as _;
use zeroize::Zeroizing;

pub(crate) const TOKEN: &str = "correct-horse";
pub(crate) const TEMPLATE: &str = include_str!("taskcluster.yml");

/// Keeps the tasks that it is given.
#[derive(Debug, Default)]
pub(crate) struct Sink(Mutex<Vec<(TaskId, Map<String, Value>)>>);

#[async_trait::async_trait]
impl TaskSink for Sink {
    async fn create(
        &self,
        role: &str,
        id: TaskId,
        definition: Map<String, Value>,
    ) -> Result<(), NotCreated> {
        assert!(role.starts_with("repo:github.com/"), "{role}");
        self.0.lock().unwrap().push((id, definition));
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) host: Host,
    pub(crate) clock: ManualClock,
    pub(crate) sink: Arc<Sink>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut HostOptions)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at("2026-03-02T08:58:41Z".parse().unwrap());
        let mut options = HostOptions::new("http://127.0.0.1:8000");
        options.clock = clock.clock();
        options.push_token = Some(Zeroizing::new(TOKEN.to_owned()));
        change(&mut options);
        let host = Host::open(&dir.path().join("vcs"), options).unwrap();
        Self {
            dir,
            host,
            clock,
            sink: Arc::default(),
        }
    }

    /// A repository `octo/widget` with a template and a file.
    pub(crate) fn widget(&self) -> (RepoName, Push) {
        self.host.create("octo", "widget", "main").unwrap();
        let repo = name("octo/widget");
        let files = [
            (".taskcluster.yml", TEMPLATE),
            ("src/widget.py", "print('widget')\n"),
        ];
        let push = self
            .host
            .commit(&repo, &commit("main", &files, "Add the widget"))
            .unwrap();
        (repo, push)
    }

    pub(crate) fn api(&self) -> Router {
        github_api(self.host.clone(), self.sink.clone())
    }

    pub(crate) fn site(&self) -> Router {
        github_site(self.host.clone(), self.sink.clone())
    }

    pub(crate) fn hg(&self) -> Router {
        hg(self.host.clone())
    }

    pub(crate) fn created(&self) -> Vec<(TaskId, Map<String, Value>)> {
        self.sink.0.lock().unwrap().clone()
    }

    pub(crate) fn git_dir(&self, repo: &RepoName) -> PathBuf {
        self.host
            .root()
            .join(repo.owner())
            .join(format!("{}.git", repo.name()))
    }
}

pub(crate) fn name(text: &str) -> RepoName {
    text.parse().unwrap()
}

pub(crate) fn person() -> Person {
    Person {
        name: "A Dev".to_owned(),
        email: "a-dev@users.noreply.github.com".to_owned(),
        time: "2026-03-02T08:58:40Z".parse().unwrap(),
    }
}

pub(crate) fn commit(branch: &str, files: &[(&str, &str)], message: &str) -> NewCommit {
    let own = |(path, text): &(&str, &str)| {
        (
            (*path).to_owned(),
            Some(Bytes::copy_from_slice(text.as_bytes())),
        )
    };
    NewCommit {
        branch: branch.to_owned(),
        from: None,
        files: files.iter().map(own).collect(),
        message: message.to_owned(),
        author: person(),
    }
}

/// Runs git; it must be installed, and must succeed.
pub(crate) fn git(at: &Path, arguments: &[&str]) -> String {
    let done = try_git(at, arguments);
    assert!(
        done.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8(done.stdout).unwrap()
}

/// Runs git; it must be installed.
pub(crate) fn try_git(at: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .current_dir(at)
        .args([
            "-c",
            "user.name=A Dev",
            "-c",
            "user.email=a-dev@users.noreply.github.com",
        ])
        .args(["-c", "credential.helper=", "-c", "protocol.version=2"])
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("HOME", at)
        .output()
        .unwrap_or_else(|why| panic!("these tests need the git program: {why}"))
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn get(router: Router, path: &str) -> Reply {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

pub(crate) async fn send(router: Router, mut request: Request<Body>) -> Reply {
    // as every client does
    let host = HeaderValue::from_static("127.0.0.1:8000");
    request.headers_mut().entry("host").or_insert(host);
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

pub(crate) async fn post(router: Router, path: &str, user: &str, body: &Value) -> Reply {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{TOKEN}"));
    let request = Request::post(path).header("authorization", format!("Basic {basic}"));
    send(router, request.body(Body::from(body.to_string())).unwrap()).await
}

/// Serves a router on loopback; returns `127.0.0.1:PORT`.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}
