// SPDX-License-Identifier: MPL-2.0
//! How GitLab and Gitea (or Forgejo) are asked (ADR 11): URLs under the API that the configuration names, built from
//! validated parts, and the token for that API alone.

use std::collections::BTreeMap;

use catena_core::policy::{HostKind, Secret};
use catena_core::request::{Hosted, HostedKind, Repo, Request};
use reqwest::Url;
use reqwest::header::HeaderValue;

use super::options::{HttpOptions, OptionsError};
use super::paging::{PER_PAGE, PER_PAGE_GITEA};
use super::urls::{Unaskable, checked, origin, part, path};

/// The APIs of hosts, by host name.
#[derive(Debug, Default)]
pub(crate) struct Apis(BTreeMap<String, Api>);

#[derive(Debug)]
struct Api {
    /// Without a trailing `/`.
    base: String,
    origin: String,
    /// Marked as sensitive, so that no `Debug` shows it.
    token: Option<HeaderValue>,
}

impl Apis {
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let mut apis = BTreeMap::new();
        for (name, host) in options.vcs_hosts.iter() {
            let Some(base) = &host.api else { continue };
            debug_assert!(matches!(host.kind, HostKind::Gitea | HostKind::Gitlab));
            let url = checked("x_cot.vcs_hosts", base)?;
            let token = options.host_tokens.get(name).map(bearer).transpose()?;
            let api = Api {
                base: base.trim_end_matches('/').to_owned(),
                origin: origin(&url),
                token,
            };
            apis.insert(name.to_owned(), api);
        }
        Ok(Self(apis))
    }

    /// Returns the URL of a document about a hosted repository.
    pub(crate) fn of(&self, request: &Request) -> Result<String, Unaskable> {
        let hosted = hosted(request).ok_or(Unaskable::WrongHost)?;
        let api = self.0.get(&*hosted.host).ok_or(Unaskable::WrongHost)?;
        match hosted.kind {
            HostedKind::Git => Err(Unaskable::WrongHost),
            HostedKind::Gitea => gitea(&api.base, hosted, request),
            HostedKind::Gitlab => gitlab(&api.base, hosted, request),
        }
    }

    /// Returns the token for a request: only for the API of the host that the request is about, over https (S55).
    pub(crate) fn token(&self, request: &Request, url: &Url) -> Option<&HeaderValue> {
        let api = self.0.get(&*hosted(request)?.host)?;
        let same = url.scheme() == "https" && origin(url) == api.origin;
        api.token.as_ref().filter(|_| same)
    }
}

/// Returns the hosted repository that a request is about.
pub(crate) const fn hosted(request: &Request) -> Option<&Hosted> {
    match request {
        Request::Branch { repo, .. }
        | Request::Branches { repo }
        | Request::BranchCommits { repo, .. }
        | Request::Commit { repo, .. }
        | Request::Landed { repo, .. }
        | Request::PullRequest { repo, .. }
        | Request::Pushlog { repo, .. }
        | Request::Release { repo, .. }
        | Request::Repository { repo }
        | Request::TagRef { repo, .. }
        | Request::Tags { repo }
        | Request::Template { repo, .. } => match repo {
            Repo::Hosted(hosted) => Some(hosted),
            Repo::Github { .. } | Repo::Hg { .. } => None,
        },
        _ => None,
    }
}

/// `/projects/{path}/…` of API version 4: every part is one segment.
fn gitlab(base: &str, hosted: &Hosted, request: &Request) -> Result<String, Unaskable> {
    let project = format!("{base}/projects/{}", part(hosted.full_name()));
    let repository = format!("{project}/repository");
    Ok(match request {
        Request::Repository { .. } => project,
        Request::Branch { branch, .. } => {
            format!("{repository}/branches/{}", part(branch.as_str()))
        }
        Request::Branches { .. } => format!("{repository}/branches?per_page={PER_PAGE}"),
        Request::Landed {
            branch, revision, ..
        } => {
            let (branch, revision) = (part(branch.as_str()), part(revision.as_str()));
            format!("{repository}/merge_base?refs[]={branch}&refs[]={revision}")
        }
        Request::TagRef { tag, .. } => format!("{repository}/tags/{}", part(tag.as_str())),
        Request::Template { revision, .. } => {
            let revision = part(revision.as_str());
            format!("{repository}/files/.taskcluster.yml/raw?ref={revision}")
        }
        _ => return Err(Unaskable::WrongHost),
    })
}

