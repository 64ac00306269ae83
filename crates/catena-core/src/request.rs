// SPDX-License-Identifier: MPL-2.0
//! The vocabulary between the core and the world (DESIGN §2).
//!
//! A request is built from validated parts, never from a URL that a task gives. One request is one document,
//! and at the edge one HTTP answer.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::ids::{ArtifactName, InvalidId, Revision, RunId, TaskId};

/// A repository on a VCS host, from a validated URL (S4).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "RepoText", try_from = "RepoText")]
pub enum Repo {
    /// `https://github.com/{owner}/{name}`.
    Github {
        /// Organisation or user.
        owner: Arc<str>,
        /// Repository, without `.git`.
        name: Arc<str>,
    },
    /// `https://{host}{path}`.
    Hg {
        /// Host name, lower case, no port.
        host: Arc<str>,
        /// Path with a leading and without a trailing `/`.
        path: Arc<str>,
    },
    /// `https://{host}{path}` on a host of `x_cot.vcs_hosts`.
    Hosted(Hosted),
}

/// A git repository on a host that the configuration lists.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Hosted {
    /// What the host speaks.
    pub kind: HostedKind,
    /// Host name, lower case, no port.
    pub host: Arc<str>,
    /// Path with a leading and without a trailing `/`, without `.git`: owner and name, on GitLab after any groups.
    pub path: Arc<str>,
}

impl Hosted {
    /// Returns the path as hosts write it, without the leading `/`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        self.path.trim_start_matches('/')
    }

    /// Returns what the path names last.
    #[must_use]
    pub fn name(&self) -> &str {
        let last = self.path.rsplit('/').next();
        last.unwrap_or_default()
    }

    /// Returns what stands before the name: the owner, or GitLab's groups; empty when nothing does.
    #[must_use]
    pub fn owner(&self) -> &str {
        let owner = self.full_name().rsplit_once('/');
        owner.map_or("", |(owner, _)| owner)
    }
}

/// What a host of `x_cot.vcs_hosts` speaks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HostedKind {
    /// Nothing: a local mirror is read.
    Git,
    /// Gitea's API, or Forgejo's.
    Gitea,
    /// GitLab's API.
    Gitlab,
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Github { owner, name } => write!(f, "https://github.com/{owner}/{name}"),
            Self::Hg { host, path } | Self::Hosted(Hosted { host, path, .. }) => {
                write!(f, "https://{host}{path}")
            }
        }
    }
}

/// A repository as an index of recorded documents has it, before validation.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase", tag = "vcs")]
enum RepoText {
    Github { owner: Arc<str>, name: Arc<str> },
    Hg { host: Arc<str>, path: Arc<str> },
    Git { host: Arc<str>, path: Arc<str> },
    Gitea { host: Arc<str>, path: Arc<str> },
    Gitlab { host: Arc<str>, path: Arc<str> },
}

impl From<Repo> for RepoText {
    fn from(repo: Repo) -> Self {
        match repo {
            Repo::Github { owner, name } => Self::Github { owner, name },
            Repo::Hg { host, path } => Self::Hg { host, path },
            Repo::Hosted(Hosted { kind, host, path }) => match kind {
                HostedKind::Git => Self::Git { host, path },
                HostedKind::Gitea => Self::Gitea { host, path },
                HostedKind::Gitlab => Self::Gitlab { host, path },
            },
        }
    }
}

/// Returns whether a path is one of a repository on a host of this kind: names without a leading dot or dash, so
/// none that leaves its place, and none of GitLab's `-`, which separates a repository from what is in it.
pub(crate) fn is_hosted_path(kind: HostedKind, path: &str) -> bool {
    let segment = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    let parts = path.strip_prefix('/').map(|path| path.split('/'));
    parts.is_some_and(|parts| {
        let count = parts.clone().count();
        let fits = match kind {
            HostedKind::Git => count >= 1,
            HostedKind::Gitea => count == 2,
            HostedKind::Gitlab => count >= 2,
        };
        fits && parts.into_iter().all(segment) && !path.ends_with(".git")
    })
}

impl TryFrom<RepoText> for Repo {
    type Error = InvalidId;

    /// Takes only parts that cannot leave their place in a URL.
    fn try_from(text: RepoText) -> Result<Self, InvalidId> {
        let segment = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-+~@".contains(&b))
        };
        let host = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-')
                })
        };
        let invalid = |expected, found: &str| InvalidId {
            expected,
            found: found.chars().take(200).collect(),
        };
        match text {
            RepoText::Github { owner, name } if segment(&owner) && segment(&name) => {
                Ok(Self::Github { owner, name })
            }
            RepoText::Github { owner, name } => Err(invalid(
                "the owner and name of a GitHub repository",
                &format!("{owner}/{name}"),
            )),
            RepoText::Hg { host: name, path }
                if host(&name)
                    && path
                        .strip_prefix('/')
                        .is_some_and(|p| p.split('/').all(segment)) =>
            {
                Ok(Self::Hg { host: name, path })
            }
            RepoText::Hg { host, path } => Err(invalid(
                "the host and path of an hg repository",
                &format!("{host}{path}"),
            )),
            RepoText::Git { host: name, path } => {
                hosted(HostedKind::Git, name, path, host).map_err(|found| invalid(HOSTED, &found))
            }
            RepoText::Gitea { host: name, path } => {
                hosted(HostedKind::Gitea, name, path, host).map_err(|found| invalid(HOSTED, &found))
            }
            RepoText::Gitlab { host: name, path } => hosted(HostedKind::Gitlab, name, path, host)
                .map_err(|found| invalid(HOSTED, &found)),
        }
    }
}

