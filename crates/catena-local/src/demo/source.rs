// SPDX-License-Identifier: MPL-2.0
//! How a task's script reads the repository: one file at one revision, from the host's raw endpoint.

use std::collections::BTreeMap;

use catena_core::model::ids::Revision;

use super::DemoError;
use crate::client::segment;

/// The variable that tells scripts where canonical origins are served: a JSON object, as `x_cot.endpoints`.
pub const ENDPOINTS: &str = "CATENA_ENDPOINTS";

/// A repository at a revision.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// Its canonical URL.
    pub repository: String,
    /// The full hash of a commit.
    pub revision: Revision,
    /// Canonical to actual origin.
    pub endpoints: BTreeMap<String, String>,
}

impl Checkout {
    /// Returns a file.
    ///
    /// # Errors
    /// The repository is on no host that is known, or the host does not have the file.
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, DemoError> {
        let url = self.url(path)?;
        let refused =
            |why: String| DemoError::Setup(format!("{path} of {}: {why}", self.repository));
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|why| refused(why.to_string()))?;
        let answer = client
            .get(&url)
            .send()
            .await
            .map_err(|why| refused(why.to_string()))?;
        if !answer.status().is_success() {
            return Err(refused(format!("the host answered {}", answer.status())));
        }
        let bytes = answer
            .bytes()
            .await
            .map_err(|why| refused(why.to_string()))?;
        Ok(bytes.to_vec())
    }

    fn url(&self, path: &str) -> Result<String, DemoError> {
        let mapped = self.endpoints.iter().find_map(|(canonical, actual)| {
            let rest = self.repository.strip_prefix(canonical)?;
            rest.starts_with('/').then(|| format!("{actual}{rest}"))
        });
        let base = mapped.ok_or_else(|| {
            let hosts: Vec<_> = self.endpoints.keys().cloned().collect();
            let hosts = hosts.join(", ");
            DemoError::Setup(format!(
                "expected a repository on one of {hosts}, found {}",
                self.repository
            ))
        })?;
        let path: Vec<_> = path.split('/').map(segment).collect();
        Ok(format!("{base}/raw/{}/{}", self.revision, path.join("/")))
    }
}
