// SPDX-License-Identifier: MPL-2.0
//! Byte caps on answers (S17). They bound memory and disk, not what is accepted: an answer beyond
//! its cap is evidence that we do not have, never a verdict (P7).

use catena_core::request::Request;

/// The most bytes that an answer may have, after content decoding, by kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// An artifact: goes to disk, so a ceiling against endless streams. The largest release
    /// artifacts are symbol archives of a few GB.
    pub artifact: u64,
    /// All pages of an artifact listing. A name takes some 200 bytes and a task has at most a few
    /// tens of thousands.
    pub artifact_list: u64,
    /// `chain-of-trust.json`: holds the task (1 MiB at most) and some 200 bytes for each artifact.
    pub cot: u64,
    /// A task definition: the queue accepts 1 MiB; its defaults and escapes add some.
    pub definition: u64,
    /// GitHub's answers: commits and comparisons list up to 300 files with their patches.
    pub github: u64,
    /// projects.yml: a few hundred projects of some 500 bytes.
    pub projects: u64,
    /// A pushlog entry: a push may carry thousands of changesets (merges), each with its files.
    pub pushlog: u64,
    /// An ed25519 signature of 64 bytes; a little more, so that a wrong file is told apart.
    pub signature: u64,
    /// All bodies on disk together, of one run.
    pub spool: u64,
    /// Status of a task: a few runs of some 300 bytes.
    pub status: u64,
    /// A task graph: 131 MB for 30,000 tasks; goes to disk.
    pub task_graph: u64,
    /// `.taskcluster.yml`: some 20 KB; GitHub's contents API serves 1 MB at most, as base64.
    pub template: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            artifact: 32 * GIB,
            artifact_list: 32 * MIB,
            cot: 32 * MIB,
            definition: 4 * MIB,
            github: 16 * MIB,
            projects: 8 * MIB,
            pushlog: 32 * MIB,
            signature: 64 * KIB,
            spool: 128 * GIB,
            status: MIB,
            task_graph: 2 * GIB,
            template: 4 * MIB,
        }
    }
}

impl Limits {
    /// Returns the cap on the answer to a request.
    pub(crate) const fn of(&self, request: &Request) -> u64 {
        match request {
            Request::Artifact { .. } => self.artifact,
            Request::ArtifactList { .. } => self.artifact_list,
            Request::CotBody { .. } => self.cot,
            Request::CotSignature { .. } => self.signature,
            Request::Definition { .. } => self.definition,
            Request::Projects => self.projects,
            Request::Pushlog { .. } => self.pushlog,
            Request::Status { .. } => self.status,
            Request::TaskGraph { .. } => self.task_graph,
            Request::Template { .. } => self.template,
            _ => self.github,
        }
    }
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
