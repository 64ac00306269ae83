// SPDX-License-Identifier: MPL-2.0
//! The layers of a configuration, laid over one another and then read as a whole (C2–C4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::builtin;
use super::config::{Config, by_product_keys};
use super::cot_keys::CotKeys;
use super::error::{ConfigError, Place};
use super::infer::{self, PoolType};
use super::keyring::Keyring;
use super::keys::{KeySpec, Reader, unknown};
use super::node::{Cursor, Item, Key, Node};
use super::origin::RootUrl;
use super::parse;
use super::product::{Entry, Table};
use super::secret::{Credentials, PLACEHOLDER, Secret};
use super::settings::{self, Settings};

/// Defaults and files, before they are read.
pub(super) struct Layers {
    pub(super) globals: BTreeMap<String, Entry>,
    tables: BTreeMap<String, Table>,
    pool_types: Vec<PoolType>,
}

impl Layers {
    pub(super) fn builtin() -> Result<Self, ConfigError> {
        let defaults = Arc::from("policies/defaults.toml");
        let mut globals = entries(
            parse::toml(builtin::DEFAULTS.as_bytes(), &defaults)?,
            &defaults,
        );
        let pool_types = match globals.remove("pool_types") {
            Some(entry) => infer::pool_types(&Cursor::new(&defaults, "pool_types", &entry.node))?,
            None => Vec::new(),
        };
        let mut tables = BTreeMap::new();
        for (name, text) in builtin::PRODUCTS {
            let file = Arc::from(format!("policies/{name}.toml"));
            let mut table = entries(parse::toml(text.as_bytes(), &file)?, &file);
            for entry in table.values_mut() {
                entry.default_type = Some(entry.node.item.type_name());
            }
            tables.insert(name.to_owned(), table);
        }
        Ok(Self {
            globals,
            tables,
            pool_types,
        })
    }

    /// Returns the deployment of the defaults, without the policies of products, which take a millisecond to read.
    pub(super) fn builtin_root_url() -> Result<RootUrl, ConfigError> {
        let defaults = Arc::from("policies/defaults.toml");
        let globals = entries(
            parse::toml(builtin::DEFAULTS.as_bytes(), &defaults)?,
            &defaults,
        );
        let layers = Self {
            globals,
            tables: BTreeMap::new(),
            pool_types: Vec::new(),
        };
        layers.due("taskcluster_root_url", settings::root_url)
    }

    /// Lays a file over what is there; returns the products that it names, and every key that cannot be used.
    pub(super) fn add(
        &mut self,
        root: &Node,
        file: &Arc<str>,
        product: Option<&str>,
        toml: bool,
    ) -> Result<(BTreeSet<String>, Vec<ConfigError>), ConfigError> {
        let mut top = Cursor::new(file, "the file", root);
        // a file that is no mapping may be a private key by mistake
        top.secret = !matches!(root.item, Item::Map(_));
        let members = top.members()?;
        if members.is_empty() {
            return Err(top.invalid("a mapping of keys", "none"));
        }
        let mut own = members.iter().filter(|(key, _)| key.text == "cot_product");
        let own = own.next_back().and_then(|(_, at)| at.str().ok());
        let product = product.or(own);
        let (mut named, mut wrong) = (BTreeSet::new(), Vec::new());
        for (key, at) in &members {
            let at = Cursor {
                path: key.text.clone(),
                ..at.clone()
            };
            let taken = match KeySpec::find(&key.text).filter(|spec| !spec.name.contains('.')) {
                None if toml && key.text == "products" => self.products(&at, &mut named),
                None => {
                    let place = Place {
                        file: file.clone(),
                        line: key.line,
                    };
                    Err(unknown(place, &key.text))
                }
                Some(spec) if spec.is_by_product() => self.by_product(spec, &at, &mut named),
                Some(spec) => self.global(spec, &at, product),
            };
            wrong.extend(taken.err());
        }
        Ok((named, wrong))
    }

