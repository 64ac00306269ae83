// SPDX-License-Identifier: MPL-2.0
//! Builds URLs from the validated parts of requests; no URL that a task gives is ever fetched.
//!
//! Artifacts are asked for by run (P10). They are only ever built under the root URL, whose origin
//! `valid_artifact_rules` implicitly allow (P11, S11), so that rule holds by construction.

use catena_core::model::ids::{ArtifactName, RunId, TaskId};
use catena_core::request::{Repo, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use super::hosts::{Apis, hosted};
use super::options::{HttpOptions, OptionsError};
use super::paging::PER_PAGE;

/// The places of a deployment.
#[derive(Debug)]
pub(crate) struct Urls {
    pub(crate) apis: Apis,
    root: String,
    projects: Option<Url>,
    pushlog: Option<String>,
}

/// A request that has no URL under these settings.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Unaskable {
    #[error("no URL is configured for it")]
    Unset,
    #[error("that host does not serve it")]
    WrongHost,
    #[error("its URL does not parse")]
    Unparsable,
}

impl Urls {
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let root = checked("root_url", &options.root_url)?;
        let projects = options
            .projects_url
            .as_ref()
            .map(|url| checked("project_configuration_url", url));
        if let Some(template) = &options.pushlog_url
            && !(template.contains("{repo}") && template.contains("{revision}"))
        {
            return Err(OptionsError::Setting {
                key: "pushlog_url",
                expected: "a URL with {repo} and {revision}",
                found: template.clone(),
            });
        }
        if root.query().is_some() {
            return Err(unfit("root_url", &options.root_url));
        }
        Ok(Self {
            apis: Apis::new(options)?,
            root: root.as_str().trim_end_matches('/').to_owned(),
            projects: projects.transpose()?,
            pushlog: options.pushlog_url.clone(),
        })
    }

    /// Returns the canonical URL of a document.
    pub(crate) fn of(&self, request: &Request) -> Result<Url, Unaskable> {
        if hosted(request).is_some() {
            let text = self.apis.of(request)?;
            return Url::parse(&text).map_err(|_| Unaskable::Unparsable);
        }
        let text = match request {
            Request::Artifact { task, run, name } => self.artifact(*task, *run, name.as_str()),
            Request::ArtifactList { task, run } => {
                format!("{}/runs/{run}/artifacts", self.task(*task))
            }
            Request::Branch { repo, branch } => {
                format!("{}/branches/{}", api(repo)?, path(branch.as_str()))
            }
            Request::Branches { repo } => {
                format!("{}/branches?protected=true&per_page={PER_PAGE}", api(repo)?)
            }
            Request::BranchCommits { repo, revision } => {
                let Repo::Github { owner, name } = repo else {
                    return Err(Unaskable::WrongHost);
                };
                let revision = path(revision.as_str());
                format!(
                    "https://github.com/{}/{}/branch_commits/{revision}",
                    part(owner),
                    part(name)
                )
            }
            Request::Commit { repo, revision } => {
                format!("{}/commits/{}", api(repo)?, path(revision.as_str()))
            }
            Request::CotBody { task, run } => self.artifact(*task, *run, ArtifactName::COT),
            Request::CotSignature { task, run } => {
                self.artifact(*task, *run, ArtifactName::COT_SIGNATURE)
            }
            Request::Definition { task } => self.task(*task),
            Request::Landed {
                repo,
                branch,
                revision,
            } => {
                let (branch, revision) = (path(branch.as_str()), path(revision.as_str()));
                format!("{}/compare/{branch}...{revision}", api(repo)?)
            }
            Request::Projects => return self.projects.clone().ok_or(Unaskable::Unset),
            Request::PullRequest { repo, number } => format!("{}/pulls/{number}", api(repo)?),
            Request::Pushlog { repo, revision } => {
                let template = self.pushlog.as_ref().ok_or(Unaskable::Unset)?;
                // one pass each: what is put in holds no braces
                template
                    .replace("{repo}", &hg(repo)?)
                    .replace("{revision}", &path(revision.as_str()))
            }
            Request::Release { repo, tag } => {
                format!("{}/releases/tags/{}", api(repo)?, path(tag.as_str()))
            }
            Request::Repository { repo } => api(repo)?,
            Request::Status { task } => format!("{}/status", self.task(*task)),
            Request::TagRef { repo, tag } => {
                format!("{}/git/ref/tags/{}", api(repo)?, path(tag.as_str()))
            }
            Request::Tags { repo } => format!("{}/tags?per_page={PER_PAGE}", api(repo)?),
            Request::TaskGraph { task, run } => {
                self.artifact(*task, *run, ArtifactName::TASK_GRAPH)
            }
            Request::Template {
                repo: repo @ Repo::Hg { .. },
                revision,
            } => {
                format!(
                    "{}/raw-file/{}/.taskcluster.yml",
                    hg(repo)?,
                    path(revision.as_str())
                )
            }
            Request::Template { repo, revision } => {
                let reference = path(revision.as_str());
                format!("{}/contents/.taskcluster.yml?ref={reference}", api(repo)?)
            }
            _ => return Err(Unaskable::WrongHost),
        };
        Url::parse(&text).map_err(|_| Unaskable::Unparsable)
    }

    /// Returns where the deployment gives tokens for a repository's owner (V95).
    pub(crate) fn repo_token(&self, app: &str, owner: &str) -> Result<Url, Unaskable> {
        let text = format!(
            "{}/api/auth/v1/github/{}/{}/repo-token",
            self.root,
            part(app),
            part(owner)
        );
        Url::parse(&text).map_err(|_| Unaskable::Unparsable)
    }

    fn task(&self, task: TaskId) -> String {
        format!("{}/api/queue/v1/task/{task}", self.root)
    }

    fn artifact(&self, task: TaskId, run: RunId, name: &str) -> String {
        format!("{}/runs/{run}/artifacts/{}", self.task(task), part(name))
    }
}

