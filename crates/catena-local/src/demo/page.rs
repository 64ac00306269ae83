// SPDX-License-Identifier: MPL-2.0
//! The web page over a world, at an address of its own: what artifacts contain is of another origin.

use std::sync::Arc;

use async_trait::async_trait;
use catena_core::json::{self, Reading};
use catena_core::model::definition::Definition;
use catena_core::model::ids::TaskId;
use catena_core::policy::Config;
use catena_core::report::Report;
use catena_evidence::Progress;

use super::verify::{Role, verify};
use super::{DemoError, World};
use crate::page::{Page, Verify, router};
use crate::queue::Queue;

impl World {
    /// Serves the page on a loopback address and returns its URL. `infer` says what a task is to be verified as (P18), or
    /// in words why that is unknown.
    ///
    /// # Errors
    /// No address can be had, the configuration was changed and is none any more, or the system has no random bytes.
    pub async fn serve_page(
        &mut self,
        infer: impl Fn(&Config, &Definition) -> Result<Role, String> + Send + Sync + 'static,
    ) -> Result<String, DemoError> {
        let services = self.services().clone();
        let verifier = Verifier {
            queue: services.queue().clone(),
            config: self.config()?,
            infer,
        };
        let page = Page::new(
            services.queue().clone(),
            services.store().clone(),
            services.clock().clone(),
            services.root_url().to_owned(),
            Arc::new(verifier),
        )
        .map_err(DemoError::random)?;
        self.serve(router(page)).await
    }
}

/// Verifies as [`verify`] does: each time anew, for what can change in the world lives for one verification (P22).
struct Verifier<Infer> {
    queue: Queue,
    config: Config,
    infer: Infer,
}

impl<Infer> Verifier<Infer> {
    fn definition(&self, task: TaskId) -> Result<Definition, String> {
        let found = self.queue.definition(task).map_err(|why| why.to_string())?;
        let bytes = serde_json::to_vec(&found).map_err(|why| why.to_string())?;
        let value = json::parse(&bytes, Reading::Strict).map_err(|why| why.to_string())?;
        Definition::new(task, value).map_err(|why| why.to_string())
    }
}

#[async_trait]
impl<Infer> Verify for Verifier<Infer>
where
    Infer: Fn(&Config, &Definition) -> Result<Role, String> + Send + Sync,
{
    async fn verify(&self, task: TaskId) -> Result<Report, String> {
        let role = (self.infer)(&self.config, &self.definition(task)?)?;
        verify(&self.config, task, role, &Progress::default())
            .await
            .map_err(|why| why.to_string())
    }
}
