// SPDX-License-Identifier: MPL-2.0
//! What a worker does with a task (worker.md): claims it, verifies its chain, runs its script, generates its document,
//! uploads, reports.
//!
//! ```text
//! daemon      slots that claim, one task after the other, until a signal
//!  ▼
//! task        one run from claim to report; what is lost is cancelled in every phase
//!  │ prepare  what the payload must be, task.json
//!  │ verify   the chain, with the core; verified files for the script
//!  │ script   the process, its environment, its credentials, its log
//!  │ generate the document
//!  │ upload   artifacts in parallel, logs and documents last
//!  ▼
//! queue       signed calls
//! ```
//!
//! - [`mod@config`] reads `scriptworker.yaml`.
//! - [`locks`], [`probe`]: what is made sure of before a task is claimed.
//! - [`status`], [`content`]: the tables of worker.md 7 and 8.2.
//! - [`mod@metrics`], [`monitor`]: what is counted, and served to whoever watches.
//! - [`guard`]: what the worker does with itself, because scripts run beside it.
//! - [`generate`]: from a directory of artifacts and a claim to `public/chain-of-trust.json` and its signature.
//! - [`facts`]: the first line of a log and `public/worker-info.json` (R-01), of this worker and of older ones.
//! - [`documents`]: the documents of every worker, read.
//! - [`json`]: JSON as the reference reads and writes it, so that documents are equal to the byte (P37).

pub mod config;
pub mod content;
pub mod daemon;
pub mod directories;
pub mod documents;
pub mod facts;
pub mod generate;
pub mod guard;
pub mod json;
pub mod locks;
pub mod log;
pub mod metrics;
pub mod monitor;
pub mod notify;
pub mod payload;
pub mod probe;
mod processes;
pub mod queue;
pub mod script;
pub mod session;
mod share;
pub mod signals;
pub mod status;
pub mod task;
pub mod upload;
pub mod verify;
pub mod worker;
