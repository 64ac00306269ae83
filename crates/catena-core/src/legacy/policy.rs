// SPDX-License-Identifier: MPL-2.0
//! What was to be trusted at that time (legacy.md §5.3): given by the operator, because today's policy must not stand in.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::json::{self, Reading};

/// The file's form.
pub const SCHEMA: &str = "catena-legacy-policy/1";

/// Repositories, trees and restricted scopes of that time; and the image ids that counted.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    schema: String,
    /// Where repositories may be: URLs that end in `/`.
    repositories: Vec<String>,
    /// Of each tree, its repositories in full.
    trees: BTreeMap<String, Vec<String>>,
    /// Scopes, or prefixes of scopes with `*` behind them (V83), that only chains from a tree may have.
    restricted_scopes: BTreeMap<String, String>,
    #[serde(default)]
    source_env_prefix: EnvPrefix,
}

/// With which names of its environment a task says what tree it is from (`source_env_prefix` of the original). Builds of
/// comm check out two trees: `GECKO_` names the other one there.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub enum EnvPrefix {
    /// `COMM_HEAD_REPOSITORY`, `COMM_HEAD_REV`.
    Comm,
    /// `GECKO_HEAD_REPOSITORY`, `GECKO_HEAD_REV`.
    #[default]
    Gecko,
}

impl EnvPrefix {
    /// The name of the variable with the head repository.
    #[must_use]
    pub const fn repository(self) -> &'static str {
        match self {
            Self::Comm => "COMM_HEAD_REPOSITORY",
            Self::Gecko => "GECKO_HEAD_REPOSITORY",
        }
    }

    /// The name of the variable with the head revision.
    #[must_use]
    pub const fn revision(self) -> &'static str {
        match self {
            Self::Comm => "COMM_HEAD_REV",
            Self::Gecko => "GECKO_HEAD_REV",
        }
    }

    /// How options of run-task begin that say what to check out.
    pub(super) const fn options(self) -> &'static [&'static str] {
        match self {
            Self::Comm => &["--vcs-checkout=", "--sparse-profile=", "--comm-checkout="],
            Self::Gecko => &["--vcs-checkout=", "--sparse-profile="],
        }
    }
}

/// Why a policy is none.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a policy of the GPG era: {reason}")]
pub struct PolicyError {
    /// What is wrong.
    pub reason: String,
}

impl Policy {
    /// Takes the bytes of the file.
    ///
    /// # Errors
    /// [`PolicyError`]; an empty rule set is one, and so are equal keys (P23) and two entries for one scope (V83).
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let wrong = |reason: String| PolicyError { reason };
        json::parse(bytes, Reading::Strict).map_err(|error| wrong(error.to_string()))?;
        let read: Self = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if read.schema != SCHEMA {
            return Err(wrong(format!(
                "expected schema {SCHEMA}, found {:?}",
                read.schema
            )));
        }
        if read.repositories.is_empty() || read.restricted_scopes.is_empty() {
            return Err(wrong(
                "repositories and restricted_scopes have entries".to_owned(),
            ));
        }
        if let Some(url) = read
            .repositories
            .iter()
            .find(|url| !url.starts_with("https://") || !url.ends_with('/'))
        {
            return Err(wrong(format!("expected https://…/, found {url:?}")));
        }
        let unknown = |tree: &&String| read.trees.get(*tree).is_none_or(Vec::is_empty);
        if let Some(tree) = read.restricted_scopes.values().find(unknown) {
            return Err(wrong(format!("tree {tree:?} has no repositories")));
        }
        if let Some((one, other)) = read.both() {
            return Err(wrong(format!(
                "expected one restricted scope for each scope, found {one:?} and {other:?}"
            )));
        }
        Ok(read)
    }

    /// Two restricted scopes that can match one scope.
    fn both(&self) -> Option<(&str, &str)> {
        let names = || self.restricted_scopes.keys().map(String::as_str);
        names().find_map(|one| {
            let covered = |other: &&str| *other != one && matches(one, other);
            names().find(covered).map(|other| (one, other))
        })
    }

    pub(super) const fn env_prefix(&self) -> EnvPrefix {
        self.source_env_prefix
    }

    /// Whether a repository may be one at all.
    pub(super) fn knows(&self, repository: &str) -> bool {
        self.repositories.iter().any(|place| {
            repository.strip_prefix(place.as_str()).is_some_and(|path| {
                !path.is_empty()
                    && path
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
                    && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            })
        })
    }

    /// Whether a repository is one of a tree.
    pub(super) fn has_tree(&self, repository: &str) -> bool {
        let mut trees = self.trees.values().flatten();
        trees.any(|one| one == repository)
    }

    /// Returns the scopes of a task that a repository may not have.
    pub(super) fn denied<'a>(&self, scopes: &[&'a str], repository: &str) -> Vec<&'a str> {
        let denied = |scope: &&&str| {
            // a scope that ends in a star stands for every scope that it begins (S8)
            let (star, prefix) = match scope.strip_suffix('*') {
                Some(prefix) => (true, prefix),
                None => (false, **scope),
            };
            self.restricted_scopes.iter().any(|(restricted, tree)| {
                let begun = restricted.trim_end_matches('*');
                let covers = matches(restricted, scope) || (star && begun.starts_with(prefix));
                let allowed = self
                    .trees
                    .get(tree)
                    .is_some_and(|tree| tree.iter().any(|one| one == repository));
                covers && !allowed
            })
        };
        scopes.iter().filter(denied).copied().collect()
    }
}

