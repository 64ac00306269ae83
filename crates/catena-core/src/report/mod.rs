// SPDX-License-Identifier: MPL-2.0
//! The verdict and everything it rests on, as plain data (RULINGS P26).

mod difference;
mod finding;
mod status;

pub use difference::{Difference, Flow, Pattern, Purpose};
pub use finding::{Asserter, Check, EvidencePointer, Finding, FindingBuilder};
pub use status::{Resolution, TaskStatus};

use std::fmt;

use serde::Serialize;

use crate::model::ids::{ArtifactName, RunId, TaskId};

/// The answer (P6, P19). Only [`Trusted`](Self::Trusted) opens anything.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every check passed on complete evidence.
    Trusted,
    /// As `Trusted`, but signatures were not verified on demand (P19): never a trust decision.
    Unsigned,
    /// Evidence is missing and nothing speaks against the chain.
    Undetermined,
    /// Something speaks against the chain.
    Rejected,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rejected => "rejected",
            Self::Trusted => "trusted",
            Self::Undetermined => "undetermined",
            Self::Unsigned => "unsigned",
        })
    }
}

/// What the documents are: fetched by us, or recorded by somebody else (P27).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Fetched from the hosts themselves.
    #[default]
    Live,
    /// Taken from a directory or bundle: unsigned documents are claims of whoever collected them.
    Recorded,
}

/// A report, `catena-report/1`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// One line that says why: the most specific finding, or what was verified.
    pub headline: String,
    /// What was verified.
    pub subject: Subject,
    /// `strict` or `compat`.
    pub profile: &'static str,
    /// What the documents are.
    pub basis: Basis,
    /// Switches that relax a check, with their reasons (P5).
    pub relaxations: Vec<Relaxation>,
    /// The objects of the chain: the root first, then by distance and name.
    pub links: Vec<Link>,
    /// Everything that speaks against the chain or is missing, most specific first.
    pub findings: Vec<Finding>,
    /// What is worth knowing and decides nothing: warnings, ambiguous YAML scalars.
    pub notes: Vec<Note>,
    /// Facts that rest on the word of the task under test alone (S36).
    pub self_asserted: Vec<Fact>,
    /// Every document that was asked for.
    pub requests: Vec<RequestRecord>,
    /// Filled at the edge; absent in the core.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// What was verified.
#[derive(Clone, Debug, Serialize)]
pub struct Subject {
    /// The root task.
    pub task: TaskId,
    /// Its type, given by the operator or inferred (P18).
    pub task_type: String,
    /// The product whose policy applied.
    pub product: String,
    /// The Taskcluster deployment.
    pub root_url: String,
    /// Which of `type` and `product` were inferred from the task itself, and so are self-asserted (P18).
    pub inferred: Vec<&'static str>,
}

/// A switch that relaxes a check (P5).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Relaxation {
    /// Its name under `x_cot.relax`.
    pub switch: &'static str,
    /// Why, in the words of whoever set it.
    pub reason: String,
}

/// One object of the chain.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Its id.
    pub task: TaskId,
    /// Names under which it was reached (V15), sorted; the root's is its type.
    pub names: Vec<String>,
    /// Every type claimed for it (V12, S5).
    pub types: Vec<String>,
    /// `metadata.name` of its definition.
    pub label: Option<String>,
    /// docker-worker, generic-worker or scriptworker (V13).
    pub worker: Option<String>,
    /// Worker pool (V10).
    pub pool: Option<String>,
    /// The pinned run (P10); `None` for a root whose own run is not checked.
    pub run: Option<RunId>,
    /// Head repository, or the repository of its source (V11, V72).
    pub repository: Option<String>,
    /// Head revision (V11).
    pub revision: Option<String>,
    /// Tree path of its source (V81).
    pub tree: Option<String>,
    /// Who created it (V8).
    pub parent: Option<TaskId>,
    /// Its decision task (V7).
    pub decision: Option<TaskId>,
    /// The tasks it names: inputs, upstream tasks, parent (V15, V16).
    pub needs: Vec<TaskId>,
    /// Id of the key that signed it (hex SHA-256 of the public key).
    pub key: Option<String>,
    /// The image that it ran in; for links of docker-worker whose document is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Its artifacts that were used.
    pub artifacts: Vec<Artifact>,
    /// The checks that were applied to it, by id.
    pub checks: Vec<CheckResult>,
}

/// An image, as the signed document and the definition of the task that ran in it describe it.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// `docker-image`, `task-image` or `indexed-image`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Name in a registry, or namespace of the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `environment.imageHash`: the digest of its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The digest of the archive that it was loaded from, in lower-case hex.
    #[serde(rename = "artifactSha256", skip_serializing_if = "Option::is_none")]
    pub artifact_sha256: Option<String>,
    /// Who built it: only where its document is signed and lists the archive with this digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub builder: Option<ImageBuilder>,
}

/// The run that built an image.
#[derive(Clone, Debug, Serialize)]
pub struct ImageBuilder {
    /// The task.
    pub task: TaskId,
    /// Its run.
    pub run: RunId,
    /// The name of the archive.
    pub artifact: String,
    /// Where the archive is, by run.
    pub url: String,
}

/// An artifact that was used.
#[derive(Clone, Debug, Serialize)]
pub struct Artifact {
    /// Its name.
    pub name: ArtifactName,
    /// Whether its bytes have the digests that were signed.
    pub verified: bool,
    /// SHA-256 of what was received.
    pub sha256: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
}

/// How a check ended for one object.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
pub struct CheckResult {
    /// The check.
    pub id: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The rule holds.
    Pass,
    /// The check could not run: what it needs is missing.
    Undetermined,
    /// The rule is broken.
    Fail,
}

/// A remark that decides nothing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Note {
    /// A stable id.
    pub id: &'static str,
    /// The task it is about.
    pub task: Option<TaskId>,
    /// The remark.
    pub text: String,
}

/// A fact and who asserts it (S36).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Fact {
    /// Who says so.
    pub task: TaskId,
    /// What it is, as the rebuild context names it.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A document that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct RequestRecord {
    /// The request, in words.
    pub request: String,
    /// Where it was asked.
    pub origin: Option<String>,
    /// `received`, or the kind of failure.
    pub outcome: String,
    /// SHA-256 of the body that was received.
    pub sha256: Option<String>,
    /// Size in bytes.
    pub size: Option<u64>,
}

/// How long it took, and what it cost; measured at the edge.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Timing {
    /// Wall time in milliseconds.
    pub wall_ms: u64,
    /// HTTP requests sent, redirects and retries included.
    pub http_requests: u64,
    /// Body bytes received.
    pub bytes: u64,
    /// What asking GitHub's API took; absent if it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<GithubBudget>,
    /// When the report was made, RFC 3339.
    pub finished: String,
}

/// What asking GitHub's API took, and what is left of the scarcest budget.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GithubBudget {
    /// Answers, those without a body included.
    pub requests: u64,
    /// Answers that say that what was kept is still so: with a token, these cost nothing.
    pub not_modified: u64,
    /// Requests that are left, if the host told.
    pub remaining: Option<u64>,
    /// How many there are when the budget is full.
    pub limit: Option<u64>,
    /// When it is full again, RFC 3339.
    pub reset: Option<String>,
}
