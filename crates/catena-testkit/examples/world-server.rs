// SPDX-License-Identifier: MPL-2.0
//! Serves worlds over TLS to a driver of another implementation: `world-server VECTORS CA.pem`. It writes its
//! certificate authority to CA.pem, then reads a line of JSON for each command and answers with one:
//!
//! ```text
//! {"open": {"case": "valid-xpi-push"}}  →  {"port": 40001, "subject": …, "config": …, "fingerprint": …, "check_task": true}
//! {"open": {"mutation": 7}}             →  the same, for the mutation of a seed
//! {"close": 40001}                      →  {"requests": 21, "unknown": []}
//! {"ping": true}                        →  {}
//! ```
//!
//! A world lives from its opening to its closing. The server ends with its input.

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::Path;

use catena_testkit::vectors::{Corpus, Places, mutated};
use catena_testkit::world::{Authority, Served, World};
use serde_json::{Value, json};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let [_, vectors, ca] = <[String; 3]>::try_from(env::args().collect::<Vec<_>>())
        .map_err(|_| "usage: world-server VECTORS CA.pem")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _guard = runtime.enter();
    let authority = Authority::new()?;
    fs::write(ca, authority.pem())?;
    let mut server = Server {
        corpus: Corpus::read(Path::new(&vectors))?,
        places: Places::new()?,
        authority,
        open: HashMap::new(),
    };
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let answer = runtime
            .block_on(server.obey(&command))
            .unwrap_or_else(|error| json!({"error": error.to_string()}));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

struct Server {
    corpus: Corpus,
    places: Places,
    authority: Authority,
    open: HashMap<u16, Served>,
}

impl Server {
    async fn obey(&mut self, command: &Value) -> Result<Value, Failed> {
        if let Some(what) = command.get("open") {
            return self.open(what).await;
        }
        if command.get("ping").is_some() {
            return Ok(json!({}));
        }
        let port = command["close"]
            .as_u64()
            .and_then(|port| u16::try_from(port).ok())
            .ok_or("expected open or close")?;
        let served = self.open.remove(&port).ok_or("no world has that port")?;
        Ok(serde_json::to_value(served.seen())?)
    }

    async fn open(&mut self, what: &Value) -> Result<Value, Failed> {
        let made;
        let (case, bodies) = match (what["case"].as_str(), what["mutation"].as_u64()) {
            (Some(name), None) => {
                let case = self.corpus.cases.get(name).ok_or("no such case")?;
                (case, &self.corpus.documents)
            }
            (None, Some(seed)) => {
                made = mutated(seed, &self.places)?;
                (&made.case, &made.bodies)
            }
            _ => return Err("expected a case or a mutation".into()),
        };
        let world = World::of(case, bodies);
        let check_task = world.is_completed(case.subject.task);
        let served = Served::start(world, &self.authority).await?;
        let answer = json!({"port": served.port(), "subject": case.subject, "config": case.config,
                            "fingerprint": case.fingerprint(), "check_task": check_task});
        self.open.insert(served.port(), served);
        Ok(answer)
    }
}
