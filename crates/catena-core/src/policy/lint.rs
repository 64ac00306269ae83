// SPDX-License-Identifier: MPL-2.0
//! What looks wrong in a policy without making it unusable (config.md, data lint).

use std::collections::BTreeSet;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

use super::product::Policy;
use super::rule::{PathRegex, UrlRule};

impl Policy {
    /// Returns a line for each tree that no trusted rule can produce, each level that no scope uses, and each
    /// trusted path that is in no restricted tree.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let trees: BTreeSet<&str> = self
            .restricted_trees
            .values()
            .flatten()
            .map(String::as_str)
            .collect();
        let used: BTreeSet<&str> = self
            .restricted_scopes
            .values()
            .map(String::as_str)
            .collect();
        let product = &self.product;
        let dead = trees.iter().filter(|tree| !self.produces(tree));
        let dead =
            dead.map(|tree| format!("{product}: no trusted rule can produce the tree {tree}"));
        let idle = self
            .restricted_trees
            .keys()
            .filter(|level| !used.contains(level.as_str()));
        let idle =
            idle.map(|level| format!("{product}: no restricted scope uses the level {level}"));
        let open = self
            .trusted_vcs_rules
            .iter()
            .flat_map(|rule| &rule.path_regexes)
            .flat_map(paths);
        let open = open.filter(|(path, exact)| !(*exact && trees.contains(path.as_str())));
        let open = open.map(|(path, exact)| match exact {
            true => format!("{product}: the trusted path {path} is in no restricted tree"),
            false => format!("{product}: trusted paths {path}… are in no restricted tree unless listed one by one"),
        });
        dead.chain(idle).chain(open).collect()
    }

    fn produces(&self, tree: &str) -> bool {
        let produces = |rule: &UrlRule| {
            let (Some(scheme), Some(netloc)) = (rule.schemes.first(), rule.netlocs.first()) else {
                return false;
            };
            rule.path_of(scheme, netloc, tree, false) == Some(tree)
        };
        self.trusted_vcs_rules.iter().any(produces)
    }
}

/// The paths that a pattern gives: all of them, or how they begin.
fn paths(regex: &PathRegex) -> Vec<(String, bool)> {
    let Some(group) = regex_syntax::parse(regex.strict())
        .ok()
        .as_ref()
        .and_then(path_group)
        .cloned()
    else {
        return Vec::new();
    };
    let mut extractor = Extractor::new();
    extractor.limit_class(1);
    let literals = extractor.extract(&group);
    let literal = |literal: &regex_syntax::hir::literal::Literal| {
        (
            String::from_utf8_lossy(literal.as_bytes()).into_owned(),
            literal.is_exact(),
        )
    };
    literals
        .literals()
        .unwrap_or_default()
        .iter()
        .map(literal)
        .collect()
}

fn path_group(hir: &Hir) -> Option<&Hir> {
    match hir.kind() {
        HirKind::Capture(capture) if capture.name.as_deref() == Some("path") => Some(&capture.sub),
        HirKind::Capture(capture) => path_group(&capture.sub),
        HirKind::Repetition(repetition) => path_group(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().find_map(path_group),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    fn warnings(product: &str) -> Vec<String> {
        Config::builtin().policy(product).unwrap().warnings()
    }

    #[test]
    fn the_built_in_tables_warn_as_documented() {
        assert_eq!(
            warnings("firefox"),
            [
                "firefox: no trusted rule can produce the tree /projects/birch",
                "firefox: no trusted rule can produce the tree /releases/mozilla-unified",
                "firefox: the trusted path /mozilla-unified is in no restricted tree",
                "firefox: trusted paths /releases/mozilla-esr… are in no restricted tree unless listed one by one",
                "firefox: the trusted path /mozilla-firefox/firefox is in no restricted tree",
            ]
        );
        assert_eq!(
            warnings("mobile"),
            ["mobile: no trusted rule can produce the tree /mozilla-mobile/firefox-ios"]
        );
        assert_eq!(
            warnings("thunderbird"),
            [
                "thunderbird: no restricted scope uses the level autoland",
                "thunderbird: no restricted scope uses the level nightly",
                "thunderbird: trusted paths /releases/comm-esr… are in no restricted tree unless listed one by one",
            ]
        );
        for product in [
            "adhoc",
            "app-services",
            "enterprise",
            "glean",
            "mozillavpn",
            "scriptworker",
            "translations",
            "xpi",
        ] {
            assert!(
                warnings(product).is_empty(),
                "{product}: {:?}",
                warnings(product)
            );
        }
    }
}
