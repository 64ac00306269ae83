// SPDX-License-Identifier: MPL-2.0
//! The policy of one product, resolved and validated (C3, C4, S50, S52).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{ConfigError, Place};
use super::glob::glob_matches;
use super::node::{Cursor, Item, Node};
use super::rule::{PathRegex, UrlRule};
use super::settings::RuleParts;
use super::{GITHUB_TASKS_FOR, HG_TASKS_FOR, TASK_TYPES};

/// The version control of a product's repositories (V59).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum ProductType {
    /// GitHub.
    Github,
    /// Mercurial.
    Hg,
}

impl ProductType {
    /// Returns the name that configurations use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Hg => "hg",
        }
    }

    /// Returns the values of `tasks_for` that exist for it (V59).
    #[must_use]
    pub const fn tasks_for(self) -> &'static [&'static str] {
        match self {
            Self::Github => &GITHUB_TASKS_FOR,
            Self::Hg => &HG_TASKS_FOR,
        }
    }
}

/// Which task types may run a docker image that no task of the chain built (V76).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Prebuilt {
    /// All.
    Any,
    /// These.
    Types(BTreeSet<String>),
}

impl Prebuilt {
    /// Returns whether a task of this type may.
    #[must_use]
    pub fn allows(&self, task_type: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Types(types) => types.contains(task_type),
        }
    }
}

/// What the chains of trust of one product may rest on.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The product's name.
    pub product: String,
    /// `cot_product_type` (V59); never empty.
    pub product_types: Vec<ProductType>,
    /// What may start a decision or action task (V58).
    pub valid_tasks_for: BTreeSet<String>,
    /// Prefix of the variables that name repository and revision (V11).
    pub source_env_prefix: String,
    /// `official_github_repos_owner` (V89); empty: not configured.
    pub official_github_owners: Vec<String>,
    /// Repositories that may be in a chain (V70, V81).
    pub trusted_vcs_rules: Vec<UrlRule>,
    /// hg tree to the git tree that mirrors it (V82).
    pub hg_git_mirrors: BTreeMap<String, String>,
    /// Pools of decision and action tasks (V52).
    pub valid_decision_worker_pools: BTreeSet<String>,
    /// Pools that build docker images (V50).
    pub valid_docker_image_worker_pools: BTreeSet<String>,
    /// `prebuilt_docker_image_task_types` (V76).
    pub prebuilt_docker_image_task_types: Prebuilt,
    /// `cot_restricted_scopes`: pattern to level; no two match one scope (V83, S50).
    pub restricted_scopes: BTreeMap<String, String>,
    /// `cot_restricted_trees`: level to trees; every level that a scope uses is there (V84, S52).
    pub restricted_trees: BTreeMap<String, Vec<String>>,
    /// Globs of branches that count as landed (P15); may be empty.
    pub protected_branches: Vec<String>,
}

impl Policy {
    /// Returns the tree path of a URL, from the first rule that gives one (V70, V81).
    #[must_use]
    pub fn tree_of<'p>(
        &self,
        scheme: &str,
        authority: &str,
        path: &'p str,
        regex_compat: bool,
    ) -> Option<&'p str> {
        self.trusted_vcs_rules
            .iter()
            .find_map(|rule| rule.path_of(scheme, authority, path, regex_compat))
    }

    /// Returns the restricted patterns that match a scope, with their levels (V83). At load it was made sure that
    /// there is at most one (S50); a check says so again.
    pub fn restrictions_of(&self, scope: &str) -> impl Iterator<Item = (&str, &str)> {
        self.restricted_scopes
            .iter()
            .map(|(pattern, level)| (pattern.as_str(), level.as_str()))
            .filter(move |(pattern, _)| *pattern == scope || is_prefix_of(pattern, scope))
    }

    /// Returns whether any rule asks for private-repository mode (V66, V94).
    #[must_use]
    pub fn requires_secret(&self) -> bool {
        self.trusted_vcs_rules
            .iter()
            .any(|rule| rule.require_secret)
    }

    /// Returns whether the policy names a branch as protected (P15).
    #[must_use]
    pub fn protects(&self, branch: &str) -> bool {
        self.protected_branches
            .iter()
            .any(|glob| glob_matches(glob, branch))
    }
}

