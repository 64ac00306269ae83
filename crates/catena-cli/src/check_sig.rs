// SPDX-License-Identifier: MPL-2.0
//! `catena check-sig`: whether a detached signature over a file is by one of the keys that count. Strict verification (S20);
//! a signature is 64 raw bytes and nothing else (S21).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use catena_core::model::ids::TaskId;
use catena_core::policy::Keyring;
use catena_crypto::ed25519::{KeyId, PublicKey, Signature};
use catena_report::escape::clean;
use catena_worker::documents::Document;
use clap::Args;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{config, keys, output};

pub(crate) const STATUS: &str = "\
Exit status:
   0  one of the keys made the signature
   1  none did, or it is no signature of 64 raw bytes
  64  usage, configuration, or a file that cannot be read";

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The signed file
    file: PathBuf,
    /// Its signature
    sig: PathBuf,
    /// Try this key, or the key in this file, and no built-in ones; may be repeated
    #[arg(long = "pub", value_name = "KEY|FILE")]
    public: Vec<String>,
    /// Try the keys of this family, such as scriptworker; without it and --pub, those of all families
    #[arg(long, value_name = "NAME")]
    family: Vec<String>,
    /// A scriptworker.yaml, for the keys it names
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A key that counts, and where it comes from.
pub(crate) struct Candidate {
    pub(crate) family: String,
    pub(crate) key: PublicKey,
}

/// What came out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    schema: &'static str,
    good: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<KeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Only of what is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<About>,
    tried: usize,
}

/// What a chain-of-trust document says of itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    producer: &'static str,
    task_id: TaskId,
    run_id: u32,
    worker_group: String,
    worker_id: String,
    artifacts: usize,
}

impl About {
    /// `None` of anything that is no document.
    fn of(message: &[u8]) -> Option<Self> {
        let document = Document::read(message).ok()?;
        Some(Self {
            producer: document.producer.as_str(),
            task_id: document.task_id,
            run_id: document.run,
            worker_group: document.worker_group,
            worker_id: document.worker_id,
            artifacts: document.artifacts.len(),
        })
    }

    fn text(&self) -> String {
        format!(
            "chain-of-trust document of task {} run {}, by {} ({}/{}): {} artifacts\n",
            self.task_id,
            self.run_id,
            self.producer,
            clean(&self.worker_group, 80),
            clean(&self.worker_id, 80),
            self.artifacts,
        )
    }
}

/// Checks a signature and prints the verdict.
pub(crate) fn run(options: &Options) -> Result<Exit, Failure> {
    let keyring = config::load(options.config.as_deref(), None)?
        .config
        .keyring;
    let candidates = candidates(options, &keyring)?;
    let message = read(&options.file, MAX_MESSAGE)?;
    let signature = read(&options.sig, MAX_SIGNATURE)?;
    let mut verdict = Verdict {
        schema: "catena-check-sig/1",
        good: false,
        family: None,
        key_id: None,
        reason: None,
        document: None,
        tried: candidates.len(),
    };
    match first(&candidates, &message, &signature) {
        Ok(candidate) => {
            verdict.good = true;
            verdict.family = Some(candidate.family.clone());
            verdict.key_id = Some(candidate.key.id());
            verdict.document = About::of(&message);
        }
        Err(reason) => verdict.reason = Some(reason),
    }
    output::print(&match options.json {
        true => {
            serde_json::to_string_pretty(&verdict).map_err(|source| Failure::Render { source })?
                + "\n"
        }
        false => verdict.text(),
    })?;
    Ok(match verdict.good {
        true => Exit::Success,
        false => Exit::Rejected,
    })
}

impl Verdict {
    fn text(&self) -> String {
        match (&self.key_id, &self.family, &self.reason) {
            (Some(id), Some(family), _) => {
                let about = self.document.as_ref().map(About::text).unwrap_or_default();
                format!("good: signed by key {id} ({family})\n{about}")
            }
            (.., reason) => format!("bad: {}\n", reason.as_deref().unwrap_or_default()),
        }
    }
}

fn candidates(options: &Options, keyring: &Keyring) -> Result<Vec<Candidate>, Failure> {
    let mut out = Vec::new();
    for text in &options.public {
        let key = keys::public_of(text)?;
        let known = keys::known(&key);
        let family = match known.as_slice() {
            [] => "--pub".to_owned(),
            _ => format!("--pub, built-in: {}", known.join(", ")),
        };
        out.push(Candidate { family, key });
    }
    for name in &options.family {
        if keyring.keys(name).is_empty() {
            let names: Vec<_> = keyring.families().map(|(name, _)| name).collect();
            let names = names.join(", ");
            return Err(Failure::Usage(format!(
                "--family: expected one of {names}, found {name:?}"
            )));
        }
    }
    let all = options.public.is_empty() && options.family.is_empty();
    out.extend(
        from_keyring(keyring).filter(|candidate| all || options.family.contains(&candidate.family)),
    );
    Ok(out)
}

