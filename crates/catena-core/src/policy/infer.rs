// SPDX-License-Identifier: MPL-2.0
//! Which product and type a task may have, from policy data (P18).
//!
//! The answer rests on what the task says of itself; whoever uses it must say so, and must stop unless there is
//! exactly one candidate.

use super::config::Config;
use super::error::ConfigError;
use super::glob::glob_matches;
use super::node::Cursor;
use super::product::Policy;
use super::{SCRIPTWORKER_PROVISIONER, TASK_TYPES};

/// The worker pools of a task type.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PoolType {
    /// Glob over `provisionerId/workerType`.
    pub pool: String,
    /// The type of tasks there.
    pub task_type: String,
}

/// A repository URL, split and validated (S4).
#[derive(Clone, Copy, Debug)]
pub struct RepositoryUrl<'u> {
    /// Scheme, lower case.
    pub scheme: &'u str,
    /// `host[:port]`.
    pub authority: &'u str,
    /// Path, percent-decoded once.
    pub path: &'u str,
}

/// A product and type that the policies allow for a task.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Candidate {
    /// The product.
    pub product: String,
    /// The task type; `None` when no policy knows the worker pool.
    pub task_type: Option<String>,
}

impl Config {
    /// Returns every product whose rules know the repository, each with the types that the worker pool stands
    /// for. A pool of decision tasks gives `decision`, whatever the task: whether it is an action is the caller's
    /// to see (V9). `product` limits the search to one product.
    ///
    /// # Errors
    /// A product's policy is not valid.
    pub fn infer(
        &self,
        worker_pool: &str,
        repository: Option<RepositoryUrl<'_>>,
        product: Option<&str>,
    ) -> Result<Vec<Candidate>, ConfigError> {
        let names = product.map_or_else(|| self.products(), |name| vec![name.to_owned()]);
        let mut candidates = Vec::new();
        for name in names {
            let policy = self.policy(&name)?;
            let known = repository.is_some_and(|url| {
                policy
                    .tree_of(url.scheme, url.authority, url.path, false)
                    .is_some()
            });
            if known || product.is_some() {
                let task_type = self.type_of(worker_pool, &policy).map(str::to_owned);
                candidates.push(Candidate {
                    product: name,
                    task_type,
                });
            }
        }
        Ok(candidates)
    }

    /// Returns the type that a worker pool stands for in a product.
    fn type_of(&self, worker_pool: &str, policy: &Policy) -> Option<&str> {
        if policy.valid_decision_worker_pools.contains(worker_pool) {
            return Some("decision");
        }
        if policy.valid_docker_image_worker_pools.contains(worker_pool) {
            return Some("docker-image");
        }
        let provisioner = worker_pool
            .split_once('/')
            .map(|(provisioner, _)| provisioner)?;
        let scriptworker = provisioner == SCRIPTWORKER_PROVISIONER
            || self
                .settings
                .scriptworker_provisioners
                .contains(provisioner);
        let rule = self
            .pool_types
            .iter()
            .find(|rule| glob_matches(&rule.pool, worker_pool));
        scriptworker.then(|| rule.map_or("scriptworker", |rule| rule.task_type.as_str()))
    }
}

/// Reads the table of worker pools.
pub(super) fn pool_types(at: &Cursor<'_>) -> Result<Vec<PoolType>, ConfigError> {
    let one = |at: &Cursor<'_>| {
        let (mut pool, mut task_type) = (None, None);
        for (key, value) in at.members()? {
            match key.text.as_str() {
                "pool" => pool = Some(value.text()?.to_owned()),
                "type" if TASK_TYPES.contains(&value.str()?) => {
                    task_type = Some(value.str()?.to_owned())
                }
                _ => return Err(value.expected("pool, or a type of V12")),
            }
        }
        match (pool, task_type) {
            (Some(pool), Some(task_type)) => Ok(PoolType { pool, task_type }),
            _ => Err(at.invalid("pool and type", "less")),
        }
    };
    at.list()?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(pool: &str, authority: &str, path: &str) -> Vec<(String, Option<String>)> {
        let url = RepositoryUrl {
            scheme: "https",
            authority,
            path,
        };
        let candidates = Config::builtin().infer(pool, Some(url), None).unwrap();
        candidates
            .into_iter()
            .map(|c| (c.product, c.task_type))
            .collect()
    }

    #[test]
    fn type_and_product_come_from_policy_p18() {
        let hg = "hg.mozilla.org";
        for (pool, task_type) in [
            ("scriptworker-k8s/gecko-3-signing", Some("signing")),
            ("scriptworker-k8s/gecko-3-signing-dev", Some("signing")),
            (
                "scriptworker-prov-v1/gecko-signing-mac14m2",
                Some("signing"),
            ),
            ("scriptworker-k8s/gecko-3-beetmover", Some("beetmover")),
            ("scriptworker-k8s/gecko-3-balrog", Some("balrog")),
            ("scriptworker-k8s/gecko-3-tree", Some("scriptworker")),
            ("gecko-3/decision", Some("decision")),
            ("gecko-3/images-gcp", Some("docker-image")),
            ("gecko-3/b-linux", None),
            ("gecko-3/x-signing", None),
        ] {
            let due = vec![("firefox".to_owned(), task_type.map(str::to_owned))];
            assert_eq!(infer(pool, hg, "/mozilla-central"), due, "{pool}");
        }
        assert_eq!(
            infer("gecko-3/decision", "github.com", "/mozilla/glean"),
            [("glean".to_owned(), None)]
        );
        assert!(infer("gecko-3/decision", hg, "/try").is_empty());
    }

    #[test]
    fn a_given_product_needs_no_repository_p18() {
        let found = Config::builtin()
            .infer("scriptworker-k8s/xpi-3-signing", None, Some("xpi"))
            .unwrap();
        assert_eq!(
            found,
            [Candidate {
                product: "xpi".into(),
                task_type: Some("signing".into())
            }]
        );
        assert!(
            Config::builtin()
                .infer("a/b", None, None)
                .unwrap()
                .is_empty()
        );
        assert!(
            Config::builtin()
                .infer("a/b", None, Some("netscape"))
                .is_err()
        );
    }
}
