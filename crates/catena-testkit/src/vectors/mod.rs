// SPDX-License-Identifier: MPL-2.0
//! The vectors: cases as files that any implementation can run, made from the testkit's chains.
//!
//! `vectors/README.md` describes the format, `vectors/case.schema.json` defines it.

mod case;
mod corner;
mod corpus;
mod judge;
mod list;
mod mutated;
mod table;
mod valid;

pub use case::{Case, Config, Expected, Failure, Held, Outcome, Places, Recorded, Subject};
pub use corpus::{Corpus, CorpusError};
pub use judge::{JudgeError, inputs, judge, outcome};
pub use list::all;
pub use mutated::{Mutated, mutated};

/// The deployment of all vectors: the one for whose URLs the reference's `valid_artifact_rules` are written.
pub const ROOT_URL: &str = "https://firefox-ci-tc.services.mozilla.com";
