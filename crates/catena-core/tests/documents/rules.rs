// SPDX-License-Identifier: MPL-2.0
//! `docs/rules.md`: which code enforces a rule, and which tests would notice if it did not.
//!
//! Rules are listed in `docs/rules.toml`. A place in the code cites a rule in a comment or in a check's `rules`; a test
//! cites it in its name (`…_v43`), in its own doc comment, or, for a saboteur, in its `rules`. A rule without either
//! breaks the build, and so does a citation of a rule that is not listed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;

use super::table;

const HEAD: &str = "\
# Rules

Each rule, the code that enforces it, and the tests that would notice if it did not. V: behaviour of the reference,
S: where the reference is lenient, and what became of that, P: rulings, R: requirements of the project's own. Paths are
below `crates/`, `catena-` is left out. Saboteurs are chains with one fault ([checks.md](checks.md) shows one for each check).

";

/// Places that a cell shows; the sources have the rest.
const SHOWN: usize = 5;

/// Rule → places.
type Places = BTreeMap<String, BTreeSet<String>>;

static CITED: LazyLock<Cited> = LazyLock::new(Cited::read);
static ITEM: LazyLock<Regex> = LazyLock::new(|| {
    let visibility = r"(?:pub(?:\([a-z]+\))? )?";
    let kinds = "(?:fn|struct|enum|trait|const|static|type)";
    pattern(&format!(r"^\s*{visibility}(?:const |async )?{kinds} (\w+)"))
});
static FUNCTION: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:pub )?(?:async )?fn (\w+)\s*\("));
static SABOTEUR: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"saboteur\(\s*"([a-z0-9-]+)",\s*"[a-z0-9-]+",\s*&\[([^\]]*)\]"#));
static RULE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b([VSP])(\d{1,3}[a-z]?)(?:[–-]([VSP])?(\d{1,3})\b)?|\bR-(\d\d)\b"));
static FOOT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?m)^#\[cfg\(test\)\]\n(?:#\[.*\n)*(?:pub(?:\([a-z]+\))? )?mod \w+ \{")
});
static TOKEN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:([vsp])(\d{1,3}[a-z]?)|r(\d\d))$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a regular expression")
}

/// What the sources cite.
#[derive(Default)]
struct Cited {
    code: Places,
    tests: Places,
}

pub(crate) fn render() -> String {
    let rules = rules();
    let rows = rules.iter().map(|(id, text)| {
        let cell = |places: &Places| places.get(id).map_or_else(String::new, shown);
        [
            id.clone(),
            text.clone(),
            cell(&CITED.code),
            cell(&CITED.tests),
        ]
    });
    format!("{HEAD}{}", table(["Rule", "What", "Code", "Tests"], rows))
}

/// Returns rules without code or without a test.
pub(crate) fn holes() -> Vec<String> {
    let lacks = |places: &Places, id: &str| !places.contains_key(id);
    let mut holes = Vec::new();
    for (id, _) in rules() {
        for (what, places) in [("code", &CITED.code), ("test", &CITED.tests)] {
            if lacks(places, &id) {
                holes.push(format!("{id}: no {what}"));
            }
        }
    }
    holes
}

/// Returns citations of V- and S-rules that are not listed.
pub(crate) fn unlisted() -> Vec<String> {
    let listed: BTreeSet<String> = rules().into_iter().map(|(id, _)| id).collect();
    CITED
        .code
        .iter()
        .chain(&CITED.tests)
        .filter(|(id, _)| id.starts_with(['V', 'S']) && !listed.contains(*id))
        .map(|(id, places)| format!("{id}: {}", shown(places)))
        .collect()
}

/// The rules in their order.
fn rules() -> Vec<(String, String)> {
    let path = root().join("docs/rules.toml");
    let text = std::fs::read_to_string(&path).expect("docs/rules.toml");
    let table: toml::Table = text.parse().expect("docs/rules.toml is TOML");
    let mut rules: Vec<_> = table
        .values()
        .filter_map(toml::Value::as_table)
        .flatten()
        .map(|(id, text)| (id.clone(), text.as_str().unwrap_or_default().to_owned()))
        .collect();
    rules.sort_by_key(|(id, _)| order(id));
    rules
}

/// V, S, P, R; then by number and letter.
fn order(id: &str) -> (usize, u32, String) {
    let kind = "VSPR".find(&id[..1]).unwrap_or(9);
    let digits: String = id.chars().filter(char::is_ascii_digit).collect();
    (kind, digits.parse().unwrap_or(0), id.to_owned())
}

fn shown(places: &BTreeSet<String>) -> String {
    let mut all: Vec<&String> = places.iter().collect();
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let mut text: Vec<String> = all.into_iter().map(|place| format!("`{place}`")).collect();
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join(", ")
}