/// Returns the origin of a URL as text, `https://host` or `https://host:port`.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Returns whether the host of a URL is this machine by its very name.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url_host) => match url_host.to_string().trim_matches(['[', ']']).parse() {
            Ok(address) => std::net::IpAddr::is_loopback(&address),
            Err(_) => url.host_str() == Some("localhost"),
        },
        None => false,
    }
}

/// Parses a URL of the configuration: https, or http on loopback; no credentials, no fragment.
pub(crate) fn checked(key: &'static str, text: &str) -> Result<Url, OptionsError> {
    let url = Url::parse(text).map_err(|_| unfit(key, text))?;
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if secure && plain && url.has_host() {
        Ok(url)
    } else {
        Err(unfit(key, text))
    }
}

fn unfit(key: &'static str, text: &str) -> OptionsError {
    let expected = "an https URL, or http on loopback, without credentials or fragment";
    OptionsError::Setting {
        key,
        expected,
        found: text.to_owned(),
    }
}

fn api(repo: &Repo) -> Result<String, Unaskable> {
    match repo {
        Repo::Github { owner, name } => Ok(format!(
            "https://{GITHUB_API}/repos/{}/{}",
            part(owner),
            part(name)
        )),
        Repo::Hg { .. } | Repo::Hosted(_) => Err(Unaskable::WrongHost),
    }
}

fn hg(repo: &Repo) -> Result<String, Unaskable> {
    match repo {
        Repo::Hg { host, path: place } => Ok(format!("https://{host}{}", path(place))),
        Repo::Github { .. } | Repo::Hosted(_) => Err(Unaskable::WrongHost),
    }
}

