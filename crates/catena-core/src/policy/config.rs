// SPDX-License-Identifier: MPL-2.0
//! A configuration: the built-in defaults with a file laid over them (C1–C6, P29).
//!
//! 1. Each top-level key of the file replaces the default whole (C2).
//! 2. A mapping that holds `by-cot-product` stands for its entry of the product (C3). By-product keys are kept
//!    for every product, other keys need the product at once.
//! 3. Types are those of [`KEYS`](super::KEYS) (C4). Everything that verification reads is validated; of the
//!    worker's keys only the type is, and placeholders are left alone.
//! 4. The products that the file names, and the one that is configured, are validated as a whole (S52).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::builtin;
use super::error::{ConfigError, Place};
use super::infer::{self, PoolType};
use super::keyring::Keyring;
use super::keys::{KEYS, KeySpec, Reader, unknown};
use super::node::{Cursor, Item, Key, Node};
use super::parse;
use super::product::{self, Entry, Policy, Table};
use super::secret::{Credentials, Secret};
use super::settings::{self, RetrySettings, Settings};
use super::switch::{Relaxations, Switch};

/// Settings, keys and policies. It holds secrets, hence no `Debug`.
#[derive(Clone)]
pub struct Config {
    /// What is the same for every product.
    pub settings: Settings,
    /// The keys whose signatures count.
    pub keyring: Keyring,
    /// `cot_product`, or the product that was given at load.
    pub product: Option<String>,
    /// `x_cot.relax`.
    pub relaxations: Relaxations,
    /// The file says `verify_cot_signature: false`, which is to be reported and ignored (P19).
    pub verify_cot_signature_false: bool,
    /// `credentials`, unless they are placeholders.
    pub credentials: Option<Credentials>,
    pub(super) pool_types: Vec<PoolType>,
    globals: BTreeMap<String, Entry>,
    tables: BTreeMap<String, Table>,
}

impl Config {
    /// Returns the built-in defaults.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the files are part of the program and read by every test"
    )]
    pub fn builtin() -> Self {
        Layers::builtin()
            .and_then(|layers| layers.read(None))
            .expect("the embedded policies are valid")
    }

    /// Reads a configuration file: TOML when its name ends so, or when it has another unknown ending and its
    /// text starts like TOML; else YAML, of which JSON is a part.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn load(bytes: &[u8], file_name: &str) -> Result<Self, ConfigError> {
        Self::load_for(bytes, file_name, None)
    }

    /// As [`load`](Self::load), for a product that wins over the file's `cot_product` (P29).
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn load_for(
        bytes: &[u8],
        file_name: &str,
        product: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let file = Arc::from(file_name);
        let extension = file_name
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase());
        let toml = match extension.as_deref() {
            Some("toml") => true,
            Some("yaml" | "yml" | "json") => false,
            _ => starts_like_toml(bytes),
        };
        let root = if toml {
            parse::toml(bytes, &file)
        } else {
            parse::yaml(bytes, &file)
        }?;
        Self::overlay(&root, &file, product, toml)
    }

    /// Reads a `scriptworker.yaml`, in YAML or JSON.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_scriptworker_yaml(bytes: &[u8], file_name: &str) -> Result<Self, ConfigError> {
        let file = Arc::from(file_name);
        Self::overlay(&parse::yaml(bytes, &file)?, &file, None, false)
    }

    /// Reads a file with the same keys in TOML; tables `products.NAME` override or add single products.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_catena_toml(bytes: &[u8], file_name: &str) -> Result<Self, ConfigError> {
        let file = Arc::from(file_name);
        Self::overlay(&parse::toml(bytes, &file)?, &file, None, true)
    }

    /// Returns the validated policy of a product.
    ///
    /// # Errors
    /// [`ConfigError::UnknownProduct`], or what is wrong with the product's values.
    pub fn policy(&self, product: &str) -> Result<Policy, ConfigError> {
        policy(&self.tables, product)
    }

    /// Returns the names of the products that have a policy.
    #[must_use]
    pub fn products(&self) -> Vec<String> {
        complete(&self.tables).map(str::to_owned).collect()
    }

    /// Returns the value of a top-level key as it was configured, for the keys that only the worker reads.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&Node> {
        self.globals.get(key).map(|entry| &*entry.node)
    }

    fn overlay(
        root: &Node,
        file: &Arc<str>,
        product: Option<&str>,
        toml: bool,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::builtin()?;
        let named = layers.add(root, file, product, toml)?;
        let config = layers.read(product)?;
        for name in named.iter().chain(&config.product) {
            if config.product.as_ref() == Some(name)
                || complete(&config.tables).any(|known| known == name)
            {
                config.policy(name)?;
            }
        }
        Ok(config)
    }
}

