// SPDX-License-Identifier: MPL-2.0
//! The services over HTTP, one file each: queue, artifacts, bucket, object, index, secrets, auth, ping. Status codes and
//! error bodies are those of the real service (worker.md §12).
//!
//! ```text
//! front     reads the request: raw path, capped body, who calls; makes the error body
//! route     one table for each service: method and path pattern → name of the call and its parameters
//! queue …   the calls themselves: check the body's schema, require scopes, ask the queue or the store, reply
//! bucket    contents of artifacts, by URLs signed with a key of our own
//! ```

mod auth;
mod bucket;
mod call;
mod error;
mod expiry;
mod front;
mod index;
mod integration;
mod object;
mod queue;
mod range;
mod reply;
mod route;
mod schema;
mod secrets;
mod services;
mod signed;

pub(crate) use error::Code;
pub use front::router;
pub use services::{Caps, Parts, Services};
