// SPDX-License-Identifier: MPL-2.0
//! Names that stand for task ids before a graph has run: labels, and references to dependencies by edge.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::{Map, Value};

use crate::model::ids::TaskId;

/// The member that stands for a text with references.
const REFERENCE: &str = "task-reference";

/// Makes up the id of a task that is known by a name only: the same name always gives the same id.
pub(super) fn made_up(name: &str) -> Option<TaskId> {
    let digest = Digest::of(Algorithm::Sha256, name.as_bytes());
    let mut bytes: Vec<u8> = digest.as_bytes().iter().copied().take(16).collect();
    if let Some(version) = bytes.get_mut(6) {
        *version = (*version & 0x0f) | 0x40;
    }
    if let Some(variant) = bytes.get_mut(8) {
        *variant = (*variant & 0x3f) | 0x80;
    }
    BASE64_URL_SAFE_NO_PAD.encode(bytes).parse().ok()
}

/// The ids that the references of one task stand for.
pub(super) struct Edges {
    pub(super) own: TaskId,
    pub(super) decision: TaskId,
    pub(super) dependencies: BTreeMap<String, TaskId>,
}

impl Edges {
    fn find(&self, name: &str) -> Option<TaskId> {
        match name {
            "self" => Some(self.own),
            "decision" => Some(self.decision),
            _ => self.dependencies.get(name).copied(),
        }
    }

    /// Replaces `{"task-reference": "… <edge> …"}` everywhere; the depth is bounded by the parser.
    ///
    /// # Errors
    /// An edge that the task does not have.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.resolve(item));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            Value::Object(map) => match map.get(REFERENCE) {
                Some(Value::String(text)) if map.len() == 1 => Ok(self.text(text)?.into()),
                _ => {
                    let members = map
                        .iter()
                        .map(|(key, value)| Ok((key.clone(), self.resolve(value)?)));
                    Ok(Value::Object(members.collect::<Result<Map, String>>()?))
                }
            },
            other => Ok(other.clone()),
        }
    }

    fn text(&self, mut rest: &str) -> Result<String, String> {
        let mut out = String::new();
        while let Some((before, edge, after)) = split(rest) {
            let task = self
                .find(edge)
                .ok_or_else(|| edge.chars().take(100).collect::<String>())?;
            out.push_str(before);
            out.push_str(task.as_str());
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }
}

/// Splits at the first `<edge>`.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('<')?;
    let (edge, after) = rest.split_once('>')?;
    Some((before, edge, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Reading, parse};

    fn edges() -> Edges {
        Edges {
            own: made_up("own").unwrap(),
            decision: made_up("decision").unwrap(),
            dependencies: BTreeMap::from([("build".to_owned(), made_up("build-a").unwrap())]),
        }
    }

    #[test]
    fn made_up_ids_are_ids_s13() {
        for n in 0..200 {
            assert!(made_up(&format!("label {n}")).is_some());
        }
        assert_eq!(made_up("a"), made_up("a"));
        assert_ne!(made_up("a"), made_up("b"));
    }

    #[test]
    fn references_are_resolved_r07() {
        let text = r#"{"a": [{"task-reference": "x <build>/<self>"}], "b": {"task-reference": "<decision>", "c": 1}}"#;
        let value = edges()
            .resolve(&parse(text.as_bytes(), Reading::Strict).unwrap())
            .unwrap();
        let own = edges();
        let due = format!("x {}/{}", own.dependencies["build"], own.own);
        assert_eq!(
            value.pointer("/a/0").and_then(Value::as_str),
            Some(due.as_str())
        );
        let kept = value.pointer("/b/task-reference").and_then(Value::as_str);
        assert_eq!(
            kept,
            Some("<decision>"),
            "a member among others is no reference"
        );
        let unknown = parse(br#"[{"task-reference": "<sign>"}]"#, Reading::Strict).unwrap();
        assert_eq!(edges().resolve(&unknown).unwrap_err(), "sign");
    }
}
