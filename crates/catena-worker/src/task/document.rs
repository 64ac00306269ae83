// SPDX-License-Identifier: MPL-2.0
//! The document of a run that its script ended (generation.md 2, P36).

use std::num::NonZeroUsize;
use std::time::Instant;

use catena_crypto::signer::{Signer, SigningKey};

use super::{CHAIN_LOG, FULL_COT, LIVE_LOG, Left, OWN, Run};
use crate::facts::WORKER_INFO;
use crate::generate::{
    self, Claim, Environment, GenerateError, Generated, Identity, Inputs, TreeError,
};
use crate::metrics::Phase;
use crate::status;

impl Run<'_> {
    /// Generates the document of what the script left; a status that is not 0 if there is none.
    pub(super) async fn document(
        &self,
        claim: &Claim,
        full: Option<String>,
        left: &mut Left,
    ) -> i32 {
        let begun = Instant::now();
        let done = self.generate(claim, full, left).await;
        self.worker.metrics.took(Phase::Generate, begun.elapsed());
        match done {
            Ok(generated) => {
                left.generated = Some(generated);
                status::SUCCESS
            }
            Err(why) => {
                let status = match &why {
                    GenerateError::Tree(
                        TreeError::Folder { .. }
                        | TreeError::Reserved { .. }
                        | TreeError::Link { .. }
                        | TreeError::Kind { .. }
                        | TreeError::Name { .. },
                    ) => status::MALFORMED_PAYLOAD,
                    _ => status::INTERNAL_ERROR,
                };
                self.fail(status, &format!("no chain-of-trust document: {why}"))
            }
        }
    }

    async fn generate(
        &self,
        claim: &Claim,
        full: Option<String>,
        left: &Left,
    ) -> Result<Generated, GenerateError> {
        let artifact_dir = self.directories.artifact.clone();
        for name in OWN {
            if artifact_dir.join(name).symlink_metadata().is_ok() {
                let name = name.to_owned();
                return Err(TreeError::Reserved { name }.into());
            }
        }
        let failed = |name| {
            let path = self.directories.log.join(name);
            move |cause| GenerateError::Write { path, cause }
        };
        self.place_log().map_err(failed(LIVE_LOG))?;
        self.place_chain(left.chain.as_deref())
            .map_err(failed(CHAIN_LOG))?;
        let config = &self.worker.config;
        let key = config.key.clone();
        let environment = match config.minimal_environment {
            true => Environment::Minimal,
            false => Environment::Full {
                root_url: config.root_url.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        };
        let identity = Identity {
            group: config.identity.worker_group.clone(),
            id: config.identity.worker_id.clone(),
            worker_type: config.identity.worker_type.clone(),
        };
        let (claim, hash, info) = (claim.clone(), config.hash, self.info.to_json());
        let work = move || {
            let mut own = vec![(WORKER_INFO, info.into_bytes())];
            own.extend(full.map(|full| (FULL_COT, full.into_bytes())));
            // in memory while it signs, and no longer
            let key = key.map(SigningKey::read_file).transpose();
            let key = key.map_err(|why| GenerateError::Write {
                path: "ed25519_private_key_path".into(),
                cause: std::io::Error::other(why.to_string()),
            })?;
            let inputs = Inputs {
                artifact_dir: &artifact_dir,
                claim: &claim,
                identity: &identity,
                environment: &environment,
                algorithms: &[hash],
                threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
                own: &own,
                replace: false,
            };
            generate::generate(&inputs, key.as_ref().map(|key| -> &dyn Signer { key }), &())
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|why| {
            Err(GenerateError::Write {
                path: self.directories.artifact.clone(),
                cause: std::io::Error::other(why.to_string()),
            })
        })
    }
}
