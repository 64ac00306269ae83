// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era, 2016-11 to 2019-05 (legacy.md): archives, verified by the rules of their time.
//!
//! A path of its own, with a report of its own: nothing of it is reachable from the worker or the attester, and none
//! of its verdicts passes for one of today. Like the rest of the core it does no I/O: documents come from
//! [`Evidence`], signatures are judged by an [`Opener`].
//!
//! 1. From the root, tasks are collected through decision tasks, inputs, images and upstream artifacts.
//! 2. The newest task's `created` gives the version of the rules, unless the operator names one. A run that was
//!    resolved after the era stops everything: eras do not mix.
//! 3. Of each task, `chainOfTrust.json.asc` is opened. An ed25519 signature beside it must verify as well: that it may
//!    be broken as long as GPG holds is a downgrade. An unsigned copy beside it must say the same.
//! 4. What is signed must be about this task, this run and this definition.
//! 5. Under version 1 decision and action tasks must look as they had to; later they must be what the tree's template
//!    renders to (`rebuild`). Every other task must be in the graph of the decision or action task that made it,
//!    exactly or, up to version 2, but for its dates.
//! 6. The type that a name claims of a task must be known, and fit the task.
//! 7. Images and upstream artifacts must have the digests that their tasks signed.
//! 8. Every task must go back to the repository of the root's decision task. The root's restricted scopes must fit it, and
//!    then nothing may be of try.

mod artifacts;
mod begin;
pub mod command;
mod document;
pub mod era;
mod graph;
pub mod policy;
mod rebuild;
pub mod report;
mod roles;
mod source;
mod types;
mod walk;

use std::collections::BTreeMap;

use catena_crypto::digest::Algorithm;
use catena_crypto::ed25519::PublicKey;

use self::era::CotVersion;
use self::policy::Policy;
use self::report::{Report, Signed};
use crate::document::Answer;
use crate::model::ids::TaskId;
use crate::model::task_type::WorkerImplementation;
use crate::request::Request;

/// What is asked, and by which rules.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The task whose chain is verified: one that scriptworker ran.
    pub root: TaskId,
    /// The rules, if the operator names them.
    pub version: Option<CotVersion>,
    /// What was to be trusted at that time.
    pub policy: Policy,
    /// ed25519 keys by worker implementation, for pairs that lie beside a signed text.
    pub pairs: BTreeMap<WorkerImplementation, Vec<PublicKey>>,
    /// Relaxations that the caller decided on, to be shown: `--as-of`, `--early-keys`.
    pub relaxations: Vec<String>,
}

/// Gives documents, each the same whenever it is asked for.
pub trait Evidence {
    /// Returns the document, or why there is none.
    fn fetch(&mut self, request: &Request) -> Answer;
}

/// A signed text, and the run that it is of.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The whole `chainOfTrust.json.asc`.
    pub text: &'a [u8],
    /// Whose keys may have signed it.
    pub family: &'a WorkerImplementation,
    /// When the run started, says the queue.
    pub started: &'a str,
    /// When it was resolved.
    pub resolved: &'a str,
}

/// A text whose signature is good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Opened {
    /// What was signed.
    pub payload: String,
    /// By whom.
    pub signed: Signed,
}

/// Why a text is not opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unopened {
    /// No key is in force for the run: nothing can be said.
    NoKeys {
        /// Why.
        reason: String,
    },
    /// It does not count.
    Refused {
        /// The stable code of the reason.
        code: &'static str,
        /// What was expected and found.
        reason: String,
    },
}

/// Judges signatures.
pub trait Opener {
    /// Returns what was signed.
    ///
    /// # Errors
    /// [`Unopened`].
    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Unopened>;
}

/// Verifies a chain. There is always a report.
pub fn verify(inputs: &Inputs, evidence: &mut dyn Evidence, opener: &dyn Opener) -> Report {
    let mut chain = walk::Chain::new(inputs, evidence, opener);
    chain.collect();
    if chain.begin() {
        chain.documents();
        chain.types();
        chain.roles();
        chain.artifacts();
        chain.scopes();
    }
    chain.report()
}

/// Digests that count in documents, then as now.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];
