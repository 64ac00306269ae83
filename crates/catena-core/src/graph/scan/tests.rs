// SPDX-License-Identifier: MPL-2.0
//! The scanner against `serde_json` and the stricter rules, on random texts that are damaged and cut at random.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use proptest::prelude::*;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{GraphIndex, GraphScanner, ScanError};
use crate::json::{self, Reading};
use crate::model::ids::TaskId;

const A: &str = "YyxNNh7mTAmwDhB4Itm0jg";
const B: &str = "bZxNNh7mQAmwDhB4Itm0jw";

fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<GraphIndex, ScanError> {
    let mut scanner = GraphScanner::new();
    pieces
        .into_iter()
        .try_for_each(|piece| scanner.push(piece))?;
    scanner.finish()
}

fn whole(text: &[u8]) -> Result<GraphIndex, ScanError> {
    scan([text])
}

/// The members of an object, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members<'de>, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// What `serde_json` takes, less what P2 refuses: the reference for one value that stands in `depth` containers.
fn sound(raw: &RawValue, depth: usize) -> bool {
    let text = raw.get();
    match text.as_bytes()[0] {
        b'{' => serde_json::from_str(text)
            .is_ok_and(|Members(m)| depth < 128 && m.iter().all(|(_, v)| sound(v, depth + 1))),
        b'[' => serde_json::from_str::<Vec<&RawValue>>(text)
            .is_ok_and(|items| depth < 128 && items.iter().all(|v| sound(v, depth + 1))),
        b'"' => serde_json::from_str::<String>(text).is_ok(),
        b't' | b'f' | b'n' => true,
        _ if text.contains(['.', 'e', 'E']) => text.parse::<f64>().unwrap().is_finite(),
        _ => text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok(),
    }
}

fn reference(text: &[u8]) -> Option<HashMap<TaskId, Range<u64>>> {
    let raw: &RawValue = serde_json::from_slice(text).ok()?;
    if !sound(raw, 0) {
        return None;
    }
    let Members(members) = serde_json::from_str(raw.get()).ok()?;
    let mut keys = HashSet::new();
    let mut entries = HashMap::new();
    for (key, value) in members {
        if !keys.insert(key.clone()) {
            return None;
        }
        if let Ok(task) = key.parse::<TaskId>() {
            let start = value.get().as_ptr().addr() - text.as_ptr().addr();
            let end = start + value.get().len();
            let offset = |at| u64::try_from(at).unwrap();
            entries.insert(task, offset(start)..offset(end));
        }
    }
    Some(entries)
}

/// Whether the scanner says what the reference says, in one piece and in these.
fn agrees(text: &[u8], cuts: &[prop::sample::Index]) -> Result<(), TestCaseError> {
    let expected = reference(text);
    let found = whole(text);
    let shown = String::from_utf8_lossy(text);
    match (&expected, &found) {
        (None, Err(_)) => {}
        (Some(entries), Ok(index)) => {
            prop_assert_eq!(entries.len(), index.len(), "{}", shown);
            for (task, range) in entries {
                prop_assert_eq!(index.range(*task), Some(range.clone()), "{}", shown);
            }
        }
        _ => prop_assert!(false, "{expected:?} {found:?} {shown}"),
    }
    // what the strict parser refuses beyond that are duplicate keys inside entries
    if json::parse(text, Reading::Strict).is_ok() {
        prop_assert!(
            found.is_ok() || !text.trim_ascii_start().starts_with(b"{"),
            "{}",
            shown
        );
    }
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
    cuts.sort_unstable();
    let mut pieces = Vec::new();
    let mut start = 0;
    for cut in cuts {
        pieces.push(&text[start..cut]);
        start = cut;
    }
    pieces.push(&text[start..]);
    prop_assert_eq!(&scan(pieces), &found, "{}", shown);
    prop_assert_eq!(&scan(text.chunks(1)), &found, "{}", shown);
    Ok(())
}

fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \n\t\r]{0,12}"]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<i64>().prop_map(|n| n.to_string()),
        8 => any::<u64>().prop_map(|n| n.to_string()),
        8 => any::<f64>()
            .prop_filter("finite", |n| n.is_finite())
            .prop_map(|n| format!("{n:?}")),
        8 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
        1 => "-?[1-9][0-9]{17,20}",
        1 => "-?[0-9.eE+-]{1,5}",
    ]
}

fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => "[a-zA-Z0-9/ .:_-]{0,40}",
        9 => any::<String>().prop_map(|text| {
            let quoted = serde_json::to_string(&text).unwrap();
            quoted[1..quoted.len() - 1].to_owned()
        }),
        9 => "(a|é|😀|\u{7f}|\\\\[\"\\\\/bfnrt]|\\\\u00[0-9a-fA-F]{2}|\\\\ud83d\\\\uDE00){0,12}",
        1 => "(x|\\\\u[dD][89abAB][0-9]{2}|\\\\u[dD][c-fC-F]0[0-9]|\\\\[a-z]){0,2}",
    ]
    .prop_map(|text| format!("\"{text}\""))
}

fn value() -> impl Strategy<Value = String> {
    let word = prop_oneof![Just("true"), Just("false"), Just("null")].prop_map(str::to_owned);
    let leaf =
        prop_oneof![16 => string(), 8 => number(), 8 => word, 1 => "NaN|-?Infinity|nul|[1]|'a'"];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let item = (space(), inner.clone(), space())
            .prop_map(|(a, v, b)| a + &v + &b)
            .boxed();
        let member = (space(), string(), space(), item.clone())
            .prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{value}"));
        prop_oneof![
            prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|m| format!("{{{}}}", m.join(","))),
        ]
    })
}

fn document() -> impl Strategy<Value = Vec<u8>> {
    let slug = "[A-Za-z0-9_-]{8}[Q-T][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw]";
    let key = prop_oneof![
        8 => slug.prop_map(|id| format!("\"{id}\"")),
        1 => Just(format!("\"{A}\"")),
        1 => Just(format!("\"\\u0059{}\"", &A[1..])),
        2 => string(),
    ];
    let member = (space(), key, space(), space(), value(), space())
        .prop_map(|(a, key, b, c, value, d)| format!("{a}{key}{b}:{c}{value}{d}"));
    (space(), prop::collection::vec(member, 0..6), space())
        .prop_map(|(a, members, b)| format!("{a}{{{}}}{b}", members.join(",")).into_bytes())
}