/// Returns whether `pattern` ends with `*` and what stands before begins `text` (V83).
pub(super) fn is_prefix_of(pattern: &str, text: &str) -> bool {
    pattern.ends_with('*') && text.starts_with(pattern.trim_end_matches('*'))
}

/// The value of a by-product key for one product.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) file: Arc<str>,
    pub(super) node: Arc<Node>,
    /// Type of the built-in value, which an override must have (C4).
    pub(super) default_type: Option<&'static str>,
}

/// The by-product keys of one product, before they are validated.
pub(super) type Table = BTreeMap<String, Entry>;

/// Validates a table.
pub(super) fn read(product: &str, table: &Table) -> Result<Policy, ConfigError> {
    let keys = Keys { product, table };
    let policy = Policy {
        product: product.to_owned(),
        product_types: product_types(&keys.at("cot_product_type")?)?,
        valid_tasks_for: tasks_for(&keys.at("valid_tasks_for")?)?,
        source_env_prefix: prefix(&keys.at("source_env_prefix")?)?,
        official_github_owners: owners(&keys.at("official_github_repos_owner")?)?,
        trusted_vcs_rules: rules(&keys.at("trusted_vcs_rules")?)?,
        hg_git_mirrors: keys
            .optional("hg_git_mirrors")?
            .map(|at| mirrors(&at))
            .transpose()?
            .unwrap_or_default(),
        valid_decision_worker_pools: pools(&keys.at("valid_decision_worker_pools")?)?,
        valid_docker_image_worker_pools: pools(&keys.at("valid_docker_image_worker_pools")?)?,
        prebuilt_docker_image_task_types: prebuilt(&keys.at("prebuilt_docker_image_task_types")?)?,
        restricted_scopes: scopes(&keys.at("cot_restricted_scopes")?)?,
        restricted_trees: trees(&keys.at("cot_restricted_trees")?)?,
        protected_branches: globs(keys.optional("protected_branches")?.as_ref())?,
    };
    let scopes = keys.at("cot_restricted_scopes")?;
    for (pattern, at) in scopes.members()? {
        let level = at.text()?;
        if !policy.restricted_trees.contains_key(level) {
            return Err(at.expected("a level of cot_restricted_trees"));
        }
        let covered = policy.restricted_scopes.keys().find(|&other| {
            *other != pattern.text && is_prefix_of(&pattern.text, other.trim_end_matches('*'))
        });
        if let Some(other) = covered {
            return Err(at.invalid(
                "restricted scopes of which no two match one scope",
                format!("it covers {other}"),
            ));
        }
    }
    Ok(policy)
}

struct Keys<'t> {
    product: &'t str,
    table: &'t Table,
}

impl<'t> Keys<'t> {
    /// A key that must be there.
    fn at(&self, key: &str) -> Result<Cursor<'t>, ConfigError> {
        self.optional(key)?.ok_or_else(|| {
            let place = Place {
                file: self
                    .table
                    .values()
                    .next()
                    .map_or_else(|| "policies".into(), |e| e.file.clone()),
                line: None,
            };
            let expected = format!("a value for the product {}", self.product);
            ConfigError::Invalid {
                place,
                key: key.to_owned(),
                expected,
                found: "none".to_owned(),
            }
        })
    }

    /// A key that may be absent or null.
    fn optional(&self, key: &str) -> Result<Option<Cursor<'t>>, ConfigError> {
        let Some(entry) = self.table.get(key) else {
            return Ok(None);
        };
        let at = Cursor::new(&entry.file, key, &entry.node);
        match entry.default_type {
            _ if entry.node.item == Item::Null => Ok(None),
            Some(due) if entry.node.item.type_name() != due => Err(at.expected(due)),
            _ => Ok(Some(at)),
        }
    }
}

fn product_types(at: &Cursor<'_>) -> Result<Vec<ProductType>, ConfigError> {
    let one = |at: &Cursor<'_>| match at.str()? {
        "github" => Ok(ProductType::Github),
        "hg" => Ok(ProductType::Hg),
        _ => Err(at.expected("hg or github")),
    };
    let types = match at.node.item {
        Item::List(_) => at.list()?.iter().map(one).collect::<Result<Vec<_>, _>>()?,
        _ => vec![one(at)?],
    };
    if types.is_empty() {
        Err(at.invalid("hg or github", "none"))
    } else {
        Ok(types)
    }
}

