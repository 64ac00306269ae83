// SPDX-License-Identifier: MPL-2.0
//! Signs and verifies single documents, for `conformance/legacy.py`.
//!
//! ```text
//! legacy-oracle sign KEY DOCUMENT TIME
//! legacy-oracle verify MESSAGE TIME bare|flat KEYS
//! legacy-oracle verify MESSAGE TIME certified KEYS TRUSTED
//! ```
//! KEYS and TRUSTED are directories. What was signed, or verified, goes to stdout; the code of a refusal to stderr,
//! with status 1.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use catena_openpgp::keys::{KeyFile, KeySet};
use catena_openpgp::refusal::Refusal;
use catena_openpgp::sign::{SigningKey, clearsign};
use catena_openpgp::time::{Moment, UnixTime};
use catena_openpgp::verify::verify;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(text) => match io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(5),
        },
        Err(Stop::Refused(refusal)) => say(&format!("{}: {refusal}", refusal.code()), 1),
        Err(Stop::Other(message)) => say(&message, 64),
    }
}

enum Stop {
    Refused(Refusal),
    Other(String),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn run(words: &[&str]) -> Result<String, Stop> {
    match words {
        ["sign", key, document, time] => {
            let key =
                SigningKey::read(&read(key)?).map_err(|error| Stop::Other(error.to_string()))?;
            let document =
                String::from_utf8(read(document)?).map_err(|e| Stop::Other(e.to_string()))?;
            clearsign(&document, &key, at(time)?).map_err(|error| Stop::Other(error.to_string()))
        }
        ["verify", message, time, model, keys @ ..] => {
            let keys = match (*model, keys) {
                ("bare", [keys]) => KeySet::bare(&files(keys)?)?,
                ("flat", [keys]) => KeySet::flat(&files(keys)?)?,
                ("certified", [keys, trusted]) => {
                    KeySet::certified(&files(keys)?, &files(trusted)?)?
                }
                _ => {
                    return Err(Stop::Other(
                        "expected bare, flat or certified, and directories".to_owned(),
                    ));
                }
            };
            let verified = verify(&read(message)?, &keys, &Moment::as_of(at(time)?))?;
            Ok(verified.payload)
        }
        _ => Err(Stop::Other("expected sign or verify".to_owned())),
    }
}

fn at(text: &str) -> Result<UnixTime, Stop> {
    text.parse().map_err(Stop::Other)
}

fn read(path: &str) -> Result<Vec<u8>, Stop> {
    fs::read(path).map_err(|error| Stop::Other(format!("{path}: {error}")))
}

fn files(dir: &str) -> Result<Vec<KeyFile>, Stop> {
    let mut out = Vec::new();
    for entry in
        fs::read_dir(Path::new(dir)).map_err(|error| Stop::Other(format!("{dir}: {error}")))?
    {
        let path = entry
            .map_err(|error| Stop::Other(error.to_string()))?
            .path();
        let path = path.to_string_lossy().into_owned();
        out.push(KeyFile {
            bytes: read(&path)?,
            path,
        });
    }
    out.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(out)
}

fn say(message: &str, status: u8) -> ExitCode {
    // there is no other place to complain
    let _ = writeln!(io::stderr(), "{message}");
    ExitCode::from(status)
}
