// SPDX-License-Identifier: MPL-2.0
//! URL rules: which URLs are trusted repositories (V70, V81), and which are artifacts (V32, P11).
//!
//! They take the parts of a URL that somebody else has split and validated (S4).

use regex::Regex;

use super::dialect::{Dialect, compile};

/// A rule of `trusted_vcs_rules`.
#[derive(Clone, Debug)]
pub struct UrlRule {
    /// Schemes, lower case.
    pub schemes: Vec<String>,
    /// Authorities, as they must be written.
    pub netlocs: Vec<String>,
    /// Patterns over the path; each defines the group `path`.
    pub path_regexes: Vec<PathRegex>,
    /// Private repositories (V66, V94).
    pub require_secret: bool,
}

impl UrlRule {
    /// Returns the tree path that the first matching pattern gives, or `None` when the rule does not know the URL.
    ///
    /// `path` is percent-decoded once. With `regex_compat` the patterns mean what Python makes of them (S22);
    /// without, both meanings must give the same path, so that the strict one only ever takes away.
    #[must_use]
    pub fn path_of<'p>(
        &self,
        scheme: &str,
        authority: &str,
        path: &'p str,
        regex_compat: bool,
    ) -> Option<&'p str> {
        if !contains(&self.schemes, scheme) || !contains(&self.netlocs, authority) {
            return None;
        }
        self.path_regexes
            .iter()
            .find_map(|regex| regex.path_of(path, regex_compat))
    }
}

/// A pattern in both meanings.
#[derive(Clone, Debug)]
pub struct PathRegex {
    source: String,
    compat: Regex,
    strict: Regex,
}

impl PathRegex {
    /// Compiles a Python pattern that defines the group `path`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn new(source: &str) -> Result<Self, String> {
        let compiled =
            |dialect| compile(source, dialect).and_then(|regex| with_group(regex, "path"));
        let (compat, strict) = (compiled(Dialect::Compat)?, compiled(Dialect::Strict)?);
        Ok(Self {
            source: source.to_owned(),
            compat,
            strict,
        })
    }

    /// Returns the pattern as it was configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns the strict form, for the lint.
    pub(super) fn strict(&self) -> &str {
        self.strict.as_str()
    }

    fn path_of<'p>(&self, path: &'p str, regex_compat: bool) -> Option<&'p str> {
        let group = |regex: &Regex| Some(regex.captures(path)?.name("path")?.as_str());
        let compat = group(&self.compat)?;
        (regex_compat || group(&self.strict) == Some(compat)).then_some(compat)
    }
}

/// A rule of `valid_artifact_rules`.
#[derive(Clone, Debug)]
pub struct ArtifactRule {
    /// Schemes, lower case.
    pub schemes: Vec<String>,
    /// Authorities, as they must be written.
    pub netlocs: Vec<String>,
    /// Patterns over the path; each defines the group `filepath`, some `taskId`.
    pub path_regexes: Vec<Regex>,
}

impl ArtifactRule {
    /// Compiles a Python pattern that defines the group `filepath`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn pattern(source: &str) -> Result<Regex, String> {
        compile(source, Dialect::Strict).and_then(|regex| with_group(regex, "filepath"))
    }

    /// Returns what the first matching pattern says about a URL in its run-less form (P11).
    #[must_use]
    pub fn artifact_of<'p>(
        &self,
        scheme: &str,
        authority: &str,
        path: &'p str,
    ) -> Option<MatchedArtifact<'p>> {
        if !contains(&self.schemes, scheme) || !contains(&self.netlocs, authority) {
            return None;
        }
        self.path_regexes.iter().find_map(|regex| {
            let groups = regex.captures(path)?;
            let group = |name| groups.name(name).map(|found| found.as_str());
            Some(MatchedArtifact {
                task: group("taskId"),
                name: group("filepath")?,
            })
        })
    }
}