/// Encodes one path segment, `/` included, as the reference does.
pub(crate) fn part(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// Encodes a path and leaves its `/`.
pub(crate) fn path(text: &str) -> String {
    utf8_percent_encode(text, PATH).to_string()
}

/// The only host that gets the token.
pub(crate) const GITHUB_API: &str = "api.github.com";
/// All but RFC 3986's unreserved characters.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    fn urls() -> Urls {
        let mut options = HttpOptions::new("https://tc.example.org/");
        options.pushlog_url = Some("{repo}/json-pushes?changeset={revision}&full=1".to_owned());
        options.projects_url =
            Some("https://hg.example.org/ci/raw-file/tip/projects.yml".to_owned());
        Urls::new(&options).unwrap()
    }

    #[test]
    fn urls_of_requests() {
        let task: TaskId = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        let run = RunId(2);
        let hg = Repo::Hg {
            host: "hg.example.org".into(),
            path: "/releases/main".into(),
        };
        let git = Repo::Github {
            owner: "octo".into(),
            name: "widget".into(),
        };
        let rev = |text: &str| text.parse().unwrap();
        let queue = "https://tc.example.org/api/queue/v1/task/YyxNNh7mTAmwDhB4Itm0jg";
        let github = "https://api.github.com/repos/octo/widget";
        for (request, url) in [
            (Request::Definition { task }, queue.to_owned()),
            (Request::Status { task }, format!("{queue}/status")),
            (
                Request::ArtifactList { task, run },
                format!("{queue}/runs/2/artifacts"),
            ),
            (
                Request::Artifact {
                    task,
                    run,
                    name: "public/a b+c?.zip".parse().unwrap(),
                },
                format!("{queue}/runs/2/artifacts/public%2Fa%20b%2Bc%3F.zip"),
            ),
            (
                Request::CotSignature { task, run },
                format!("{queue}/runs/2/artifacts/public%2Fchain-of-trust.json.sig"),
            ),
            (
                Request::Pushlog {
                    repo: hg.clone(),
                    revision: rev("a&b=c"),
                },
                "https://hg.example.org/releases/main/json-pushes?changeset=a%26b%3Dc&full=1"
                    .to_owned(),
            ),
            (
                Request::Template {
                    repo: hg,
                    revision: rev("abc"),
                },
                "https://hg.example.org/releases/main/raw-file/abc/.taskcluster.yml".to_owned(),
            ),
            (
                Request::Template {
                    repo: git.clone(),
                    revision: rev("v1&x=y"),
                },
                format!("{github}/contents/.taskcluster.yml?ref=v1%26x%3Dy"),
            ),
            (
                Request::Landed {
                    repo: git.clone(),
                    branch: rev("release/1"),
                    revision: rev("ab"),
                },
                format!("{github}/compare/release/1...ab"),
            ),
            (
                Request::Tags { repo: git.clone() },
                format!("{github}/tags?per_page=100"),
            ),
            (
                Request::Branches { repo: git.clone() },
                format!("{github}/branches?protected=true&per_page=100"),
            ),
            (
                Request::BranchCommits {
                    repo: git,
                    revision: rev("ab"),
                },
                "https://github.com/octo/widget/branch_commits/ab".to_owned(),
            ),
        ] {
            assert_eq!(urls().of(&request).unwrap().as_str(), url);
        }
    }

    #[test]
    fn parts_cannot_leave_their_place() {
        let git = |owner: &str| Repo::Github {
            owner: owner.into(),
            name: "n".into(),
        };
        for owner in ["a/b", "a?b", "a#b", "a@b", "a%2fb", "a\\b"] {
            let url = urls()
                .of(&Request::Repository { repo: git(owner) })
                .unwrap();
            assert_eq!(url.host_str(), Some(GITHUB_API));
            assert_eq!(url.path_segments().unwrap().count(), 3, "{url}");
            assert_eq!((url.query(), url.fragment()), (None, None));
        }
    }

    #[test]
    fn settings_are_checked_p24() {
        for good in [
            "https://tc.example.org",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:1",
        ] {
            assert!(Urls::new(&HttpOptions::new(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://tc.example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
            "ftp://127.0.0.1",
            "https://user:secret@tc.example.org",
            "https://tc.example.org/#x",
            "https://tc.example.org/?x",
            "tc.example.org",
            "",
        ] {
            assert!(Urls::new(&HttpOptions::new(bad)).is_err(), "{bad}");
        }
    }
}