/// `/repos/{owner}/{name}/…` of API version 1.
fn gitea(base: &str, hosted: &Hosted, request: &Request) -> Result<String, Unaskable> {
    let (owner, name) = (part(hosted.owner()), part(hosted.name()));
    let repo = format!("{base}/repos/{owner}/{name}");
    Ok(match request {
        Request::Repository { .. } => repo,
        Request::Branch { branch, .. } => format!("{repo}/branches/{}", path(branch.as_str())),
        Request::Branches { .. } => format!("{repo}/branches?limit={PER_PAGE_GITEA}"),
        Request::Commit { revision, .. } => {
            format!("{repo}/git/commits/{}", part(revision.as_str()))
        }
        // from the commit to the branch: that it is listed as a parent is the proof
        Request::Landed {
            branch, revision, ..
        } => {
            let (branch, revision) = (part(branch.as_str()), part(revision.as_str()));
            format!("{repo}/compare/{revision}...{branch}?files=false&verification=false")
        }
        Request::TagRef { tag, .. } => format!("{repo}/tags/{}", path(tag.as_str())),
        Request::Template { revision, .. } => {
            format!(
                "{repo}/raw/.taskcluster.yml?ref={}",
                part(revision.as_str())
            )
        }
        _ => return Err(Unaskable::WrongHost),
    })
}

