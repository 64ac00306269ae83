// SPDX-License-Identifier: MPL-2.0
//! The vectors on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::case::{Case, Places};
use super::judge::judge;
use crate::chain::Chain;

/// Cases with all their documents.
#[derive(Clone, Debug, Default)]
pub struct Corpus {
    /// By name.
    pub cases: BTreeMap<String, Case>,
    /// By digest.
    pub documents: BTreeMap<String, Vec<u8>>,
}

/// Vectors that cannot be read, written or made.
#[derive(Debug)]
pub enum CorpusError {
    /// The file system refuses.
    Io(PathBuf, io::Error),
    /// A case is not what it should be.
    Case(String),
}

impl std::fmt::Display for CorpusError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Case(detail) => f.write_str(detail),
        }
    }
}

impl std::error::Error for CorpusError {}

/// Vectors in the making.
pub(super) struct Maker {
    pub(super) corpus: Corpus,
    places: Places,
}

impl Maker {
    pub(super) fn new() -> Result<Self, CorpusError> {
        Ok(Self {
            corpus: Corpus::default(),
            places: Places::new().map_err(CorpusError::Case)?,
        })
    }

    /// Adds a chain as a case, with what catena says to it.
    ///
    /// # Errors
    /// The name is taken, or the chain cannot be judged.
    pub(super) fn add(
        &mut self,
        chain: &Chain,
        name: &str,
        reason: &str,
        rules: &[&str],
    ) -> Result<(), CorpusError> {
        let wrong = |detail: String| CorpusError::Case(format!("{name}: {detail}"));
        let (mut case, bodies) =
            Case::of(chain, &self.places, (name, reason, rules)).map_err(wrong)?;
        let (expected, lacking) = judge(&case, &bodies).map_err(|error| wrong(error.0))?;
        case.expected = expected;
        for request in &lacking {
            if !case
                .failures
                .iter()
                .any(|failure| failure.request == *request)
            {
                case.lacks(request, self.places.of(request).map_err(wrong)?);
            }
        }
        case.failures.sort_by(|a, b| a.request.cmp(&b.request));
        self.corpus.documents.extend(bodies);
        match self.corpus.cases.insert(name.to_owned(), case) {
            None => Ok(()),
            Some(_) => Err(wrong("the name is taken".to_owned())),
        }
    }
}

impl Corpus {
    /// Reads what lies below a directory.
    ///
    /// # Errors
    /// A file cannot be read, or a case does not parse.
    pub fn read(directory: &Path) -> Result<Self, CorpusError> {
        let mut out = Self::default();
        for (name, text) in files(&directory.join(CASES))? {
            let case: Case = serde_json::from_slice(&text)
                .map_err(|error| CorpusError::Case(format!("{name}: {error}")))?;
            if format!("{}.json", case.name) != name {
                return Err(CorpusError::Case(format!(
                    "{name}: holds the case {}",
                    case.name
                )));
            }
            out.cases.insert(case.name.clone(), case);
        }
        out.documents = files(&directory.join(DOCUMENTS))?;
        Ok(out)
    }

    /// Takes over what the reference said to cases that ask the same as those of another corpus.
    pub fn keep_recorded(&mut self, before: &Self) {
        for (name, case) in &mut self.cases {
            if let Some(old) = before.cases.get(name).filter(|old| old.asks_the_same(case)) {
                case.reference.clone_from(&old.reference);
            }
        }
    }

    /// Makes a directory's cases and documents these and no others.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub fn write(&self, directory: &Path) -> Result<(), CorpusError> {
        let cases: BTreeMap<_, _> = self
            .cases
            .values()
            .map(|case| Ok((format!("{}.json", case.name), text(case)?)))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| CorpusError::Case(error.to_string()))?;
        replace(&directory.join(CASES), &cases)?;
        replace(&directory.join(DOCUMENTS), &self.documents)
    }
}

/// Returns a case as its file has it: a document or a failure is a line.
fn text(case: &Case) -> Result<Vec<u8>, serde_json::Error> {
    let expected = format!(
        "{{\n    \"strict\": {},\n    \"compat\": {}\n  }}",
        line(&case.expected.strict)?,
        line(&case.expected.compat)?
    );
    let mut members = vec![
        ("schema", line(&case.schema)?),
        ("name", line(&case.name)?),
        ("reason", line(&case.reason)?),
        ("rules", line(&case.rules)?),
        ("subject", line(&case.subject)?),
        ("recorded", line(&case.recorded)?),
        ("config", line(&case.config)?),
        ("documents", lines(&case.documents)?),
        ("failures", lines(&case.failures)?),
        ("expected", expected),
    ];
    if let Some(reference) = &case.reference {
        members.push(("reference", line(reference)?));
    }
    let members: Vec<_> = members
        .into_iter()
        .map(|(key, value)| format!("  \"{key}\": {value}"))
        .collect();
    Ok(format!("{{\n{}\n}}\n", members.join(",\n")).into_bytes())
}

fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

fn lines(items: &[impl Serialize]) -> Result<String, serde_json::Error> {
    let lines: Vec<_> = items.iter().map(line).collect::<Result<_, _>>()?;
    Ok(if lines.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n    {}\n  ]", lines.join(",\n    "))
    })
}

fn files(directory: &Path) -> Result<BTreeMap<String, Vec<u8>>, CorpusError> {
    let io = |error| CorpusError::Io(directory.to_owned(), error);
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        out.insert(name, fs::read(entry.path()).map_err(io)?);
    }
    Ok(out)
}

fn replace(directory: &Path, wanted: &BTreeMap<String, Vec<u8>>) -> Result<(), CorpusError> {
    let io = |error| CorpusError::Io(directory.to_owned(), error);
    fs::create_dir_all(directory).map_err(io)?;
    let present = files(directory)?;
    for name in present.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(directory.join(name)).map_err(io)?;
    }
    for (name, body) in wanted {
        if present.get(name) != Some(body) {
            fs::write(directory.join(name), body).map_err(io)?;
        }
    }
    Ok(())
}

const CASES: &str = "cases";
const DOCUMENTS: &str = "documents";