const HOSTED: &str = "the host and path of a git repository";

fn hosted(
    kind: HostedKind,
    host: Arc<str>,
    path: Arc<str>,
    is_host: impl Fn(&str) -> bool,
) -> Result<Repo, String> {
    if is_host(&host) && is_hosted_path(kind, &path) {
        Ok(Repo::Hosted(Hosted { kind, host, path }))
    } else {
        Err(format!("{host}{path}"))
    }
}

/// A document that the core asks for.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Request {
    /// An artifact of a run: digests, size and place, bytes on demand.
    Artifact {
        /// Whose.
        task: TaskId,
        /// Of which run.
        run: RunId,
        /// Its name.
        name: ArtifactName,
    },
    /// The names of a run's artifacts, all pages as one: `{"artifacts": [{"name": …}]}` (V42).
    ArtifactList {
        /// Whose.
        task: TaskId,
        /// Of which run.
        run: RunId,
    },
    /// GitHub's object for a branch: `name`, `protected` (P15).
    Branch {
        /// Where.
        repo: Repo,
        /// Branch name without `refs/heads/`.
        branch: Revision,
    },
    /// GitHub's list of the branches that it marks as protected (P15).
    Branches {
        /// Where.
        repo: Repo,
    },
    /// GitHub's page of the branches that hold a commit; only `landed_by_page` reads it (V94, S27).
    BranchCommits {
        /// Where.
        repo: Repo,
        /// The commit.
        revision: Revision,
    },
    /// GitHub's object for a commit (V65).
    Commit {
        /// Where.
        repo: Repo,
        /// The commit.
        revision: Revision,
    },
    /// `public/chain-of-trust.json` of a run (V30).
    CotBody {
        /// Whose.
        task: TaskId,
        /// Of which run.
        run: RunId,
    },
    /// `public/chain-of-trust.json.sig` of a run (V30).
    CotSignature {
        /// Whose.
        task: TaskId,
        /// Of which run.
        run: RunId,
    },
    /// The queue's definition of a task (V21).
    Definition {
        /// Whose.
        task: TaskId,
    },
    /// GitHub's comparison `{branch}...{revision}`: is the revision reachable from the branch? (P15)
    /// On other hosts what proves it there (ADR 11).
    Landed {
        /// Where.
        repo: Repo,
        /// Branch name without `refs/heads/`; on hosts other than GitHub the commit that the branch stands at.
        branch: Revision,
        /// The commit.
        revision: Revision,
    },
    /// projects.yml (V91, V92).
    Projects,
    /// GitHub's object for a pull request (V65).
    PullRequest {
        /// Where.
        repo: Repo,
        /// Its number.
        number: u64,
    },
    /// hg's pushlog entry for a revision (V62).
    Pushlog {
        /// Where.
        repo: Repo,
        /// The revision.
        revision: Revision,
    },
    /// GitHub's object for a release, by tag (V65).
    Release {
        /// Where.
        repo: Repo,
        /// The tag.
        tag: Revision,
    },
    /// GitHub's object for a repository (V65, V94).
    Repository {
        /// Which.
        repo: Repo,
    },
    /// The queue's status of a task: its runs (P10).
    Status {
        /// Whose.
        task: TaskId,
    },
    /// GitHub's object for a tag ref: `git/ref/tags/{tag}`.
    TagRef {
        /// Where.
        repo: Repo,
        /// The tag.
        tag: Revision,
    },
    /// GitHub's tag listing; only `landed_by_page` reads it (V94).
    Tags {
        /// Where.
        repo: Repo,
    },
    /// `public/task-graph.json` of a run: hashed, scanned and spooled in one pass (P21).
    TaskGraph {
        /// Whose.
        task: TaskId,
        /// Of which run.
        run: RunId,
    },
    /// `.taskcluster.yml` at a revision; for GitHub the contents API's answer (V66).
    Template {
        /// Where.
        repo: Repo,
        /// At what revision, tag or branch.
        revision: Revision,
    },
}

