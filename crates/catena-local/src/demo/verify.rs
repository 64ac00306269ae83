// SPDX-License-Identifier: MPL-2.0
//! Verifies a task of the deployment over HTTP, strictly, as `catena verify` does.

use catena_core::limits::Limits;
use catena_core::model::ids::TaskId;
use catena_core::model::task_type::TaskType;
use catena_core::policy::{Config, Profile, Relaxations};
use catena_core::report::{Basis, Report, Timing};
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::{HttpOptions, HttpSource, Progress, Source as _};

use super::DemoError;

/// What to verify a task as (P18).
#[derive(Clone, Debug)]
pub struct Role {
    /// Its type.
    pub task_type: TaskType,
    /// The product whose policy applies.
    pub product: String,
    /// Which of the two were inferred from the task itself.
    pub inferred: Vec<&'static str>,
}

/// Fetches what a verification needs and returns its report.
///
/// # Errors
/// The configuration does not know the product, or names hosts that cannot be asked.
pub async fn verify(
    config: &Config,
    task: TaskId,
    role: Role,
    progress: &Progress,
) -> Result<Report, DemoError> {
    let begun = tokio::time::Instant::now();
    let relaxations = Relaxations::of(Profile::Strict);
    let mut options = HttpOptions::of(&config.settings, &relaxations);
    options.credentials.clone_from(&config.credentials);
    options.progress = progress.clone();
    let source = HttpSource::new(&options)?;
    let mut walk = Walk::new(Inputs {
        task,
        task_type: role.task_type,
        inferred: role.inferred,
        policy: config.policy(&role.product)?,
        settings: config.settings.clone(),
        keyring: config.keyring.clone(),
        relaxations,
        check_task: CheckTask::Auto,
        signatures: Signatures::Verify,
        basis: Basis::Live,
        limits: Limits::default(),
    });
    catena_evidence::run(&mut walk, &source, progress).await;
    let mut report = walk.finish().report;
    let stats = source.stats();
    report.timing = Some(Timing {
        wall_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        http_requests: stats.requests,
        bytes: stats.bytes,
        github: stats.github,
        finished: format!("{:.0}", jiff::Timestamp::now()),
    });
    Ok(report)
}
