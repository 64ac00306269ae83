// SPDX-License-Identifier: MPL-2.0
//! What a difference between a rebuilt and a runtime definition rests on, and what is known of such differences.

use serde::Serialize;

use super::{Asserter, EvidencePointer};

/// One field in which a parent differs from what its repository's template renders to.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Difference {
    /// RFC 6901 pointer into the definition.
    pub pointer: String,
    /// RFC 6901 pointer into `.taskcluster.yml`: the part that made the field, or what is around it.
    pub template: String,
    /// What the template renders to.
    pub rebuilt: String,
    /// What the queue's definition has.
    pub runtime: String,
    /// The values of the context that it depends on.
    pub flows: Vec<Flow>,
}

/// A value of the context that went into a field.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Flow {
    /// Its name, as the template writes it.
    pub name: String,
    /// The value.
    pub value: String,
    /// Who says so.
    pub asserter: Asserter,
    /// Where.
    pub source: EvidencePointer,
    /// What it did.
    pub purpose: Purpose,
}

/// What a value of the context did.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// It chose between parts of the template.
    Condition,
    /// It went into the field.
    Value,
}

/// A known innocent cause that a finding looks like. It explains and never changes a verdict.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Pattern {
    /// Stable kebab-case id.
    pub id: &'static str,
    /// What happened if it is that, and what to do.
    pub text: &'static str,
}