/// A byte put in, taken out or replaced.
fn damage(text: &mut Vec<u8>, at: prop::sample::Index, how: u8, byte: u8) {
    let at = at.index(text.len() + 1);
    match how {
        0 => text.insert(at, byte),
        1 if at < text.len() => drop(text.remove(at)),
        2 if at < text.len() => text[at] = byte,
        _ => text.truncate(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn p2_agrees_with_serde_json(text in document(), cuts: [prop::sample::Index; 4]) {
        agrees(&text, &cuts)?;
    }

    #[test]
    fn p2_agrees_on_damaged_texts(
        mut text in document(),
        faults in prop::collection::vec(
            (
                any::<prop::sample::Index>(),
                0..4_u8,
                prop_oneof![
                    prop::sample::select(b"{}[],:\"\\ \n0e.-+tfnu\x00\x1f\x7f\x80\xc3\xed\xf0\xff".as_slice()),
                    any::<u8>(),
                ],
            ),
            1..3,
        ),
        cuts: [prop::sample::Index; 4],
    ) {
        for (at, how, byte) in faults {
            damage(&mut text, at, how, byte);
        }
        agrees(&text, &cuts)?;
    }

    #[test]
    fn p2_agrees_on_noise(text in "[{}\\[\\]:,\"\\\\0-2eEtrufalsn. -]{0,24}", cuts: [prop::sample::Index; 2]) {
        agrees(text.as_bytes(), &cuts)?;
        agrees(format!("{{\"{A}\":{text}}}").as_bytes(), &cuts)?;
        agrees(format!("{{\"{A}\":\"{text}\"}}").as_bytes(), &cuts)?;
    }
}

#[test]
fn p21_entries_are_found_and_other_keys_skipped() {
    let text =
        format!("\n{{ \"{A}\" : {{\"task\": [1, {{}}]}} , \"version\":1,\"{B}\":-1.5e3}}\n ");
    for size in 1..text.len() {
        let index = scan(text.as_bytes().chunks(size)).unwrap();
        assert_eq!(index.len(), 2);
        let slice = |id: &str| {
            let range = index.range(id.parse().unwrap()).unwrap();
            let bound = |at| usize::try_from(at).unwrap();
            &text[bound(range.start)..bound(range.end)]
        };
        assert_eq!(slice(A), r#"{"task": [1, {}]}"#);
        assert_eq!(slice(B), "-1.5e3");
    }
    assert!(whole(b"{}").unwrap().is_empty());
}

#[test]
fn s45_no_outer_key_twice_however_it_is_written() {
    for (first, second) in [
        (A, A),
        (A, "\\u0059yxNNh7mTAmwDhB4Itm0jg"),
        ("x", "x"),
        ("", ""),
        ("\\ud83d\\ude00", "😀"),
        ("/", "\\/"),
    ] {
        let text = format!("{{\"{first}\":1, \"{second}\":2}}");
        let error = whole(text.as_bytes()).unwrap_err();
        let offset = u64::try_from(first.len() + 7).unwrap();
        assert_eq!(error.offset, offset, "{text}: {error}");
        let inside = format!("{{\"{A}\":{text}}}");
        assert!(
            whole(inside.as_bytes()).is_ok(),
            "the full parser's business: {inside}"
        );
    }
    let long = "k".repeat(5000);
    let twice = format!("{{\"{long}\":1,\"{long}\":2}}");
    assert!(whole(twice.as_bytes()).is_err());
    let once = format!("{{\"{long}\":1,\"{long}2\":2}}");
    assert!(whole(once.as_bytes()).is_ok());
}

#[test]
fn p2_nesting_is_bounded_at_once() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("{{\"{A}\":{open}{close}}}")
    };
    assert!(whole(nested(128).as_bytes()).is_ok());
    assert!(whole(nested(129).as_bytes()).is_err());
    let mut scanner = GraphScanner::new();
    scanner.push(b"{\"a\":").unwrap();
    let error = scanner.push("[".repeat(100_000).as_bytes()).unwrap_err();
    assert_eq!(error.offset, 5 + 127);
    assert_eq!(whole("[".repeat(100_000).as_bytes()).unwrap_err().offset, 0);
}

#[test]
fn p2_only_one_object_and_nothing_else() {
    for bad in [
        "",
        " ",
        "null",
        "[]",
        "\"a\"",
        "1",
        "{",
        "{}{}",
        "{} x",
        "{},",
        "\u{feff}{}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":[1,]}",
        "{\"a\":[}",
        "{\"a\":{]}",
        "{\"a\":1]",
        "{\"a\":NaN}",
        "{\"a\":-Infinity}",
        "{\"a\":tru}",
        "{\"a\":truee}",
        "{\"a\":True}",
        "{\"a\":01}",
        "{\"a\":1",
        "{\"a\":\"",
        "{\"a\":18446744073709551616}",
        "{\"a\":1e999}",
        "{}\u{a0}",
        "{\"a\":1}\0",
        "{/**/}",
        "{\"a\"::1}",
        "{\"a\":\u{2028}1}",
    ] {
        let found = whole(bad.as_bytes());
        assert!(found.is_err(), "{bad}");
        assert_eq!(scan(bad.as_bytes().chunks(1)), found, "{bad}");
    }
}

#[test]
fn errors_name_byte_expectation_and_finding() {
    let shown = |text: &str| whole(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(shown("{\"a\" 1}"), "expected a colon, found `1` at byte 5");
    assert_eq!(
        shown("{\"a\":1"),
        "expected the rest of a number, found the end of the text at byte 6"
    );
    assert_eq!(
        shown("\u{feff}{}"),
        "expected an object, found `\\xef` at byte 0"
    );
    assert_eq!(
        shown("{\"a\":fals}"),
        "expected true, false or null at byte 9"
    );
}

#[test]
fn an_error_is_final() {
    let mut scanner = GraphScanner::new();
    let error = scanner.push(b"{x").unwrap_err();
    assert_eq!(scanner.push(b"{}"), Err(error.clone()));
    assert_eq!(scanner.push(b""), Err(error.clone()));
    assert_eq!(scanner.finish(), Err(error));
}

#[test]
fn outer_keys_are_bounded() {
    let mut scanner = GraphScanner::new();
    scanner.push(b"{").unwrap();
    let mut added = 0_u32;
    let error = loop {
        if let Err(error) = scanner.push(format!("\"{added}\":0,").as_bytes()) {
            break error;
        }
        added += 1;
        assert!(added <= 1_000_000);
    };
    assert_eq!(error.message, "expected fewer than 1000000 entries");
}
