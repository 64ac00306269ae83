// SPDX-License-Identifier: MPL-2.0
//! Changes to one value of a JSON tree.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// What is done to a value.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Op {
    /// It becomes another value of the same type.
    Change,
    /// It stands there twice: a member under the same key, an item after itself.
    Duplicate,
    /// It is left out.
    Remove,
    /// It becomes a similar value of another type.
    Retype,
    /// It gets a new neighbour.
    Sibling,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Change,
        Self::Duplicate,
        Self::Remove,
        Self::Retype,
        Self::Sibling,
    ];
}

/// Begins the key of a member that [`text`](super::text) writes under the key that follows.
pub(super) const TWIN: &str = "\u{1}twin ";

/// Draws a value below the root, and what to do to it.
pub(super) fn draw(tree: &Value, random: &mut Random) -> (String, Op) {
    let mut places = Vec::new();
    collect(tree, String::new(), &mut places);
    let op = Op::ALL[random.below(Op::ALL.len())];
    match places.len() {
        0 => (String::new(), op),
        count => (places.swap_remove(random.below(count)), op),
    }
}

fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(member, format!("{at}/{key}"), places);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{at}/{index}"), places);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        places.push(at);
    }
}

/// Changes the value at a pointer; the root can only be changed and retyped.
pub(super) fn apply(tree: &mut Value, pointer: &str, op: Op, random: &mut Random) {
    let Some((above, last)) = pointer.rsplit_once('/') else {
        match op {
            Op::Retype => retype(tree),
            _ => *tree = json!({"mutated": tree.take()}),
        }
        return;
    };
    let key = last.replace("~1", "/").replace("~0", "~");
    match (tree.pointer_mut(above), op) {
        (Some(Value::Object(members)), Op::Remove) => drop(members.remove(&key)),
        (Some(Value::Object(members)), Op::Duplicate) => {
            if let Some(value) = members.get(&key).cloned() {
                members.insert(format!("{TWIN}{key}"), value);
            }
        }
        (Some(Value::Object(members)), Op::Sibling) => {
            let value = neighbour(members.get(&key), random);
            members.insert(format!("mutated-{}", random.below(1000)), value);
        }
        (Some(Value::Array(items)), Op::Remove | Op::Duplicate | Op::Sibling) => {
            let Some(at) = key.parse().ok().filter(|at| *at < items.len()) else {
                return;
            };
            match op {
                Op::Remove => drop(items.remove(at)),
                Op::Duplicate => items.insert(at, items[at].clone()),
                _ => items.insert(at + 1, neighbour(items.get(at), random)),
            }
        }
        _ => {
            if let Some(value) = tree.pointer_mut(pointer) {
                if op == Op::Retype {
                    retype(value);
                } else {
                    *value = neighbour(Some(value), random);
                }
            }
        }
    }
}

/// Returns a value that is another than this one, of the same type.
fn neighbour(value: Option<&Value>, random: &mut Random) -> Value {
    match value {
        None | Some(Value::Null) => "null, but not quite".into(),
        Some(Value::Bool(flag)) => (!flag).into(),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(number) => number.wrapping_add(1).into(),
            None => 1.into(),
        },
        Some(Value::String(text)) => changed(text, random).into(),
        Some(Value::Array(items)) => match items.len() {
            0 => json!([""]),
            1 => json!([]),
            _ => items.iter().rev().cloned().collect(),
        },
        Some(Value::Object(members)) => match members.len() {
            0 => json!({"mutated": ""}),
            count => {
                let skip = random.below(count);
                let kept = members.iter().enumerate().filter(|(at, _)| *at != skip);
                let kept = kept.map(|(_, (key, member))| (key.clone(), member.clone()));
                Value::Object(kept.collect::<Map<_, _>>())
            }
        },
    }
}

/// Replaces, drops or adds one character.
fn changed(text: &str, random: &mut Random) -> String {
    let mut all: Vec<_> = text.chars().collect();
    if all.is_empty() {
        return "x".to_owned();
    }
    let at = random.below(all.len());
    let other = |old: char| match old {
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from_u32(u32::from(old) + 1).unwrap_or('x'),
        _ => 'a',
    };
    match random.below(4) {
        0 => drop(all.remove(at)),
        1 => all.push('x'),
        _ => all[at] = other(all[at]),
    }
    all.into_iter().collect()
}

/// Turns a value into a similar one of another type.
fn retype(value: &mut Value) {
    *value = match value.take() {
        Value::Null => "null".into(),
        Value::Bool(flag) => i32::from(flag).into(),
        Value::Number(number) => number.to_string().into(),
        Value::String(text) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => json!([text]),
        },
        Value::Array(mut items) => match items.pop() {
            Some(item) if items.is_empty() => item,
            Some(item) => json!({"0": items, "1": item}),
            None => json!({}),
        },
        Value::Object(members) => members.into_iter().map(|(_, member)| member).collect(),
    };
}
