// SPDX-License-Identifier: MPL-2.0
//! The `scriptworker.yaml` that trusts the demo: its keys, its pools, its repository, and where the canonical origins of
//! the hosts are served (`x_cot.endpoints`, P24).

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The product of the demo.
pub const PRODUCT: &str = "demo";
/// The repository of the demo, as chains name it.
pub const REPOSITORY: &str = "https://github.com/demo/hello";
/// The type of the task that is verified.
pub const SIGNING_TYPE: &str = "signing";

/// The pools of the demo.
pub(super) mod pools {
    pub(crate) const DECISION: &str = "demo-3/decision";
    pub(crate) const IMAGES: &str = "demo-3/images";
    pub(crate) const BUILD: &str = "demo-3/b-linux";
    pub(crate) const GENERIC: &str = "demo-3/b-generic";
    pub(crate) const SIGNING: &str = "scriptworker-k8s/demo-3-signing";
}

/// The scope that only signing tasks of the trusted repository may have.
pub(super) const SIGNING_SCOPE: &str = "project:demo:signing:cert:release-signing";

/// Returns the file. `keys`: worker implementation to public key; `endpoints`: canonical to loopback origin.
pub(super) fn scriptworker_yaml(
    root_url: &str,
    keys: &BTreeMap<&'static str, String>,
    endpoints: &BTreeMap<String, String>,
) -> String {
    let mut out = format!(
        "# What to trust on this deployment: `catena verify --config` reads it.\n\
         taskcluster_root_url: {root_url}\n\
         cot_product: {PRODUCT}\n\
         cot_job_type: {SIGNING_TYPE}\n\
         verify_chain_of_trust: true\n\
         verify_cot_signature: true\n\
         ed25519_public_keys:\n"
    );
    // writing to a string cannot fail
    for (implementation, key) in keys {
        let _ = writeln!(out, "  {implementation}: [{key:?}]");
    }
    let pools = [
        ("valid_decision_worker_pools", pools::DECISION),
        ("valid_docker_image_worker_pools", pools::IMAGES),
    ];
    for (key, pool) in pools {
        let _ = writeln!(out, "{key}: {{by-cot-product: {{{PRODUCT}: [{pool}]}}}}");
    }
    out.push_str(POLICY);
    out.push_str("x_cot:\n  endpoints:\n");
    for (canonical, actual) in endpoints {
        let _ = writeln!(out, "    {canonical:?}: {actual:?}");
    }
    out
}

const POLICY: &str = r#"cot_product_type: {by-cot-product: {demo: github}}
valid_tasks_for: {by-cot-product: {demo: [github-push]}}
source_env_prefix: {by-cot-product: {demo: DEMO}}
official_github_repos_owner: {by-cot-product: {demo: demo}}
prebuilt_docker_image_task_types: {by-cot-product: {demo: [decision, docker-image]}}
hg_git_mirrors: {by-cot-product: {demo: {}}}
trusted_vcs_rules:
  by-cot-product:
    demo:
      - {schemes: [https], netlocs: [github.com], path_regexes: ['^(?P<path>/demo/hello)(/|.git|$)']}
cot_restricted_scopes: {by-cot-product: {demo: {"project:demo:signing:cert:release-signing": hello}}}
cot_restricted_trees: {by-cot-product: {demo: {hello: [/demo/hello]}}}
"#;

#[cfg(test)]
mod tests {
    use catena_core::policy::Config;

    use super::*;

    #[test]
    fn the_file_is_a_configuration_that_knows_the_demo() {
        let key = "KO3FX9JnNga/XViTRBiUMHYnji9Fu3s332sU2lXjSwE=".to_owned();
        let keys = BTreeMap::from([("docker-worker", key)]);
        let endpoints = BTreeMap::from([(
            "https://github.com".to_owned(),
            "http://127.0.0.1:1".to_owned(),
        )]);
        let yaml = scriptworker_yaml("http://127.0.0.1:2", &keys, &endpoints);
        let config = Config::from_scriptworker_yaml(yaml.as_bytes(), "scriptworker.yaml").unwrap();
        let policy = config.policy(PRODUCT).unwrap();
        assert!(policy.restricted_scopes.contains_key(SIGNING_SCOPE));
        assert_eq!(config.settings.endpoints, endpoints);
    }
}
