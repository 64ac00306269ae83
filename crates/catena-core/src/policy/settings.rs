// SPDX-License-Identifier: MPL-2.0
//! Settings that are the same for every product.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use catena_crypto::digest::Algorithm;

use super::error::ConfigError;
use super::hosts::VcsHosts;
use super::node::{Cursor, Item};
use super::origin::{RootUrl, is_host};
use super::rule::ArtifactRule;
use super::secret::Secret;

/// What verification needs beside keys and policy. It holds a secret, hence no `Debug`.
#[derive(Clone)]
pub struct Settings {
    /// Taskcluster deployment.
    pub root_url: RootUrl,
    /// Provisioners whose workers are scriptworkers (V13).
    pub scriptworker_provisioners: BTreeSet<String>,
    /// Algorithms that a chain of trust may use (V43); never empty.
    pub valid_hash_algorithms: BTreeSet<Algorithm>,
    /// Depth of the chain: colons in a name (V17).
    pub max_chain_length: u32,
    /// Where hg answers for a push, with `{repo}` and `{revision}` (V62).
    pub pushlog_url: String,
    /// projects.yml (V91).
    pub project_configuration_url: String,
    /// Where artifacts may come from (P11); [`root_url`](Self::root_url) is always allowed.
    pub valid_artifact_rules: Vec<ArtifactRule>,
    /// Hosts, lower case, that redirects may lead to whatever they resolve to (P24).
    pub artifact_hosts: Vec<String>,
    /// Flags under `payload.features`, beside `interactive`, that no task of a chain may have.
    pub denied_features: BTreeSet<String>,
    /// Where answers of hosts are kept to ask less, when configured (P22).
    pub cache_dir: Option<String>,
    /// Canonical origin to the loopback origin to connect to (P24).
    pub endpoints: BTreeMap<String, String>,
    /// Requests in flight at once, when configured (P20).
    pub max_concurrent_downloads: Option<u32>,
    /// How failed requests are repeated (P20).
    pub retry: RetrySettings,
    /// Token for GitHub's API; may be empty (V95).
    pub github_token: Secret,
    /// Application that mints repository tokens (V95).
    pub github_app_name: String,
    /// The hosts that repositories may be on (ADR 11).
    pub vcs_hosts: VcsHosts,
}

/// How failed requests are repeated (P20).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetrySettings {
    /// Pause before the second attempt; it doubles with each further one.
    pub base: Duration,
    /// Longest pause.
    pub cap: Duration,
    /// Attempts per request.
    pub attempts: u32,
    /// Time for all attempts together.
    pub deadline: Duration,
}

impl Default for RetrySettings {
    /// Returns the figures of P20.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(15),
            attempts: 5,
            deadline: Duration::from_mins(10),
        }
    }
}

impl RetrySettings {
    /// Takes over one key of `x_cot.retry`.
    pub(super) fn set(&mut self, key: &str, at: &Cursor<'_>) -> Result<(), ConfigError> {
        match key {
            "attempts" => self.attempts = at.count(1)?,
            "base" => self.base = seconds(at)?,
            "cap" => self.cap = seconds(at)?,
            _ => self.deadline = seconds(at)?,
        }
        Ok(())
    }
}

fn seconds(at: &Cursor<'_>) -> Result<Duration, ConfigError> {
    let duration = match at.node.item {
        Item::Int(number) => u64::try_from(number).ok().map(Duration::from_secs),
        Item::Float(number) => Duration::try_from_secs_f64(number).ok(),
        _ => None,
    };
    duration
        .filter(|&duration| duration <= LONGEST)
        .ok_or_else(|| at.expected(format!("seconds from 0 to {}", LONGEST.as_secs())))
}

pub(super) fn root_url(at: &Cursor<'_>) -> Result<RootUrl, ConfigError> {
    at.str()?
        .parse()
        .map_err(|_| at.expected("https://host, or http://host on loopback (P24)"))
}

pub(super) fn features(at: &Cursor<'_>) -> Result<BTreeSet<String>, ConfigError> {
    let name = |at: &Cursor<'_>| at.text().map(str::to_owned);
    at.list()?.iter().map(name).collect()
}

pub(super) fn provisioners(at: &Cursor<'_>) -> Result<BTreeSet<String>, ConfigError> {
    Ok(at.texts()?.into_iter().map(str::to_owned).collect())
}

pub(super) fn algorithms(at: &Cursor<'_>) -> Result<BTreeSet<Algorithm>, ConfigError> {
    let one = |at: &Cursor<'_>| {
        at.str()?
            .parse()
            .map_err(|_| at.expected("sha256 or sha512"))
    };
    let set: BTreeSet<_> = at.list()?.iter().map(one).collect::<Result<_, _>>()?;
    if set.is_empty() {
        Err(at.invalid("at least one algorithm", "none"))
    } else {
        Ok(set)
    }
}

