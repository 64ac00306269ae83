// SPDX-License-Identifier: MPL-2.0
//! `landed` (V89, V94, P15, S27): the commit is on a protected branch of an official repository.
//!
//! Stops: A commit of a fork, which GitHub serves under the address of the official repository (S29).

use catena_jsone::Value;

use super::repo_rename;
use crate::document::ErrorKind;
use crate::evidence::{Evidence, Miss};
use crate::model::ids::Revision;
use crate::model::shape::{Fields, Shape};
use crate::model::url::VcsUrl;
use crate::policy::{Switch, VcsHost};
use crate::report::{Asserter, Check, FindingBuilder};
use crate::request::{Hosted, Repo, Request};
use crate::walk::Inputs;

/// The check's declaration.
pub const META: Check = Check {
    id: "landed",
    rules: &["V89", "V94", "P15", "S27"],
    title: "the commit is on a protected branch of an official repository",
    attack: "A commit of a fork, which GitHub serves under the address of the official repository.",
    help: "Check on which branches the commit is; it must have landed before it may be released.",
    rank: 78,
    implies: &["restricted-tree"],
};

/// Whether a commit has landed.
#[derive(Debug)]
pub(crate) enum Landed {
    /// A document is missing.
    Blocked,
    /// It has not.
    No(Box<FindingBuilder>),
    /// It has.
    Yes,
}

/// Asks whether `revision` has landed in `repo`; `named` is the branch that the task names.
pub(crate) fn judge(
    inputs: &Inputs,
    evidence: &Evidence,
    repo: &Repo,
    revision: &str,
    named: Option<&str>,
) -> Landed {
    let cx = Lookup {
        inputs,
        evidence,
        repo,
    };
    // no page tells it on other hosts, and the reference knows none of them
    let github = matches!(repo, Repo::Github { .. });
    let compat = github && inputs.relaxations.allows(Switch::LandedByPage);
    if compat && inputs.policy.requires_secret() {
        return Landed::Yes;
    }
    let judged = cx.commit(revision, compat).and_then(|commit| {
        if compat {
            cx.by_page(&commit)
        } else {
            cx.by_branch(&commit, named)
        }
    });
    judged.unwrap_or_else(|stop| stop)
}

struct Lookup<'a> {
    inputs: &'a Inputs,
    evidence: &'a Evidence,
    repo: &'a Repo,
}

