// SPDX-License-Identifier: MPL-2.0
//! VCS hosts as data (`x_cot.vcs_hosts`, ADR 11): which hosts repositories may be on, and how each is asked.
//!
//! github.com and hg.mozilla.org are always known; a configuration adds hosts of other kinds and cannot change
//! these two. A host that is not listed has no repositories (S4, V90).

use std::collections::BTreeMap;
use std::fmt;

use super::error::ConfigError;
use super::glob::glob_matches;
use super::node::Cursor;
use super::origin::RootUrl;
use super::product::branch_glob;
use super::settings::{directory, document_url};

/// What a host speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HostKind {
    /// Nothing that we ask: a bare mirror on the local disk is read instead.
    Git,
    /// Gitea's API, or Forgejo's: `/api/v1`.
    Gitea,
    /// GitHub's API; github.com only.
    Github,
    /// GitLab's API: `/api/v4`.
    Gitlab,
    /// Mercurial with its pushlog.
    Hg,
}

impl HostKind {
    /// Returns the name as configurations write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Gitea => "gitea",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Hg => "hg",
        }
    }

    /// Returns the path of the API under the host's origin, for kinds that have one.
    const fn api_path(self) -> Option<&'static str> {
        match self {
            Self::Gitea => Some("/api/v1"),
            Self::Gitlab => Some("/api/v4"),
            Self::Git | Self::Github | Self::Hg => None,
        }
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A host of repositories.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VcsHost {
    /// What it speaks.
    pub kind: HostKind,
    /// Where its API is, without a trailing `/`; kinds `gitlab` and `gitea` only.
    pub api: Option<String>,
    /// The directory of its mirrors, `{mirror}/{path}.git`; kind `git` only.
    pub mirror: Option<String>,
    /// Globs of branches that count as landed in every repository of the host (P15).
    pub protected_branches: Vec<String>,
    /// The environment variable that holds the token for its API.
    pub token_env: Option<String>,
}

impl VcsHost {
    const fn plain(kind: HostKind) -> Self {
        Self {
            kind,
            api: None,
            mirror: None,
            protected_branches: Vec::new(),
            token_env: None,
        }
    }

    /// Returns whether a glob of the host protects a branch.
    #[must_use]
    pub fn protects(&self, branch: &str) -> bool {
        let globs = &mut self.protected_branches.iter();
        globs.any(|glob| glob_matches(glob, branch))
    }
}

/// The hosts that repositories may be on, by name: lower case, no port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VcsHosts(BTreeMap<String, VcsHost>);

impl Default for VcsHosts {
    /// Returns github.com and hg.mozilla.org.
    fn default() -> Self {
        let host = |name: &str, kind| (name.to_owned(), VcsHost::plain(kind));
        Self(BTreeMap::from([
            host("github.com", HostKind::Github),
            host("hg.mozilla.org", HostKind::Hg),
        ]))
    }
}

impl VcsHosts {
    /// Returns a host by its exact name.
    #[must_use]
    pub fn get(&self, host: &str) -> Option<&VcsHost> {
        self.0.get(host)
    }

    /// Returns all hosts by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &VcsHost)> {
        self.0.iter().map(|(name, host)| (name.as_str(), host))
    }

    /// Returns the names, for messages.
    pub(crate) fn names(&self) -> String {
        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
        names.join(" or ")
    }
}

/// Reads `x_cot.vcs_hosts`: canonical origin to what is known of the host.
pub(super) fn read(at: &Cursor<'_>) -> Result<VcsHosts, ConfigError> {
    let mut hosts = VcsHosts::default();
    for (key, value) in at.members()? {
        let origin: Option<RootUrl> = key.text.parse().ok();
        let plain = origin.filter(|origin| {
            origin.scheme() == "https" && !origin.authority().contains([':', '['])
        });
        let name = plain
            .map(|origin| origin.authority().to_owned())
            .ok_or_else(|| value.invalid("a canonical https://host without a port", &key.text))?;
        if hosts.0.contains_key(&name) {
            return Err(value.invalid("a host that is neither built in nor listed twice", &name));
        }
        let host = one(&value, &name)?;
        hosts.0.insert(name, host);
    }
    Ok(hosts)
}

fn one(at: &Cursor<'_>, name: &str) -> Result<VcsHost, ConfigError> {
    let members = at.members()?;
    let mut kinds = members.iter().filter(|(key, _)| key.text == "kind");
    let (_, kind) = kinds
        .next_back()
        .ok_or_else(|| at.invalid("the key kind", "none"))?;
    let mut host = VcsHost::plain(kind_of(kind)?);
    for (key, value) in &members {
        let api = host.kind.api_path().is_some();
        match key.text.as_str() {
            "kind" => {}
            "api" if api => host.api = Some(api_url(value)?),
            "mirror" if host.kind == HostKind::Git => host.mirror = Some(directory(value)?),
            "protected_branches" if host.kind != HostKind::Hg => {
                let globs = value.list()?;
                host.protected_branches =
                    globs.iter().map(branch_glob).collect::<Result<_, _>>()?;
            }
            "token_env" if api => host.token_env = Some(variable(value)?),
            other => {
                let expected = format!("a key that a host of kind {} has", host.kind);
                return Err(value.invalid(expected, other));
            }
        }
    }
    if host.kind == HostKind::Git && host.mirror.is_none() {
        return Err(at.invalid("the key mirror, which kind git needs", "none"));
    }
    if host.api.is_none() {
        let path = host.kind.api_path();
        host.api = path.map(|path| format!("https://{name}{path}"));
    }
    Ok(host)
}

