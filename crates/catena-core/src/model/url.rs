// SPDX-License-Identifier: MPL-2.0
//! Source and repository URLs (S4, V70–V72, V90): parsed once into parts that cannot mean two things.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::model::ids::InvalidId;
use crate::request::Repo;

/// A URL of a repository or of a file in one, as S4 allows it: `https` or `ssh`, a bare host, a path without
/// dot segments, and nothing that a client or a server could read in another way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VcsUrl {
    scheme: String,
    host: String,
    path: String,
    text: String,
}

/// Bytes of a URL (S17): each task of a chain reads the root's anew. The longest real ones have some 200, and no host
/// answers more than some thousands.
const LONGEST: usize = 4096;

/// Why a URL is refused (S4).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{reason} in {url:?}")]
pub struct UrlError {
    /// What is wrong.
    pub reason: &'static str,
    /// The URL, cut to 300 characters.
    pub url: String,
}

impl VcsUrl {
    /// Parses a URL; `git@github.com:owner/name` counts as `ssh://github.com/owner/name` (V66).
    ///
    /// # Errors
    /// What S4 forbids.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let fail = |reason| UrlError {
            reason,
            url: text.chars().take(300).collect(),
        };
        if text.len() > LONGEST {
            return Err(fail("more than 4096 bytes"));
        }
        let rewritten = text
            .strip_prefix("git@github.com:")
            .map_or(Cow::Borrowed(text), |rest| {
                Cow::Owned(format!("ssh://github.com/{rest}"))
            });
        if rewritten.chars().any(char::is_control) {
            return Err(fail("a control character"));
        }
        let (scheme, rest) = rewritten
            .split_once("://")
            .ok_or_else(|| fail("no scheme"))?;
        // lower case only: rules that look at the text must see what rules that look at the parts see (V80, V90)
        if !matches!(scheme, "https" | "ssh") {
            return Err(fail("a scheme other than https or ssh"));
        }
        if let Some(bad) = rest.chars().find(|c| matches!(c, '?' | '#' | ';' | '\\')) {
            return Err(fail(match bad {
                '?' => "a query",
                '#' => "a fragment",
                ';' => "path parameters",
                _ => "a backslash",
            }));
        }
        let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if host.is_empty() || host.starts_with(['.', '-']) {
            return Err(fail("no host"));
        }
        if !host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        {
            return Err(fail("a user, a port or an odd character in the host"));
        }
        let lower = path.to_ascii_lowercase();
        if ["%2e", "%2f", "%5c", "%25"]
            .iter()
            .any(|code| lower.contains(code))
        {
            return Err(fail("an encoded dot, slash, backslash or percent sign"));
        }
        if lower
            .as_bytes()
            .windows(3)
            .any(|w| w[0] == b'%' && (w[1] < b'2' || w == b"%7f"))
        {
            return Err(fail("an encoded control character"));
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(fail("a dot segment"));
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            path: path.to_owned(),
            text: text.to_owned(),
        })
    }

    /// Parses the URL of a file, for which `git@github.com:` is no scheme (V70, V80).
    ///
    /// # Errors
    /// What S4 forbids.
    pub fn parse_source(text: &str) -> Result<Self, UrlError> {
        let url = Self::parse(text)?;
        if text.starts_with("git@") {
            return Err(UrlError {
                reason: "no scheme",
                url: text.chars().take(300).collect(),
            });
        }
        Ok(url)
    }

    /// Parses the URL of a repository, which must have a path: a host alone would contain everything on it (S23).
    ///
    /// # Errors
    /// What S4 and S23 forbid.
    pub fn parse_repository(text: &str) -> Result<Self, UrlError> {
        let parsed = Self::parse(text)?;
        if parsed.path.trim_matches('/').is_empty() {
            let url = text.chars().take(300).collect();
            return Err(UrlError {
                reason: "no path to a repository",
                url,
            });
        }
        Ok(parsed)
    }

    /// Returns the scheme, lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Returns the host as written.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the path as written, with its leading `/`, or nothing.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the path, percent-decoded once (V70).
    #[must_use]
    pub fn decoded_path(&self) -> Cow<'_, str> {
        percent_decode_str(&self.path).decode_utf8_lossy()
    }

    /// Returns the decoded, non-empty path components.
    #[must_use]
    pub fn components(&self) -> Vec<String> {
        let path = self.decoded_path();
        path.trim_start_matches('/')
            .split('/')
            .map(str::to_owned)
            .collect()
    }

    /// Returns the URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns whether this repository contains the file or folder at `url` (V71); hosts are equal, and the
    /// repository's path, less one trailing `.git`, is a prefix by segments. An empty path contains nothing (S23).
    #[must_use]
    pub fn contains(&self, url: &Self) -> bool {
        let own = self.path.strip_suffix(".git").unwrap_or(&self.path);
        if own.trim_matches('/').is_empty() || !self.host.eq_ignore_ascii_case(&url.host) {
            return false;
        }
        url.path
            .strip_prefix(own)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Returns the repository that a *repository* URL names (V66, V90): owner and name on github.com, the whole
    /// path on hg.mozilla.org.
    ///
    /// # Errors
    /// Another host, `ssh` to hg, or a path that names no repository.
    pub fn repo(&self) -> Result<Repo, InvalidId> {
        let refuse = |expected| InvalidId {
            expected,
            found: self.text.chars().take(300).collect(),
        };
        match self.host.as_str() {
            "github.com" => {
                let parts = self.components();
                let name = parts
                    .get(1)
                    .map(|name| name.strip_suffix(".git").unwrap_or(name));
                let clean = |part: &str| {
                    !part.is_empty()
                        && !part.starts_with('.')
                        && part
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                };
                match (parts.first(), name) {
                    (Some(owner), Some(name)) if clean(owner) && clean(name) => Ok(Repo::Github {
                        owner: owner.as_str().into(),
                        name: name.into(),
                    }),
                    _ => Err(refuse("https://github.com/OWNER/NAME")),
                }
            }
            "hg.mozilla.org" => {
                let path = self.path.trim_end_matches('/');
                let clean = path.len() > 1
                    && path.split('/').skip(1).all(|segment| {
                        !segment.is_empty()
                            && segment
                                .bytes()
                                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                    });
                if clean && self.scheme == "https" {
                    Ok(Repo::Hg {
                        host: "hg.mozilla.org".into(),
                        path: path.into(),
                    })
                } else {
                    Err(refuse("https://hg.mozilla.org/PATH"))
                }
            }
            _ => Err(refuse("a repository on github.com or hg.mozilla.org")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> VcsUrl {
        VcsUrl::parse(text).unwrap()
    }

    #[test]
    fn refuses_what_can_mean_two_things_s4() {
        for bad in [
            "https://hg.mozilla.org/mozilla-central/../try/file/x",
            "https://hg.mozilla.org/mozilla-central/%2e%2e/try",
            "https://hg.mozilla.org/mozilla-central%2ftry",
            "https://hg.mozilla.org/mozilla-central%0a",
            "https://hg.mozilla.org/mozilla-central\n",
            "https://hg.mozilla.org/a;foo",
            "https://hg.mozilla.org/a?x=1",
            "https://hg.mozilla.org/a#f",
            "https://hg.mozilla.org:443/a",
            "https://user@hg.mozilla.org/a",
            "https://hg.mozilla.org/a\\b",
            "http://hg.mozilla.org/a",
            " https://hg.mozilla.org/a",
            "HTTPS://hg.mozilla.org/a",
            "file:///etc/passwd",
            "mozilla-central",
            "",
        ] {
            assert!(VcsUrl::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            url("https://h/projects/date//file/x").path(),
            "/projects/date//file/x"
        );
    }

    #[test]
    fn long_urls_are_refused_unread_s17() {
        let long = |length: usize| format!("https://h/{}", "a".repeat(length - 10));
        assert!(VcsUrl::parse(&long(4096)).is_ok());
        assert!(VcsUrl::parse(&long(4097)).is_err());
    }

    #[test]
    fn repositories_have_a_path_s23() {
        assert!(VcsUrl::parse_repository("https://hg.mozilla.org").is_err());
        assert!(VcsUrl::parse_repository("https://hg.mozilla.org//").is_err());
        assert!(VcsUrl::parse_repository("https://hg.mozilla.org/try").is_ok());
    }

    #[test]
    fn containment_v71() {
        let cases = [
            ("https://h/x", "https://h/x-evil", false),
            (
                "https://h/projects/date",
                "https://h/projects/date//file/x",
                true,
            ),
            ("https://h", "https://h/any", false),
            ("https://H/x", "https://h/x/file", true),
            ("https://github.com/a/b.git", "https://github.com/a/b", true),
            ("git@github.com:a/b.git", "https://github.com/a/b", true),
            (
                "https://github.com/a/b",
                "https://github.com/a/b.git",
                false,
            ),
        ];
        for (repo, file, expected) in cases {
            assert_eq!(url(repo).contains(&url(file)), expected, "{repo} {file}");
        }
    }

    #[test]
    fn repositories_v66_v90() {
        let github = |owner: &str, name: &str| Repo::Github {
            owner: owner.into(),
            name: name.into(),
        };
        assert_eq!(
            url("git@github.com:a/b.git").repo().unwrap(),
            github("a", "b")
        );
        assert_eq!(
            url("https://github.com/a/b/blob/x").repo().unwrap(),
            github("a", "b")
        );
        for bad in [
            "https://github.com/a",
            "https://GitHub.com/a/b",
            "https://evil.org/a/b",
            "ssh://hg.mozilla.org/a",
        ] {
            assert!(url(bad).repo().is_err(), "{bad}");
        }
    }
}
