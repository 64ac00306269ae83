// SPDX-License-Identifier: MPL-2.0
//! One case: what hosts answer, what is asked, what must come out. Plain data.

use std::collections::BTreeMap;

use catena_core::document::ErrorKind;
use catena_core::model::ids::TaskId;
use catena_core::request::{Repo, Request};
use catena_core::{policy, yaml};
use catena_crypto::digest::{Algorithm, Digest};
use catena_evidence::{HttpOptions, HttpSource};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ROOT_URL;
use crate::chain::Chain;

/// The configuration, as `scriptworker.yaml` has it.
pub type Config = Map<String, Value>;

/// A case of the vectors.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// `catena-vector/1`.
    pub schema: String,
    /// A unique name, also that of the file.
    pub name: String,
    /// Why the outcome is what it is, in one line.
    pub reason: String,
    /// The rules that the case is about.
    pub rules: Vec<String>,
    /// What is verified.
    pub subject: Subject,
    /// The reference time of the documents.
    pub recorded: String,
    /// Configuration.
    pub config: Config,
    /// What hosts answer with status 200.
    pub documents: Vec<Held>,
    /// What hosts answer otherwise; whatever is in neither list is answered with 404.
    pub failures: Vec<Failure>,
    /// What catena says.
    pub expected: Expected,
    /// What the reference says; recorded, never written by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Recorded>,
}

/// What is verified.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The task.
    pub task: TaskId,
    /// Its type.
    #[serde(rename = "type")]
    pub task_type: String,
    /// The product whose policy applies.
    pub product: String,
    /// The deployment.
    pub root_url: String,
}

/// A document.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// What it answers, as the index of recorded evidence names it.
    pub request: Request,
    /// Where it lies.
    pub url: String,
    /// Its digest, and its name below `documents`.
    pub sha256: String,
    /// The media type that the host gives, if not `application/json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// An answer that is no document.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What was asked.
    pub request: Request,
    /// Where.
    pub url: String,
    /// `absent`, `forbidden`, `malformed`, `too-large`, `unavailable`.
    pub kind: String,
    /// A status that a host would give for it.
    pub status: u16,
}

/// What catena says in each profile.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// With profile `strict`.
    pub strict: Outcome,
    /// With profile `compat`.
    pub compat: Outcome,
}

/// What a verification says.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// `trusted`, `rejected`, `undetermined`.
    pub verdict: String,
    /// The check of the most specific finding.
    pub headline: Option<String>,
    /// The checks of all findings, once each, in alphabetical order.
    pub findings: Vec<String>,
}

/// What the reference said.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// `pass` or `fail`.
    pub verdict: String,
    /// The version of the reference.
    pub version: String,
}

impl Case {
    /// Returns a chain as a case without expectations, and its documents by digest.
    ///
    /// # Errors
    /// The chain's configuration cannot be read, or gives a document no URL.
    pub fn of(
        chain: &Chain,
        places: &Places,
        (name, reason, rules): (&str, &str, &[&str]),
    ) -> Result<(Self, BTreeMap<String, Vec<u8>>), String> {
        let config = config(chain)?;
        let (mut documents, mut bodies) = (Vec::new(), BTreeMap::new());
        for (request, body) in &chain.documents {
            if chain.failures.contains_key(request) {
                continue;
            }
            let sha256 = Digest::of(Algorithm::Sha256, body).hex();
            documents.push(Held {
                request: request.clone(),
                url: places.of(request)?,
                sha256: sha256.clone(),
                content_type: content_type(request).map(str::to_owned),
            });
            bodies.insert(sha256, body.clone());
        }
        let absent = chain
            .absent
            .iter()
            .map(|request| (request, ErrorKind::Absent));
        let failed = chain
            .failures
            .iter()
            .map(|(request, kind)| (request, *kind));
        let failures = absent
            .chain(failed)
            .map(|(request, kind)| Ok(Failure::of(request, kind, places.of(request)?)))
            .collect::<Result<_, String>>()?;
        let case = Self {
            schema: SCHEMA.to_owned(),
            name: name.to_owned(),
            reason: reason.to_owned(),
            rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            subject: Subject {
                task: chain.root,
                task_type: chain.task_type.to_owned(),
                product: chain.product.to_owned(),
                root_url: chain.root_url.clone(),
            },
            recorded: chain.recorded.clone(),
            config,
            documents,
            failures,
            expected: Expected::default(),
            reference: None,
        };
        Ok((case, bodies))
    }

