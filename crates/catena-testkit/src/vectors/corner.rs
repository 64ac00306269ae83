// SPDX-License-Identifier: MPL-2.0
//! Corners of JSON and YAML, where two readers may see two values: in documents that are signed, hashed or neither.
//! Whoever has to sign signs, so that nothing but the reader decides.

use catena_core::request::Request;

use super::corpus::{CorpusError, Maker};
use super::list::{build, spec};
use crate::chain::Chain;
use crate::spec::{ChainSpec, Flow, Presence, RootRun};

pub(super) fn add(maker: &mut Maker) -> Result<(), CorpusError> {
    let plain = build(small());
    maker.add(
        &plain,
        "corner-none",
        "the chain that the corners are in, without any",
        &[],
    )?;
    for (place, what, put) in PLACES {
        for (corner, text) in JSON_VALUES {
            let mut chain = plain.clone();
            put(&mut chain, &|body| with_member(body, text));
            let reason = format!("{what} has a member {}", shown(text));
            maker.add(
                &chain,
                &format!("json-{place}-{corner}"),
                &reason,
                &["V105", "S45"],
            )?;
        }
        for (corner, change, to) in JSON_TEXTS {
            let mut chain = plain.clone();
            put(&mut chain, &|body| to(body));
            maker.add(
                &chain,
                &format!("json-{place}-{corner}"),
                &format!("{what} {change}"),
                &["V105", "S45"],
            )?;
        }
    }
    for (corner, text) in YAML_VALUES {
        let mut chain = plain.clone();
        let template = format!("{}corner: {text}\n", chain.template_text("decision"));
        chain.set_template("decision", &template);
        let reason = format!(
            "the template has a top-level member {}, which nothing renders",
            shown(text)
        );
        maker.add(&chain, &format!("yaml-unused-{corner}"), &reason, &["V106"])?;
        let mut chain = plain.clone();
        if rendered(&mut chain, text) {
            let reason = format!(
                "the template gives the decision {} and the queue has what a YAML 1.1 reader makes of it",
                shown(text)
            );
            maker.add(
                &chain,
                &format!("yaml-rendered-{corner}"),
                &reason,
                &["V106"],
            )?;
        }
    }
    for (corner, change, to) in YAML_TEXTS {
        let mut chain = plain.clone();
        let text = to(&chain.template_text("decision"));
        chain.set_template("decision", &text);
        maker.add(
            &chain,
            &format!("yaml-text-{corner}"),
            &format!("the template {change}"),
            &["V106"],
        )?;
    }
    Ok(())
}

/// A chain of few documents, from hg.
pub(super) fn small() -> ChainSpec {
    let mut spec = spec(Flow::FirefoxPush);
    (spec.builds, spec.root_run) = (1, RootRun::Running);
    (spec.upstream_signing, spec.optional) = (Presence::Absent, Presence::Absent);
    spec
}

