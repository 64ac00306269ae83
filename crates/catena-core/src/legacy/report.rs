// SPDX-License-Identifier: MPL-2.0
//! What came out for a chain of the GPG era. It is a report of its own: nobody can take it for one of today.

use serde::Serialize;

use super::era::CotVersion;
use crate::model::ids::TaskId;
use crate::report::Verdict;

/// How much a verdict of the GPG era is worth (legacy.md §4, §5.4). None of these is as good as today's.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// An action of kind `task`, whose template came from an artifact, not from the tree.
    LegacyActionTask,
    /// Signatures by GPG keys of that time.
    LegacyGpg,
    /// And decision tasks that were judged by the look of their command.
    LegacyV1,
}

impl Assurance {
    /// Returns the name, as the report has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LegacyActionTask => "legacy-action-task",
            Self::LegacyGpg => "legacy-gpg",
            Self::LegacyV1 => "legacy-v1",
        }
    }
}

/// A finding: what was expected, what was found.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// Stable id, as docs/legacy.md lists them; of a signature, the code of its refusal.
    pub id: String,
    /// What it means for the verdict.
    pub verdict: Verdict,
    /// The task that it is about.
    pub task: TaskId,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// A task of the chain.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkReport {
    /// Its id.
    pub task: TaskId,
    /// What it is in the chain.
    pub role: &'static str,
    /// The kind of worker that ran it, guessed from the definition as was done then.
    pub worker: String,
    /// The run whose document was read.
    pub run: Option<u32>,
    /// When that run was resolved, says the queue.
    pub resolved: Option<String>,
    /// Who signed, if the signature is good: fingerprint of the key, of the certifier, and the tag that held the key.
    pub signed: Option<Signed>,
}

/// Who signed a document, as far as a good signature tells.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// The fingerprint of the key.
    pub key: String,
    /// The fingerprint of the trusted key that certified it.
    pub certifier: Option<String>,
    /// The tag of the key repository that held the key.
    pub tag: String,
    /// When, says the signer.
    pub time: String,
}

/// The report. `catena-legacy-report/1` in JSON (docs/legacy-report-v1.schema.json).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The verdict (P6).
    pub verdict: Verdict,
    /// The first finding, or what the trust is worth.
    pub headline: String,
    /// The task that was asked about.
    pub task: TaskId,
    /// How much the verdict is worth: all classes that apply.
    pub assurance: Vec<Assurance>,
    /// The rules that were applied.
    pub version: Option<CotVersion>,
    /// Unsigned documents are claims of whoever recorded them (P27).
    pub basis: &'static str,
    /// Every relaxation that was used.
    pub relaxations: Vec<String>,
    /// The tasks of the chain, by id.
    pub links: Vec<LinkReport>,
    /// What speaks against the chain, or is missing.
    pub findings: Vec<Finding>,
}

/// The version of the report's form.
pub const SCHEMA: &str = "catena-legacy-report/1";
