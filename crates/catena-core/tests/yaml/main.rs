// SPDX-License-Identifier: MPL-2.0
//! Compares our reading of YAML with PyYAML's, case by case (V106). `generate.py` makes `cases.json`.

use catena_core::yaml::{Limits, Node, parse};
use serde_json::{Value, json};

/// What PyYAML reads and we do not: a part of our message, and why. `yaml-safe` in `docs/differences.md`.
const REFUSALS: &[(&str, &str)] = &[
    (
        "a key that is",
        "dates, bytes and not-a-number make no JSON key; rendering such a mapping fails in any case",
    ),
    (
        "the tag \"!\"",
        "PyYAML types a quoted scalar with the tag `!` as if it were plain",
    ),
    (
        "the tag \"!!omap\"",
        "a list of pairs, which is neither a JSON list nor an object",
    ),
    (
        "the tag \"!!pairs\"",
        "a list of pairs, which is neither a JSON list nor an object",
    ),
    (
        "the tag \"!!str\"",
        "PyYAML reads a mapping with the tag `!!str` as the value of its key `=`",
    ),
    (
        "!!int is not",
        "Python's int() reads more than YAML's notations",
    ),
    (
        "directives are disallowed",
        "a directive can change what tags mean; no template has one",
    ),
    (
        "an anchor on `<<` or `=`",
        "PyYAML changes the type of the anchored node while it constructs",
    ),
    (
        "to merge, found a set",
        "merging a set is an accident of PyYAML's order of work",
    ),
    ("the character U+0085", "a line break to PyYAML alone"),
    ("the character U+2029", "a line break to PyYAML alone"),
    ("the character U+FEFF", "invisible in the middle of a text"),
    (
        "an escape that is not a character",
        "half a character has no form in JSON",
    ),
    ("high surrogate", "half a character has no form in JSON"),
    (
        "invalid Unicode character escape",
        "half a character has no form in JSON",
    ),
    // the grammar of YAML 1.2 is stricter
    (
        "simple key expected ':'",
        "`*a:` names an anchor `a:` in YAML 1.2; a block scalar must be indented",
    ),
    (
        "a plain scalar of a flow collection",
        "a `?` inside of `[]` or `{}` begins a key in PyYAML",
    ),
    ("may not precede any of", "`{a:[b]}` without a space"),
    (
        "plain scalar cannot start with '-'",
        "a lone `-` in a flow collection",
    ),
    (
        "comments must be separated",
        "a `#` directly after a quote or bracket",
    ),
    (
        "indentation in multiline quoted",
        "a quoted scalar whose next line is not indented",
    ),
    (
        "tab cannot be used as indentation",
        "a quoted scalar whose next line begins with a tab",
    ),
];

#[test]
fn v106_every_case_agrees_with_pyyaml() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("cases.json")).unwrap();
    assert!(cases.len() > 1000);
    let (mut wrong, mut refused) = (Vec::new(), vec![0; REFUSALS.len()]);
    for case in &cases {
        let document = case["yaml"].as_str().unwrap();
        match (
            case.get("value"),
            parse(document.as_bytes(), &Limits::default()),
        ) {
            (None, Err(_)) => {}
            (Some(expected), Ok(parsed)) if *expected == encode(&parsed.root) => {}
            (Some(_), Err(error)) => match REFUSALS
                .iter()
                .position(|(part, _)| error.detail.contains(part))
            {
                Some(at) => refused[at] += 1,
                None => wrong.push(format!("{document:?}: refused: {error}")),
            },
            (expected, Ok(parsed)) => {
                let (expected, found) = (expected.unwrap_or(&case["error"]), encode(&parsed.root));
                wrong.push(format!("{document:?}: expected {expected}, found {found}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    for ((part, reason), count) in REFUSALS.iter().zip(refused) {
        assert!(
            count > 0,
            "no case is refused with {part:?} any more: {reason}"
        );
    }
}

fn encode(node: &Node) -> Value {
    match node {
        Node::Null => Value::Null,
        Node::Bool(flag) => json!(flag),
        Node::Float(number) if number.is_nan() => json!({"float": "nan"}),
        Node::Float(number) => json!({"float": format!("{:016x}", number.to_bits())}),
        Node::Int(number) => json!({"int": number.to_string()}),
        Node::Map(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| json!([encode(key), encode(value)]))
                .collect();
            json!({"map": entries})
        }
        Node::Seq(items) => items.iter().map(encode).collect(),
        Node::String(text) => json!(**text),
        Node::BigInteger | Node::Binary | Node::Set | Node::Timestamp => {
            json!({"foreign": node.type_name()})
        }
    }
}
