// SPDX-License-Identifier: MPL-2.0
//! A server on loopback, and requests as they stand on the wire.

use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::model::ids::{RunId, TaskId};
use catena_local::client::{ClaimedTask, Client};
use catena_local::clock::ManualClock;
use catena_local::http::Caps;
use catena_local::queue::Worker;
use catena_local::{Credentials, Local, LocalOptions};
use hawk::mac::{Mac, MacType};
use hawk::{Key, PayloadHasher, SHA256};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const QUEUE: &str = "prov/type";

/// A server, a client with all scopes, and the server's clock.
pub(crate) struct World {
    pub(crate) local: Local,
    pub(crate) root: Client,
    pub(crate) clock: ManualClock,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Small caps, so that tests reach them; claims answer at once.
pub(crate) fn caps() -> Caps {
    Caps {
        artifact: 100_000,
        body: 20_000,
        poll: Duration::ZERO,
    }
}

pub(crate) async fn world() -> World {
    world_in(None, caps()).await
}

pub(crate) async fn world_in(dir: Option<PathBuf>, caps: Caps) -> World {
    // clients sign with the system's time, so the server's clock begins there
    let clock = ManualClock::at(Timestamp::now());
    let options = LocalOptions {
        dir,
        caps,
        clock: Some(clock.clock()),
        ..LocalOptions::default()
    };
    let local = Local::start(options).await.unwrap();
    let root = Client::new(local.root_url(), &local.credentials()).unwrap();
    World { local, root, clock }
}

pub(crate) fn task(number: u8) -> TaskId {
    format!("AAAAAAAAQACAAAAAAAA{}AA", char::from(b'A' + number))
        .parse()
        .unwrap()
}

pub(crate) fn worker() -> Worker {
    Worker {
        group: "group".to_owned(),
        id: "worker-1".to_owned(),
    }
}

/// A definition that the schema accepts; `change` is put over it.
pub(crate) fn definition(now: Timestamp, change: Value) -> Value {
    let hours = |n| now + SignedDuration::from_hours(n);
    let mut definition = json!({
        "taskQueueId": QUEUE,
        "created": now,
        "deadline": hours(2),
        "expires": hours(48),
        "payload": {"command": ["true"]},
        "metadata": {
            "name": "n",
            "description": "d",
            "owner": "o@example.com",
            "source": "https://example.com/s",
        },
    });
    let members = definition.as_object_mut().unwrap();
    for (key, value) in change.as_object().unwrap() {
        members.insert(key.clone(), value.clone());
    }
    definition
}

impl World {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.clock().now()
    }

    pub(crate) fn in_hours(&self, hours: i64) -> Timestamp {
        self.now() + SignedDuration::from_hours(hours)
    }

    pub(crate) async fn create(&self, task: TaskId, change: Value) {
        let definition = definition(self.now(), change);
        self.root.create_task(task, &definition).await.unwrap();
    }

    /// Creates a task and claims it; returns the claim and a client with its credentials.
    pub(crate) async fn claimed(&self, number: u8) -> (ClaimedTask, Client) {
        self.create(task(number), json!({})).await;
        let claims = self.root.claim_work(QUEUE, &worker(), 1).await.unwrap();
        let claim = claims.into_iter().next().unwrap();
        assert_eq!(claim.status.task_id, task(number));
        let client = self.root.with(&claim.credentials).unwrap();
        (claim, client)
    }

    /// Sends a request as it is; the answer's connection is closed after it.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let address = self.local.address();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!(
            "Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        self.wire(head.as_bytes(), body).await
    }

    pub(crate) async fn wire(&self, head: &[u8], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.local.address()).await.unwrap();
        stream.write_all(head).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or_else(|| panic!("{text}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    /// Sends a signed request as it is.
    pub(crate) async fn signed(
        &self,
        credentials: &Credentials,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let body = body.map(Value::to_string).unwrap_or_default();
        let header = Hawk::new(self, credentials, method, path, &body).text();
        let mut headers = vec![("Authorization", header.as_str())];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.raw(method, path, &headers, body.as_bytes()).await
    }

    /// The same with all scopes.
    pub(crate) async fn as_root(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let credentials = self.local.credentials();
        self.signed(&credentials, method, path, body).await
    }

    /// Whether a run has artifacts.
    pub(crate) async fn artifacts(&self, task: TaskId, run: RunId) -> Vec<Value> {
        self.root.artifacts(task, run).await.unwrap()
    }
}

/// The parts of a Hawk header, to be changed one by one.
#[derive(Clone)]
pub(crate) struct Hawk {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) ts: u64,
    pub(crate) nonce: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) hash: Option<Vec<u8>>,
    pub(crate) ext: Option<String>,
}

impl Hawk {
    pub(crate) fn new(
        world: &World,
        credentials: &Credentials,
        method: &str,
        path: &str,
        body: &str,
    ) -> Self {
        let content_type = if body.is_empty() {
            ""
        } else {
            "application/json"
        };
        let ext = credentials.certificate.as_ref().map(|certificate| {
            let certificate: Value = serde_json::from_str(certificate).unwrap();
            json!({ "certificate": certificate }).to_string()
        });
        Self {
            id: credentials.client_id.clone(),
            token: credentials.access_token.to_string(),
            ts: u64::try_from(world.now().as_second()).unwrap(),
            nonce: "abc".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            host: "127.0.0.1".to_owned(),
            port: world.local.address().port(),
            hash: Some(PayloadHasher::hash(content_type, SHA256, body).unwrap()),
            ext: ext.map(|ext| BASE64_STANDARD.encode(ext)),
        }
    }

    pub(crate) fn mac(&self, kind: MacType) -> Vec<u8> {
        let key = Key::new(self.token.as_bytes(), SHA256).unwrap();
        let bewit = matches!(kind, MacType::Bewit);
        let mac = Mac::new(
            kind,
            &key,
            UNIX_EPOCH + Duration::from_secs(self.ts),
            if bewit { "" } else { &self.nonce },
            &self.method,
            &self.host,
            self.port,
            &self.path,
            self.hash.as_deref().filter(|_| !bewit),
            self.ext.as_deref(),
        );
        mac.unwrap().to_vec()
    }

    pub(crate) fn text(&self) -> String {
        let mac = BASE64_STANDARD.encode(self.mac(MacType::Header));
        let mut text = format!(
            "Hawk id=\"{}\", ts=\"{}\", nonce=\"{}\", mac=\"{mac}\"",
            self.id, self.ts, self.nonce
        );
        if let Some(hash) = &self.hash {
            text.push_str(&format!(", hash=\"{}\"", BASE64_STANDARD.encode(hash)));
        }
        if let Some(ext) = &self.ext {
            text.push_str(&format!(", ext=\"{ext}\""));
        }
        text
    }
}
