// SPDX-License-Identifier: MPL-2.0
//! The web page over a world, at an address of its own: what artifacts contain is of another origin.

use std::sync::Arc;

use catena_core::model::definition::Definition;
use catena_core::policy::{Config, Profile, Relaxations};
use catena_evidence::HttpOptions;

use super::{DemoError, World};
use crate::page::{ChainVerifier, Page, Role, router};

impl World {
    /// Serves the page on a loopback address and returns its URL. `infer` says what a task is to be verified as (P18).
    ///
    /// # Errors
    /// No address can be had, the configuration was changed and is none any more, or the system has no random bytes.
    pub async fn serve_page(
        &mut self,
        infer: impl Fn(&Config, &Definition) -> Result<Role, String> + Send + Sync + 'static,
    ) -> Result<String, DemoError> {
        let config = self.config()?;
        let mut http = HttpOptions::of(&config.settings, &Relaxations::of(Profile::Strict));
        http.credentials.clone_from(&config.credentials);
        let services = self.services().clone();
        let known = config.clone();
        let verifier = ChainVerifier::new(
            services.queue().clone(),
            services.clock().clone(),
            config,
            http,
            Profile::Strict,
            move |definition| infer(&known, definition),
        );
        let page = Page::new(
            services.queue().clone(),
            services.store().clone(),
            services.clock().clone(),
            services.root_url().to_owned(),
            Arc::new(verifier),
        )
        .map_err(|why| DemoError::Setup(format!("the system has no random bytes: {why}")))?;
        self.serve(router(page)).await
    }
}