/// Both kinds of host take personal tokens in this form.
fn bearer(token: &Secret) -> Result<HeaderValue, OptionsError> {
    let text = Secret::new(format!("Bearer {}", token.expose()));
    let mut header = HeaderValue::from_str(text.expose()).map_err(|_| OptionsError::Setting {
        key: "x_cot.vcs_hosts token_env",
        expected: "printable ASCII",
        found: "(not shown)".to_owned(),
    })?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use catena_core::policy::Config;

    use super::*;

    fn options() -> HttpOptions {
        let text = r#"{"x_cot": {"vcs_hosts": {
            "https://gitlab.example.org": {"kind": "gitlab", "token_env": "GL"},
            "https://code.example.org": {"kind": "gitea", "api": "https://api.example.org/forge/api/v1/"},
            "https://git.example.org": {"kind": "git", "mirror": "/srv"}}}}"#;
        let config = Config::load(text.as_bytes(), "f.yaml").ok().unwrap();
        let mut options = HttpOptions::new("https://tc.example.org");
        options.vcs_hosts = config.settings.vcs_hosts;
        options.read_host_tokens(|name| (name == "GL").then(|| "secret".to_owned()));
        options
    }

    fn repo(kind: HostedKind, host: &str, path: &str) -> Repo {
        Repo::Hosted(Hosted {
            kind,
            host: host.into(),
            path: path.into(),
        })
    }

    fn requests(repo: &Repo) -> Vec<Request> {
        let (repo, rev) = (|| repo.clone(), |text: &str| text.parse().unwrap());
        vec![
            Request::Repository { repo: repo() },
            Request::Branch {
                repo: repo(),
                branch: rev("release/1&x=y"),
            },
            Request::Branches { repo: repo() },
            Request::Landed {
                repo: repo(),
                branch: rev("bb"),
                revision: rev("aa"),
            },
            Request::TagRef {
                repo: repo(),
                tag: rev("v1/a"),
            },
            Request::Template {
                repo: repo(),
                revision: rev("aa&x=y"),
            },
        ]
    }

    #[test]
    fn gitlab_is_asked_by_its_documented_api_p15() {
        let apis = Apis::new(&options()).unwrap();
        let repo = repo(HostedKind::Gitlab, "gitlab.example.org", "/acme/tools/app");
        let project = "https://gitlab.example.org/api/v4/projects/acme%2Ftools%2Fapp";
        let due = [
            String::new(),
            "/repository/branches/release%2F1%26x%3Dy".to_owned(),
            "/repository/branches?per_page=100".to_owned(),
            "/repository/merge_base?refs[]=bb&refs[]=aa".to_owned(),
            "/repository/tags/v1%2Fa".to_owned(),
            "/repository/files/.taskcluster.yml/raw?ref=aa%26x%3Dy".to_owned(),
        ];
        for (request, due) in requests(&repo).iter().zip(due) {
            let url = apis.of(request).unwrap();
            assert_eq!(url, format!("{project}{due}"));
            let parsed = Url::parse(&url).unwrap();
            assert_eq!(parsed.host_str(), Some("gitlab.example.org"));
        }
        let commit = Request::Commit {
            repo,
            revision: "aa".parse().unwrap(),
        };
        assert_eq!(apis.of(&commit), Err(Unaskable::WrongHost));
    }

    #[test]
    fn gitea_is_asked_by_its_documented_api_p15() {
        let apis = Apis::new(&options()).unwrap();
        let repo = repo(HostedKind::Gitea, "code.example.org", "/acme/app");
        let base = "https://api.example.org/forge/api/v1/repos/acme/app";
        let due = [
            "",
            "/branches/release/1%26x%3Dy",
            "/branches?limit=50",
            "/compare/aa...bb?files=false&verification=false",
            "/tags/v1/a",
            "/raw/.taskcluster.yml?ref=aa%26x%3Dy",
        ];
        for (request, due) in requests(&repo).iter().zip(due) {
            assert_eq!(apis.of(request).unwrap(), format!("{base}{due}"));
        }
    }

    #[test]
    fn other_hosts_are_not_asked_s4() {
        let apis = Apis::new(&options()).unwrap();
        for repo in [
            repo(HostedKind::Gitlab, "gitlab.example.com", "/a/b"),
            repo(HostedKind::Git, "git.example.org", "/a/b"),
        ] {
            assert_eq!(
                apis.of(&Request::Repository { repo }),
                Err(Unaskable::WrongHost)
            );
        }
    }

    #[test]
    fn the_token_goes_to_the_hosts_api_only_s55() {
        let apis = Apis::new(&options()).unwrap();
        let about = |kind, host: &str| Request::Repository {
            repo: repo(kind, host, "/a/b"),
        };
        let gitlab = about(HostedKind::Gitlab, "gitlab.example.org");
        let token = |request: &Request, url: &str| {
            let token = apis.token(request, &Url::parse(url).unwrap());
            token.map(|token| token.to_str().unwrap().to_owned())
        };
        let due = Some("Bearer secret".to_owned());
        assert_eq!(token(&gitlab, "https://gitlab.example.org/api/v4/x"), due);
        for url in [
            "http://gitlab.example.org/api/v4/x",
            "https://gitlab.example.org:8443/api/v4/x",
            "https://gitlab.example.org.evil.org/api/v4/x",
            "https://code.example.org/api/v4/x",
        ] {
            assert_eq!(token(&gitlab, url), None, "{url}");
        }
        let other = about(HostedKind::Gitea, "code.example.org");
        assert_eq!(token(&other, "https://gitlab.example.org/api/v4/x"), None);
        assert_eq!(
            token(&Request::Projects, "https://gitlab.example.org/"),
            None
        );
        assert!(!format!("{apis:?}").contains("secret"));
    }

    #[test]
    fn a_token_that_is_no_header_is_refused_and_not_shown() {
        let mut options = options();
        options.read_host_tokens(|_| Some("secret\nX: 1".to_owned()));
        let error = Apis::new(&options).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