fn policy(tables: &BTreeMap<String, Table>, product: &str) -> Result<Policy, ConfigError> {
    match tables.get(product) {
        Some(table) => product::read(product, table),
        None => Err(ConfigError::UnknownProduct {
            product: product.chars().take(80).collect(),
            known: complete(tables).map(str::to_owned).collect(),
        }),
    }
}

/// The products of which every key has a value.
fn complete(tables: &BTreeMap<String, Table>) -> impl Iterator<Item = &str> {
    let full = |table: &Table| {
        by_product_keys().all(|key| key == "hg_git_mirrors" || table.contains_key(key))
    };
    tables
        .iter()
        .filter(move |(_, table)| full(table))
        .map(|(name, _)| name.as_str())
}

fn by_product_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .filter(|key| key.is_by_product())
        .map(|key| key.name)
}

fn starts_like_toml(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| {
        let table = line.starts_with('[') && line.ends_with(']');
        let key = line.split_once('=').map(|(key, _)| key.trim_end());
        table || key.is_some_and(|key| key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    })
}

/// Defaults and files, before they are read.
struct Layers {
    globals: BTreeMap<String, Entry>,
    tables: BTreeMap<String, Table>,
    pool_types: Vec<PoolType>,
}

impl Layers {
    fn builtin() -> Result<Self, ConfigError> {
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

    /// Lays a file over what is there; returns the products that it names.
    fn add(
        &mut self,
        root: &Node,
        file: &Arc<str>,
        product: Option<&str>,
        toml: bool,
    ) -> Result<BTreeSet<String>, ConfigError> {
        let top = Cursor::new(file, "the file", root);
        let members = top.members()?;
        if members.is_empty() {
            return Err(top.invalid("a mapping of keys", "none"));
        }
        let mut own = members.iter().filter(|(key, _)| key.text == "cot_product");
        let own = own.next_back().and_then(|(_, at)| at.str().ok());
        let product = product.or(own);
        let mut named = BTreeSet::new();
        for (key, at) in &members {
            let at = Cursor {
                path: key.text.clone(),
                ..at.clone()
            };
            match KeySpec::find(&key.text).filter(|spec| !spec.name.contains('.')) {
                None if toml && key.text == "products" => self.products(&at, &mut named)?,
                None => {
                    return Err(unknown(
                        Place {
                            file: file.clone(),
                            line: key.line,
                        },
                        &key.text,
                    ));
                }
                Some(spec) if spec.is_by_product() => self.by_product(spec, &at, &mut named)?,
                Some(spec) => self.global(spec, &at, product)?,
            }
        }
        Ok(named)
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
        at.secret = matches!(spec.name, "credentials" | "github_oauth_token");
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
    fn read(mut self, product: Option<&str>) -> Result<Config, ConfigError> {
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
            endpoints: own.endpoints,
            max_concurrent_downloads: self
                .optional("max_concurrent_downloads", |at| at.count(1))?,
            retry: own.retry,
            github_token: Secret::new(text("github_oauth_token")?.unwrap_or_default()),
            github_app_name: text("github_app_name")?.unwrap_or_else(|| "read".to_owned()),
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
            credentials: self
                .optional("credentials", |at| credentials(at))?
                .flatten(),
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

/// What stands under `x_cot`.
#[derive(Default)]
struct CotKeys {
    artifact_hosts: Vec<String>,
    endpoints: BTreeMap<String, String>,
    protected_branches: BTreeMap<String, Entry>,
    relaxations: Relaxations,
    retry: RetrySettings,
}

impl CotKeys {
    fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let mut own = Self::default();
        let Some(entry) = layers.globals.get("x_cot") else {
            return Ok(own);
        };
        for (key, at) in Cursor::new(&entry.file, "x_cot", &entry.node).members()? {
            let spec = known(&at, key)?;
            spec.check(&at)?;
            match key.text.as_str() {
                "artifact_hosts" => own.artifact_hosts = settings::hosts(&at)?,
                "capacity" => _ = at.count(1)?,
                "endpoints" => own.endpoints = settings::endpoints(&at)?,
                "protected_branches" => own.protect(&at)?,
                "relax" => own.relax(&at)?,
                "retry" => own.retry(&at)?,
                "strip_env" => _ = at.texts()?,
                _ => {}
            }
        }
        Ok(own)
    }

    fn protect(&mut self, at: &Cursor<'_>) -> Result<(), ConfigError> {
        for (product, globs) in at.members()? {
            globs.texts()?;
            let node = Arc::new(globs.node.clone());
            let entry = Entry {
                file: at.file.clone(),
                node,
                default_type: None,
            };
            self.protected_branches.insert(product.text.clone(), entry);
        }
        Ok(())
    }

    fn relax(&mut self, at: &Cursor<'_>) -> Result<(), ConfigError> {
        for (name, reason) in at.members()? {
            let switch: Switch = name
                .text
                .parse()
                .map_err(|_| reason.invalid("the name of a switch (P5)", &name.text))?;
            self.relaxations
                .relax(switch, reason.str()?)
                .map_err(|_| reason.invalid("a reason (P5)", "none"))?;
        }
        Ok(())
    }

    fn retry(&mut self, at: &Cursor<'_>) -> Result<(), ConfigError> {
        for (key, value) in at.members()? {
            known(&value, key)?;
            self.retry.set(&key.text, &value)?;
        }
        Ok(())
    }
}

/// The key of the table that a cursor stands on.
fn known(at: &Cursor<'_>, key: &Key) -> Result<&'static KeySpec, ConfigError> {
    KeySpec::find(&at.path).ok_or_else(|| {
        unknown(
            Place {
                file: at.file.clone(),
                line: key.line,
            },
            &at.path,
        )
    })
}

/// `credentials`; `None` when they are placeholders.
fn credentials(at: &Cursor<'_>) -> Result<Option<Credentials>, ConfigError> {
    if at.node.item == Item::Null {
        return Ok(None);
    }
    let members: BTreeMap<&str, Cursor<'_>> = at
        .members()?
        .into_iter()
        .map(|(key, value)| (key.text.as_str(), value))
        .collect();
    let text = |key: &str| match members.get(key).map(|value| (value.text(), value)) {
        Some((Ok(text), _)) if text != PLACEHOLDER => Ok(Some(text)),
        Some((_, value)) if !matches!(value.node.item, Item::Str(_) | Item::Null) => {
            Err(value.expected("a string"))
        }
        _ => Ok(None),
    };
    let (client, token, certificate) = (
        text("clientId")?,
        text("accessToken")?,
        text("certificate")?,
    );
    let (Some(client_id), Some(access_token)) = (client, token) else {
        return Ok(None);
    };
    Ok(Some(Credentials {
        client_id: client_id.to_owned(),
        access_token: Secret::new(access_token),
        certificate: certificate.map(Secret::new),
    }))
}

/// What an unfilled template holds (C4).
const PLACEHOLDER: &str = "...";

/// Keys whose values messages do not show and that are not kept in plain form.
const SECRETS: [&str; 2] = ["credentials", "github_oauth_token"];

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Result<Config, ConfigError> {
        Config::load(text.as_bytes(), "catena.toml")
    }

    fn json(text: &str) -> Result<Config, ConfigError> {
        Config::load(text.as_bytes(), "scriptworker.yaml")
    }

    fn error(result: Result<Config, ConfigError>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn the_defaults_are_those_of_the_reference() {
        let config = Config::builtin();
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/products.json")).unwrap();
        let global = &fixture["global"];
        let settings = &config.settings;
        assert_eq!(
            format!("{}/", settings.root_url),
            global["taskcluster_root_url"].as_str().unwrap()
        );
        assert_eq!(
            serde_json::json!(settings.max_chain_length),
            global["max_chain_length"]
        );
        assert_eq!(
            settings.pushlog_url,
            global["pushlog_url"].as_str().unwrap()
        );
        assert_eq!(
            settings.project_configuration_url,
            global["project_configuration_url"].as_str().unwrap()
        );
        let names: Vec<_> = settings
            .valid_hash_algorithms
            .iter()
            .map(|a| a.as_str())
            .collect();
        assert_eq!(serde_json::json!(names), global["valid_hash_algorithms"]);
        for name in global["scriptworker_provisioners"].as_array().unwrap() {
            assert!(
                settings
                    .scriptworker_provisioners
                    .contains(name.as_str().unwrap())
            );
        }
        let keys: BTreeMap<_, Vec<_>> = config
            .keyring
            .families()
            .map(|(name, keys)| (name, keys.iter().map(|k| k.to_base64()).collect()))
            .collect();
        assert_eq!(serde_json::json!(keys), global["ed25519_public_keys"]);
        assert_eq!(settings.valid_artifact_rules.len(), 2);
        assert!(
            settings.github_token.is_empty()
                && config.credentials.is_none()
                && config.product.is_none()
        );
        assert!(!config.verify_cot_signature_false && config.relaxations.list().is_empty());
    }

    #[test]
    fn run_qualified_urls_match_s11() {
        let rules = Config::builtin().settings.valid_artifact_rules;
        let path = "/api/queue/v1/task/T/runs/12/artifacts/public/a.zip";
        let found = rules
            .iter()
            .find_map(|rule| rule.artifact_of("https", "firefox-ci-tc.services.mozilla.com", path));
        assert_eq!(found.unwrap().name, "public/a.zip");
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
    fn unknown_keys_are_errors_p30() {
        assert!(
            error(json(r#"{"cot_prodct": "x"}"#))
                .ends_with(r#"unknown key "cot_prodct", did you mean "cot_product"?"#)
        );
        assert!(
            error(json(r#"{"x_cot": {"artifact_host": []}}"#))
                .ends_with(r#"did you mean "x_cot.artifact_hosts"?"#)
        );
        assert!(error(json(r#"{"x_cot.retry": {}}"#)).contains("unknown key"));
        assert!(error(json(r#"{"products": {}}"#)).contains("unknown key"));
        assert!(
            error(toml("max_chain_length = 3\ncot_prodct = 'x'"))
                .starts_with("catena.toml:2: unknown key")
        );
        assert!(error(toml("a = 1\na = 2")).starts_with("catena.toml:2: "));
    }

    #[test]
    fn secrets_never_appear_in_messages() {
        assert_eq!(
            error(json(r#"{"github_oauth_token": 12345}"#)),
            "scriptworker.yaml: github_oauth_token: expected a string, found an integer"
        );
        let config = json(r#"{"github_oauth_token": "t0k3n", "credentials": {"clientId": "c", "accessToken": "s"}}"#).ok().unwrap();
        assert_eq!(config.settings.github_token.expose(), "t0k3n");
        assert_eq!(
            config.credentials.as_ref().unwrap().access_token.expose(),
            "s"
        );
        assert!(
            config.value("github_oauth_token").is_none() && config.value("credentials").is_none()
        );
        assert!(
            !error(json(
                r#"{"credentials": {"clientId": "c", "accessToken": ["s3cret"]}}"#
            ))
            .contains("s3cret")
        );
        assert!(
            json(r#"{"credentials": {"clientId": "...", "accessToken": "..."}}"#)
                .ok()
                .unwrap()
                .credentials
                .is_none()
        );
    }

    #[test]
    fn switches_need_a_reason_p5() {
        let config = json(r#"{"x_cot": {"relax": {"movable_refs": "release tags"}}}"#)
            .ok()
            .unwrap();
        assert!(config.relaxations.allows(Switch::MovableRefs));
        assert_eq!(config.relaxations.list()[0].reason, "release tags");
        assert!(
            error(json(r#"{"x_cot": {"relax": {"movable_refs": ""}}}"#))
                .contains("x_cot.relax.movable_refs: expected a reason")
        );
        assert!(
            error(json(r#"{"x_cot": {"relax": {"movable_refs": true}}}"#))
                .contains("expected a string")
        );
        assert!(
            error(json(r#"{"x_cot": {"relax": {"everything": "x"}}}"#))
                .contains("name of a switch")
        );
        assert!(error(json(r#"{"x_cot": {"run_pinning": "off"}}"#)).contains("expected enforce"));
    }

    #[test]
    fn endpoints_are_on_loopback_p24() {
        let config =
            json(r#"{"x_cot": {"endpoints": {"https://github.com": "http://127.0.0.1:8443"}}}"#)
                .ok()
                .unwrap();
        assert_eq!(
            config.settings.endpoints["https://github.com"],
            "http://127.0.0.1:8443"
        );
        for target in [
            "https://10.0.0.1",
            "http://evil.example",
            "https://127.0.0.1.evil.example",
            "127.0.0.1",
        ] {
            let text =
                format!(r#"{{"x_cot": {{"endpoints": {{"https://github.com": "{target}"}}}}}}"#);
            assert!(error(json(&text)).contains("on loopback"), "{target}");
        }
        assert!(
            error(json(r#"{"x_cot": {"artifact_hosts": ["https://h"]}}"#)).contains("a host name")
        );
    }

    #[test]
    fn signatures_off_is_noticed_p19() {
        assert!(
            json(r#"{"verify_cot_signature": false}"#)
                .ok()
                .unwrap()
                .verify_cot_signature_false
        );
        assert!(
            !json(r#"{"verify_cot_signature": true}"#)
                .ok()
                .unwrap()
                .verify_cot_signature_false
        );
    }

    #[test]
    fn toml_adds_and_overrides_products() {
        let config = toml(
            "cot_product = 'demo'\n[products.firefox]\nofficial_github_repos_owner = ['a', 'b']\n[products.demo]\ncot_product_type = 'github'\n\
             valid_tasks_for = ['github-push']\nsource_env_prefix = 'DEMO'\nofficial_github_repos_owner = 'demo'\n\
             valid_decision_worker_pools = ['demo-3/decision']\nvalid_docker_image_worker_pools = []\nprotected_branches = ['release/*']\n\
             prebuilt_docker_image_task_types = 'any'\ncot_restricted_scopes = {}\ncot_restricted_trees = {}\n\
             trusted_vcs_rules = [{ schemes = ['https'], netlocs = ['github.com'], path_regexes = ['^(?P<path>/demo/app)(/|.git|$)'] }]",
        )
        .ok()
        .unwrap();
        assert_eq!(config.products().len(), 12);
        assert!(config.policy("demo").unwrap().protects("release/1.x"));
        assert_eq!(
            config.policy("firefox").unwrap().official_github_owners,
            ["a", "b"]
        );
        assert!(
            error(toml("[products.firefox]\nprefix = 'x'")).contains("catena.toml:2: unknown key")
        );
        assert!(
            error(toml(
                "cot_product = 'new'\n[products.new]\nsource_env_prefix = 'X'"
            ))
            .contains("a value for the product new")
        );
    }

    #[test]
    fn protected_branches_are_per_product_p15() {
        let config = json(r#"{"x_cot": {"protected_branches": {"xpi": ["release/*"]}}}"#)
            .ok()
            .unwrap();
        assert!(config.policy("xpi").unwrap().protects("release/a"));
        assert!(!config.policy("glean").unwrap().protects("release/a"));
        assert!(
            error(json(r#"{"x_cot": {"protected_branches": {"zpi": []}}}"#))
                .contains("a product that exists")
        );
    }

    #[test]
    fn syntax_is_chosen_by_name_then_content() {
        assert!(Config::load(b"# c\n\nmax_chain_length = 3", "config").is_ok());
        assert!(Config::load(br#"{"max_chain_length": 3}"#, "config").is_ok());
        assert!(Config::load(b"max_chain_length = 3", "config.json").is_err());
        assert!(Config::load(b"", "config").is_err());
        assert!(Config::load(b"\xff", "config.toml").is_err());
    }
}
