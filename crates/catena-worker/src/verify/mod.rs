// SPDX-License-Identifier: MPL-2.0
//! Verifies the chain of a task before its script runs (worker.md 4, P1, P19, S51).
//!
//! The verdict is the core's, in the strict profile. What it accepted is put where the script looks for it,
//! `work_dir/cot/<taskId>/<name>`, read-only by default: the very bytes that were verified. Without the verdict nothing is there.

mod full;
mod place;

use std::path::Path;
use std::sync::Arc;

use catena_core::document::{Answer, Body};
use catena_core::limits::Limits;
use catena_core::report::{Basis, Report, Verdict};
use catena_core::request::Request;
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::{
    Connections, HttpOptions, HttpSource, OptionsError, Progress, SharedCache, SharedUse, Source,
};
use catena_report::text::{self, Detail, Style};

use crate::config::{Verification, WorkerConfig};
use crate::generate::Claim;
use crate::json::{self, Json};
use crate::status;

/// What came of it.
#[derive(Debug)]
pub struct Decision {
    /// 0 if the task may run.
    pub status: i32,
    /// The verdict in one line.
    pub summary: String,
    /// The text of `chain_of_trust.log` behind its header.
    pub log: String,
    /// `public/full-cot.json`, for a chain that is trusted.
    pub full_cot: Option<String>,
    /// What shared evidence was worth to it.
    pub shared: SharedUse,
    /// What an operator should know, a line each.
    pub news: Vec<String>,
}

impl Decision {
    /// A decision without a verdict.
    fn without(status: i32, why: &str) -> Self {
        let summary = format!("UNDETERMINED: {why}");
        Self {
            status,
            log: format!("[taskcluster:error] {summary}\n"),
            summary,
            full_cot: None,
            shared: SharedUse::default(),
            news: Vec::new(),
        }
    }
}

/// What verifications of a worker share besides answers.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    /// Evidence (ADR 14).
    pub evidence: Option<&'a Arc<SharedCache>>,
    /// Connections to hosts.
    pub connections: Option<&'a Arc<Connections>>,
}

/// Makes the connections that the verifications of this worker share. What is wrong with them is said by the verification
/// that needs them.
pub(crate) fn connections(config: &WorkerConfig) -> Option<Arc<Connections>> {
    config.verify.as_ref()?;
    Connections::new(&options(config)).ok().map(Arc::new)
}

fn options(config: &WorkerConfig) -> HttpOptions {
    HttpOptions::of(&config.policy.settings, &config.relaxations())
}

/// Verifies the chain of a claimed task, and puts the verified files into its work directory.
///
/// Evidence may be shared with other tasks. A refusal never rests on it: when the verdict is no, and anything was there
/// before, the hosts are asked for everything (ADR 14).
pub async fn verify(
    config: &WorkerConfig,
    verification: &Verification,
    claim: &Claim,
    work_dir: &Path,
    sharing: Shared<'_>,
) -> Decision {
    let mut decision = attempt(config, verification, claim, work_dir, sharing).await;
    if decision.status == status::MALFORMED_PAYLOAD && decision.shared.hits > 0 {
        let anew = Shared {
            evidence: None,
            ..sharing
        };
        let mut second = attempt(config, verification, claim, work_dir, anew).await;
        second.shared = decision.shared;
        second.news.append(&mut decision.news);
        if second.status == status::SUCCESS {
            let line = format!(
                "shared evidence was wrong and is forgotten: with it, {}",
                decision.summary
            );
            second.news.push(line);
        }
        decision = second;
    }
    decision
        .news
        .extend(sharing.evidence.and_then(|shared| shared.news()));
    decision
}

/// Verifies once.
async fn attempt(
    config: &WorkerConfig,
    verification: &Verification,
    claim: &Claim,
    work_dir: &Path,
    sharing: Shared<'_>,
) -> Decision {
    let Ok(policy) = config.policy.policy(&verification.product) else {
        let why = "the product of the configuration has no policy";
        return Decision::without(status::INTERNAL_ERROR, why);
    };
    let relaxations = config.relaxations();
    let mut options = options(config);
    options.read_host_tokens(|name| std::env::var(name).ok());
    options.credentials = Some(config.credentials.clone());
    options.spool_dir = Some(work_dir.to_owned());
    options.shared = sharing.evidence.cloned();
    options.shared_without = Some(claim.task_id);
    let (source, news) = match source(sharing.connections, options) {
        Ok(made) => made,
        Err(why) => return Decision::without(status::INTERNAL_ERROR, &why.to_string()),
    };
    let inputs = Inputs {
        task: claim.task_id,
        task_type: verification.task_type,
        inferred: Vec::new(),
        policy,
        settings: config.policy.settings.clone(),
        keyring: config.policy.keyring.clone(),
        relaxations,
        // its document is still to be written
        check_task: CheckTask::Never,
        signatures: match verification.unsigned {
            Some(_) => Signatures::Ignore,
            None => Signatures::Verify,
        },
        basis: Basis::Live,
        limits: Limits::default(),
    };
    let mut walk = Walk::new(inputs);
    catena_evidence::run(&mut walk, &source, &Progress::default()).await;
    let outcome = walk.finish();
    let report = outcome.report;
    let accepted = match (report.verdict, &verification.unsigned) {
        (Verdict::Trusted, _) | (Verdict::Unsigned, Some(_)) => {
            let mode = match config.writable_evidence {
                true => 0o644,
                false => 0o444,
            };
            accept(&source, claim, &report, &outcome.accepted, (work_dir, mode)).await
        }
        _ => Ok(()),
    };
    let used = source.shared_use();
    let mut decision = decide(config, &report, verification, accepted, used);
    if decision.status == status::MALFORMED_PAYLOAD {
        source.forget_shared().await;
    }
    decision.news = news;
    decision
}

