// SPDX-License-Identifier: MPL-2.0
//! Keys of our own, under `x_cot` (P30).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::error::{ConfigError, Place};
use super::hosts::{self, VcsHosts};
use super::keys::{KeySpec, unknown};
use super::layers::Layers;
use super::node::{Cursor, Key};
use super::product::{Entry, branch_glob};
use super::settings::{self, RetrySettings};
use super::switch::{Relaxations, Switch};

/// What stands under `x_cot`.
#[derive(Default)]
pub(super) struct CotKeys {
    pub(super) artifact_hosts: Vec<String>,
    pub(super) denied_features: BTreeSet<String>,
    pub(super) cache_dir: Option<String>,
    pub(super) endpoints: BTreeMap<String, String>,
    pub(super) protected_branches: BTreeMap<String, Entry>,
    pub(super) relaxations: Relaxations,
    pub(super) retry: RetrySettings,
    pub(super) vcs_hosts: VcsHosts,
}

impl CotKeys {
    pub(super) fn read(layers: &Layers) -> Result<Self, ConfigError> {
        let mut own = Self::default();
        let Some(entry) = layers.globals.get("x_cot") else {
            return Ok(own);
        };
        let mut wrong = Vec::new();
        for (key, at) in Cursor::new(&entry.file, "x_cot", &entry.node).members()? {
            wrong.extend(own.take(key, &at).err());
        }
        ConfigError::all(wrong)?;
        Ok(own)
    }

    fn take(&mut self, key: &Key, at: &Cursor<'_>) -> Result<(), ConfigError> {
        known(at, key)?.check(at)?;
        match key.text.as_str() {
            "artifact_hosts" => self.artifact_hosts = settings::hosts(at)?,
            "cache_dir" => self.cache_dir = Some(settings::directory(at)?),
            "cache_size" | "capacity" => _ = at.count(1)?,
            "denied_features" => self.denied_features = settings::features(at)?,
            "endpoints" => self.endpoints = settings::endpoints(at)?,
            "protected_branches" => self.protect(at)?,
            "relax" => self.relax(at)?,
            "retry" => self.retry(at)?,
            "strip_env" => _ = at.texts()?,
            "vcs_hosts" => self.vcs_hosts = hosts::read(at)?,
            _ => {}
        }
        Ok(())
    }

    fn protect(&mut self, at: &Cursor<'_>) -> Result<(), ConfigError> {
        for (product, globs) in at.members()? {
            globs
                .list()?
                .iter()
                .try_for_each(|glob| branch_glob(glob).map(drop))?;
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

#[cfg(test)]
mod tests {
    use super::super::config::tests::{error, json};
    use super::*;

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
    fn features_are_denied_by_name_r06() {
        let config = json(r#"{"x_cot": {"denied_features": ["dind", "allowPtrace"]}}"#)
            .ok()
            .unwrap();
        assert!(config.settings.denied_features.contains("dind"));
        let file = json(r#"{"x_cot": {}}"#).ok().unwrap();
        assert!(file.settings.denied_features.is_empty());
        for bad in [r#""dind""#, r#"[""]"#, "[7]"] {
            let text = format!(r#"{{"x_cot": {{"denied_features": {bad}}}}}"#);
            assert!(
                error(json(&text)).contains("x_cot.denied_features"),
                "{bad}"
            );
        }
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
    fn the_cache_is_where_an_absolute_path_says_p22() {
        let config = json(r#"{"x_cot": {"cache_dir": "/var/cache/catena"}}"#)
            .ok()
            .unwrap();
        assert_eq!(
            config.settings.cache_dir.as_deref(),
            Some("/var/cache/catena")
        );
        for bad in ["", "cache", "./cache", "~/cache"] {
            let text = format!(r#"{{"x_cot": {{"cache_dir": "{bad}"}}}}"#);
            assert!(error(json(&text)).contains("an absolute path"), "{bad}");
        }
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
}