    /// Takes over a by-product key: for all products, or for those that its mapping names (C3).
    fn by_product(
        &mut self,
        spec: &KeySpec,
        at: &Cursor<'_>,
        named: &mut BTreeSet<String>,
    ) -> Result<(), ConfigError> {
        let entry = |node: &Node, old: Option<&Entry>| Entry {
            file: at.file.clone(),
            node: Arc::new(node.clone()),
            default_type: old.and_then(|old| old.default_type),
        };
        let Some(choices) = choices(at)? else {
            for table in self.tables.values_mut() {
                let new = entry(at.node, table.get(spec.name));
                table.insert(spec.name.to_owned(), new);
            }
            return Ok(());
        };
        let old: BTreeMap<String, Entry> = self
            .tables
            .iter_mut()
            .filter_map(|(name, table)| Some((name.clone(), table.remove(spec.name)?)))
            .collect();
        for (name, value) in choices {
            named.insert(name.text.clone());
            let new = entry(value.node, old.get(&name.text));
            self.tables
                .entry(name.text.clone())
                .or_default()
                .insert(spec.name.to_owned(), new);
        }
        Ok(())
    }

    /// Takes over a key that is not by product, or its entry of the product (C3).
    fn global(
        &mut self,
        spec: &KeySpec,
        at: &Cursor<'_>,
        product: Option<&str>,
    ) -> Result<(), ConfigError> {
        let node = match choices(at)? {
            None => at.node,
            Some(choices) => {
                let product =
                    product.ok_or_else(|| at.invalid("a product for by-cot-product", "none"))?;
                let chosen = choices.iter().rfind(|(name, _)| name.text == product);
                let missing = || at.invalid(format!("an entry for the product {product}"), "none");
                chosen.ok_or_else(missing)?.1.node
            }
        };
        let mut at = Cursor { node, ..at.clone() };
        at.secret = SECRETS.contains(&spec.name);
        let placeholder = matches!(&node.item, Item::Str(text) if text == PLACEHOLDER);
        match (&node.item, spec.reader) {
            (Item::Null, _) if matches!(spec.name, "cot_product" | "credentials") => {}
            (Item::Null, Reader::Worker) => {}
            _ if placeholder && spec.reader == Reader::Worker => {}
            _ if placeholder => return Err(at.invalid("a value", "the placeholder ...")),
            _ => spec.check(&at)?,
        }
        let entry = Entry {
            file: at.file.clone(),
            node: Arc::new(node.clone()),
            default_type: None,
        };
        self.globals.insert(spec.name.to_owned(), entry);
        Ok(())
    }

    /// Takes over `[products.NAME]` tables.
    fn products(
        &mut self,
        at: &Cursor<'_>,
        named: &mut BTreeSet<String>,
    ) -> Result<(), ConfigError> {
        for (name, keys) in at.members()? {
            named.insert(name.text.clone());
            for (key, value) in keys.members()? {
                let known = key.text == "protected_branches"
                    || by_product_keys().any(|name| name == key.text);
                if !known {
                    return Err(unknown(
                        Place {
                            file: at.file.clone(),
                            line: key.line,
                        },
                        &key.text,
                    ));
                }
                let node = Arc::new(value.node.clone());
                let entry = Entry {
                    file: at.file.clone(),
                    node,
                    default_type: None,
                };
                self.tables
                    .entry(name.text.clone())
                    .or_default()
                    .insert(key.text.clone(), entry);
            }
        }
        Ok(())
    }