/// Makes a source. A place for answers that cannot be used is no reason to fail: everything is asked for.
fn source(
    connections: Option<&Arc<Connections>>,
    mut options: HttpOptions,
) -> Result<(HttpSource, Vec<String>), OptionsError> {
    let connections = match connections {
        Some(connections) => Arc::clone(connections),
        None => Arc::new(Connections::new(&options)?),
    };
    match HttpSource::over(Arc::clone(&connections), &options) {
        Err(why @ OptionsError::Cache { .. }) => {
            options.cache_dir = None;
            let cause = std::error::Error::source(&why).map(ToString::to_string);
            let line = format!("{why}: {}", cause.unwrap_or_default());
            Ok((HttpSource::over(connections, &options)?, vec![line]))
        }
        made => Ok((made?, Vec::new())),
    }
}

/// Why a chain that is trusted does not let the task run.
struct Refusal {
    status: i32,
    why: String,
}

/// Compares the claimed task with the verified one, and puts the files into their places.
async fn accept(
    source: &HttpSource,
    claim: &Claim,
    report: &Report,
    accepted: &[(
        catena_core::model::ids::TaskId,
        catena_core::model::ids::ArtifactName,
        Request,
    )],
    (work_dir, mode): (&Path, u32),
) -> Result<(), Refusal> {
    let root = Request::Definition {
        task: claim.task_id,
    };
    if !same_task(&claim.task, &source.fetch(&root).await) {
        return Err(Refusal {
            status: status::MALFORMED_PAYLOAD,
            why: "expected the claim to hold the definition that was verified, found another"
                .to_owned(),
        });
    }
    let tasks = report.links.iter().map(|link| link.task);
    let files = accepted.iter().map(|(_, _, request)| request);
    place::all(source, tasks, files, work_dir, mode)
        .await
        .map_err(|why| Refusal {
            status: status::INTERNAL_ERROR,
            why,
        })
}

/// Whether the script would see the task that was verified. The queue may change the priority at any time.
fn same_task(claimed: &Json, answer: &Answer) -> bool {
    let Ok(document) = answer else {
        return false;
    };
    let Body::Bytes(bytes) = &document.body else {
        return false;
    };
    let without = |task: &Json| {
        let mut members = task.as_object().cloned().unwrap_or_default();
        members.remove("priority");
        members
    };
    json::parse(bytes).is_ok_and(|verified| without(&verified) == without(claimed))
}

/// From the verdict to a status (S51).
fn decide(
    config: &WorkerConfig,
    report: &Report,
    verification: &Verification,
    accepted: Result<(), Refusal>,
    used: SharedUse,
) -> Decision {
    let one_line = text::one_line(report);
    let (code, summary) = match (report.verdict, accepted) {
        (_, Err(refusal)) => (refusal.status, format!("REJECTED {}", refusal.why)),
        (Verdict::Trusted, Ok(())) => (status::SUCCESS, one_line),
        (Verdict::Unsigned, Ok(())) if verification.unsigned.is_some() => {
            (status::SUCCESS, one_line)
        }
        (Verdict::Undetermined, Ok(())) => (config.undetermined, one_line),
        (Verdict::Rejected | Verdict::Unsigned, Ok(())) => (status::MALFORMED_PAYLOAD, one_line),
    };
    let style = Style {
        detail: Detail::All,
        ..Style::default()
    };
    let page = text::render(report, &style);
    let trusted = code == status::SUCCESS;
    let (mark, end) = match trusted {
        true => ("", "Good.\n"),
        // the form that Treeherder shows as an error
        false => ("[taskcluster:error] ", ""),
    };
    let version = env!("CARGO_PKG_VERSION");
    let shared = match used.hits {
        0 => String::new(),
        hits => format!(
            "{hits} documents ({} bytes) were fetched for other tasks, and checked again\n",
            used.bytes
        ),
    };
    let full_cot = (trusted && config.full_cot).then(|| full::render(config, report));
    Decision {
        status: code,
        log: format!(
            "{mark}{summary}\nRunning scriptworker version {version} (catena)\n\n{page}\n{shared}{end}"
        ),
        summary,
        full_cot,
        shared: used,
        news: Vec::new(),
    }
}
