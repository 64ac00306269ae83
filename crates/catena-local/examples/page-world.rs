// SPDX-License-Identifier: MPL-2.0
//! Serves the page over the world of its tests, for a browser: `page-world [ADDRESS]`. Prints the URL, and the ids of the
//! tasks to look at, as one line of JSON; ends with its standard input.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a tool of the tests, which may fail loudly"
)]

use serde_json::json;

#[path = "../tests/it/page_world.rs"]
#[allow(
    dead_code,
    clippy::allow_attributes,
    reason = "shared with the tests, which use more of it"
)]
mod page_world;

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1);
    let world = page_world::World::full(address.as_deref().unwrap_or("127.0.0.1:0")).await;
    let about = json!({
        "url": format!("http://{}/", world.address),
        "roots": world.roots,
        "hostile": page_world::HOSTILE,
        "held": page_world::HELD,
        "unknown": page_world::UNKNOWN,
        "running": page_world::RUNNING,
    });
    println!("{about}");
    let ended =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    ended.await.unwrap().unwrap();
}
