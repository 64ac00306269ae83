// SPDX-License-Identifier: MPL-2.0
//! Where a task says that it comes from: repositories, revision, branch, source URL, tree (V11, V72, V80–V84).

use catena_jsone::Value;

use crate::model::definition::Definition;
use crate::model::ids::Revision;
use crate::model::shape::Shape;
use crate::model::url::{UrlError, VcsUrl};
use crate::policy::{HostKind, Policy, Switch, VcsHosts};
use crate::request::Repo;
use crate::walk::{Chain, Inputs, Object};

/// The product's view of one definition's environment (V11).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) policy: &'a Policy,
}

impl<'a> Source<'a> {
    pub(crate) const fn new(definition: &'a Definition, policy: &'a Policy) -> Self {
        Self { definition, policy }
    }

    /// Returns the first of the prefixed variables that is set (V11).
    pub(crate) fn variable(&self, names: &[&str]) -> Result<Option<&'a str>, Shape> {
        Ok(self.set_variable(names)?.map(|(_, text)| text))
    }

    /// Returns where in the definition the first of the prefixed variables that is set stands, or would.
    pub(crate) fn variable_place(&self, names: &[&str]) -> String {
        let set = self.set_variable(names).ok().flatten();
        let key = set.map_or_else(
            || self.prefixed(names.first().copied().unwrap_or_default()),
            |(key, _)| key,
        );
        format!("/payload/env/{key}")
    }

    fn set_variable(&self, names: &[&str]) -> Result<Option<(String, &'a str)>, Shape> {
        let env = self.definition.env()?;
        for name in names {
            let key = self.prefixed(name);
            if let Some(text) = env.optional_text(&key)? {
                return Ok(Some((key, text)));
            }
        }
        Ok(None)
    }

    fn prefixed(&self, name: &str) -> String {
        format!("{}_{name}", self.policy.source_env_prefix)
    }

    /// Returns the head repository without trailing slashes; `None` when unset or empty.
    pub(crate) fn head_repository(&self) -> Result<Option<&'a str>, Shape> {
        let text = self.variable(&["HEAD_REPOSITORY"])?;
        Ok(text
            .map(|text| text.trim_end_matches('/'))
            .filter(|text| !text.is_empty()))
    }

    /// Returns the base repository without trailing slashes.
    pub(crate) fn base_repository(&self) -> Result<Option<&'a str>, Shape> {
        let text = self.variable(&["BASE_REPOSITORY"])?;
        Ok(text
            .map(|text| text.trim_end_matches('/'))
            .filter(|text| !text.is_empty()))
    }

    /// Returns the head revision.
    pub(crate) fn revision(&self) -> Result<Option<&'a str>, Shape> {
        self.variable(&["HEAD_REV"])
    }

    /// Returns the branch.
    pub(crate) fn branch(&self) -> Result<Option<&'a str>, Shape> {
        self.variable(&["HEAD_BRANCH", "HEAD_REF"])
    }

    /// Returns `COMM_HEAD_REPOSITORY`, which the enterprise product puts first (V72).
    pub(crate) fn comm_repository(&self) -> Result<Option<&'a str>, Shape> {
        if self.policy.product != "enterprise" {
            return Ok(None);
        }
        let text = self
            .definition
            .env()?
            .optional_text("COMM_HEAD_REPOSITORY")?;
        Ok(text
            .map(|text| text.trim_end_matches('/'))
            .filter(|text| !text.is_empty()))
    }

    /// Returns `metadata.source`.
    pub(crate) fn source_text(&self) -> Result<&'a str, Shape> {
        self.definition.fields()?.object("metadata")?.text("source")
    }

    /// Returns `metadata.source` as a URL; `None` when S4 refuses it (check `url-form`).
    pub(crate) fn source_url(&self) -> Result<Option<VcsUrl>, Shape> {
        Ok(VcsUrl::parse_source(self.source_text()?).ok())
    }

    /// Returns every URL that S4 judges, with its place in the definition.
    pub(crate) fn urls(&self) -> Result<Vec<(String, &'a str)>, Shape> {
        let prefix = &self.policy.source_env_prefix;
        let mut urls = vec![("/metadata/source".to_owned(), self.source_text()?)];
        let variables = [
            (format!("{prefix}_HEAD_REPOSITORY"), self.head_repository()?),
            (format!("{prefix}_BASE_REPOSITORY"), self.base_repository()?),
            ("COMM_HEAD_REPOSITORY".to_owned(), self.comm_repository()?),
        ];
        urls.extend(
            variables
                .into_iter()
                .filter_map(|(key, url)| Some((format!("/payload/env/{key}"), url?))),
        );
        Ok(urls)
    }

    /// Returns whether the task came from GitHub (V80), or from another git host, whose events have GitHub's form
    /// (ADR 11).
    pub(crate) fn is_github(&self, hosts: &VcsHosts) -> Result<bool, Shape> {
        let fields = self.definition.fields()?;
        let scheduler = fields.optional_text("schedulerId")? == Some("taskcluster-github");
        let trigger = self
            .definition
            .extra()?
            .get("tasks_for")
            .and_then(Value::as_str);
        let source = self.source_text()?;
        Ok(scheduler
            || trigger.is_some_and(|trigger| trigger.starts_with("github-"))
            || ["https://github.com/", "ssh://github.com/"]
                .iter()
                .any(|host| source.starts_with(host))
            || VcsUrl::parse(source).is_ok_and(|url| {
                let host = hosts.get(&url.host().to_ascii_lowercase());
                host.is_some_and(|host| host.kind != HostKind::Hg)
            }))
    }

    /// Returns the tree path of the source under the product's trusted rules (V70, V81), as the profile reads them.
    pub(crate) fn tree(&self, inputs: &Inputs) -> Result<Option<String>, Shape> {
        self.tree_as_read(inputs.relaxations.allows(Switch::RegexCompat))
    }

    /// Returns the tree path of the source; with `regex_compat` the patterns mean what Python makes of them (S22).
    fn tree_as_read(&self, regex_compat: bool) -> Result<Option<String>, Shape> {
        Ok(self.source_url()?.and_then(|url| {
            let path = url.decoded_path();
            let tree = self
                .policy
                .tree_of(url.scheme(), url.host(), &path, regex_compat);
            tree.map(str::to_owned)
        }))
    }

    /// Returns the repository and revision that the template is fetched from, once both are valid (V66, P17).
    pub(crate) fn template_place(
        &self,
        hosts: &VcsHosts,
    ) -> Result<Result<(Repo, Revision), PlaceError>, Shape> {
        let (Some(repo), Some(revision)) = (self.head_repository()?, self.revision()?) else {
            return Ok(Err(PlaceError::Unset));
        };
        let url = match VcsUrl::parse(repo) {
            Ok(url) => url,
            Err(error) => return Ok(Err(PlaceError::Url(error))),
        };
        let repo = match url.repo(hosts) {
            Ok(repo) => repo,
            Err(error) => return Ok(Err(PlaceError::Id(error.to_string()))),
        };
        let revision = revision.parse::<Revision>();
        Ok(revision
            .map(|revision| (repo, revision))
            .map_err(|error| PlaceError::Id(error.to_string())))
    }
}