fn tasks_for(at: &Cursor<'_>) -> Result<BTreeSet<String>, ConfigError> {
    let known = |at: &Cursor<'_>| match at.str()? {
        name if HG_TASKS_FOR.contains(&name) || GITHUB_TASKS_FOR.contains(&name) => {
            Ok(name.to_owned())
        }
        _ => Err(at.expected("a value of tasks_for that exists (V59)")),
    };
    at.list()?.iter().map(known).collect()
}

fn prefix(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let prefix = at.text()?;
    let clean = prefix
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if clean {
        Ok(prefix.to_owned())
    } else {
        Err(at.expected("upper-case letters, digits and _"))
    }
}

/// A string or a list (S33); the empty string is none (V89).
fn owners(at: &Cursor<'_>) -> Result<Vec<String>, ConfigError> {
    let owners = match &at.node.item {
        Item::Str(owner) if owner.is_empty() => Vec::new(),
        Item::Str(owner) => vec![owner.as_str()],
        _ => at.texts()?,
    };
    Ok(owners.into_iter().map(str::to_owned).collect())
}

fn rules(at: &Cursor<'_>) -> Result<Vec<UrlRule>, ConfigError> {
    let rules = at.list()?.iter().map(rule).collect::<Result<Vec<_>, _>>()?;
    if rules.is_empty() {
        Err(at.invalid("at least one rule", "none"))
    } else {
        Ok(rules)
    }
}

fn rule(at: &Cursor<'_>) -> Result<UrlRule, ConfigError> {
    let parts = RuleParts::read(at, &["require_secret"])?;
    let pattern = |at: &Cursor<'_>| {
        PathRegex::new(at.text()?)
            .map_err(|error| at.expected(format!("a pattern with the group path ({error})")))
    };
    let require_secret = parts
        .others
        .get("require_secret")
        .map(Cursor::bool)
        .transpose()?
        .unwrap_or_default();
    Ok(UrlRule {
        path_regexes: parts
            .patterns
            .iter()
            .map(pattern)
            .collect::<Result<_, _>>()?,
        schemes: parts.schemes,
        netlocs: parts.netlocs,
        require_secret,
    })
}

fn mirrors(at: &Cursor<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mirror = |(hg, git): (&super::node::Key, Cursor<'_>)| {
        if !hg.text.starts_with('/') {
            return Err(git.invalid("a tree path", &hg.text));
        }
        Ok((hg.text.clone(), tree(&git)?))
    };
    at.members()?.into_iter().map(mirror).collect()
}

fn tree(at: &Cursor<'_>) -> Result<String, ConfigError> {
    match at.str()? {
        path if path.starts_with('/') && path.len() > 1 => Ok(path.to_owned()),
        _ => Err(at.expected("a tree path, which begins with /")),
    }
}

fn pools(at: &Cursor<'_>) -> Result<BTreeSet<String>, ConfigError> {
    let part = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let pool = |at: &Cursor<'_>| match at.str()?.split_once('/') {
        Some((provisioner, worker_type)) if part(provisioner) && part(worker_type) => {
            Ok(at.str()?.to_owned())
        }
        _ => Err(at.expected("provisionerId/workerType")),
    };
    at.list()?.iter().map(pool).collect()
}

fn prebuilt(at: &Cursor<'_>) -> Result<Prebuilt, ConfigError> {
    let task_type = |at: &Cursor<'_>| match at.str()? {
        name if TASK_TYPES.contains(&name) => Ok(name.to_owned()),
        _ => Err(at.expected("a task type (V12)")),
    };
    match &at.node.item {
        Item::Str(any) if any == "any" => Ok(Prebuilt::Any),
        Item::List(_) => Ok(Prebuilt::Types(
            at.list()?.iter().map(task_type).collect::<Result<_, _>>()?,
        )),
        _ => Err(at.expected("any, or a list of task types")),
    }
}

fn scopes(at: &Cursor<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    at.members()?
        .into_iter()
        .map(|(key, level)| Ok((key.text.clone(), level.text()?.to_owned())))
        .collect()
}

