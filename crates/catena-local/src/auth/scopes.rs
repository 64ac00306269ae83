// SPDX-License-Identifier: MPL-2.0
//! Scopes: a trailing star stands for any ending; requirements are all-of and any-of expressions over scopes.

use serde_json::{Value, json};

/// Whether a text may be a scope: printable ASCII, not empty.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Whether one of the scopes that a caller has covers `needed`, which may itself end in a star.
#[must_use]
pub fn satisfies(have: &[String], needed: &str) -> bool {
    have.iter().any(|scope| covers(scope, needed))
}

/// Whether a scope covers `needed`.
pub(crate) fn covers(scope: &str, needed: &str) -> bool {
    match scope.strip_suffix('*') {
        Some(prefix) => needed.starts_with(prefix),
        None => scope == needed,
    }
}

/// What a call needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Requirement {
    /// One scope.
    Scope(String),
    /// All of these.
    AllOf(Vec<Self>),
    /// One of these.
    AnyOf(Vec<Self>),
}

impl Requirement {
    /// All of these scopes.
    pub fn all<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::AllOf(
            scopes
                .into_iter()
                .map(|scope| Self::Scope(scope.into()))
                .collect(),
        )
    }

    /// One of these scopes.
    pub fn any<S: Into<String>>(scopes: impl IntoIterator<Item = S>) -> Self {
        Self::AnyOf(
            scopes
                .into_iter()
                .map(|scope| Self::Scope(scope.into()))
                .collect(),
        )
    }

    /// Whether a caller with these scopes may.
    #[must_use]
    pub fn met_by(&self, have: &[String]) -> bool {
        match self {
            Self::Scope(scope) => satisfies(have, scope),
            Self::AllOf(parts) => parts.iter().all(|part| part.met_by(have)),
            Self::AnyOf(parts) => parts.iter().any(|part| part.met_by(have)),
        }
    }

    /// What a caller with these scopes lacks; `None` if nothing.
    #[must_use]
    pub fn missing(&self, have: &[String]) -> Option<Self> {
        match self {
            _ if self.met_by(have) => None,
            Self::AllOf(parts) => {
                let mut lacking: Vec<_> =
                    parts.iter().filter_map(|part| part.missing(have)).collect();
                if lacking.len() == 1 {
                    lacking.pop()
                } else {
                    Some(Self::AllOf(lacking))
                }
            }
            Self::Scope(_) | Self::AnyOf(_) => Some(self.clone()),
        }
    }

    /// The expression as the service's messages have it: a scope as it is, else JSON.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Scope(scope) => scope.clone(),
            _ => serde_json::to_string_pretty(&self.json()).unwrap_or_default(),
        }
    }

    fn json(&self) -> Value {
        let list = |parts: &[Self]| parts.iter().map(Self::json).collect::<Vec<_>>();
        match self {
            Self::Scope(scope) => json!(scope),
            Self::AllOf(parts) => json!({"AllOf": list(parts)}),
            Self::AnyOf(parts) => json!({"AnyOf": list(parts)}),
        }
    }
}

impl From<String> for Requirement {
    fn from(scope: String) -> Self {
        Self::Scope(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have(scopes: &[&str]) -> Vec<String> {
        scopes.iter().map(|&scope| scope.to_owned()).collect()
    }

    #[test]
    fn a_trailing_star_stands_for_any_ending_and_no_other_star_does() {
        for (scope, needed, met) in [
            ("a:b", "a:b", true),
            ("a:b", "a:bc", false),
            ("a:*", "a:b", true),
            ("a:*", "a:", true),
            ("a:*", "a", false),
            ("*", "anything", true),
            ("a:*:c", "a:b:c", false),
            ("a:*:c", "a:*:c", true),
            ("a:*", "a:*", true),
            ("a:b*", "a:*", false),
            ("", "a", false),
        ] {
            assert_eq!(satisfies(&have(&[scope]), needed), met, "{scope} {needed}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let required = Requirement::AllOf(vec![
            Requirement::Scope("a".to_owned()),
            Requirement::any(["b:1", "b:2"]),
        ]);
        assert!(required.met_by(&have(&["a", "b:2"])));
        assert_eq!(
            required.missing(&have(&["b:*"])).unwrap().text(),
            "a",
            "a single scope stands alone"
        );
        assert!(
            required
                .missing(&have(&["a"]))
                .unwrap()
                .text()
                .contains("AnyOf")
        );
        assert!(!Requirement::AnyOf(Vec::new()).met_by(&have(&["*"])));
    }
}