    /// Reads what verification needs.
    pub(super) fn read(mut self, product: Option<&str>) -> Result<Config, ConfigError> {
        let own = CotKeys::read(&self)?;
        for (name, entry) in own.protected_branches {
            let table = self.tables.get_mut(&name).ok_or_else(|| {
                let at = Cursor::new(&entry.file, "x_cot.protected_branches", &entry.node);
                at.invalid("a product that exists", &name)
            })?;
            table.insert("protected_branches".to_owned(), entry);
        }
        let text = |key| self.optional(key, |at| at.str().map(str::to_owned));
        let configured = self
            .globals
            .get("cot_product")
            .filter(|entry| entry.node.item != Item::Null);
        let settings = Settings {
            root_url: self.due("taskcluster_root_url", settings::root_url)?,
            scriptworker_provisioners: self
                .due("scriptworker_provisioners", settings::provisioners)?,
            valid_hash_algorithms: self.due("valid_hash_algorithms", settings::algorithms)?,
            max_chain_length: self.due("max_chain_length", |at| at.count(0))?,
            pushlog_url: self.due("pushlog_url", settings::pushlog_url)?,
            project_configuration_url: self
                .due("project_configuration_url", settings::document_url)?,
            valid_artifact_rules: self.due("valid_artifact_rules", settings::artifact_rules)?,
            artifact_hosts: own.artifact_hosts,
            denied_features: own.denied_features,
            cache_dir: own.cache_dir,
            endpoints: own.endpoints,
            max_concurrent_downloads: self
                .optional("max_concurrent_downloads", |at| at.count(1))?,
            retry: own.retry,
            github_token: Secret::new(text("github_oauth_token")?.unwrap_or_default()),
            github_app_name: text("github_app_name")?.unwrap_or_else(|| "read".to_owned()),
            vcs_hosts: own.vcs_hosts,
        };
        let config = Config {
            settings,
            keyring: self.due("ed25519_public_keys", Keyring::read)?,
            product: match (product, configured) {
                (Some(product), _) => Some(product.to_owned()),
                (None, Some(_)) => text("cot_product")?,
                (None, None) => None,
            },
            relaxations: own.relaxations,
            verify_cot_signature_false: self.optional("verify_cot_signature", Cursor::bool)?
                == Some(false),
            credentials: self.optional("credentials", Credentials::read)?.flatten(),
            warnings: Vec::new(),
            pool_types: self.pool_types,
            globals: self
                .globals
                .into_iter()
                .filter(|(key, _)| !SECRETS.contains(&key.as_str()))
                .collect(),
            tables: self.tables,
        };
        Ok(config)
    }

    fn optional<'l, T>(
        &'l self,
        key: &str,
        read: impl FnOnce(&Cursor<'l>) -> Result<T, ConfigError>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(entry) = self.globals.get(key) else {
            return Ok(None);
        };
        let mut at = Cursor::new(&entry.file, key, &entry.node);
        at.secret = SECRETS.contains(&key);
        read(&at).map(Some)
    }

    fn due<'l, T>(
        &'l self,
        key: &str,
        read: impl FnOnce(&Cursor<'l>) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        self.optional(key, read)?
            .ok_or_else(|| ConfigError::Invalid {
                place: Place {
                    file: "policies/defaults.toml".into(),
                    line: None,
                },
                key: key.to_owned(),
                expected: "a value".to_owned(),
                found: "none".to_owned(),
            })
    }
}

/// The members of a mapping, as entries of `file`.
fn entries(root: Node, file: &Arc<str>) -> BTreeMap<String, Entry> {
    let Item::Map(members) = root.item else {
        return BTreeMap::new();
    };
    let entry = |node| Entry {
        file: file.clone(),
        node: Arc::new(node),
        default_type: None,
    };
    members
        .into_iter()
        .map(|(key, node)| (key.text, entry(node)))
        .collect()
}

/// The members of `by-cot-product`, when the value is a mapping that holds it (C3).
fn choices<'n>(at: &Cursor<'n>) -> Result<Option<Vec<(&'n Key, Cursor<'n>)>>, ConfigError> {
    let Item::Map(members) = &at.node.item else {
        return Ok(None);
    };
    let Some((key, node)) = members
        .iter()
        .rfind(|(key, _)| key.text == "by-cot-product")
    else {
        return Ok(None);
    };
    let path = format!("{}.{}", at.path, key.text);
    Cursor {
        path,
        node,
        ..at.clone()
    }
    .members()
    .map(Some)
}

