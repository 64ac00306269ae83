// SPDX-License-Identifier: MPL-2.0
//! Documents as trees, and back: JSON, YAML, and YAML inside an answer of GitHub.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::model::ids::ArtifactName;
use catena_core::request::{Repo, Request};
use catena_core::yaml;
use catena_jsone::to_json;
use serde_json::Value;

use super::tree::{Op, TWIN};
use crate::json::sorted;
use crate::random::Random;

/// The member under which the template stands in the tree of GitHub's answer.
const TEMPLATE: &str = "content";

/// Returns the tree of a document; `None` for one that is bytes.
pub(super) fn read(request: &Request, bytes: &[u8]) -> Option<Value> {
    match request {
        Request::BranchCommits { .. } | Request::CotSignature { .. } => None,
        Request::Artifact { name, .. } => match name.as_str() {
            ArtifactName::ACTIONS => serde_json::from_slice(bytes).ok(),
            ArtifactName::PARAMETERS => from_yaml(bytes),
            _ => None,
        },
        Request::Projects => from_yaml(bytes),
        Request::Template {
            repo: Repo::Hg { .. },
            ..
        } => from_yaml(bytes),
        Request::Template { .. } => {
            let mut answer: Value = serde_json::from_slice(bytes).ok()?;
            let content: String = answer[TEMPLATE].as_str()?.split_whitespace().collect();
            answer[TEMPLATE] = from_yaml(&BASE64_STANDARD.decode(content).ok()?)?;
            Some(answer)
        }
        _ => serde_json::from_slice(bytes).ok(),
    }
}

/// Writes a tree as the document; YAML becomes JSON, which is a part of it.
pub(super) fn write(request: &Request, before: &[u8], tree: &Value) -> Vec<u8> {
    let inside = matches!(
        request,
        Request::Template {
            repo: Repo::Github { .. },
            ..
        }
    );
    if !inside {
        return twins(&sorted(tree));
    }
    let mut answer = tree.clone();
    // whatever else the change made of the answer, a template stays text
    let same = read(request, before).is_some_and(|old| old.get(TEMPLATE) == tree.get(TEMPLATE));
    let old = serde_json::from_slice::<Value>(before).unwrap_or_default();
    match answer.get_mut(TEMPLATE) {
        Some(content) if same => *content = old[TEMPLATE].clone(),
        Some(content @ (Value::Object(_) | Value::Array(_))) => {
            *content = BASE64_STANDARD.encode(twins(&sorted(content))).into();
        }
        _ => {}
    }
    twins(&sorted(&answer))
}

/// Gives twins the key of their original.
fn twins(text: &[u8]) -> Vec<u8> {
    let marker = serde_json::to_string(TWIN).unwrap_or_default();
    let text = String::from_utf8_lossy(text);
    text.replace(marker.trim_matches('"'), "").into_bytes()
}

fn from_yaml(bytes: &[u8]) -> Option<Value> {
    let parsed = yaml::parse(bytes, &yaml::Limits::default()).ok()?;
    serde_json::from_str(&to_json(&parsed.root.to_value())).ok()
}

/// Changes a document that is bytes.
pub(super) fn bytes(before: &[u8], op: Op, random: &mut Random) -> Vec<u8> {
    let mut after = before.to_vec();
    let at = random.below(before.len());
    match op {
        Op::Change => {
            if let Some(byte) = after.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        Op::Duplicate => after.extend_from_slice(before),
        Op::Remove => after.truncate(at),
        Op::Retype => after.clear(),
        Op::Sibling => after.push(random.bytes(1)[0]),
    }
    after
}