    /// Adds that a document does not exist, if the case does not say so already.
    pub(super) fn lacks(&mut self, request: &Request, url: String) {
        self.failures
            .push(Failure::of(request, ErrorKind::Absent, url));
    }

    /// Returns a short digest of the question: all but name and reason.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let question = (&self.subject, &self.config, &self.documents, &self.failures);
        // plain data always has a text
        let text = serde_json::to_vec(&question).unwrap_or_default();
        Digest::of(Algorithm::Sha256, &text)
            .hex()
            .chars()
            .take(8)
            .collect()
    }

    /// Returns whether this is the same question as another: all but what anybody says to it.
    #[must_use]
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let question = |case: &Self| Self {
            name: String::new(),
            reason: String::new(),
            rules: Vec::new(),
            expected: Expected::default(),
            reference: None,
            ..case.clone()
        };
        question(self) == question(other)
    }
}

impl Failure {
    fn of(request: &Request, kind: ErrorKind, url: String) -> Self {
        let (kind, status) = KINDS
            .iter()
            .find(|(_, of, _)| *of == kind)
            .map_or(("unavailable", 503), |(name, _, status)| (*name, *status));
        Self {
            request: request.clone(),
            url,
            kind: kind.to_owned(),
            status,
        }
    }

    /// Returns the kind as the core has it, if there is such a kind.
    #[must_use]
    pub fn error_kind(&self) -> Option<ErrorKind> {
        let found = KINDS.iter().find(|(name, ..)| *name == self.kind);
        found.map(|(_, kind, _)| *kind)
    }
}

/// Where documents lie: the mapping of the source over HTTP, for the deployment of all vectors.
#[derive(Debug)]
pub struct Places(HttpSource);

impl Places {
    /// Returns the mapping.
    ///
    /// # Errors
    /// There is no HTTP client to be had.
    pub fn new() -> Result<Self, String> {
        let yaml = format!("taskcluster_root_url: {ROOT_URL}\n");
        let config = policy::Config::from_scriptworker_yaml(yaml.as_bytes(), "scriptworker.yaml")
            .map_err(|error| error.to_string())?;
        let options = HttpOptions::of(&config.settings, &policy::Relaxations::default());
        HttpSource::new(&options)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    pub(super) fn of(&self, request: &Request) -> Result<String, String> {
        self.0
            .url(request)
            .ok_or_else(|| format!("{request} has no URL"))
    }
}

fn config(chain: &Chain) -> Result<Config, String> {
    let text = chain.scriptworker_yaml();
    let parsed = yaml::parse(text.as_bytes(), &yaml::Limits::default())
        .map_err(|error| error.to_string())?;
    serde_json::from_str(&catena_jsone::to_json(&parsed.root.to_value()))
        .map_err(|error| error.to_string())
}

fn content_type(request: &Request) -> Option<&'static str> {
    match request {
        Request::BranchCommits { .. } => Some("text/html; charset=utf-8"),
        Request::Template {
            repo: Repo::Hg { .. },
            ..
        }
        | Request::Projects => Some(TEXT),
        Request::CotSignature { .. } => Some(BYTES),
        Request::Artifact { name, .. } => match name.as_str().rsplit('.').next() {
            Some("json") => None,
            Some("yml") => Some(TEXT),
            _ => Some(BYTES),
        },
        _ => None,
    }
}

const BYTES: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";
const SCHEMA: &str = "catena-vector/1";
const KINDS: [(&str, ErrorKind, u16); 5] = [
    ("absent", ErrorKind::Absent, 404),
    ("forbidden", ErrorKind::Forbidden, 403),
    // a page where data was due
    ("malformed", ErrorKind::Malformed, 200),
    // a cap of ours; a server has no status for it
    ("too-large", ErrorKind::TooLarge, 503),
    ("unavailable", ErrorKind::Unavailable, 503),
];