impl Lookup<'_> {
    fn no(&self, expected: &str, found: String, request: &Request) -> Landed {
        Landed::No(Box::new(
            META.reject(expected, found)
                .says(Asserter::VcsHost)
                .at(request, ""),
        ))
    }

    fn answer(&self, request: &Request) -> Result<Value, Landed> {
        let limit = self.inputs.limits.parsed_bytes;
        self.evidence
            .host_json(request, limit)
            .map_err(|miss| stop(request, &miss))
    }

    /// Returns an answer, or `None` when the host says that there is no such thing.
    fn optional(&self, request: &Request) -> Result<Option<Value>, Landed> {
        match self
            .evidence
            .host_json(request, self.inputs.limits.parsed_bytes)
        {
            Ok(value) => Ok(Some(value)),
            Err(Miss::Failed(error)) if error.kind == ErrorKind::Absent => {
                if self.inputs.policy.requires_secret() {
                    self.repository()?; // absent, or not for our eyes? (P7)
                }
                Ok(None)
            }
            Err(miss) => Err(stop(request, &miss)),
        }
    }

    /// Resolves the revision to a commit: itself, or the commit of the one tag of that name (V94).
    fn commit(&self, revision: &str, compat: bool) -> Result<Revision, Landed> {
        let repo = self.repo.clone();
        let parsed = revision.parse::<Revision>();
        let Ok(parsed) = parsed else {
            let request = Request::Repository { repo };
            return Err(self.no("a commit or a tag", format!("{revision:.200?}"), &request));
        };
        if parsed.is_commit() {
            return Ok(parsed);
        }
        if compat {
            let request = Request::Tags { repo };
            let tags = self.answer(&request)?;
            let mut named = Vec::new();
            for (at, tag) in list(&request, &tags)?.iter().enumerate() {
                // those of other names, too: the reference reads all or none (P3)
                let (name, sha) =
                    tag_of(tag, format!("/{at}")).map_err(|shape| odd(&request, shape))?;
                if name == revision {
                    named.push(sha);
                }
            }
            let sha = match named.as_slice() {
                [sha] => Some(*sha),
                _ => None,
            };
            return self.sha(sha, revision, &request);
        }
        let request = Request::TagRef {
            repo: repo.clone(),
            tag: parsed.clone(),
        };
        let Some(tag) = self.optional(&request)? else {
            return Err(self.no(
                "a commit or a tag",
                format!("{revision:.200?}, which is neither"),
                &request,
            ));
        };
        let object = Fields::of(&tag, "").and_then(|tag| tag.object("object"));
        let read = object.and_then(|object| Ok((object.text("type")?, object.text("sha")?)));
        let (kind, sha) = read.map_err(|shape| odd(&request, shape))?;
        if kind == "commit" {
            return self.sha(Some(sha), revision, &request);
        }
        // an annotated tag: the commits API resolves it
        let Ok(full) = format!("tags/{parsed}").parse() else {
            return Err(Landed::Blocked);
        };
        let request = Request::Commit {
            repo,
            revision: full,
        };
        let commit = self.answer(&request)?;
        self.sha(
            commit.get("sha").and_then(Value::as_str),
            revision,
            &request,
        )
    }

    fn sha(
        &self,
        sha: Option<&str>,
        revision: &str,
        request: &Request,
    ) -> Result<Revision, Landed> {
        let commit = sha
            .and_then(|sha| sha.parse::<Revision>().ok())
            .filter(Revision::is_commit);
        commit.ok_or_else(|| {
            self.no(
                "exactly one tag with a commit",
                format!("{revision:.200?}"),
                request,
            )
        })
    }

    /// Returns the host's object for the repository, which must be the one that was asked for (S27).
    fn repository(&self) -> Result<Value, Landed> {
        let request = self.about();
        let object = self.answer(&request)?;
        let (owner, own) = match self.repo {
            Repo::Github { owner, name } => (owner, name),
            Repo::Hg { .. } => return Ok(object),
            Repo::Hosted(hosted) => return self.same(hosted, object),
        };
        let page = self.page(&object)?;
        if self.inputs.relaxations.allows(Switch::RepoRenames) {
            return Ok(object);
        }
        let name = Fields::of(&object, "").and_then(|object| object.text("full_name"));
        let name = name.map_err(|shape| odd(&request, shape))?;
        let (asked, page) = (self.repo.to_string(), page.to_string());
        let (expected, found, at) = if !name.eq_ignore_ascii_case(&format!("{owner}/{own}")) {
            (
                format!("{owner}/{own}"),
                format!("{name:.200}"),
                "/full_name",
            )
        } else if !page.eq_ignore_ascii_case(&asked) {
            (asked, format!("{page:.200}"), "/html_url")
        } else {
            return Ok(object);
        };
        let finding = repo_rename::META.reject(expected, found);
        let finding = finding.says(Asserter::VcsHost).at(&request, at);
        Err(Landed::No(Box::new(finding)))
    }

    /// Requires that the host's object is about the repository that was asked for, and not about one that it has been
    /// renamed to (S27).
    fn same(&self, hosted: &Hosted, object: Value) -> Result<Value, Landed> {
        let request = self.about();
        let name = Fields::of(&object, "").and_then(|object| object.text("full_name"));
        let name = name.map_err(|shape| odd(&request, shape))?;
        let renamed = !name.eq_ignore_ascii_case(hosted.full_name());
        if !renamed || self.inputs.relaxations.allows(Switch::RepoRenames) {
            return Ok(object);
        }
        let finding = repo_rename::META.reject(hosted.full_name(), format!("{name:.200}"));
        let finding = finding.says(Asserter::VcsHost).at(&request, "/full_name");
        Err(Landed::No(Box::new(finding)))
    }

    fn about(&self) -> Request {
        Request::Repository {
            repo: self.repo.clone(),
        }
    }

    /// Returns which repository the host's object says that it is, on its pages and in its API: the reference asks on
    /// there (V94), so of a place that is none, or of two, nothing is known (P3).
    fn page(&self, object: &Value) -> Result<Repo, Landed> {
        let read = Fields::of(object, "")
            .and_then(|object| Ok((object.text("html_url")?, object.text("url")?)));
        let (page, api) = read.map_err(|shape| odd(&self.about(), shape))?;
        let hosts = &self.inputs.settings.vcs_hosts;
        let repo = VcsUrl::parse(page)
            .ok()
            .and_then(|url| url.repo(hosts).ok());
        let repo = repo.filter(|repo| {
            let Repo::Github { owner, name } = repo else {
                return false;
            };
            api.eq_ignore_ascii_case(&format!("https://api.github.com/repos/{owner}/{name}"))
        });
        repo.ok_or_else(|| {
            let found = object.get("html_url");
            let shape = Shape::new("/html_url", "one repository on GitHub, as in url", found);
            odd(&self.about(), shape)
        })
    }

    /// Asks the documented API (P15): is the commit reachable from a protected branch?
    fn by_branch(&self, commit: &Revision, named: Option<&str>) -> Result<Landed, Landed> {
        let object = self.repository()?;
        let default = Fields::of(&object, "").and_then(|object| object.text("default_branch"));
        let default = default.map_err(|shape| odd(&self.about(), shape))?;
        let default = default.parse().ok();
        let mut asked: Vec<Revision> = Vec::new();
        let named = named.map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
        // a commit hash or a tag would compare as well as a branch does, and prove nothing
        if let Some(named) = named
            .and_then(|name| name.parse::<Revision>().ok())
            .filter(|name| name != commit)
            && self.is_protected(&named, default.as_ref())?
        {
            asked.push(named);
        }
        let listed = self
            .inputs
            .policy
            .protected_branches
            .iter()
            .filter(|glob| !glob.contains('*'));
        asked.extend(listed.filter_map(|name| name.parse().ok()));
        let host = self.host().map_or(&[][..], |host| &host.protected_branches);
        let listed = host.iter().filter(|glob| !glob.contains('*'));
        asked.extend(listed.filter_map(|name| name.parse().ok()));
        asked.extend(default);
        asked.dedup();
        for branch in &asked {
            if self.reaches(branch, commit)? {
                return Ok(Landed::Yes);
            }
        }
        let request = Request::Branches {
            repo: self.repo.clone(),
        };
        let answer = self.answer(&request)?;
        for (at, branch) in list(&request, &answer)?.iter().enumerate() {
            let (name, protected) =
                branch_of(branch, format!("/{at}")).map_err(|shape| odd(&request, shape))?;
            let name = name.parse::<Revision>().ok();
            let protects =
                |name: &Revision| protected || (self.is_hosted() && self.protects(name.as_str()));
            if let Some(name) = name.filter(|name| protects(name) && !asked.contains(name))
                && self.reaches(&name, commit)?
            {
                return Ok(Landed::Yes);
            }
        }
        let asked: Vec<_> = asked.iter().map(Revision::as_str).collect();
        let found = format!("{commit}, which is on none of {}", asked.join(", "));
        Ok(self.no("a commit on a protected branch", found, &request))
    }

    /// Returns whether the branch is one that counts: the default, or an existing branch that the policy names or
    /// the host marks as protected. A commit hash or a tag is none, whatever its name matches.
    fn is_protected(&self, branch: &Revision, default: Option<&Revision>) -> Result<bool, Landed> {
        if branch.is_commit() {
            return Ok(false);
        }
        if Some(branch) == default {
            return Ok(true);
        }
        let request = Request::Branch {
            repo: self.repo.clone(),
            branch: branch.clone(),
        };
        let Some(answer) = self.optional(&request)? else {
            return Ok(false);
        };
        let (name, protected) =
            branch_of(&answer, String::new()).map_err(|shape| odd(&request, shape))?;
        Ok(name == branch.as_str() && (protected || self.protects(name)))
    }

    /// Returns whether the policy, or the configuration of the host, protects a branch.
    fn protects(&self, branch: &str) -> bool {
        let host = self.host().is_some_and(|host| host.protects(branch));
        host || self.inputs.policy.protects(branch)
    }

    /// Returns the configuration of the repository's host, if it was configured.
    fn host(&self) -> Option<&VcsHost> {
        match self.repo {
            Repo::Hosted(Hosted { host, .. }) => self.inputs.settings.vcs_hosts.get(host),
            Repo::Github { .. } | Repo::Hg { .. } => None,
        }
    }

    const fn is_hosted(&self) -> bool {
        matches!(self.repo, Repo::Hosted(_))
    }

    /// Returns the commit that a branch of a hosted repository stands at; `None` when there is no such branch. What is
    /// asked after that names commits only, so a tag that has the branch's name cannot stand in for it.
    fn head(&self, branch: &Revision) -> Result<Option<Revision>, Landed> {
        let request = Request::Branch {
            repo: self.repo.clone(),
            branch: branch.clone(),
        };
        let Some(answer) = self.optional(&request)? else {
            return Ok(None);
        };
        let read = Fields::of(&answer, "").and_then(|fields| {
            let sha = fields.object("commit")?.text("sha")?;
            Ok((fields.text("name")?, sha))
        });
        let (name, sha) = read.map_err(|shape| odd(&request, shape))?;
        let head = sha.parse::<Revision>().ok().filter(Revision::is_commit);
        match head {
            Some(head) if name == branch.as_str() => Ok(Some(head)),
            _ => {
                let expected = "the branch that was asked for, at a commit";
                Err(odd(
                    &request,
                    Shape::new("/commit/sha", expected, Some(&answer)),
                ))
            }
        }
    }

    fn reaches(&self, branch: &Revision, commit: &Revision) -> Result<bool, Landed> {
        let mut branch = branch.clone();
        if self.is_hosted() {
            match self.head(&branch)? {
                None => return Ok(false),
                Some(head) if head == *commit => return Ok(true),
                Some(head) => branch = head,
            }
        }
        let request = Request::Landed {
            repo: self.repo.clone(),
            branch,
            revision: commit.clone(),
        };
        let Some(answer) = self.optional(&request)? else {
            return Ok(false);
        };
        let ahead = answer.get("ahead_by").and_then(Value::as_int);
        let base = answer
            .pointer("/merge_base_commit/sha")
            .and_then(Value::as_str);
        match (ahead, base) {
            (Some(ahead), Some(base)) => Ok(ahead == 0 && base == commit.as_str()),
            _ => Err(stop(
                &request,
                &Miss::Shape(Shape::new("/ahead_by", "a comparison", Some(&answer))),
            )),
        }
    }

    /// Reads the page that the reference reads: any text on it means landed (V94).
    fn by_page(&self, commit: &Revision) -> Result<Landed, Landed> {
        let repo = self.page(&self.repository()?)?;
        let request = Request::BranchCommits {
            repo,
            revision: commit.clone(),
        };
        let page = self
            .evidence
            .bytes(&request, self.inputs.limits.parsed_bytes);
        let page = page.map_err(|miss| stop(&request, &miss))?;
        let Ok(page) = std::str::from_utf8(&page) else {
            return Err(odd(&request, Shape::new("", "a page in UTF-8", None)));
        };
        if page.trim().is_empty() {
            return Ok(self.no(
                "a commit on a branch",
                format!("{commit}, which is on none"),
                &request,
            ));
        }
        Ok(Landed::Yes)
    }
}

