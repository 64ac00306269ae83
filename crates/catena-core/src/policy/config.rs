// SPDX-License-Identifier: MPL-2.0
//! A configuration: the built-in defaults with a file laid over them (C1–C6, P29).
//!
//! 1. Each top-level key of the file replaces the default whole (C2).
//! 2. A mapping that holds `by-cot-product` stands for its entry of the product (C3). By-product keys are kept
//!    for every product, other keys need the product at once.
//! 3. Types are those of [`KEYS`](super::KEYS) (C4). Everything that verification reads is validated; of the
//!    worker's keys only the type is, and placeholders are left alone.
//! 4. The products that the file names, and the one that is configured, are validated as a whole (S52).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::ConfigError;
use super::infer::PoolType;
use super::keyring::Keyring;
use super::keys::KEYS;
use super::layers::Layers;
use super::node::Node;
use super::origin::RootUrl;
use super::parse;
use super::product::{self, Entry, Policy, Table};
use super::secret::Credentials;
use super::settings::Settings;
use super::switch::Relaxations;

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
    /// What the file says twice, a line each.
    pub warnings: Vec<String>,
    pub(super) pool_types: Vec<PoolType>,
    pub(super) globals: BTreeMap<String, Entry>,
    pub(super) tables: BTreeMap<String, Table>,
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

    /// Returns the deployment of the built-in defaults.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the file is part of the program and read by every test"
    )]
    pub fn builtin_root_url() -> RootUrl {
        Layers::builtin_root_url().expect("the embedded defaults are valid")
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
        let (root, warnings) = if toml {
            (parse::toml(bytes, &file)?, Vec::new())
        } else {
            parse::yaml(bytes, &file)?
        };
        Ok(Self {
            warnings,
            ..Self::overlay(&root, &file, product, toml)?
        })
    }

    /// Reads a `scriptworker.yaml`, in YAML or JSON.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn from_scriptworker_yaml(bytes: &[u8], file_name: &str) -> Result<Self, ConfigError> {
        let file = Arc::from(file_name);
        let (root, warnings) = parse::yaml(bytes, &file)?;
        Ok(Self {
            warnings,
            ..Self::overlay(&root, &file, None, false)?
        })
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

    /// Returns the effective value of a top-level key and the file it stands in; of a by-product key, that of the
    /// configured product. `None` for what no file says, and for secrets.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<(&Node, &str)> {
        let product = || self.tables.get(self.product.as_deref()?)?.get(key);
        let entry = self.globals.get(key).or_else(product)?;
        Some((&*entry.node, &*entry.file))
    }

    fn overlay(
        root: &Node,
        file: &Arc<str>,
        product: Option<&str>,
        toml: bool,
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::builtin()?;
        let (named, mut wrong) = layers.add(root, file, product, toml)?;
        let config = match layers.read(product) {
            Ok(config) => {
                ConfigError::all(wrong)?;
                config
            }
            Err(why) => {
                // a key that is wrong in itself was not taken over, so this is about another
                wrong.push(why);
                return Err(ConfigError::Several(wrong).flat());
            }
        };
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

pub(super) fn by_product_keys() -> impl Iterator<Item = &'static str> {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn toml(text: &str) -> Result<Config, ConfigError> {
        Config::load(text.as_bytes(), "catena.toml")
    }

    pub(in super::super) fn json(text: &str) -> Result<Config, ConfigError> {
        Config::load(text.as_bytes(), "scriptworker.yaml")
    }

    pub(in super::super) fn error(result: Result<Config, ConfigError>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn the_defaults_are_those_of_the_reference() {
        let config = Config::builtin();
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/products.json")).unwrap();
        let global = &fixture["global"];
        let settings = &config.settings;
        assert_eq!(Config::builtin_root_url(), settings.root_url);
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
    fn run_qualified_urls_match_s11_p11() {
        let rules = Config::builtin().settings.valid_artifact_rules;
        let path = "/api/queue/v1/task/T/runs/12/artifacts/public/a.zip";
        let found = rules
            .iter()
            .find_map(|rule| rule.artifact_of("https", "firefox-ci-tc.services.mozilla.com", path));
        assert_eq!(found.unwrap().name, "public/a.zip");
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
    fn everything_that_is_wrong_is_told_at_once_p29() {
        let text = r#"{"cot_prodct": "x", "verbose": "yes", "pushlog_url": 1,
            "x_cot": {"artifact_host": [], "capacity": 0}}"#;
        let lines = json(text).err().unwrap().lines();
        for due in [
            "cot_prodct",
            "verbose: expected a boolean",
            "pushlog_url: expected a string",
            "x_cot.artifact_host",
            "x_cot.capacity: expected an integer from 1",
        ] {
            assert!(
                lines.iter().any(|line| line.contains(due)),
                "{due} in {lines:?}"
            );
        }
        assert_eq!(lines.len(), 5, "{lines:?}");
    }

    #[test]
    fn passwords_in_urls_never_appear_in_messages() {
        let text = r#"{"taskcluster_root_url": "https://user:s3cret@tc.example"}"#;
        let said = error(json(text));
        assert!(said.contains("(masked)@tc.example"), "{said}");
        let text = r#"{"x_cot": {"endpoints": {"https://user:s3cret@h": "https://127.0.0.1"}}}"#;
        assert!(!error(json(text)).contains("s3cret"));
    }

    #[test]
    fn secrets_never_appear_in_messages() {
        assert_eq!(
            error(json(r#"{"github_oauth_token": 12345}"#)),
            "scriptworker.yaml:1: github_oauth_token: expected a string, found an integer"
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
    fn syntax_is_chosen_by_name_then_content() {
        assert!(Config::load(b"# c\n\nmax_chain_length = 3", "config").is_ok());
        assert!(Config::load(br#"{"max_chain_length": 3}"#, "config").is_ok());
        assert!(Config::load(b"max_chain_length = 3", "config.json").is_err());
        assert!(Config::load(b"", "config").is_err());
        assert!(Config::load(b"\xff", "config.toml").is_err());
    }
}