fn kind_of(at: &Cursor<'_>) -> Result<HostKind, ConfigError> {
    match at.str()? {
        "git" => Ok(HostKind::Git),
        "gitea" | "forgejo" => Ok(HostKind::Gitea),
        "gitlab" => Ok(HostKind::Gitlab),
        "hg" => Ok(HostKind::Hg),
        _ => Err(at.expected("git, gitea, forgejo, gitlab or hg (github is github.com alone)")),
    }
}

fn api_url(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let url = document_url(at)?;
    if url.contains('?') {
        return Err(at.expected("an https URL without a query"));
    }
    Ok(url.trim_end_matches('/').to_owned())
}

fn variable(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let name = at.text()?;
    let clean = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    if name.bytes().all(clean) {
        Ok(name.to_owned())
    } else {
        Err(at.expected("the name of an environment variable, in upper case"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::tests::{error, json};
    use super::*;

    fn hosts(text: &str) -> VcsHosts {
        let text = format!(r#"{{"x_cot": {{"vcs_hosts": {text}}}}}"#);
        json(&text).ok().unwrap().settings.vcs_hosts
    }

    #[test]
    fn two_hosts_are_built_in_v90() {
        let file = hosts("{}");
        let names: Vec<_> = file.iter().map(|(name, host)| (name, host.kind)).collect();
        let due = [
            ("github.com", HostKind::Github),
            ("hg.mozilla.org", HostKind::Hg),
        ];
        assert_eq!(names, due);
        assert_eq!(
            json(r#"{"x_cot": {}}"#).ok().unwrap().settings.vcs_hosts,
            file
        );
    }

    #[test]
    fn hosts_are_added_with_their_defaults_p15() {
        let hosts = hosts(
            r#"{"https://GitLab.example.org/": {"kind": "gitlab", "protected_branches": ["release/*"], "token_env": "GL_TOKEN"},
                "https://code.example.org": {"kind": "forgejo", "api": "https://api.example.org/forge/api/v1/"},
                "https://git.example.org": {"kind": "git", "mirror": "/srv/mirrors"}}"#,
        );
        let gitlab = hosts.get("gitlab.example.org").unwrap();
        assert_eq!(
            gitlab.api.as_deref(),
            Some("https://gitlab.example.org/api/v4")
        );
        assert!(gitlab.protects("release/1") && !gitlab.protects("main"));
        assert_eq!(gitlab.token_env.as_deref(), Some("GL_TOKEN"));
        let code = hosts.get("code.example.org").unwrap();
        assert_eq!(code.kind, HostKind::Gitea);
        assert_eq!(
            code.api.as_deref(),
            Some("https://api.example.org/forge/api/v1")
        );
        let git = hosts.get("git.example.org").unwrap();
        assert_eq!(git.mirror.as_deref(), Some("/srv/mirrors"));
        assert!(hosts.get("GitLab.example.org").is_none());
    }

    #[test]
    fn what_is_no_host_is_refused_p30() {
        let gitlab = r#"{"kind": "gitlab"}"#;
        for (origin, host, due) in [
            ("http://h.example", gitlab, "without a port"),
            ("http://127.0.0.1", gitlab, "without a port"),
            ("https://h.example:8443", gitlab, "without a port"),
            ("https://h.example/x", gitlab, "without a port"),
            ("https://[::1]", gitlab, "without a port"),
            ("h.example", gitlab, "without a port"),
            ("https://github.com", gitlab, "neither built in"),
            ("https://hg.mozilla.org", gitlab, "neither built in"),
            ("https://h.example", "{}", "the key kind"),
            (
                "https://h.example",
                r#"{"kind": "github"}"#,
                "github.com alone",
            ),
            ("https://h.example", r#"{"kind": "git"}"#, "the key mirror"),
            (
                "https://h.example",
                r#"{"kind": "git", "mirror": "m"}"#,
                "an absolute path",
            ),
            (
                "https://h.example",
                r#"{"kind": "git", "mirror": "/m", "token_env": "T"}"#,
                "a host of kind git has",
            ),
            (
                "https://h.example",
                r#"{"kind": "gitlab", "mirror": "/m"}"#,
                "a host of kind gitlab has",
            ),
            (
                "https://h.example",
                r#"{"kind": "gitlab", "api": "http://h.example/api"}"#,
                "an https URL",
            ),
            (
                "https://h.example",
                r#"{"kind": "gitlab", "api": "https://h.example/?x=1"}"#,
                "without a query",
            ),
            (
                "https://h.example",
                r#"{"kind": "gitlab", "token_env": "a b"}"#,
                "an environment variable",
            ),
            (
                "https://h.example",
                r#"{"kind": "gitlab", "protected_branches": ["*"]}"#,
                "a branch name",
            ),
        ] {
            let text = format!(r#"{{"x_cot": {{"vcs_hosts": {{"{origin}": {host}}}}}}}"#);
            let error = error(json(&text));
            assert!(error.contains(due), "{text}: {error}");
        }
    }
}
