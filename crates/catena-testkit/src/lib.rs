// SPDX-License-Identifier: MPL-2.0
//! Valid chains of trust, built in memory from a seed: the documents of a deployment that exists nowhere, with
//! the keys to change and sign them again. For tests, examples and the demo.
//!
//! ```
//! use catena_testkit::{ChainSpec, Flow};
//!
//! let chain = ChainSpec::new(7, Flow::FirefoxPush).build();
//! assert!(chain.documents.contains_key(&chain.definition("root")));
//! ```
//!
//! Parents are rendered from the chain's own `.taskcluster.yml` by the same JSON-e engine that verifies them:
//! whether that engine is right is decided by its own tests, not by this crate.

mod builder;
mod chain;
mod clock;
mod cot;
mod edit;
mod github;
mod hosts;
mod json;
pub mod mutate;
mod origin;
mod queue;
mod random;
mod render;
pub mod saboteur;
mod spec;
mod tasks;
#[cfg(feature = "world")]
pub mod vectors;
#[cfg(feature = "verify")]
mod verify;
#[cfg(feature = "world")]
pub mod world;

pub use chain::{Chain, ChainTask, Keys};
pub use cot::Producer;
pub use random::Random;
pub use spec::{ChainSpec, DecisionWorker, Flow, Presence, RootRun};
#[cfg(feature = "verify")]
pub use verify::{Verifier, drive, verify};
