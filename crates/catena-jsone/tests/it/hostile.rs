// SPDX-License-Identifier: MPL-2.0
//! Templates that ask for too much: each ends in an error of kind `Limit`, soon, on the 2 MiB stack of a test's thread.

use std::mem::forget;
use std::time::{Duration, Instant};

use catena_jsone::{Context, Error, ErrorKind, Function, Limits, Template, Value, to_json};

use crate::json::{Json, NOW};

fn json(text: &str) -> Value {
    serde_json::from_str::<Json>(text).unwrap().0
}

fn render(template: &Value, context: &Context) -> Result<Value, Error> {
    let limits = Limits::default();
    Template::parse(template, &limits)?.render(context, &limits)
}

fn render_text(template: &str) -> Result<Value, Error> {
    render(&json(template), &Context::new(NOW))
}

fn assert_limit(template: &Value, context: &Context) {
    let start = Instant::now();
    let error = render(template, context).map(drop).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Limit, "{error}");
    // far more than it takes even without optimisation on a busy machine; exponential work takes years
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

/// Returns `inner` in `levels` lists, or in as many objects that `wrap` makes.
fn nest(levels: usize, inner: Value, wrap: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(inner, |value, _| wrap(value))
}

/// A value of this depth cannot be dropped: dropping recurses. Readers never make one.
const DEEP: usize = 100_000;

#[test]
fn nesting_of_templates_is_limited() {
    type Wrap = fn(Value) -> Value;
    let wraps: [Wrap; 10] = [
        |value| vec![value].into(),
        |value| [("a", value)].into(),
        |value| [("$reverse", value)].into(),
        |value| [("$if", "true".into()), ("then", value)].into(),
        |value| [("$if", "true".into()), ("else", value)].into(),
        |value| [("$let", [("x", Value::Null)].into()), ("in", value)].into(),
        |value| [("$switch", [("true", value)].into())].into(),
        |value| {
            [
                ("$reduce", vec![Value::Null].into()),
                ("initial", value),
                ("each(a,b)", Value::Null),
            ]
            .into()
        },
        |value| [("$map", vec![Value::Null].into()), ("each(x)", value)].into(),
        |value| [("$sort", value), ("by(x)", "x".into())].into(),
    ];
    for (i, wrap) in wraps.into_iter().enumerate() {
        let template = nest(DEEP, Value::Null, wrap);
        let error = Template::parse(&template, &Limits::default())
            .map(forget)
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::Limit, "{i}");
        forget(template);
        // as deep as the limit allows, the stack holds
        let levels = if i == 6 { 63 } else { 126 };
        let answer = render(
            &nest(levels, "${[[1]][0][0]}".into(), wrap),
            &Context::new(NOW),
        );
        assert!(
            !answer.is_err_and(|error| error.kind == ErrorKind::Limit),
            "{i}"
        );
    }
}

#[test]
fn members_that_are_never_looked_at_do_no_harm() {
    let deep = || nest(DEEP, Value::Null, |value| vec![value].into());
    for name in ["x", "each(a)", "by(x)"] {
        for operator in ["$eval", "$find", "$sort", "$if"] {
            let template = Value::from([(operator, "1".into()), (name, deep())]);
            assert!(render(&template, &Context::new(NOW)).is_err());
            forget(template);
        }
    }
}

#[test]
fn deep_expressions_are_limited_and_the_stack_holds_the_deepest() {
    let context = Context::new(NOW).with(
        "f",
        Value::Function(Function::new("f", |a| Ok(a[0].clone()))),
    );
    for (open, inner, close) in [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{a: ", "1", "}"),
        ("-", "1", ""),
        ("!", "1", ""),
        ("f(", "1", ")"),
        ("[1][", "0", "]"),
        ("1**", "1", ""),
        ("0 || 1 && (", "1", ")"),
        ("0 || 1 && 1 in [1 == 1 < 1 + 1 * 1 ** (", "1", ")]"),
    ] {
        let expression = |levels: usize| open.repeat(levels) + inner + &close.repeat(levels);
        assert_limit(&[("$eval", expression(DEEP).into())].into(), &context);
        assert_limit(&format!("${{{}}}", expression(DEEP)).into(), &context);
        let deepest = (1..96).rev().find(|levels| {
            let template = Value::from([("$eval", expression(*levels).into())]);
            let template = nest(120, template, |value| vec![value].into());
            !render(&template, &context).is_err_and(|error| error.kind == ErrorKind::Limit)
        });
        assert!(deepest > Some(8), "{open}");
    }
}