pub(super) fn pushlog_url(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let template = at.str()?;
    let plain = template
        .replacen("{repo}", "", 1)
        .replacen("{revision}", "", 1);
    let complete =
        plain.len() + "{repo}{revision}".len() == template.len() && !plain.contains(['{', '}']);
    if complete && (template.starts_with("{repo}/") || template.starts_with("https://")) {
        Ok(template.to_owned())
    } else {
        Err(at.expected(
            "a URL that starts with {repo}/ or https:// and holds {repo} and {revision} once",
        ))
    }
}

pub(super) fn document_url(at: &Cursor<'_>) -> Result<String, ConfigError> {
    let url = at.str()?;
    let authority_ends = url
        .find("://")
        .and_then(|i| url.get(i + 3..)?.find('/').map(|j| i + 3 + j));
    let origin = url
        .get(..authority_ends.unwrap_or(url.len()))
        .unwrap_or_default();
    let clean = !url
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '#' | '\\'));
    if clean && origin.parse::<RootUrl>().is_ok() {
        Ok(url.to_owned())
    } else {
        Err(at.expected("an https URL"))
    }
}

pub(super) fn artifact_rules(at: &Cursor<'_>) -> Result<Vec<ArtifactRule>, ConfigError> {
    at.list()?.iter().map(artifact_rule).collect()
}

fn artifact_rule(at: &Cursor<'_>) -> Result<ArtifactRule, ConfigError> {
    let parts = RuleParts::read(at, &[])?;
    let pattern = |at: &Cursor<'_>| {
        ArtifactRule::pattern(at.text()?)
            .map_err(|error| at.expected(format!("a pattern with the group filepath ({error})")))
    };
    let path_regexes = parts
        .patterns
        .iter()
        .map(pattern)
        .collect::<Result<_, _>>()?;
    Ok(ArtifactRule {
        schemes: parts.schemes,
        netlocs: parts.netlocs,
        path_regexes,
    })
}

/// The parts that all URL rules have.
pub(super) struct RuleParts<'n> {
    pub(super) schemes: Vec<String>,
    pub(super) netlocs: Vec<String>,
    pub(super) patterns: Vec<Cursor<'n>>,
    pub(super) others: BTreeMap<&'n str, Cursor<'n>>,
}

impl<'n> RuleParts<'n> {
    /// Reads a rule that may have the keys `others` beside the three that every rule has.
    pub(super) fn read(at: &Cursor<'n>, others: &[&str]) -> Result<Self, ConfigError> {
        let mut members: BTreeMap<&str, Cursor<'n>> = at
            .members()?
            .into_iter()
            .map(|(key, value)| (key.text.as_str(), value))
            .collect();
        let mut take = |key: &str| {
            members
                .remove(key)
                .ok_or_else(|| at.invalid(format!("the key {key}"), "none"))
        };
        let (schemes, netlocs, patterns) =
            (take("schemes")?, take("netlocs")?, take("path_regexes")?);
        if let Some((key, value)) = members.iter().find(|(key, _)| !others.contains(key)) {
            return Err(value.invalid("schemes, netlocs or path_regexes", format!("the key {key}")));
        }
        let filled = |list: &Cursor<'n>| match list.texts()? {
            texts if texts.is_empty() => Err(list.invalid("at least one entry", "none")),
            texts => Ok(texts.into_iter().map(str::to_owned).collect::<Vec<_>>()),
        };
        let parts = Self {
            schemes: filled(&schemes)?,
            netlocs: filled(&netlocs)?,
            patterns: patterns.list()?,
            others: members,
        };
        if parts.patterns.is_empty() {
            return Err(patterns.invalid("at least one entry", "none"));
        }
        Ok(parts)
    }
}

pub(super) fn hosts(at: &Cursor<'_>) -> Result<Vec<String>, ConfigError> {
    let host = |at: &Cursor<'_>| {
        let host = at.text()?.to_ascii_lowercase();
        if is_host(&host) {
            Ok(host)
        } else {
            Err(at.expected("a host name without scheme and port"))
        }
    };
    at.list()?.iter().map(host).collect()
}

pub(super) fn directory(at: &Cursor<'_>) -> Result<String, ConfigError> {
    match at.str()? {
        path if path.starts_with('/') => Ok(path.to_owned()),
        _ => Err(at.expected("an absolute path")),
    }
}

pub(super) fn endpoints(at: &Cursor<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut endpoints = BTreeMap::new();
    for (key, value) in at.members()? {
        let canonical: RootUrl = key
            .text
            .parse()
            .map_err(|_| value.invalid("a canonical https://host[:port]", &key.text))?;
        let target: Option<RootUrl> = value.str()?.parse().ok();
        let target = target
            .filter(RootUrl::is_loopback)
            .ok_or_else(|| value.expected("http(s)://host[:port] on loopback (P24)"))?;
        endpoints.insert(canonical.to_string(), target.to_string());
    }
    Ok(endpoints)
}

/// No pause or deadline beyond a day makes sense.
const LONGEST: Duration = Duration::from_hours(24);