type Rewrite<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;
type Place = (&'static str, &'static str, fn(&mut Chain, Rewrite<'_>));

/// Where JSON stands, by who answers for it: signed, hashed, neither.
const PLACES: [Place; 4] = [
    ("cot", "a signed chain-of-trust document", |chain, to| {
        rewrite(chain, &chain.cot("build-0"), to);
        chain.sign("build-0");
    }),
    ("graph", "a signed task graph", |chain, to| {
        rewrite(chain, &chain.graph("decision"), to);
        chain.reseal("decision");
    }),
    (
        "definition",
        "the queue's definition of the root",
        |chain, to| {
            rewrite(chain, &chain.definition("root"), to);
        },
    ),
    ("pushlog", "the pushlog", |chain, to| {
        let request = chain.find(|request| matches!(request, Request::Pushlog { .. }));
        rewrite(chain, &request, to);
    }),
];

fn rewrite(chain: &mut Chain, request: &Request, to: Rewrite<'_>) {
    let body = to(chain.bytes(request));
    chain.replace(request, body);
}

/// Puts a member before all others of the outermost object.
fn with_member(body: &[u8], member: &str) -> Vec<u8> {
    let rest = body.strip_prefix(b"{").unwrap_or(body);
    [b"{", member.as_bytes(), b", ", rest].concat()
}

const JSON_VALUES: [(&str, &str); 15] = [
    ("duplicate-key", r#""corner": 1, "corner": 1"#),
    ("escaped-duplicate-key", r#""corner": 1, "\u0063orner": 1"#),
    ("nested-duplicate-key", r#""corner": {"a": 1, "a": 2}"#),
    ("nan", r#""corner": NaN"#),
    ("negative-infinity", r#""corner": -Infinity"#),
    ("overflowing-number", r#""corner": 1e400"#),
    (
        "sixty-four-bits",
        r#""corner": [9223372036854775807, -9223372036854775808]"#,
    ),
    ("sixty-five-bits", r#""corner": 18446744073709551616"#),
    ("negative-zero", r#""corner": -0"#),
    ("lone-surrogate", r#""corner": "\ud800""#),
    ("surrogate-pair", r#""corner": "\ud83d\ude00""#),
    ("escaped-nul", r#""corner": "\u0000""#),
    ("leading-zero", r#""corner": 01"#),
    ("empty-key", r#""": 1"#),
    ("raw-newline-in-text", "\"corner\": \"a\nb\""),
];

type Text = (&'static str, &'static str, fn(&[u8]) -> Vec<u8>);

const JSON_TEXTS: [Text; 9] = [
    ("byte-order-mark", "begins with a byte order mark", |body| {
        [b"\xef\xbb\xbf", body].concat()
    }),
    ("trailing-text", "is followed by more text", |body| {
        [body, b" {}"].concat()
    }),
    ("empty", "is empty", |_| Vec::new()),
    ("list", "stands in a list", |body| {
        [b"[", body, b"]"].concat()
    }),
    ("not-utf-8", "has a member that is not UTF-8", |body| {
        let rest = body.strip_prefix(b"{").unwrap_or(body);
        [b"{\"corner\": \"\xe9\", ", rest].concat()
    }),
    ("utf-16", "is UTF-16", |body| {
        String::from_utf8_lossy(body)
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect()
    }),
    ("trailing-comma", "has a comma too many", |body| {
        let text = String::from_utf8_lossy(body);
        let cut = text.trim_end().trim_end_matches('}');
        format!("{cut},}}").into_bytes()
    }),
    (
        "nested-deeply",
        "has a member that is nested deeper than 128",
        |body| {
            with_member(
                body,
                &format!("\"corner\": {}{}", "[".repeat(200), "]".repeat(200)),
            )
        },
    ),
    ("surrounded-by-space", "is surrounded by space", |body| {
        [b" \r\n\t", body, b"\r\n "].concat()
    }),
];

/// Has the decision's template render a value into the task, and the queue hold what comes of it; false when
/// nothing can come of it.
pub(super) fn rendered(chain: &mut Chain, text: &str) -> bool {
    let at = "              tasks_for: '${tasks_for}'\n";
    let before = chain.template_text("decision");
    let after = before.replace(at, &format!("{at}              corner: {text}\n"));
    let renders = before != after && chain.rendered("decision", &after).is_some();
    if renders {
        chain.set_template("decision", &after);
        chain.rerender("decision", &after);
    }
    renders
}

const YAML_VALUES: [(&str, &str); 34] = [
    ("yes", "yes"),
    ("y", "y"),
    ("off", "Off"),
    ("tilde", "~"),
    ("null-word", "Null"),
    ("empty", ""),
    ("octal", "017"),
    ("octal-1.2", "0o17"),
    ("hexadecimal", "0x1F"),
    ("binary", "0b11"),
    ("underscores", "1_000"),
    ("sexagesimal", "1:30"),
    ("sexagesimal-float", "1:30.5"),
    ("plus", "+12"),
    ("leading-zero-nine", "09"),
    ("exponent-without-dot", "1e3"),
    ("exponent-without-sign", "1.5e3"),
    ("exponent-full", "1.5e+3"),
    ("dot-float", "'.5'"),
    ("infinity", ".inf"),
    ("not-a-number", ".nan"),
    ("date", "2026-01-01"),
    ("timestamp", "2026-01-01T00:00:00Z"),
    ("tag-string", "!!str 5"),
    ("tag-integer", "!!int '7'"),
    ("tag-unknown", "!local 5"),
    ("tag-binary", "!!binary YWJj"),
    ("quoted-escapes", r#""\u00e9\x41\n""#),
    ("equals-sign", "="),
    ("merge-word", "<<"),
    ("anchor-and-alias", "[&a [1, 2], *a]"),
    ("unknown-alias", "*nowhere"),
    ("duplicate-key", "{a: 1, a: 2}"),
    ("integer-key", "{1: a}"),
];

type Yaml = (&'static str, &'static str, fn(&str) -> String);

const YAML_TEXTS: [Yaml; 11] = [
    ("byte-order-mark", "begins with a byte order mark", |text| {
        format!("\u{feff}{text}")
    }),
    (
        "carriage-returns",
        "has lines that end as on Windows",
        |text| text.replace('\n', "\r\n"),
    ),
    ("directive-1.1", "says that it is YAML 1.1", |text| {
        format!("%YAML 1.1\n---\n{text}")
    }),
    ("directive-1.2", "says that it is YAML 1.2", |text| {
        format!("%YAML 1.2\n---\n{text}")
    }),
    ("two-documents", "is two documents", |text| {
        format!("{text}---\nmore: 1\n")
    }),
    ("document-end", "ends with a document end marker", |text| {
        format!("{text}...\n")
    }),
    ("tab-indent", "is indented by a tab in one place", |text| {
        format!("{text}corner:\n\tinner: 1\n")
    }),
    ("merge", "has a merge key that brings nothing", |text| {
        format!("{text}base: &base {{}}\ncorner: {{<<: *base, own: 1}}\n")
    }),
    ("merge-of-text", "merges a text", |text| {
        format!("{text}corner: {{<<: text}}\n")
    }),
    ("list-as-key", "has a list as a key", |text| {
        format!("{text}? [a, b]\n: 1\n")
    }),
    ("control-character", "has a control character", |text| {
        format!("{text}corner: \"\u{7}\"\n")
    }),
];

fn shown(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("`{text}`")
}