/// Why a parent's repository and revision are not to be had.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The environment names none (P17).
    #[error("head repository and head revision in payload.env")]
    Unset,
    /// The URL is refused (S4).
    #[error("{0}")]
    Url(UrlError),
    /// Another host, or a revision that is no revision.
    #[error("{0}")]
    Id(String),
}

/// Returns the root scopes that match a restricted pattern, each with its patterns (V83). Only the root is asked: what
/// follows from restricted scopes binds a chain whose root has some (S26).
pub(crate) fn restricted_scopes<'a>(
    policy: &'a Policy,
    root: &Definition,
) -> Result<Vec<(String, Vec<&'a str>)>, Shape> {
    let scopes = root.scopes()?;
    let matched = scopes.into_iter().filter_map(|scope| {
        let patterns: Vec<_> = policy
            .restrictions_of(scope)
            .map(|(pattern, _)| pattern)
            .collect();
        (!patterns.is_empty()).then(|| (scope.to_owned(), patterns))
    });
    Ok(matched.collect())
}

/// Returns whether some scope of the root matches a restricted pattern (V83).
pub(crate) fn is_restricted(policy: &Policy, root: &Definition) -> Result<bool, Shape> {
    let scopes = root.scopes()?;
    let matches = |scope: &&str| policy.restrictions_of(scope).next().is_some();
    Ok(scopes.iter().any(matches))
}

/// Returns the tree path of an object with the mirror mapping applied (V82): siblings only, parents never (S33). With
/// `regex_compat` the patterns mean what Python makes of them (S22).
pub(crate) fn mapped_tree(
    inputs: &Inputs,
    chain: &Chain<'_>,
    object: &Object<'_>,
    regex_compat: bool,
) -> Option<String> {
    let tree = tree_of(inputs, object, regex_compat)?;
    let root = chain.root()?;
    if object.is_parent() || object.decision != root.decision {
        return Some(tree);
    }
    // a parent from nowhere has no mirror, and does not make the tree of another task unknown
    let mirrored = parent_tree(inputs, chain, root, regex_compat)
        .filter(|parent| inputs.policy.hg_git_mirrors.get(parent) == Some(&tree));
    Some(mirrored.unwrap_or(tree))
}

/// Returns the tree path of the root's decision task if that is a parent of the chain, else the root's own (V82).
fn parent_tree(
    inputs: &Inputs,
    chain: &Chain<'_>,
    root: &Object<'_>,
    regex_compat: bool,
) -> Option<String> {
    let decision = root.decision.and_then(|decision| chain.get(decision));
    let decision = decision.filter(|object| object.is_parent());
    tree_of(inputs, decision.unwrap_or(root), regex_compat)
}

fn tree_of(inputs: &Inputs, object: &Object<'_>, regex_compat: bool) -> Option<String> {
    let source = Source::new(object.known()?, &inputs.policy);
    source.tree_as_read(regex_compat).ok().flatten()
}
