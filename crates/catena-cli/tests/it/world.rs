// SPDX-License-Identifier: MPL-2.0
//! A chain of the testkit, served over HTTP on loopback: the deployment itself, hg and projects.yml by
//! `x_cot.endpoints` (P24).

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use catena_core::model::ids::{ArtifactName, RunId, TaskId};
use catena_core::request::{Repo, Request};
use catena_testkit::{Chain, ChainSpec, Flow};
use tempfile::TempDir;

use crate::run::Run;

/// A served chain.
pub(crate) struct World {
    pub(crate) chain: Chain,
    dir: TempDir,
}

impl World {
    /// Builds a chain, changes it and serves it until the test ends.
    pub(crate) fn of(change: impl FnOnce(&mut Chain)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root_url = format!("http://{}", listener.local_addr().unwrap());
        let mut spec = ChainSpec::new(11, Flow::FirefoxPush);
        spec.root_url.clone_from(&root_url);
        let mut chain = spec.build();
        change(&mut chain);
        let documents: Arc<HashMap<String, Vec<u8>>> = Arc::new(
            chain
                .documents
                .iter()
                .filter_map(|(request, body)| Some((path(request)?, body.clone())))
                .collect(),
        );
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let documents = Arc::clone(&documents);
                thread::spawn(move || serve(stream, &documents));
            }
        });
        let dir = tempfile::tempdir().unwrap();
        let endpoints = ["hg.mozilla.org", "raw.githubusercontent.com"]
            .map(|host| format!("    https://{host}: {root_url}\n"))
            .concat();
        let config = format!(
            "{}x_cot:\n  endpoints:\n{endpoints}  retry: {{attempts: 2, base: 0.01}}\n",
            chain.scriptworker_yaml()
        );
        fs::write(dir.path().join("scriptworker.yaml"), config).unwrap();
        Self { chain, dir }
    }

    /// Verifies the root with further arguments.
    pub(crate) fn verify(&self, arguments: &[&str]) -> Run {
        self.run(arguments, &[])
    }

    /// As `told`, with variables.
    pub(crate) fn with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        self.run(&[&self.role()[..], arguments].concat(), variables)
    }

    /// As `verify`, and tells what the task is.
    pub(crate) fn told(&self, arguments: &[&str]) -> Run {
        self.with(arguments, &[])
    }

    /// Where the configuration is.
    pub(crate) fn config(&self) -> String {
        let path = self.dir.path().join("scriptworker.yaml");
        path.to_str().unwrap().to_owned()
    }

    fn role(&self) -> [&str; 4] {
        let chain = &self.chain;
        ["--type", chain.task_type, "--product", chain.product]
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let config = self.config();
        let common = ["verify", self.chain.root.as_str(), "--config", &config];
        Run::with(&[&common[..], arguments].concat(), variables)
    }
}

/// Where a document lies.
fn path(request: &Request) -> Option<String> {
    let queue = |task: &TaskId| format!("/api/queue/v1/task/{task}");
    let artifact = |task: &TaskId, run: &RunId, name: &str| {
        format!("{}/runs/{run}/artifacts/{name}", queue(task))
    };
    Some(match request {
        Request::Artifact { task, run, name } => artifact(task, run, name.as_str()),
        Request::ArtifactList { task, run } => format!("{}/runs/{run}/artifacts", queue(task)),
        Request::CotBody { task, run } => artifact(task, run, ArtifactName::COT),
        Request::CotSignature { task, run } => artifact(task, run, ArtifactName::COT_SIGNATURE),
        Request::Definition { task } => queue(task),
        Request::Projects => "/mozilla-releng/fxci-config/main/projects.yml".to_owned(),
        Request::Pushlog {
            repo: Repo::Hg { path, .. },
            revision,
        } => format!("{path}/json-pushes?changeset={revision}"),
        Request::Status { task } => format!("{}/status", queue(task)),
        Request::TaskGraph { task, run } => artifact(task, run, ArtifactName::TASK_GRAPH),
        Request::Template {
            repo: Repo::Hg { path, .. },
            revision,
        } => format!("{path}/raw-file/{revision}/.taskcluster.yml"),
        _ => return None,
    })
}

fn serve(mut stream: TcpStream, documents: &HashMap<String, Vec<u8>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap())
        .lines()
        .map_while(Result::ok);
    while let Some(first) = lines.next() {
        while lines.next().is_some_and(|header| !header.is_empty()) {}
        let target = first
            .split(' ')
            .nth(1)
            .unwrap_or_default()
            .replace("%2F", "/");
        let target = target.split('&').next().unwrap_or_default();
        let (target, bewit) = match target.split_once("?bewit=") {
            Some((target, bewit)) => (target, Some(bewit)),
            None => (target, None),
        };
        let (status, body) = match documents.get(target) {
            Some(body) if body == DOWN => ("503 Service Unavailable", &[][..]),
            Some(body) if body.starts_with(PRIVATE) => match bewit {
                Some(_) => ("200 OK", &body[PRIVATE.len()..]),
                None => ("403 Forbidden", &[][..]),
            },
            Some(body) => ("200 OK", body.as_slice()),
            None => ("404 Not Found", &[][..]),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body))
            .is_err()
        {
            return;
        }
    }
}

/// A body that makes the server fail.
pub(crate) const DOWN: &[u8] = b"\0down";

/// The start of a body that the server gives only for a signed URL.
pub(crate) const PRIVATE: &[u8] = b"\0private";