fn trees(at: &Cursor<'_>) -> Result<BTreeMap<String, Vec<String>>, ConfigError> {
    let level = |at: &Cursor<'_>| at.list()?.iter().map(tree).collect::<Result<Vec<_>, _>>();
    at.members()?
        .into_iter()
        .map(|(key, paths)| Ok((key.text.clone(), level(&paths)?)))
        .collect()
}

fn globs(at: Option<&Cursor<'_>>) -> Result<Vec<String>, ConfigError> {
    let Some(at) = at else { return Ok(Vec::new()) };
    at.list()?.iter().map(branch_glob).collect()
}

/// A glob of branch names. One of stars alone would protect whatever anybody pushes.
pub(super) fn branch_glob(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let glob = at.text()?;
    let literal = glob.contains(|c: char| !matches!(c, '*' | '/'));
    let special = |c: char| c.is_control() || c.is_whitespace() || "?[]{}\\^~:".contains(c);
    if literal && !glob.contains(special) {
        Ok(glob.to_owned())
    } else {
        Err(at.expected("a branch name that may hold *, but nothing else with a meaning"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn fixture() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/fixtures/products.json")).unwrap()
    }

    fn texts(value: &serde_json::Value) -> Vec<String> {
        match value {
            serde_json::Value::String(text) if text.is_empty() => Vec::new(),
            serde_json::Value::String(text) => vec![text.clone()],
            _ => value
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_str().unwrap().to_owned())
                .collect(),
        }
    }

    fn set(value: &serde_json::Value) -> BTreeSet<String> {
        texts(value).into_iter().collect()
    }

    #[test]
    fn the_built_in_policies_are_those_of_the_reference() {
        let config = Config::builtin();
        let fixture = fixture();
        let products = fixture["products"].as_object().unwrap();
        assert_eq!(
            config.products(),
            products.keys().cloned().collect::<Vec<_>>()
        );
        for (name, due) in products {
            let policy = config.policy(name).unwrap();
            let types: Vec<_> = policy
                .product_types
                .iter()
                .map(|t| t.as_str().to_owned())
                .collect();
            assert_eq!(types, texts(&due["cot_product_type"]), "{name}");
            assert_eq!(
                policy.valid_tasks_for,
                set(&due["valid_tasks_for"]),
                "{name}"
            );
            assert_eq!(
                policy.source_env_prefix,
                due["source_env_prefix"].as_str().unwrap()
            );
            assert_eq!(
                policy.official_github_owners,
                texts(&due["official_github_repos_owner"]),
                "{name}"
            );
            assert_eq!(
                policy.valid_decision_worker_pools,
                set(&due["valid_decision_worker_pools"])
            );
            assert_eq!(
                policy.valid_docker_image_worker_pools,
                set(&due["valid_docker_image_worker_pools"])
            );
            match &policy.prebuilt_docker_image_task_types {
                Prebuilt::Any => assert_eq!(due["prebuilt_docker_image_task_types"], "any"),
                Prebuilt::Types(types) => {
                    assert_eq!(*types, set(&due["prebuilt_docker_image_task_types"]))
                }
            }
            assert_eq!(
                serde_json::json!(policy.hg_git_mirrors),
                due["hg_git_mirrors"]
            );
            assert_eq!(
                serde_json::json!(policy.restricted_scopes),
                due["cot_restricted_scopes"]
            );
            assert_eq!(
                serde_json::json!(policy.restricted_trees),
                due["cot_restricted_trees"]
            );
            let rules: Vec<_> = policy.trusted_vcs_rules.iter().map(|rule| {
                let patterns: Vec<_> = rule.path_regexes.iter().map(PathRegex::as_str).collect();
                serde_json::json!({"schemes": rule.schemes, "netlocs": rule.netlocs, "path_regexes": patterns})
            }).collect();
            assert_eq!(serde_json::json!(rules), due["trusted_vcs_rules"]);
            assert!(!policy.requires_secret() && policy.protected_branches.is_empty());
        }
    }

    fn with(extra: &str) -> Result<Policy, ConfigError> {
        Config::from_catena_toml(format!("[products.xpi]\n{extra}").as_bytes(), "f.toml")?
            .policy("xpi")
    }

    #[test]
    fn broken_tables_are_refused_s50_s52() {
        for (text, due) in [
            (
                "cot_restricted_scopes = { a = 'nowhere' }",
                "f.toml:2: cot_restricted_scopes.a: expected a level",
            ),
            (
                "cot_restricted_trees = {}",
                "expected a level of cot_restricted_trees",
            ),
            (
                "cot_restricted_scopes = { 'a:*' = 'xpi-manifest-repo', 'a:b' = 'xpi-manifest-repo' }",
                "found it covers a:b",
            ),
            (
                "cot_restricted_scopes = { 'a:*' = 'xpi-manifest-repo', 'a:b*' = 'xpi-manifest-repo' }",
                "found it covers a:b*",
            ),
            (
                "cot_restricted_scopes = { 'a*' = 'xpi-manifest-repo', 'a**' = 'xpi-manifest-repo' }",
                "found it covers",
            ),
            ("trusted_vcs_rules = []", "at least one rule"),
            (
                "trusted_vcs_rules = [{ schemes = ['https'], netlocs = ['h'], path_regexes = ['^/x'] }]",
                "no group path",
            ),
            (
                "trusted_vcs_rules = [{ schemes = ['https'], netlocs = ['h'], path_regexes = ['^(?=x)(?P<path>/x)'] }]",
                "a group other than",
            ),
            (
                "trusted_vcs_rules = [{ schemes = ['https'], netlocs = ['h'], path_regexes = ['(?P<path>/x)'], port = 1 }]",
                "found the key port",
            ),
            ("valid_tasks_for = ['hg-pull']", "a value of tasks_for"),
            (
                "valid_decision_worker_pools = ['gecko-3/*']",
                "provisionerId/workerType",
            ),
            (
                "prebuilt_docker_image_task_types = ['image']",
                "a task type",
            ),
            ("prebuilt_docker_image_task_types = 'all'", "any, or a list"),
            ("cot_product_type = 'svn'", "hg or github"),
            ("cot_product_type = []", "hg or github"),
            ("protected_branches = ['**']", "a branch name"),
            ("protected_branches = ['*/*']", "a branch name"),
            ("protected_branches = ['release/?']", "a branch name"),
            ("source_env_prefix = ''", "a text that is not empty"),
            (
                "cot_restricted_trees = { xpi-manifest-repo = ['x'] }",
                "begins with /",
            ),
        ] {
            let error = with(text).unwrap_err().to_string();
            assert!(error.contains(due), "{text}: {error}");
        }
    }

    #[test]
    fn scopes_match_as_pinned_v83() {
        let xpi = Config::builtin().policy("xpi").unwrap();
        let level = |scope: &str| xpi.restrictions_of(scope).next().map(|(_, level)| level);
        let prefix = "project:xpi:releng:github:project:mozilla-extensions/";
        for scope in [
            format!("{prefix}x"),
            format!("{prefix}*"),
            prefix.to_owned(),
        ] {
            assert_eq!(level(&scope), Some("xpi-manifest-repo"), "{scope}");
        }
        assert!(level("project:xpi:ship-it:production").is_some());
        assert!(level("project:xpi:ship-it:production2").is_none());
        assert!(level("project:xpi:ship-it:*").is_none());
    }

    #[test]
    fn measured_rule_matches_v70() {
        let firefox = Config::builtin().policy("firefox").unwrap();
        let tree = |path, compat| firefox.tree_of("https", "hg.mozilla.org", path, compat);
        assert_eq!(
            tree("/releases/mozilla-esr91/x", false),
            Some("/releases/mozilla-esr91")
        );
        assert_eq!(tree("/mozilla-central\n", true), Some("/mozilla-central"));
        assert_eq!(tree("/mozilla-central\n", false), None);
        assert_eq!(tree("/try/x", true), None);
        let git = |path, compat| firefox.tree_of("https", "github.com", path, compat);
        assert_eq!(
            git("/mozilla-firefox/firefox.git/x", false),
            Some("/mozilla-firefox/firefox")
        );
        assert_eq!(
            git("/mozilla-firefox/firefox-github", true),
            Some("/mozilla-firefox/firefox")
        );
        assert_eq!(git("/mozilla-firefox/firefox-github", false), None);
    }
}
