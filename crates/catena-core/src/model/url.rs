// SPDX-License-Identifier: MPL-2.0
//! Source and repository URLs (S4, V70–V72, V90): parsed once into parts that cannot mean two things.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::model::ids::InvalidId;
use crate::policy::{HostKind, VcsHosts};
use crate::request::{Hosted, HostedKind, Repo, is_hosted_path};

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
    /// path on hg hosts and, less one `.git`, on other git hosts.
    ///
    /// # Errors
    /// A host that `hosts` does not list under this very name, `ssh` to any but GitHub, or a path that names no
    /// repository.
    pub fn repo(&self, hosts: &VcsHosts) -> Result<Repo, InvalidId> {
        let refuse = |expected| InvalidId {
            expected,
            found: self.text.chars().take(300).collect(),
        };
        let unknown = || InvalidId {
            expected: "a repository on a host that is known",
            found: format!("{:.300}, which is not on {}", self.text, hosts.names()),
        };
        match hosts.get(&self.host).ok_or_else(unknown)?.kind {
            HostKind::Github => {
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
            HostKind::Hg => {
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
                        host: self.host.as_str().into(),
                        path: path.into(),
                    })
                } else {
                    Err(refuse("https://HOST/PATH of an hg repository"))
                }
            }
            HostKind::Git => self.hosted(HostedKind::Git, &self.path),
            HostKind::Gitea => self.hosted(HostedKind::Gitea, &self.path),
            HostKind::Gitlab => self.hosted(HostedKind::Gitlab, &self.path),
        }
    }

    fn hosted(&self, kind: HostedKind, path: &str) -> Result<Repo, InvalidId> {
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        if self.scheme == "https" && is_hosted_path(kind, path) {
            Ok(Repo::Hosted(Hosted {
                kind,
                host: self.host.as_str().into(),
                path: path.into(),
            }))
        } else {
            Err(InvalidId {
                expected: match kind {
                    HostedKind::Git => "https://HOST/PATH of a git repository",
                    HostedKind::Gitea => "https://HOST/OWNER/NAME",
                    HostedKind::Gitlab => "https://HOST/GROUP/…/NAME",
                },
                found: self.text.chars().take(300).collect(),
            })
        }
    }

    /// Returns the repository and the revision that the URL of a *file* names (V89): on GitHub the third part of the
    /// path is the revision, whatever its name; on Gitea it follows `src/commit`, `raw/commit` or `tag` there, or
    /// `commit`; on GitLab and in mirrors it follows `/-/` and one word.
    #[must_use]
    pub fn file_place(&self, hosts: &VcsHosts) -> (Option<Repo>, Option<String>) {
        match hosts.get(&self.host).map(|host| host.kind) {
            Some(HostKind::Git) => self.after_dash(HostedKind::Git),
            Some(HostKind::Gitlab) => self.after_dash(HostedKind::Gitlab),
            Some(HostKind::Gitea) => self.gitea_file(),
            Some(HostKind::Github | HostKind::Hg) | None => {
                (self.repo(hosts).ok(), self.components().get(3).cloned())
            }
        }
    }

    fn after_dash(&self, kind: HostedKind) -> (Option<Repo>, Option<String>) {
        let Some((path, rest)) = self.path.split_once("/-/") else {
            return (self.hosted(kind, &self.path).ok(), None);
        };
        let mut parts = rest.split('/');
        let word = parts.next().unwrap_or_default();
        let revision = parts
            .next()
            .filter(|part| !part.is_empty() && FILE_WORDS.contains(&word));
        (self.hosted(kind, path).ok(), revision.map(str::to_owned))
    }

    fn gitea_file(&self) -> (Option<Repo>, Option<String>) {
        let parts: Vec<_> = self.path.split('/').skip(1).collect();
        let [owner, name, rest @ ..] = parts.as_slice() else {
            return (None, None);
        };
        let revision = match rest {
            ["src" | "raw", "commit" | "tag", revision, ..] | ["commit", revision, ..] => {
                Some(*revision).filter(|part| !part.is_empty())
            }
            _ => None,
        };
        let repo = self.hosted(HostedKind::Gitea, &format!("/{owner}/{name}"));
        (repo.ok(), revision.map(str::to_owned))
    }
}