/// What an artifact rule reads from a URL's path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MatchedArtifact<'p> {
    /// The task id, when the pattern has a group for it.
    pub task: Option<&'p str>,
    /// The artifact's name.
    pub name: &'p str,
}

fn contains(list: &[String], text: &str) -> bool {
    list.iter().any(|item| item == text)
}

fn with_group(regex: Regex, name: &str) -> Result<Regex, String> {
    if regex.capture_names().flatten().any(|group| group == name) {
        Ok(regex)
    } else {
        Err(format!("no group {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(netloc: &str, pattern: &str) -> UrlRule {
        UrlRule {
            schemes: vec!["https".into()],
            netlocs: vec![netloc.into()],
            path_regexes: vec![PathRegex::new(pattern).unwrap()],
            require_secret: false,
        }
    }

    #[test]
    fn measured_rule_matches_v70() {
        let hg = rule(
            "hg.mozilla.org",
            "^(?P<path>/mozilla-(central|unified))(/|$)",
        );
        let path = |authority, path| hg.path_of("https", authority, path, true);
        assert_eq!(
            path("hg.mozilla.org", "/mozilla-central/file/x"),
            Some("/mozilla-central")
        );
        assert_eq!(
            path("hg.mozilla.org", "/mozilla-unified"),
            Some("/mozilla-unified")
        );
        assert_eq!(
            path("hg.mozilla.org", "/mozilla-central\n"),
            Some("/mozilla-central")
        );
        assert_eq!(path("hg.mozilla.org", "/mozilla-central\nx"), None);
        assert_eq!(path("hg.mozilla.org", "//mozilla-central"), None);
        assert_eq!(path("HG.mozilla.org", "/mozilla-central"), None);
        assert_eq!(path("hg.mozilla.org:443", "/mozilla-central"), None);
        assert_eq!(
            hg.path_of("http", "hg.mozilla.org", "/mozilla-central", true),
            None
        );
        assert_eq!(
            hg.path_of("https", "hg.mozilla.org", "/mozilla-central\n", false),
            None
        );
    }

    #[test]
    fn strict_is_a_subset_of_compat_s22() {
        let git = rule(
            "github.com",
            "^(?P<path>/mozilla/enterprise-firefox)(/|.git|$)",
        );
        let fork = "/mozilla/enterprise-firefox-git-fork/raw/x";
        assert_eq!(
            git.path_of("https", "github.com", fork, true),
            Some("/mozilla/enterprise-firefox")
        );
        assert_eq!(git.path_of("https", "github.com", fork, false), None);
        // a pattern whose strict meaning would give another path gives none
        let odd = rule("h", r"^(?P<path>/\d+)");
        assert_eq!(
            odd.path_of("https", "h", "/1\u{0662}", true),
            Some("/1\u{0662}")
        );
        assert_eq!(odd.path_of("https", "h", "/1\u{0662}", false), None);
    }

    #[test]
    fn artifact_rules_name_task_and_file_v32() {
        assert!(ArtifactRule::pattern("^/x$").is_err());
        let rule = ArtifactRule {
            schemes: vec!["https".into()],
            netlocs: vec!["h".into()],
            path_regexes: vec![
                ArtifactRule::pattern(
                    r"^/t/(?P<taskId>[^/]+)(/runs/[0-9]+)?/artifacts/(?P<filepath>.*)$",
                )
                .unwrap(),
            ],
        };
        let expected = MatchedArtifact {
            task: Some("T"),
            name: "public/a.zip",
        };
        assert_eq!(
            rule.artifact_of("https", "h", "/t/T/artifacts/public/a.zip"),
            Some(expected)
        );
        assert_eq!(
            rule.artifact_of("https", "h", "/t/T/runs/0/artifacts/public/a.zip"),
            Some(expected)
        );
        assert_eq!(
            rule.artifact_of("https", "g", "/t/T/artifacts/public/a.zip"),
            None
        );
        assert_eq!(rule.artifact_of("https", "h", "/t/T/public/a.zip"), None);
    }
}