/// Keys whose values messages do not show and that are not kept in plain form.
const SECRETS: [&str; 2] = ["credentials", "github_oauth_token"];

#[cfg(test)]
mod tests {
    use super::super::config::tests::{error, json};
    use super::*;

    #[test]
    fn a_file_that_is_no_mapping_is_not_quoted() {
        for text in ["\"hunter2\"", "hunter2", "- hunter2"] {
            let said = error(json(text));
            assert!(
                said.contains("the file: expected a mapping, found a "),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }

    #[test]
    fn a_file_replaces_top_level_keys_c2() {
        let config = json(
            r#"{"ed25519_public_keys": {"scriptworker": ["KO3FX9JnNga/XViTRBiUMHYnji9Fu3s332sU2lXjSwE="]},
                "taskcluster_root_url": "https://tc.example/", "cot_product": "firefox", "verify_cot_signature": true,
                "work_dir": "...", "task_script": ["a"], "x_cot": {"artifact_hosts": ["Storage.example"], "retry": {"base": 0.25, "attempts": 2}}}"#,
        )
        .ok()
        .unwrap();
        assert_eq!(config.settings.root_url.as_str(), "https://tc.example");
        assert_eq!(config.keyring.keys("scriptworker").len(), 1);
        assert!(config.keyring.keys("docker-worker").is_empty());
        assert_eq!(config.product.as_deref(), Some("firefox"));
        assert_eq!(config.settings.artifact_hosts, ["storage.example"]);
        assert_eq!(config.settings.retry.attempts, 2);
        assert_eq!(config.settings.retry.base.as_millis(), 250);
        assert!(
            matches!(&config.value("task_script").unwrap().item, Item::List(items) if items.len() == 1)
        );
        assert_eq!(config.products().len(), 11);
    }

    #[test]
    fn by_cot_product_is_resolved_c3() {
        let scopes = r#"{"by-cot-product": {"firefox": {"s": "release"}}}"#;
        let config = json(&format!(r#"{{"cot_restricted_scopes": {scopes}}}"#))
            .ok()
            .unwrap();
        assert_eq!(
            config.policy("firefox").unwrap().restricted_scopes["s"],
            "release"
        );
        assert_eq!(config.products(), ["firefox"]);
        assert!(
            config
                .policy("xpi")
                .unwrap_err()
                .to_string()
                .contains("for the product xpi, found none")
        );
        let length = r#"{"max_chain_length": {"by-cot-product": {"firefox": 3, "xpi": 4}}"#;
        assert!(error(json(&format!("{length}}}"))).contains("a product for by-cot-product"));
        let config = json(&format!(r#"{length}, "cot_product": "xpi"}}"#))
            .ok()
            .unwrap();
        assert_eq!(config.settings.max_chain_length, 4);
        let text = format!(r#"{length}, "cot_product": "xpi"}}"#);
        let config = Config::load_for(text.as_bytes(), "f.yaml", Some("firefox"))
            .ok()
            .unwrap();
        assert_eq!(
            (config.settings.max_chain_length, config.product.as_deref()),
            (3, Some("firefox"))
        );
        assert!(
            error(json(&format!(r#"{length}, "cot_product": "glean"}}"#)))
                .contains("an entry for the product glean")
        );
    }

    #[test]
    fn plain_overrides_have_the_type_of_the_default_c4() {
        let config = json(r#"{"valid_tasks_for": ["cron"]}"#).ok().unwrap();
        assert_eq!(config.policy("xpi").unwrap().valid_tasks_for.len(), 1);
        let config = json(r#"{"prebuilt_docker_image_task_types": "any"}"#)
            .ok()
            .unwrap();
        assert!(config.policy("xpi").is_ok());
        assert!(
            config
                .policy("firefox")
                .unwrap_err()
                .to_string()
                .contains("expected a list, found \"any\"")
        );
        assert!(
            error(json(
                r#"{"cot_product": "firefox", "cot_product_type": "hg"}"#
            ))
            .contains("expected a list")
        );
    }

    #[test]
    fn types_are_exact_c4() {
        for (text, due) in [
            (
                r#"{"max_chain_length": true}"#,
                "max_chain_length: expected an integer from 0, found true",
            ),
            (r#"{"max_chain_length": 3.0}"#, "expected an integer"),
            (
                r#"{"max_chain_length": -1}"#,
                "expected an integer from 0, found -1",
            ),
            (
                r#"{"max_chain_length": 99999999999}"#,
                "expected an integer from 0",
            ),
            (
                r#"{"verify_cot_signature": 1}"#,
                "expected a boolean, found 1",
            ),
            (r#"{"verbose": "yes"}"#, "expected a boolean"),
            (r#"{"cot_product": 1}"#, "expected a string"),
            (r#"{"cot_product": "netscape"}"#, "found \"netscape\""),
            (r#"{"pushlog_url": null}"#, "expected a string, found null"),
            (r#"{"taskcluster_root_url": "..."}"#, "the placeholder ..."),
            (
                r#"{"taskcluster_root_url": "http://tc.example"}"#,
                "on loopback",
            ),
            (
                r#"{"valid_hash_algorithms": ["md5"]}"#,
                "valid_hash_algorithms[0]: expected sha256 or sha512, found \"md5\"",
            ),
            (r#"{"valid_hash_algorithms": []}"#, "at least one algorithm"),
            (r#"{"pushlog_url": "https://h/{repo}"}"#, "{revision}"),
            (
                r#"{"project_configuration_url": "http://h/x"}"#,
                "https URL",
            ),
            (
                r#"{"ed25519_public_keys": {"scriptworker": ["AAAA"]}}"#,
                "ed25519_public_keys.scriptworker[0]: expected an ed25519 public key",
            ),
            (r#"{"max_concurrent_downloads": 0}"#, "an integer from 1"),
            (
                r#"{"valid_artifact_rules": [{"schemes": ["https"], "netlocs": ["h"], "path_regexes": ["^/x$"]}]}"#,
                "no group filepath",
            ),
            (
                r#"{"valid_artifact_rules": [{"schemes": ["https"], "netlocs": ["h"]}]}"#,
                "the key path_regexes",
            ),
            ("{}", "expected a mapping of keys"),
            ("[]", "expected a mapping, found a list"),
        ] {
            assert!(
                error(json(text)).contains(due),
                "{text}: {}",
                error(json(text))
            );
        }
    }

    #[test]
    fn a_worker_file_in_yaml_serves_verification_c1() {
        let config = json(
            "# comment\nprovisioner_id: scriptworker-k8s\nworker_id: ...\nwork_dir: null\ncredentials:\n  clientId: ...\n  accessToken: ...\n\
             reversed_statuses: {245: intermittent-task, 241: intermittent-task}\nverify_chain_of_trust: yes\ncot_product: firefox\n\
             cot_job_type: signing\nlog_max_bytes: 1_000\nmax_chain_length: 5\nmax_chain_length: 6\n",
        )
        .ok()
        .unwrap();
        assert_eq!(config.settings.max_chain_length, 6);
        assert_eq!(
            config.warnings,
            ["scriptworker.yaml:14: the key \"max_chain_length\" stands twice, the last counts"]
        );
        assert!(matches!(
            config.value("log_max_bytes").unwrap().item,
            Item::Int(1000)
        ));
        let due = "scriptworker.yaml:2: cot_restricted_trees: expected string keys, found 1";
        assert_eq!(
            error(json("cot_product: xpi\ncot_restricted_trees: {1: [/a]}")),
            due
        );
        assert_eq!(error(json("a: 1\nb: 2\nc: }")).split(':').nth(1), Some("3"));
    }
}