/// What pages of GitLab put between `/-/` and a revision.
const FILE_WORDS: [&str; 5] = ["blob", "commit", "commits", "raw", "tree"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Config;

    /// One host of each kind.
    fn hosts() -> VcsHosts {
        let text = r#"{"x_cot": {"vcs_hosts": {"https://gitlab.example.org": {"kind": "gitlab"},
            "https://gitea.example.org": {"kind": "gitea"}, "https://hg.example.org": {"kind": "hg"},
            "https://git.example.org": {"kind": "git", "mirror": "/srv"}}}}"#;
        let config = Config::load(text.as_bytes(), "f.yaml").ok().unwrap();
        config.settings.vcs_hosts
    }

    fn shown(text: &str) -> Option<String> {
        Some(url(text).repo(&hosts()).ok()?.to_string())
    }

    #[test]
    fn repositories_are_on_listed_hosts_only_s4_v90() {
        for (text, due) in [
            (
                "https://gitlab.example.org/a/b/c.git",
                "https://gitlab.example.org/a/b/c",
            ),
            (
                "https://gitlab.example.org/a/b/",
                "https://gitlab.example.org/a/b",
            ),
            (
                "https://gitea.example.org/a/b",
                "https://gitea.example.org/a/b",
            ),
            ("https://git.example.org/b.git", "https://git.example.org/b"),
            ("https://hg.example.org/x/y", "https://hg.example.org/x/y"),
        ] {
            assert_eq!(shown(text).as_deref(), Some(due), "{text}");
        }
        for bad in [
            "https://gitlab.example.org/a",
            "https://gitlab.example.org/a/b/-/raw/x",
            "https://gitlab.example.org//a/b",
            "https://gitlab.example.org/a//b",
            "https://gitlab.example.org/a/.b",
            "https://gitlab.example.org/a/%62",
            "https://GitLab.example.org/a/b",
            "https://gitlab.example.org.evil.org/a/b",
            "https://www.gitlab.example.org/a/b",
            "ssh://gitlab.example.org/a/b",
            "https://gitea.example.org/a/b/c",
            "https://gitea.example.org/a/b.git.git",
            "https://git.example.org/",
            "https://other.example.org/a/b",
        ] {
            assert_eq!(shown(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_url_of_a_file_names_its_revision_v89() {
        let place = |text: &str| {
            let (repo, revision) = url(text).file_place(&hosts());
            (repo.map(|repo| repo.to_string()), revision)
        };
        let gitlab = "https://gitlab.example.org/a/b/c";
        let gitea = "https://gitea.example.org/a/b";
        let git = "https://git.example.org/b";
        for (repo, rest, revision) in [
            (gitlab, "/-/raw/abc/.taskcluster.yml", Some("abc")),
            (gitlab, "/-/blob/v1", Some("v1")),
            (gitlab, "/-/blob/v1/-/raw/abc/x", Some("v1")),
            (gitlab, "/-/jobs/1/raw", None),
            (gitlab, "/-/raw/", None),
            (gitlab, "", None),
            (gitea, "/src/commit/abc/x", Some("abc")),
            (gitea, "/raw/commit/abc/x", Some("abc")),
            (gitea, "/raw/tag/v1/x", Some("v1")),
            (gitea, "/commit/abc", Some("abc")),
            (gitea, "/src/branch/main/x", None),
            (gitea, "/raw/abc/x", None),
            (gitea, "", None),
            (git, "/-/raw/abc/x", Some("abc")),
        ] {
            let due = (Some(repo.to_owned()), revision.map(str::to_owned));
            assert_eq!(place(&format!("{repo}{rest}")), due, "{repo}{rest}");
        }
        assert_eq!(place("https://gitlab.example.org/-/raw/abc/x").0, None);
        assert_eq!(place("https://gitea.example.org/a").0, None);
        let github = "https://github.com/a/b";
        let due = (Some(github.to_owned()), Some("abc".to_owned()));
        assert_eq!(place(&format!("{github}/blob/abc/x")), due);
    }

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
            url("git@github.com:a/b.git").repo(&hosts()).unwrap(),
            github("a", "b")
        );
        assert_eq!(
            url("https://github.com/a/b/blob/x").repo(&hosts()).unwrap(),
            github("a", "b")
        );
        for bad in [
            "https://github.com/a",
            "https://GitHub.com/a/b",
            "https://evil.org/a/b",
            "ssh://hg.mozilla.org/a",
        ] {
            assert!(url(bad).repo(&hosts()).is_err(), "{bad}");
        }
    }
}