#[test]
fn long_expressions_are_fine() {
    let sum = format!("1{}", " + 1".repeat(DEEP));
    assert_eq!(
        render(&[("$eval", sum.into())].into(), &Context::new(NOW))
            .unwrap()
            .as_int(),
        Some(100_001)
    );
    let text = "${1}".repeat(DEEP);
    assert_eq!(
        render(&text.into(), &Context::new(NOW))
            .unwrap()
            .as_str()
            .map(str::len),
        Some(DEEP)
    );
    // each `${` would be parsed to the end of the text, if the first mistake did not end it
    assert!(render(&"${1 ".repeat(DEEP).into(), &Context::new(NOW)).is_err());
}

#[test]
fn exponential_work_is_limited() {
    let context = Context::new(NOW).with("big", vec![Value::Null; 1000].into());
    let ten = r#"[0,0,0,0,0,0,0,0,0,0]"#;
    let map = |inner: String| format!(r#"{{"$map": {ten}, "each(x)": {inner}}}"#);
    let doubled = |list: &str| format!(r#"{{"$let": {{"x": {list}}}, "in": "#);
    for template in [
        (0..20).fold("1".to_owned(), |inner, _| map(inner)),
        (0..30).fold("1".to_owned(), |inner, _| format!(r#"{{"$reduce": {ten}, "initial": 0, "each(a,x)": {inner}}}"#)),
        doubled(r#"["0123456789"]"#)
            + &doubled(r#"[{"$eval": "x"}, {"$eval": "x"}]"#).repeat(30)
            + "1"
            + &"}".repeat(31),
        doubled(r#""0123456789""#) + &doubled(r#""${x}${x}""#).repeat(40) + "1" + &"}".repeat(41),
        doubled(r#""0123456789""#) + &doubled(r#"{"$eval": "x + x"}"#).repeat(40) + "1" + &"}".repeat(41),
        doubled(r#""0123456789""#) + &doubled(r#"{"$json": ["${x}", "${x}"]}"#).repeat(40) + "1" + &"}".repeat(41),
        doubled(r#"{"a": "0123456789"}"#)
            + &doubled(r#"{"a": "${x.a}${x.a}", "${x.a}": 1}"#).repeat(40)
            + "1"
            + &"}".repeat(41),
        r#"{"$eval": "range(0, 1000000000000)"}"#.to_owned(),
        r#"{"$eval": "len(range(0, 10 ** 30))"}"#.to_owned(),
        r#"{"$eval": "join(range(0, 100000), join(range(0, 100000), ','))"}"#.to_owned(),
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$eval": "big"}}"#.to_owned(),
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$eval": "big == big"}}"#.to_owned(),
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$eval": "1 in big"}}"#.to_owned(),
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$sort": {"$eval": "range(0, 10000)"}}}"#.to_owned(),
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$find": [{"$eval": "big"}], "each(y)": "true"}}"#.to_owned(),
        r#"{"$eval": "2 ** 1000000000000"}"#.to_owned(),
        r#"{"$eval": "99999999999999999999 ** 99999999999999999999"}"#.to_owned(),
    ] {
        assert_limit(&json(&template), &context);
    }
}

#[test]
fn huge_strings_are_limited() {
    let context = Context::new(NOW).with("s", "x,".repeat(600_000).into());
    for expression in [
        "split(s, '')",
        "[s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s,
          s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s]",
        "join(split(s, ','), s)",
    ] {
        assert_limit(&[("$eval", expression.into())].into(), &context);
    }
    let upper = json(
        r#"{"$map": {"$eval": "range(0, 100000)"}, "each(x)": {"$eval": "len(uppercase(s)) + len(s[1:])"}}"#,
    );
    assert_limit(&upper, &context);
}

#[test]
fn values_that_grow_deep_are_limited() {
    for body in [
        r#"[{"$eval": "a"}]"#,
        r#"{"$eval": "[a]"}"#,
        r#"{"$eval": "{k: a}"}"#,
        r#"{"k": {"$eval": "a"}}"#,
    ] {
        let text = format!(
            r#"{{"$reduce": {{"$eval": "range(0, 100000)"}}, "initial": [], "each(a,x)": {body}}}"#
        );
        assert_limit(&json(&text), &Context::new(NOW));
    }
    // the deepest value that can be built goes through every walk over values
    let deepest = r#"{"$let": {"v": {"$reduce": {"$eval": "range(0, 250)"}, "initial": [1], "each(a,x)": [{"$eval": "a"}]}}, "in": BODY}"#;
    for body in [
        r#"{"$json": {"$eval": "v"}}"#,
        r#"{"$eval": "v == v"}"#,
        r#"{"$flattenDeep": {"$eval": "v"}}"#,
        r#"{"$eval": "join(v, '')"}"#,
        r#"{"$eval": "v"}"#,
    ] {
        let answer = render_text(&deepest.replace("BODY", body)).unwrap();
        assert!(!to_json(&answer).is_empty());
    }
}

#[test]
fn data_that_finds_itself_is_limited() {
    let find = r#"{"$find": {"$eval": "l"}, "each(x)": "true"}"#;
    let context = Context::new(NOW).with("l", vec![json(find)].into());
    assert_limit(&json(find), &context);
}

#[test]
fn results_of_functions_are_counted() {
    let function = |value: Value| {
        let call = Function::new("f", move |_| Ok(value.clone()));
        Context::new(NOW).with("f", Value::Function(call))
    };
    let call = Value::from([("$eval", "f()".into())]);
    assert_limit(
        &call,
        &function(nest(300, Value::Null, |value| vec![value].into())),
    );
    assert_limit(&call, &function(vec![Value::Null; 2_000_000].into()));
}

#[test]
fn limits_are_the_caller_s() {
    let template = Template::parse(&"${1}${2}".into(), &Limits::default()).unwrap();
    let render = |limits: Limits| {
        template
            .render(&Context::new(NOW), &limits)
            .map_err(|error| error.kind)
    };
    assert!(
        render(Limits {
            fuel: 20,
            ..Limits::default()
        })
        .is_ok()
    );
    assert_eq!(
        render(Limits {
            fuel: 3,
            ..Limits::default()
        })
        .unwrap_err(),
        ErrorKind::Limit
    );
    assert_eq!(
        render(Limits {
            output_bytes: 60,
            ..Limits::default()
        })
        .unwrap_err(),
        ErrorKind::Limit
    );
}

#[test]
fn foreign_values_are_handed_on_but_not_used() {
    let date = || Value::Foreign("date");
    let context = Context::new(NOW)
        .with("d", date())
        .with("l", vec![date()].into());
    let answer = render(
        &vec![
            date(),
            [("$eval", "d".into())].into(),
            [("$eval", "l[0]".into())].into(),
        ]
        .into(),
        &context,
    );
    assert_eq!(to_json(&answer.unwrap()), r#"["<date>","<date>","<date>"]"#);
    for expression in [
        "d == d",
        "d != 1",
        "l == l",
        "d in [1]",
        "1 in l",
        "!d",
        "d && true",
        "1 && d",
        "d + 1",
        "-d",
        "d < d",
        "d.a",
        "d[0]",
        "str(d)",
        "typeof(d)",
        "join(l, '')",
        "len(d)",
        "{a: d}.a == 1",
    ] {
        assert!(
            render(&[("$eval", expression.into())].into(), &context).is_err(),
            "{expression}"
        );
    }
    assert!(render(&"${d}".into(), &context).is_err());
    for operator in ["$json", "$sort", "$merge"] {
        assert!(
            render(&[(operator, vec![date()].into())].into(), &context).is_err(),
            "{operator}"
        );
    }
    assert!(render(&json(r#"{"$if": "d", "then": 1}"#), &context).is_err());
    // V106: a mapping with keys that are no strings makes rendering fail, data is handed on
    let keys = Value::Foreign("integer key");
    assert!(render(&vec![keys.clone()].into(), &context).is_err());
    assert!(render(&[("$eval", "k".into())].into(), &context.with("k", keys)).is_ok());
}

#[test]
fn errors_name_the_place() {
    let template = json(
        r#"{"tasks": {"$let": {"a": 1}, "in": [{"$if": "true", "then": {"x~/y": "é ${1 + b}"}}]}}"#,
    );
    let error = render(&template, &Context::new(NOW)).unwrap_err();
    assert_eq!(error.pointer, "/tasks/in/0/then/x~0~1y");
    assert_eq!(
        (error.kind, error.column),
        (ErrorKind::Interpreter, Some(9))
    );
    assert_eq!(
        template.pointer(&error.pointer).unwrap().as_str(),
        Some("é ${1 + b}")
    );
    assert_eq!(error.message, "unknown context value b");
}
