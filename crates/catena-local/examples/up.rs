// SPDX-License-Identifier: MPL-2.0
//! Starts a server and stays: `up --dir DIR --port PORT --claim-timeout SECONDS`, each may be left out. Prints what a shell
//! exports to use it. Ends on SIGTERM and SIGINT.

#![expect(clippy::print_stdout, reason = "an example that prints")]

use std::env;
use std::error::Error;
use std::time::Duration;

use catena_local::{Local, LocalOptions};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut options = LocalOptions::default();
    let mut words = env::args().skip(1);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        match name.as_str() {
            "--dir" => options.dir = Some(value.into()),
            "--port" => options.port = value.parse()?,
            "--claim-timeout" => {
                options.claim_timeout = Some(Duration::from_secs(value.parse()?));
            }
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let local = Local::start(options).await?;
    let credentials = local.credentials();
    println!("export TASKCLUSTER_ROOT_URL={}", local.root_url());
    println!("export TASKCLUSTER_CLIENT_ID={}", credentials.client_id);
    println!(
        "export TASKCLUSTER_ACCESS_TOKEN={}",
        credentials.access_token.as_str()
    );
    println!("# ready");
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    local.stop().await;
    Ok(())
}