/// Returns all keys of a keyring, family by family.
pub(crate) fn from_keyring(keyring: &Keyring) -> impl Iterator<Item = Candidate> {
    keyring.families().flat_map(|(family, keys)| {
        keys.iter().map(|key| Candidate {
            family: family.to_owned(),
            key: key.clone(),
        })
    })
}

/// Returns the first key that made the signature, or says why there is none.
pub(crate) fn first<'a>(
    candidates: &'a [Candidate],
    message: &[u8],
    signature: &[u8],
) -> Result<&'a Candidate, String> {
    let Ok(raw) = Signature::try_from(signature) else {
        let found = signature.len();
        return Err(format!(
            "expected a signature of 64 raw bytes, found {}{}",
            match found > usize::from(MAX_SIGNATURE) - 1 {
                true => "more than 4 KiB".to_owned(),
                false => format!("{found} bytes"),
            },
            looks_like(signature)
                .map_or_else(String::new, |form| format!(" that look like {form}"))
        ));
    };
    let good = candidates
        .iter()
        .find(|candidate| candidate.key.verify(message, &raw).is_ok());
    good.ok_or_else(|| match candidates {
        [one] => format!("not signed by key {}", one.key.id()),
        _ => format!("not signed by any of {} keys", candidates.len()),
    })
}

/// Guesses what a signature file of another size holds, to say what to do about it.
fn looks_like(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.trim_ascii();
    let all = |fits: fn(&u8) -> bool| text.iter().all(fits);
    match text.len() {
        _ if text.starts_with(b"-----BEGIN PGP") => Some("an OpenPGP signature"),
        _ if text.starts_with(b"-----BEGIN SSH SIGNATURE") => Some("a signature by ssh-keygen"),
        _ if text.starts_with(b"-----BEGIN") => Some("PEM"),
        0 => None,
        128 if all(u8::is_ascii_hexdigit) => Some("hex"),
        86 | 88 if all(|b| b.is_ascii_alphanumeric() || b"+/-_=".contains(b)) => Some("base64"),
        _ if text.starts_with(b"{") => Some("JSON"),
        _ if text.starts_with(b"<") => Some("an HTML page"),
        _ if bytes.strip_suffix(b"\n").is_some_and(|raw| raw.len() == 64) => {
            Some("a signature with a newline behind it")
        }
        _ => None,
    }
}

/// Reads a file of at most `limit` bytes; of a longer one, one byte more.
pub(crate) fn read(path: &Path, limit: impl Into<u64>) -> Result<Vec<u8>, Failure> {
    let limit = limit.into();
    let load = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = load().map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    match u64::try_from(bytes.len()) {
        Ok(found) if found > limit && limit == MAX_MESSAGE => Err(Failure::Usage(format!(
            "{}: expected at most {limit} bytes",
            path.display()
        ))),
        _ => Ok(bytes),
    }
}

/// Far more than a chain-of-trust document; signatures are over the whole file, which is held in memory.
pub(crate) const MAX_MESSAGE: u64 = 256 << 20;

/// More than a signature in any encoding takes.
pub(crate) const MAX_SIGNATURE: u16 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_encodings_are_named_s21() {
        let base64 = "A".repeat(86) + "==";
        for (bytes, form) in [
            ("ab".repeat(64).into_bytes(), Some("hex")),
            (base64.clone().into_bytes(), Some("base64")),
            (format!("{base64}\n").into_bytes(), Some("base64")),
            (base64.replace('=', "").into_bytes(), Some("base64")),
            (
                b"-----BEGIN PGP SIGNATURE-----".to_vec(),
                Some("an OpenPGP signature"),
            ),
            (
                b"-----BEGIN SSH SIGNATURE-----".to_vec(),
                Some("a signature by ssh-keygen"),
            ),
            (b"-----BEGIN SIGNATURE-----".to_vec(), Some("PEM")),
            (
                [&[200; 64][..], b"\n"].concat(),
                Some("a signature with a newline behind it"),
            ),
            (b"<!doctype html>".to_vec(), Some("an HTML page")),
            (b"{\"code\": 404}".to_vec(), Some("JSON")),
            (vec![200; 63], None),
            (Vec::new(), None),
        ] {
            assert_eq!(looks_like(&bytes), form, "{bytes:?}");
        }
    }
}
