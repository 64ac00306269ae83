// SPDX-License-Identifier: MPL-2.0
//! Random templates, rendered here and by the published crate.
//!
//! Only what both promise: the published crate has floats for numbers (so no number above 2^31 and no division that leaves a
//! whole number), its own clock, no functions, and drops empty pieces in `split`; it takes time exponential in the number
//! of nested parentheses, sorts members, binds unary operators looser, orders integers and floats, and does
//! not take booleans for integers. Error messages are its own.

use catena_jsone::{Context, Limits, Template, Value, to_json};
use proptest::prelude::*;
use serde_json::json;

use crate::json::{Json, NOW};

fn atom() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..100_i32).prop_map(|number| number.to_string()),
        prop::sample::select(vec![
            "str(1.5)",
            "ceil(2.5)",
            "'a'",
            "''",
            "\"b c\"",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            "n",
            "s",
            "t",
            "l",
            "o",
            "o.k",
            "o.l[0]",
            "l[0]",
            "l[1:]",
            "s[0]",
            "s[1:]",
            "s[-1]",
            "l[-1]",
            "unknown",
            "o.missing",
            "o['missing']",
            "v",
            "i",
        ])
        .prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    atom().prop_recursive(3, 12, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "&&", "||"]);
        let order = prop::sample::select(vec!["<", ">", "<=", ">=", "==", "!=", "in"]);
        let function = prop::sample::select(vec![
            "len",
            "str",
            "typeof",
            "abs",
            "floor",
            "ceil",
            "uppercase",
            "lowercase",
            "strip",
            "defined",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), order, inner.clone())
                .prop_map(|(a, op, b)| format!("str({a}) {op} str({b})")),
            inner.clone().prop_map(|a| format!("str({a}) in l")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("[typeof({a}), [{a}]] == [typeof({b}), [{b}]]")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (function, inner.clone()).prop_map(|(f, a)| format!("{f}({a})")),
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|items| format!("[{}]", items.join(", "))),
            inner.clone().prop_map(|a| format!("{{k: {a}, b: 1}}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("min({a}, {b})")),
            (inner.clone(), inner.clone())
                .prop_map(|(a, b)| format!("join(['a', str({a})], str({b}))")),
            (inner.clone(), inner, 0..3_i32).prop_map(|(a, b, i)| format!("[{a}, {b}][{i}]")),
        ]
    })
}

fn template() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        expression().prop_map(|e| json!({ "$eval": e })),
        expression().prop_map(|e| json!(format!("a${{{e}}}b"))),
        (expression(), expression()).prop_map(|(a, b)| json!(format!("${{{a}}}$${{}}${{{b}}}"))),
        (0..1000_i32).prop_map(|number| json!(number)),
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!("text"),
            json!([]),
            json!({})
        ]),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3);
        let key = prop::sample::select(vec!["k", "b", "a${n}", "${s}", "$$x"]);
        prop_oneof![
            list.clone().prop_map(|items| json!(items)),
            prop::collection::btree_map(key, inner.clone(), 0..3)
                .prop_map(|members| json!(members)),
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| json!({"$if": c, "then": a, "else": b})),
            (expression(), inner.clone()).prop_map(|(c, a)| json!({"$if": c, "then": a})),
            (inner.clone(), inner.clone())
                .prop_map(|(v, body)| json!({"$let": {"v": v}, "in": body})),
            (list.clone(), inner.clone())
                .prop_map(|(items, body)| json!({"$map": items, "each(v)": body})),
            (list.clone(), inner.clone())
                .prop_map(|(items, body)| json!({"$map": items, "each(v,i)": body})),
            inner
                .clone()
                .prop_map(|body| json!({"$map": {"$eval": "o"}, "each(v,i)": {"${i}": body}})),
            (list.clone(), inner.clone()).prop_map(
                |(items, body)| json!({"$reduce": items, "initial": 0, "each(v,i)": body})
            ),
            (list.clone(), expression())
                .prop_map(|(items, e)| json!({"$find": items, "each(v)": e})),
            (expression(), inner.clone()).prop_map(|(c, a)| json!({"$match": {c: a}})),
            (expression(), inner.clone(), inner.clone())
                .prop_map(|(c, a, b)| json!({"$switch": {c: a, "$default": b}})),
            list.clone().prop_map(|items| json!({"$merge": items})),
            list.clone().prop_map(|items| json!({"$mergeDeep": items})),
            list.clone().prop_map(|items| json!({"$flatten": items})),
            list.clone()
                .prop_map(|items| json!({"$flattenDeep": items})),
            list.clone().prop_map(|items| json!({"$reverse": items})),
            list.prop_map(
                |items| json!({"$sort": {"$map": items, "each(v)": {"$json": {"$eval": "v"}}}})
            ),
            inner.prop_map(|value| json!({"$json": value})),
        ]
    })
}

fn context() -> impl Strategy<Value = serde_json::Value> {
    let list = prop::sample::select(vec![
        json!([]),
        json!([3, 1, 2]),
        json!(["b", "a"]),
        json!([{"k": 1}, [2]]),
    ]);
    let object = prop::sample::select(vec![
        json!({}),
        json!({"k": 1, "l": [2]}),
        json!({"k": {"b": null}, "l": "x"}),
    ]);
    (0..50_i32, "[a-cé ,]{0,4}", any::<bool>(), list, object)
        .prop_map(|(n, s, t, l, o)| json!({"n": n, "s": s, "t": t, "l": l, "o": o}))
}

/// Returns the value with members sorted and whole floats as integers: as the published crate has it.
fn normal(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(normal).collect::<Vec<_>>().into(),
        Value::Float(number) if number.fract() == 0.0 => {
            Value::Int(format!("{number:.0}").parse().unwrap())
        }
        Value::Object(map) => {
            let mut map: catena_jsone::Map = map
                .into_iter()
                .map(|(key, item)| (key, normal(item)))
                .collect();
            map.sort_keys();
            Value::Object(map)
        }
        other => other,
    }
}

fn read(value: &serde_json::Value) -> Json {
    serde_json::from_value(value.clone()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_equal_the_published_crate_s(template in template(), context in context()) {
        let limits = Limits::default();
        let names: Context = read(&context).into_context().with("now", NOW.into());
        let ours = Template::parse(&read(&template).0, &limits).and_then(|t| t.render(&names, &limits));
        match (ours, json_e::render(&template, &context)) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(to_json(&normal(ours)), to_json(&normal(read(&theirs).0)));
            }
            (Err(_), Err(_)) => {}
            // what `$match` and `$json` take for a deletion, the published crate takes for null
            (Err(ours), Ok(_)) if ours.message.contains("uncalled functions") => {}
            (ours, theirs) => prop_assert!(false, "ours {:?}, theirs {:?}", ours, theirs),
        }
    }
}
