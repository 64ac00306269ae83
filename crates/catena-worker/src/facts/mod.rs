// SPDX-License-Identifier: MPL-2.0
//! What a log says of the worker that wrote it.
//!
//! This worker writes one line of JSON, [`WorkerInfo`], first into the log, and the same object as the artifact
//! `public/worker-info.json`. docker-worker and generic-worker write free text; [`LogHeader`] reads all three.

mod docker_worker;
mod generic_worker;
mod header;
mod info;

pub use header::{HeaderError, LogHeader, MAX_HEADER, Producer};
pub use info::{Builder, Image, PREFIX, WorkerInfo};

/// The artifact that holds the header's object.
pub const WORKER_INFO: &str = "public/worker-info.json";
