// SPDX-License-Identifier: MPL-2.0
//! Where values come from: one case for each operator, and two properties over the whole specification.

use catena_jsone::locate::{Location, Locator, Purpose, Read};
use catena_jsone::{Context, Limits, Map, Template, Value, to_json};

use crate::json::{Json, NOW};
use crate::specification;

fn json(text: &str) -> Value {
    serde_json::from_str::<Json>(text).unwrap().0
}

fn locate(template: &Value, context: &Context, pointer: &str) -> Location {
    let limits = Limits::default();
    let template = Template::parse(template, &limits).unwrap();
    Locator::new(&template, context, &limits).locate(pointer)
}

/// Returns places and reads on one line; `?` marks what was read for a condition.
fn found(template: &str, pointer: &str) -> String {
    let context = json(
        r#"{"a": 1, "b": "x", "yes": true, "no": false, "key": "k", "list": [1, [2, 3]],
            "event": {"sender": {"login": "dev"}, "ref": "refs/heads/main", "n": 2},
            "items": [{"n": 3, "s": "c"}, {"n": 1, "s": "d"}], "by": {"k": {"v": 1}, "l": {"v": 2}}}"#,
    );
    let context = Json(context).into_context();
    let Location { places, reads } = locate(&json(template), &context, pointer);
    let reads = reads.iter().map(|read| {
        let mark = if read.purpose == Purpose::Condition {
            "?"
        } else {
            ""
        };
        format!(" {}{mark}", read.path.join("."))
    });
    format!("{} <-{}", places.join(" "), reads.collect::<String>())
}

#[test]
fn every_operator_leads_to_the_part_that_made_the_value() {
    for (template, pointer, expected) in CASES {
        assert_eq!(found(template, pointer), *expected, "{template} {pointer}");
    }
}