/// Reads GitHub's object for a branch: its name, and whether it is protected.
fn branch_of(branch: &Value, pointer: String) -> Result<(&str, bool), Shape> {
    let fields = Fields::of(branch, pointer)?;
    let protected = fields.get("protected").and_then(Value::as_bool);
    let odd = || {
        Shape::new(
            fields.pointer("protected"),
            "a boolean",
            fields.get("protected"),
        )
    };
    Ok((fields.text("name")?, protected.ok_or_else(odd)?))
}

/// Reads an entry of GitHub's list of tags: its name, and the commit.
fn tag_of(tag: &Value, pointer: String) -> Result<(&str, &str), Shape> {
    let fields = Fields::of(tag, pointer)?;
    Ok((fields.text("name")?, fields.object("commit")?.text("sha")?))
}

fn list<'a>(request: &Request, answer: &'a Value) -> Result<&'a [Value], Landed> {
    answer
        .as_array()
        .ok_or_else(|| odd(request, Shape::new("", "a list", Some(answer))))
}

/// An answer of another shape: undetermined (P7), for nothing follows from what a host did not say.
fn odd(request: &Request, shape: Shape) -> Landed {
    stop(request, &Miss::Shape(shape))
}

fn stop(request: &Request, miss: &Miss) -> Landed {
    super::miss_finding(request, miss)
        .map_or(Landed::Blocked, |finding| Landed::No(Box::new(finding)))
}
