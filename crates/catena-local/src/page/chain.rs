// SPDX-License-Identifier: MPL-2.0
//! Verifies a task of the local queue as `catena verify` does, over HTTP.

use std::fmt;

use async_trait::async_trait;
use catena_core::json::{self, Reading};
use catena_core::limits::Limits;
use catena_core::model::definition::Definition;
use catena_core::model::ids::TaskId;
use catena_core::model::task_type::TaskType;
use catena_core::policy::{Config, Profile};
use catena_core::report::{Basis, Report, Timing};
use catena_core::walk::{CheckTask, Inputs, Signatures, Walk};
use catena_evidence::{HttpOptions, HttpSource, Progress, Source as _};
use jiff::Timestamp;

use super::verify::Verify;
use crate::clock::Clock;
use crate::queue::Queue;

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

/// Says what to verify a task as, or in words why that is unknown.
type Infer = dyn Fn(&Definition) -> Result<Role, String> + Send + Sync;

/// Fetches what a verification asks for from the hosts that its options name: each time anew, for what can change in the
/// world lives for one verification (P22).
pub struct ChainVerifier {
    queue: Queue,
    clock: Clock,
    config: Config,
    http: HttpOptions,
    profile: Profile,
    infer: Box<Infer>,
}

impl fmt::Debug for ChainVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainVerifier")
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl ChainVerifier {
    /// Takes what a verification depends on. `http` leads to the local services (P24) and agrees with `config`.
    #[must_use]
    pub fn new(
        queue: Queue,
        clock: Clock,
        config: Config,
        http: HttpOptions,
        profile: Profile,
        infer: impl Fn(&Definition) -> Result<Role, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            queue,
            clock,
            config,
            http,
            profile,
            infer: Box::new(infer),
        }
    }

    fn definition(&self, task: TaskId) -> Result<Definition, String> {
        let found = self.queue.definition(task).map_err(|why| why.to_string())?;
        let bytes = serde_json::to_vec(&found).map_err(|why| why.to_string())?;
        let value = json::parse(&bytes, Reading::Strict).map_err(|why| why.to_string())?;
        Definition::new(task, value).map_err(|why| why.to_string())
    }

    fn inputs(&self, task: TaskId, role: Role) -> Result<Inputs, String> {
        Ok(Inputs {
            task,
            task_type: role.task_type,
            inferred: role.inferred,
            policy: self
                .config
                .policy(&role.product)
                .map_err(|why| why.to_string())?,
            settings: self.config.settings.clone(),
            keyring: self.config.keyring.clone(),
            relaxations: self.config.relaxations.clone().with_profile(self.profile),
            check_task: CheckTask::Auto,
            signatures: Signatures::Verify,
            basis: Basis::Live,
            limits: Limits::default(),
        })
    }
}

#[async_trait]
impl Verify for ChainVerifier {
    async fn verify(&self, task: TaskId) -> Result<Report, String> {
        let started = self.clock.now();
        let role = (self.infer)(&self.definition(task)?)?;
        let mut walk = Walk::new(self.inputs(task, role)?);
        let source = HttpSource::new(&self.http).map_err(|why| why.to_string())?;
        catena_evidence::run(&mut walk, &source, &Progress::default()).await;
        let mut report = walk.finish().report;
        let stats = source.stats();
        report.timing = Some(timing(
            started,
            self.clock.now(),
            stats.requests,
            stats.bytes,
        ));
        Ok(report)
    }
}

fn timing(started: Timestamp, finished: Timestamp, http_requests: u64, bytes: u64) -> Timing {
    let wall = finished.duration_since(started).as_millis();
    Timing {
        wall_ms: u64::try_from(wall).unwrap_or_default(),
        http_requests,
        bytes,
        github: None,
        finished: finished.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    }
}
