// SPDX-License-Identifier: MPL-2.0
//! What a worker does with a task. So far: the chain-of-trust document of what a task left behind, and what its log
//! says of the worker.
//!
//! - [`generate`]: from a directory of artifacts and a claim to `public/chain-of-trust.json` and its signature.
//! - [`facts`]: the first line of a log and `public/worker-info.json`, of this worker and of older ones.
//! - [`documents`]: the documents of every worker, read.
//! - [`json`]: JSON as the reference reads and writes it, so that documents are equal to the byte (P37).

pub mod documents;
pub mod facts;
pub mod generate;
pub mod json;