impl Cited {
    fn read() -> Self {
        let mut cited = Self::default();
        for path in sources(&root().join("crates")) {
            let name = path
                .strip_prefix(root().join("crates"))
                .unwrap_or(&path)
                .to_string_lossy()
                .trim_start_matches("catena-")
                .to_owned();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let is_testkit = name.starts_with("testkit/src/");
            if is_testkit && name.contains("/saboteur") {
                cited.saboteurs(&text);
            } else if name.contains("/tests/") || name.contains("/benches/") {
                cited.test_functions(&name, &text);
            } else if !is_testkit {
                let (code, tests) = split(&text);
                cited.places(&name, code);
                cited.test_functions(&name, tests);
            }
        }
        cited
    }

    /// Enters what the code cites, under the item that cites it.
    fn places(&mut self, file: &str, code: &str) {
        let mut current: Option<String> = None;
        let mut pending: Vec<String> = Vec::new();
        for line in code.lines() {
            let found = numbers(line);
            let trimmed = line.trim_start();
            if trimmed.starts_with("//!") {
                self.code_at(file, None, found);
            } else if trimmed.starts_with("///") {
                pending.extend(found);
            } else if let Some(named) = ITEM.captures(line) {
                current = Some(named[1].to_owned());
                self.code_at(file, current.as_deref(), pending.drain(..));
                self.code_at(file, current.as_deref(), found);
            } else if !trimmed.starts_with("#[") {
                let all: Vec<_> = pending.drain(..).chain(found).collect();
                self.code_at(file, current.as_deref(), all);
            }
        }
    }

    fn code_at(&mut self, file: &str, item: Option<&str>, rules: impl IntoIterator<Item = String>) {
        let file = file.replacen("/src/", "/", 1);
        let place = item
            .filter(|item| *item != "META")
            .map_or_else(|| file.clone(), |item| format!("{file} {item}"));
        for rule in rules {
            self.code.entry(rule).or_default().insert(place.clone());
        }
    }

    /// Enters the tests of a text: by the tokens of their names and by their doc comments.
    fn test_functions(&mut self, file: &str, text: &str) {
        let (mut is_test, mut pending) = (false, Vec::new());
        for line in text.lines() {
            let trimmed = line.trim_start();
            if trimmed.starts_with("///") {
                pending.extend(numbers(line));
            } else if trimmed.starts_with("#[") {
                is_test |= trimmed.contains("test]");
            } else if let Some(named) = FUNCTION.captures(line) {
                if is_test {
                    let place = format!("{}: {}", stem(file), &named[1]);
                    let rules = named[1]
                        .split('_')
                        .filter_map(token)
                        .chain(pending.drain(..));
                    for rule in rules {
                        self.tests.entry(rule).or_default().insert(place.clone());
                    }
                }
                is_test = false;
                pending.clear();
            } else if !trimmed.is_empty() {
                pending.clear();
            }
        }
    }

    /// Enters the saboteurs of a text, `saboteur("name", "check", &["V43"], …)`.
    fn saboteurs(&mut self, text: &str) {
        for one in SABOTEUR.captures_iter(text) {
            for rule in numbers(&one[2]) {
                let place = format!("saboteur: {}", &one[1]);
                self.tests.entry(rule).or_default().insert(place);
            }
        }
    }
}

/// Code and the test module at its foot.
fn split(text: &str) -> (&str, &str) {
    FOOT.find(text)
        .map_or((text, ""), |foot| text.split_at(foot.start()))
}

/// The rules that a line names, ranges included: `V61–V64`.
fn numbers(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for one in RULE.captures_iter(line) {
        if let Some(number) = one.get(5) {
            found.push(format!("R-{}", number.as_str()));
            continue;
        }
        found.push(format!("{}{}", &one[1], &one[2]));
        if let (Some(kind), Some(end)) = (one.get(3), one.get(4))
            && kind.as_str() == &one[1]
            && let (Ok(start), Ok(end)) = (one[2].parse::<u32>(), end.as_str().parse::<u32>())
        {
            found.extend((start + 1..=end).map(|number| format!("{}{number}", &one[1])));
        }
    }
    found
}

/// `v43` → V43, `r04` → R-04; other words are none.
fn token(word: &str) -> Option<String> {
    let found = TOKEN.captures(word)?;
    Some(match found.get(3) {
        Some(number) => format!("R-{}", number.as_str()),
        None => format!("{}{}", found[1].to_uppercase(), &found[2]),
    })
}

fn stem(file: &str) -> String {
    file.replacen("/src/", "/", 1)
        .replacen("/tests/", "/", 1)
        .trim_end_matches(".rs")
        .to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
