// SPDX-License-Identifier: MPL-2.0
//! What `catena demo` shows: the whole story from a commit to a trusted signing task, and chains that are broken on purpose.
//!
//! ```text
//! story      tells it step by step
//!  ▼
//! world      the services, a VCS host, roles, keys, workers and the configuration that trusts them
//!  │ graph   what the decision task does (`catena local decision`)
//!  │ source  how scripts read the repository (`catena local source`)
//!  ▼
//! config     the scriptworker.yaml with which all this can be verified
//!
//! saboteurs  the other half: `catena demo --break`
//! ```

mod config;
mod error;
mod graph;
mod page;
pub mod saboteurs;
mod sink;
mod source;
mod story;
mod verify;
mod world;

pub use config::{PRODUCT, REPOSITORY, SIGNING_TYPE};
pub use error::DemoError;
pub use graph::{Plan, Planned};
pub use sink::QueueSink;
pub use source::{Checkout, ENDPOINTS};
pub use story::{Step, Told, tell};
pub use verify::{Role, verify};
pub use world::{Workers, World, WorldOptions};