impl Request {
    /// Returns the task that it is about; none for what a repository's host says.
    #[must_use]
    pub const fn task(&self) -> Option<TaskId> {
        match self {
            Self::Artifact { task, .. }
            | Self::ArtifactList { task, .. }
            | Self::CotBody { task, .. }
            | Self::CotSignature { task, .. }
            | Self::Definition { task }
            | Self::Status { task }
            | Self::TaskGraph { task, .. } => Some(*task),
            _ => None,
        }
    }
}

impl fmt::Display for Request {
    /// Writes the request as reports show it: kind, then the parts that tell it apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Artifact { task, run, name } => write!(f, "artifact {task}/{run}/{name}"),
            Self::ArtifactList { task, run } => write!(f, "artifact-list {task}/{run}"),
            Self::Branch { repo, branch } => write!(f, "branch {repo} {branch}"),
            Self::Branches { repo } => write!(f, "branches {repo}"),
            Self::BranchCommits { repo, revision } => write!(f, "branch-commits {repo} {revision}"),
            Self::Commit { repo, revision } => write!(f, "commit {repo} {revision}"),
            Self::CotBody { task, run } => write!(f, "cot-body {task}/{run}"),
            Self::CotSignature { task, run } => write!(f, "cot-signature {task}/{run}"),
            Self::Definition { task } => write!(f, "definition {task}"),
            Self::Landed {
                repo,
                branch,
                revision,
            } => write!(f, "landed {repo} {branch}...{revision}"),
            Self::Projects => f.write_str("projects"),
            Self::PullRequest { repo, number } => write!(f, "pull-request {repo} {number}"),
            Self::Pushlog { repo, revision } => write!(f, "pushlog {repo} {revision}"),
            Self::Release { repo, tag } => write!(f, "release {repo} {tag}"),
            Self::Repository { repo } => write!(f, "repository {repo}"),
            Self::Status { task } => write!(f, "status {task}"),
            Self::TagRef { repo, tag } => write!(f, "tag-ref {repo} {tag}"),
            Self::Tags { repo } => write!(f, "tags {repo}"),
            Self::TaskGraph { task, run } => write!(f, "task-graph {task}/{run}"),
            Self::Template { repo, revision } => write!(f, "template {repo} {revision}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_survive_their_text_form_p27() {
        let task: TaskId = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        let run = RunId(1);
        let hg = Repo::Hg {
            host: "hg.example.org".into(),
            path: "/releases/main".into(),
        };
        let github = Repo::Github {
            owner: "octo".into(),
            name: "widget.rs".into(),
        };
        let hosted = |kind| {
            Repo::Hosted(Hosted {
                kind,
                host: "code.example.org".into(),
                path: "/octo/widget.rs".into(),
            })
        };
        let rev: Revision = "v1.2.0".parse().unwrap();
        for request in [
            Request::Artifact {
                task,
                run,
                name: "public/a b.zip".parse().unwrap(),
            },
            Request::Projects,
            Request::Repository {
                repo: hosted(HostedKind::Git),
            },
            Request::Repository {
                repo: hosted(HostedKind::Gitea),
            },
            Request::Repository {
                repo: hosted(HostedKind::Gitlab),
            },
            Request::Pushlog {
                repo: hg,
                revision: rev.clone(),
            },
            Request::PullRequest {
                repo: github.clone(),
                number: u64::MAX,
            },
            Request::Landed {
                repo: github,
                branch: "release/1".parse().unwrap(),
                revision: rev,
            },
        ] {
            let text = serde_json::to_string(&request).unwrap();
            assert_eq!(
                serde_json::from_str::<Request>(&text).unwrap(),
                request,
                "{text}"
            );
        }
    }

    #[test]
    fn requests_from_text_are_validated_s12_s13() {
        for bad in [
            r#"{"kind":"definition","task":"../../x"}"#,
            r#"{"kind":"artifact","task":"YyxNNh7mTAmwDhB4Itm0jg","run":0,"name":"a/../b"}"#,
            r#"{"kind":"cot-body","task":"YyxNNh7mTAmwDhB4Itm0jg","run":-1}"#,
            r#"{"kind":"repository","repo":{"vcs":"github","owner":"..","name":"x"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"hg","host":"h:1","path":"/x"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"hg","host":"h","path":"/x/../y"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"hg","host":"h","path":"/x?y"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitlab","host":"h:1","path":"/a/b"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitlab","host":"h","path":"/a"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitlab","host":"h","path":"/a/../b"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitlab","host":"h","path":"/a/-/b"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitlab","host":"h","path":"/a/b.git"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"gitea","host":"h","path":"/a/b/c"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"git","host":"h","path":"/.x"}}"#,
            r#"{"kind":"tags","repo":{"vcs":"git","host":"h","path":""}}"#,
            r#"{"kind":"tags","repo":{"vcs":"svn","host":"h","path":"/a/b"}}"#,
            r#"{"kind":"unheard-of"}"#,
        ] {
            assert!(serde_json::from_str::<Request>(bad).is_err(), "{bad}");
        }
    }
}