/// Whether a restricted scope is this one, or ends in `*` and begins it (V83).
fn matches(restricted: &str, scope: &str) -> bool {
    restricted == scope
        || (restricted.ends_with('*') && scope.starts_with(restricted.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
        "schema": "catena-legacy-policy/1",
        "repositories": ["https://hg.mozilla.org/"],
        "trees": {"release": ["https://hg.mozilla.org/releases/mozilla-release"]},
        "restricted_scopes": {"project:releng:signing:cert:release-signing": "release"}
    }"#;

    #[test]
    fn restricted_scopes_belong_to_their_tree() {
        let policy = Policy::parse(TEXT.as_bytes()).unwrap();
        let release = "https://hg.mozilla.org/releases/mozilla-release";
        let other = "https://hg.mozilla.org/try";
        for scope in [
            "project:releng:signing:cert:release-signing",
            "project:releng:signing:*",
            "*",
        ] {
            assert_eq!(policy.denied(&[scope], other), [scope]);
            assert!(policy.denied(&[scope], release).is_empty());
        }
        assert!(
            policy
                .denied(
                    &[
                        "project:releng:signing:cert:dep-signing",
                        "project:releng:signing:cert:release-signing2"
                    ],
                    other
                )
                .is_empty()
        );
    }

    #[test]
    fn a_star_behind_a_restricted_scope_stands_for_whatever_it_begins() {
        let text = TEXT.replace("cert:release-signing", "cert:*");
        let policy = Policy::parse(text.as_bytes()).unwrap();
        let release = "https://hg.mozilla.org/releases/mozilla-release";
        let other = "https://hg.mozilla.org/try";
        for scope in [
            "project:releng:signing:cert:release-signing",
            "project:releng:signing:cert:",
            "project:releng:signing:cert:*",
            "project:releng:signing:cert:x*",
            "project:releng:*",
            "*",
        ] {
            assert_eq!(policy.denied(&[scope], other), [scope]);
            assert!(policy.denied(&[scope], release).is_empty());
        }
        let free = [
            "project:releng:signing:format:gpg",
            "project:releng:signing:cert",
        ];
        assert!(policy.denied(&free, other).is_empty());
    }

    #[test]
    fn equal_keys_and_two_entries_for_one_scope_are_refused() {
        let scope = "\"project:releng:signing:cert:release-signing\": \"release\"";
        let tree = "\"release\": [\"https://hg.mozilla.org/releases/mozilla-release\"]";
        for (from, more) in [
            (scope, scope),
            (tree, tree),
            (scope, "\"project:releng:signing:*\": \"release\""),
            (scope, "\"*\": \"release\""),
        ] {
            let text = TEXT.replace(from, &format!("{from}, {more}"));
            assert_ne!(text, TEXT);
            assert!(Policy::parse(text.as_bytes()).is_err(), "{more}");
        }
        let text = TEXT.replace(scope, &format!("{scope}, \"project:x:*\": \"release\""));
        Policy::parse(text.as_bytes()).unwrap();
    }

    #[test]
    fn repositories_lie_where_the_policy_says() {
        let policy = Policy::parse(TEXT.as_bytes()).unwrap();
        assert!(policy.knows("https://hg.mozilla.org/try"));
        for url in [
            "https://hg.mozilla.org/",
            "https://hg.mozilla.org.evil/try",
            "http://hg.mozilla.org/try",
            "https://hg.mozilla.org/../x",
            "https://hg.mozilla.org/x?y",
            "https://hg.mozilla.org//x",
        ] {
            assert!(!policy.knows(url), "{url}");
        }
    }

    #[test]
    fn an_empty_or_broken_policy_is_none() {
        for (from, to) in [
            ("policy/1", "policy/2"),
            ("[\"https://hg.mozilla.org/\"]", "[]"),
            ("https://hg.mozilla.org/\"]", "https://hg.mozilla.org\"]"),
            ("https://hg.mozilla.org/\"]", "http://hg.mozilla.org/\"]"),
            (
                "\"project:releng:signing:cert:release-signing\": \"release\"",
                "",
            ),
            (": \"release\"", ": \"beta\""),
            ("\"trees\"", "\"tree\""),
            ("\"trees\"", "\"source_env_prefix\": \"MOBILE\", \"trees\""),
        ] {
            let text = TEXT.replace(from, to);
            assert_ne!(text, TEXT);
            assert!(Policy::parse(text.as_bytes()).is_err(), "{from} → {to}");
        }
    }
}
