// SPDX-License-Identifier: MPL-2.0
//! Lint: what chain will a definition or a task graph produce, and would it verify?
//!
//! It reads files and nothing else. The chain is built by the code that builds it in a verification, and the very
//! rules of [`crate::checks`] run over it: one that needs more than definitions is *blocked*, and lint says that it
//! is decided at run time. So lint can refuse what would certainly be refused, and can never say *trusted*.
//!
//! 1. [`Tasks::read`] turns files into definitions as the queue would answer them: labels get ids, references are
//!    resolved, the queue's defaults are filled in (P16).
//! 2. [`lint()`] takes one task of them as the root.
//! 3. The checks of [`ALL`] add what only lint says.
//!
//! A parent that no file has is taken to come from the root's tree; a verification asks it (V82).

mod group;
mod names;
mod read;
mod rules;

pub use read::{File, ReadError, Release, Tasks};
pub use rules::{ALL, COT_FEATURE, DEPENDENCY, IMAGE_INPUT, OUTSIDE_GRAPH};

use serde::Serialize;

use crate::model::ids::TaskId;
use crate::report::{Finding, Link, Relaxation, Subject};
use crate::request::Request;
use crate::walk::{Chain, Inputs, definitions};

/// What the definitions say about one task and its chain.
#[derive(Clone, Debug, Serialize)]
pub struct Lint {
    /// What was looked at.
    pub subject: Subject,
    /// Its label in the graph.
    pub label: Option<String>,
    /// `strict` or `compat`.
    pub profile: &'static str,
    /// Switches that relax a check, with their reasons (P5).
    pub relaxations: Vec<Relaxation>,
    /// The objects of the chain, as a verification would list them; checks are those that definitions decide.
    pub links: Vec<Link>,
    /// What a verification would reject, or could not decide, whatever else it finds.
    pub findings: Vec<Finding>,
    /// What a verification may not mind.
    pub warnings: Vec<Warning>,
    /// What only a verification can decide.
    pub later: Later,
}

/// Something that is odd and refuses nothing.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Warning {
    /// A stable id, one of [`ALL`].
    pub id: &'static str,
    /// The task it is about.
    pub task: TaskId,
    /// The names under which the chain knows the task.
    pub roles: Vec<String>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// RFC 6901 pointer into the definition.
    pub pointer: String,
    /// What to do about it.
    pub help: &'static str,
}

/// What lies outside the files.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Later {
    /// Tasks of the chain that no file defines; what they name is not in [`Lint::links`].
    pub tasks: Vec<TaskId>,
    /// Checks of tasks that a file defines, by id, that need more than definitions.
    pub checks: Vec<&'static str>,
    /// Documents of the repositories' hosts that the rules asked for, beside those of every link.
    pub documents: Vec<String>,
}

/// Lints one task. The keys, the status of runs and the limits of downloads in `inputs` are not read.
#[must_use]
pub fn lint(inputs: &Inputs, tasks: &Tasks) -> Lint {
    let evidence = tasks.evidence();
    drop(evidence.take_wanted());
    let mut chain = Chain::build(inputs, evidence);
    chain.is_whole = true;
    let outside: Vec<TaskId> = chain
        .objects
        .values()
        .filter(|object| !tasks.has(object.id))
        .map(|object| object.id)
        .collect();
    let (extra, warnings) = rules::judge(inputs, &chain, tasks);
    let judged = definitions::judge(inputs, evidence, &chain, extra);
    let mut documents: Vec<String> = evidence
        .take_wanted()
        .iter()
        .filter(|request| is_of_a_host(request))
        .map(ToString::to_string)
        .collect();
    documents.sort();
    documents.dedup();
    Lint {
        subject: judged.subject,
        label: tasks.label(inputs.task).map(str::to_owned),
        profile: inputs.relaxations.profile().as_str(),
        relaxations: inputs.relaxations.list(),
        links: judged.links,
        findings: judged.findings,
        warnings,
        later: Later {
            tasks: outside,
            checks: judged.undecided,
            documents,
        },
    }
}

/// Returns whether a document is a repository host's; those of a task every link has.
const fn is_of_a_host(request: &Request) -> bool {
    !matches!(
        request,
        Request::Artifact { .. }
            | Request::ArtifactList { .. }
            | Request::CotBody { .. }
            | Request::CotSignature { .. }
            | Request::Definition { .. }
            | Request::Status { .. }
            | Request::TaskGraph { .. }
    )
}