/// Template, pointer into its output, what is found.
const CASES: &[(&str, &str, &str)] = &[
    // plain templates
    (
        r#"{"x": [1, "${a}${event.sender.login}"]}"#,
        "/x/1",
        "/x/1 <- a event.sender.login",
    ),
    (r#"{"x": {"y": ["z"]}}"#, "/x/y/0", "/x/y/0 <-"),
    (r#"{"x": {"$$y": "z", "a/b": 1}}"#, "/x/$y", "/x/$$y <-"),
    (r#"{"x": {"y": 1}}"#, "/x/z/q", "/x <-"),
    (r#"{"${key}": "${b}"}"#, "/k", "/${key} <- key b"),
    (r#"["${a}", "${b}"]"#, "", " <- a b"),
    (r#"[{"$if": "no", "then": 1}, "${b}"]"#, "/0", "/1 <- b no?"),
    // operators, in the order of the language
    (
        r#"{"$eval": "event"}"#,
        "/sender/login",
        "/$eval <- event.sender.login",
    ),
    (
        r#"{"$eval": "items[1].n + a"}"#,
        "",
        "/$eval <- items.1.n a",
    ),
    (r#"{"$eval": "list[-1]"}"#, "/0", "/$eval <- list"),
    (r#"{"$eval": "[a, {n: b}]"}"#, "/1/n", "/$eval <- b"),
    (r#"{"x": "${event.ref[11:]}"}"#, "/x", "/x <- event.ref"),
    (
        r#"{"x": "${len(event.ref)}${fromNow('1 day')}"}"#,
        "/x",
        "/x <- event.ref now",
    ),
    (
        r#"{"$find": {"$eval": "items"}, "each(i)": "i.n == a"}"#,
        "/s",
        "/$find/$eval <- items.1.s items.0.n? a? items.1.n?",
    ),
    (
        r#"{"$flatten": [["${a}"], "${b}", {"$eval": "list"}]}"#,
        "/3",
        "/$flatten/2/$eval <- list.1",
    ),
    (
        r#"{"$flattenDeep": ["x", {"$eval": "list"}]}"#,
        "/3",
        "/$flattenDeep/1/$eval <- list.1.1",
    ),
    (
        r#"{"at": {"$fromNow": "${event.n} days"}}"#,
        "/at",
        "/at/$fromNow <- event.n now",
    ),
    (
        r#"{"$fromNow": "1 day", "from": {"$eval": "now"}}"#,
        "",
        "/$fromNow <- now",
    ),
    (
        r#"{"$if": "event.n == 2", "then": "${a}", "else": "${b}"}"#,
        "",
        "/then <- a event.n?",
    ),
    (
        r#"{"$if": "event.n == 3", "then": "${a}", "else": "${b}"}"#,
        "",
        "/else <- b event.n?",
    ),
    (
        r#"{"x": {"$if": "no && a", "then": 1}}"#,
        "/x",
        "/x/$if <- no?",
    ),
    (
        r#"{"x": {"$if": "no || event.n", "then": 1}}"#,
        "/x",
        "/x/then <- no? event.n?",
    ),
    (
        r#"{"x": {"$if": "yes && !no || a", "then": 1}}"#,
        "/x",
        "/x/then <- yes? no?",
    ),
    (
        r#"{"x": {"$if": "defined('b')", "then": 1}}"#,
        "/x",
        "/x/then <- b?",
    ),
    (
        r#"{"x": {"$json": {"$eval": "event.sender"}}}"#,
        "/x",
        "/x/$json <- event.sender",
    ),
    (
        r#"{"$let": {"v": {"w": "${event.sender.login}"}}, "in": ["${v.w}"]}"#,
        "/0",
        "/in/0 <- event.sender.login",
    ),
    (
        r#"{"$let": {"v": {"$if": "yes", "then": "${a}"}}, "in": {"$let": {"w": {"$eval": "v"}}, "in": "${w}"}}"#,
        "",
        "/in/in <- a yes?",
    ),
    (r#"{"$let": {"a": "z"}, "in": "${a}"}"#, "", "/in <-"),
    (
        r#"{"$map": {"$eval": "items"}, "each(i, n)": {"s": "${i.s}${n}"}}"#,
        "/1/s",
        "/each(i, n)/s <- items.1.s",
    ),
    (
        r#"{"$map": {"$eval": "items"}, "each(i)": {"$if": "i.n == 1", "then": "${i.s}"}}"#,
        "/0",
        "/each(i)/then <- items.1.s items.0.n? items.1.n?",
    ),
    (
        r#"{"$map": {"$eval": "by"}, "each(i)": {"${i.key}x": {"$eval": "i.val.v"}}}"#,
        "/lx",
        "/each(i)/${i.key}x/$eval <- by.l.v",
    ),
    (
        r#"{"$map": {"$eval": "by"}, "each(v, k)": {"${k}": {"$eval": "v.v"}}}"#,
        "/k",
        "/each(v, k)/${k}/$eval <- by.k.v",
    ),
    (
        r#"{"$match": {"a == 1": "${b}", "no": 1, "yes": "${a}"}}"#,
        "/1",
        "/$match/yes <- a no? yes?",
    ),
    (
        r#"{"$merge": [{"x": "${a}"}, {"x": "${b}"}, {"y": 1}]}"#,
        "/x",
        "/$merge/1/x <- b",
    ),
    (
        r#"{"$merge": [{"x": 1}, {"$if": "no", "then": {"y": "${b}"}, "else": {}}]}"#,
        "/y",
        " <- no?",
    ),
    (
        r#"{"$mergeDeep": [{"x": {"y": "${a}", "l": ["${b}"]}}, {"x": {"z": 1, "l": ["${key}"]}}]}"#,
        "/x/l/1",
        "/$mergeDeep/1/x/l/0 <- key",
    ),
    (
        r#"{"$mergeDeep": [{"x": {"y": "${a}"}}, {"x": {"y": "${b}"}}]}"#,
        "/x/y",
        "/$mergeDeep/1/x/y <- b",
    ),
    (
        r#"{"$mergeDeep": [{"x": {"y": 1}}, {"x": {"z": 1}}, {"$if": "no", "then": {"x": {"q": 1}}, "else": {}}]}"#,
        "/x/q",
        "/$mergeDeep/0/x /$mergeDeep/1/x <- no?",
    ),
    (
        r#"{"$reduce": [1, 2], "initial": 0, "each(acc, i)": {"$eval": "acc + i + a"}}"#,
        "",
        " <- a",
    ),
    (
        r#"{"$reverse": ["${a}", "${b}"]}"#,
        "/0",
        "/$reverse/1 <- b",
    ),
    (
        r#"{"$sort": {"$eval": "items"}, "by(i)": "i.n"}"#,
        "/0/s",
        "/$sort/$eval <- items.1.s",
    ),
    (
        r#"{"$switch": {"a == 2": "${a}", "event.n == 2": "${b}"}}"#,
        "",
        "/$switch/event.n == 2 <- b event.n?",
    ),
    (
        r#"{"$switch": {"a == 2": "${a}", "event.n == 3": 1, "$default": {"x": "${b}"}}}"#,
        "/x",
        "/$switch/$default/x <- b a? event.n?",
    ),
    (
        r#"{"x": {"$switch": {"a/a == 2": 1}}}"#,
        "/x",
        "/x/$switch <- a?",
    ),
];

/// Calls `check` with every pointer of a value.
fn each_pointer(value: &Value, pointer: &str, check: &mut impl FnMut(&str, &Value)) {
    check(pointer, value);
    let join = |step: &str| format!("{pointer}/{}", step.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                each_pointer(item, &join(&i.to_string()), check);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                each_pointer(item, &join(key), check);
            }
        }
        _ => {}
    }
}

/// Returns the context with the value at `path` replaced by something else.
fn changed(value: &Value, path: &[&str]) -> Value {
    match (value, path.split_first()) {
        (Value::Object(map), Some((head, rest))) => {
            let member = |(key, inner): (&std::sync::Arc<str>, &Value)| {
                let inner = if &**key == *head {
                    changed(inner, rest)
                } else {
                    inner.clone()
                };
                (key.clone(), inner)
            };
            Value::Object(map.iter().map(member).collect::<Map>())
        }
        (Value::String(text), _) => format!("{text}!").into(),
        (Value::Int(number), _) => Value::Int(number + 1),
        (Value::Bool(flag), _) => Value::Bool(!flag),
        (other, _) => other.clone(),
    }
}

/// A case of the specification that renders.
struct Rendered {
    title: String,
    template: Value,
    parsed: Template,
    names: Value,
    context: Context,
    output: Value,
}

fn rendered() -> impl Iterator<Item = Rendered> {
    let limits = Limits::default();
    specification::cases().filter_map(move |(title, template, context)| {
        let names = context.0.clone();
        let context = context.into_context();
        let parsed = Template::parse(&template, &limits).ok()?;
        let output = parsed.render(&context, &limits).ok()?;
        Some(Rendered {
            title,
            template,
            parsed,
            names,
            context,
            output,
        })
    })
}

#[test]
fn every_value_of_the_specification_has_places_that_exist() {
    let (limits, mut count) = (Limits::default(), 0);
    for case in rendered() {
        let locator = Locator::new(&case.parsed, &case.context, &limits);
        each_pointer(&case.output, "", &mut |pointer, _| {
            let places = locator.locate(pointer).places;
            assert!(!places.is_empty());
            for place in &places {
                let there = case.template.pointer(place).is_some();
                assert!(there, "{} {pointer}: {place}", case.title);
            }
            count += 1;
        });
    }
    assert!(count > 1000, "{count}");
}

/// What a value depends on is complete: changing anything else of the context leaves the value as it is.
#[test]
fn what_was_not_read_does_not_matter() {
    let (limits, mut count) = (Limits::default(), 0);
    for case in rendered() {
        let locator = Locator::new(&case.parsed, &case.context, &limits);
        each_pointer(&case.output, "", &mut |pointer, value| {
            let reads = locator.locate(pointer).reads;
            each_pointer(&case.names, "", &mut |path, _| {
                let path: Vec<&str> = path.split('/').skip(1).collect();
                let is_read = |read: &Read| read.path.iter().zip(&path).all(|(a, b)| a == b);
                if path.is_empty() || reads.iter().any(is_read) {
                    return;
                }
                let changed = Json(changed(&case.names, &path)).into_context();
                if let Ok(other) = case.parsed.render(&changed, &limits) {
                    let (other, title) = (other.pointer(pointer).map(to_json), &case.title);
                    assert_eq!(other, Some(to_json(value)), "{title} {pointer} {path:?}");
                    count += 1;
                }
            });
        });
    }
    assert!(count > 300, "{count}");
}

#[test]
fn names_that_multiply_end_at_the_limit() {
    // each name reads the one before twice: 2^60 ways
    let mut template = json(r#"{"x": "${v0}"}"#);
    for level in 1..60 {
        let text = format!("${{v{level}}}${{v{level}}}");
        let names = Value::from([(format!("v{}", level - 1), text.into())]);
        template = Value::from([("$let", names), ("in", template)]);
    }
    let context = Context::new(NOW).with("v59", "".into());
    let location = locate(&template, &context, "/x");
    assert_eq!(location.places, [format!("{}/x", "/in".repeat(59))]);
}

#[test]
fn long_ways_through_names_fit_the_stack() {
    // each name is the next one in forty lists: no part is too deep, the whole way is
    let mut template = json(r#"{"x": {"$eval": "v0"}}"#);
    let deep = |inner: Value| (0..40).fold(inner, |value, _| vec![value].into());
    for level in 1..6 {
        let name = Value::from([("$eval", format!("v{level}").into())]);
        let names = Value::from([(format!("v{}", level - 1), deep(name))]);
        template = Value::from([("$let", names), ("in", template)]);
    }
    let names = Value::from([("v5", Value::Null)]);
    let template = Value::from([("$let", names), ("in", template)]);
    let pointer = format!("/x{}", "/0".repeat(2000));
    let location = locate(&template, &Context::new(NOW), &pointer);
    assert!(location.places[0].ends_with("/x/$eval"), "{location:?}");
}
