// SPDX-License-Identifier: MPL-2.0
//! Answers kept on disk, to ask less (P22, `docs/adr/0010-cached-answers-are-revalidated.md`).
//!
//! A kept body never answers by itself: it stands for an answer only when the host says, in this run,
//! that nothing has changed (304), and when its bytes have the SHA-256 under which they were kept. What
//! is damaged is dropped and fetched anew. Nothing here can fail a request: without a cache, or with a
//! broken one, answers merely cost more.
//!
//! `entries/{key}` says what was answered, `bodies/{sha256}` holds it; files are made whole under another
//! name and then renamed. The least recently used go when there are too many.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use catena_crypto::digest::{Algorithm, Digest};
use reqwest::header::{CACHE_CONTROL, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED};
use serde::{Deserialize, Serialize};

use super::access::Identity;
use crate::private::{self, Listed, remove, remove_oldest, stamp, write};

/// A directory of answers.
#[derive(Debug)]
pub(crate) struct Cache {
    entries: PathBuf,
    bodies: PathBuf,
    most: u64,
    /// Bytes in all files, once counted.
    used: Mutex<Option<u64>>,
}

/// Names an answer: where the connection went and as whom it was asked.
#[derive(Clone, Debug)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn new(url: &str, identity: &Identity) -> Self {
        let text = format!("{}\n{url}", identity.as_str());
        Self(Digest::of(Algorithm::Sha256, text.as_bytes()).hex())
    }
}

/// An answer that was kept, to be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) validators: Validators,
    pub(crate) body: Bytes,
}

/// What the host calls this state of a document.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl Validators {
    /// Reads what the host says; `None` if it says nothing to ask by, or that nobody may keep the answer.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| {
            let text = headers.get(name)?.to_str().ok()?;
            (!text.is_empty() && text.len() <= LONGEST_VALIDATOR).then(|| text.to_owned())
        };
        let directives = headers.get_all(CACHE_CONTROL).iter();
        let forbidden = directives
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.to_ascii_lowercase().contains("no-store"));
        let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
        (!forbidden && (etag.is_some() || last_modified.is_some())).then_some(Self {
            etag,
            last_modified,
        })
    }

    /// Returns the headers that ask whether anything has changed.
    pub(crate) fn conditions(&self) -> HeaderMap {
        use reqwest::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};
        let (name, text) = match (&self.etag, &self.last_modified) {
            (Some(etag), _) => (IF_NONE_MATCH, etag),
            (None, Some(date)) => (IF_MODIFIED_SINCE, date),
            (None, None) => return HeaderMap::new(),
        };
        HeaderValue::from_str(text)
            .map(|value| HeaderMap::from_iter([(name, value)]))
            .unwrap_or_default()
    }
}

/// A file of `entries/`.
#[derive(Debug, Deserialize, Serialize)]
struct Entry {
    /// Its own name: a file that was put in another's place is none.
    key: String,
    #[serde(flatten)]
    validators: Validators,
    sha256: String,
    size: u64,
}

impl Cache {
    /// Opens or makes a directory of at most `most` bytes.
    ///
    /// # Errors
    /// It cannot be made, or somebody else could write to it.
    pub(crate) fn open(dir: &Path, most: u64) -> io::Result<Self> {
        private::open(dir)?;
        let (entries, bodies) = (dir.join("entries"), dir.join("bodies"));
        private::make(&entries)?;
        private::make(&bodies)?;
        Ok(Self {
            entries,
            bodies,
            most,
            used: Mutex::new(None),
        })
    }

    /// Returns what was kept, checked against its digest; what is damaged is removed.
    pub(crate) fn read(&self, key: &Key) -> Option<Cached> {
        let path = self.entries.join(&key.0);
        let text = read(&path, LONGEST_ENTRY)?;
        let entry: Option<Entry> = serde_json::from_slice(&text).ok();
        let entry = entry.filter(|entry| entry.key == key.0);
        let body = entry.as_ref().and_then(|entry| self.body(entry));
        match (entry, body) {
            (Some(entry), Some(body)) => Some(Cached {
                validators: entry.validators,
                body: body.into(),
            }),
            _ => {
                tracing::warn!(path = %path.display(), "a cached answer is damaged and dropped");
                remove(&path);
                None
            }
        }
    }

    /// Keeps an answer, if that is possible.
    pub(crate) fn write(&self, key: &Key, validators: Validators, body: &[u8]) {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if size > self.most / 4 {
            return;
        }
        let sha256 = Digest::of(Algorithm::Sha256, body).hex();
        let entry = Entry {
            key: key.0.clone(),
            validators,
            sha256,
            size,
        };
        if let Err(error) = self.keep(key, &entry, body) {
            tracing::debug!(%error, "an answer cannot be kept");
        }
    }

    /// Notes that an answer was of use.
    pub(crate) fn touch(&self, key: &Key) {
        let path = self.entries.join(&key.0);
        if let Some(text) = read(&path, LONGEST_ENTRY)
            && let Ok(entry) = serde_json::from_slice::<Entry>(&text)
            && let Some(body) = self.place(&entry)
        {
            stamp(&path);
            stamp(&body);
        }
    }

    fn keep(&self, key: &Key, entry: &Entry, body: &[u8]) -> io::Result<()> {
        let place = self.place(entry).ok_or(io::ErrorKind::InvalidInput)?;
        let text = serde_json::to_vec(entry)?;
        write(&self.bodies, &place, |file| file.write_all(body))?;
        let path = self.entries.join(&key.0);
        write(&self.entries, &path, |file| file.write_all(&text))?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let total = match *used {
            Some(total) => total + entry.size + size_of_text(&text),
            None => self.files().iter().map(|file| file.size).sum(),
        };
        *used = Some(if total > self.most {
            self.evict()
        } else {
            total
        });
        Ok(())
    }

    /// Returns the body of an entry if it is whole.
    fn body(&self, entry: &Entry) -> Option<Vec<u8>> {
        let path = self.place(entry)?;
        let body = read(&path, entry.size)?;
        if Digest::of(Algorithm::Sha256, &body).hex() == entry.sha256 {
            return Some(body);
        }
        remove(&path);
        None
    }

    /// Returns where the body of an entry is; `None` if its digest is none.
    fn place(&self, entry: &Entry) -> Option<PathBuf> {
        let digest = Digest::parse(Algorithm::Sha256, &entry.sha256)?;
        Some(self.bodies.join(digest.hex()))
    }

    /// Removes the least recently used files until a quarter is free; returns what is left.
    fn evict(&self) -> u64 {
        remove_oldest(self.files(), self.most / 4 * 3)
    }

    fn files(&self) -> Vec<Listed> {
        let dirs = [&self.entries, &self.bodies];
        let all = dirs.into_iter().filter_map(|dir| fs::read_dir(dir).ok());
        all.flatten()
            .filter_map(|file| {
                let file = file.ok()?;
                let found = file.metadata().ok()?;
                Some(Listed {
                    path: file.path(),
                    size: found.len(),
                    used: found.modified().ok()?,
                })
            })
            .collect()
    }
}

/// Reads a file of at most `most` bytes.
fn read(path: &Path, most: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = private::read(path).ok()?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    (size_of_text(&bytes) <= most).then_some(bytes)
}

fn size_of_text(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// An entry holds two digests and two validators.
const LONGEST_ENTRY: u64 = 4 << 10;
/// GitHub's tags are 70 bytes long.
const LONGEST_VALIDATOR: usize = 1 << 10;

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::SystemTime;

    use super::*;

    fn validators(etag: &str) -> Validators {
        Validators {
            etag: Some(etag.to_owned()),
            last_modified: None,
        }
    }

    fn key(at: &str) -> Key {
        Key::new(&format!("https://h/{at}"), &Identity::anonymous())
    }

    #[test]
    fn what_is_kept_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("a/b"), 1 << 20).unwrap();
        assert!(cache.read(&key("x")).is_none());
        cache.write(&key("x"), validators("\"1\""), b"one");
        cache.write(&key("y"), validators("\"1\""), b"one");
        let cached = cache.read(&key("x")).unwrap();
        assert_eq!(cached.body, b"one"[..]);
        assert_eq!(cached.validators, validators("\"1\""));
        assert!(cache.read(&key("z")).is_none());
        let other = Key::new("https://h/x", &Identity::of(&["token"]));
        assert!(cache.read(&other).is_none());
        let files = cache.files();
        assert_eq!(files.len(), 3, "equal bodies are kept once");
        for file in files {
            let mode = fs::metadata(&file.path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    /// Any change of any byte of any file: the answer is gone, or what it was.
    #[test]
    fn damage_is_dropped_p22() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("c"), 1 << 20).unwrap();
        let refill = || cache.write(&key("x"), validators("\"1\""), b"one");
        refill();
        let paths: Vec<_> = cache.files().into_iter().map(|file| file.path).collect();
        for path in &paths {
            let whole = fs::read(path).unwrap();
            for at in 0..=whole.len() {
                let mut damaged = whole.clone();
                match damaged.get_mut(at) {
                    Some(byte) => *byte ^= 0x20,
                    None => damaged.push(b' '),
                }
                fs::write(path, damaged).unwrap();
                if let Some(cached) = cache.read(&key("x")) {
                    assert_eq!(cached.body, b"one"[..], "{path:?} {at}");
                } else {
                    assert!(cache.read(&key("x")).is_none());
                    refill();
                }
                fs::write(path, &whole).unwrap();
            }
            fs::write(path, &whole[..whole.len() - 1]).unwrap();
            assert!(cache.read(&key("x")).is_none(), "cut");
            refill();
            fs::remove_file(path).unwrap();
            assert!(cache.read(&key("x")).is_none(), "absent");
            refill();
        }
    }

    #[test]
    fn an_entry_under_another_name_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("c"), 1 << 20).unwrap();
        cache.write(&key("x"), validators("\"1\""), b"one");
        let (from, to) = (key("x"), key("y"));
        fs::rename(cache.entries.join(from.0), cache.entries.join(&to.0)).unwrap();
        assert!(cache.read(&to).is_none());
    }

    #[test]
    fn the_least_recently_used_go() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(&dir.path().join("c"), 40_000).unwrap();
        let body = |at: u8| vec![at; 4000];
        let age = |at: u64| {
            let path = cache.entries.join(key(&at.to_string()).0);
            let text = fs::read(&path).unwrap();
            let entry: Entry = serde_json::from_slice(&text).unwrap();
            for path in [path, cache.place(&entry).unwrap()] {
                let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000 + at);
                let file = fs::File::options().append(true).open(path).unwrap();
                file.set_modified(time).unwrap();
            }
        };
        for at in 0..8_u8 {
            cache.write(&key(&at.to_string()), validators("\"1\""), &body(at));
            age(at.into());
        }
        cache.touch(&key("0"));
        for at in 8..12_u8 {
            cache.write(&key(&at.to_string()), validators("\"1\""), &body(at));
        }
        let total: u64 = cache.files().iter().map(|file| file.size).sum();
        assert!(total <= 40_000, "{total}");
        assert!(cache.read(&key("0")).is_some(), "was of use lately");
        assert!(cache.read(&key("1")).is_none());
        assert!(cache.read(&key("11")).is_some());
        // what would push out all others is not kept
        cache.write(&key("large"), validators("\"1\""), &[0; 20_000]);
        assert!(cache.read(&key("large")).is_none());
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        for mode in [0o755, 0o770, 0o701] {
            fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
            let error = Cache::open(&open, 1).unwrap_err().to_string();
            assert!(error.contains("mode 700"), "{error}");
        }
        fs::set_permissions(&open, Permissions::from_mode(0o700)).unwrap();
        Cache::open(&open, 1).unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Cache::open(&file, 1).is_err());
    }

    #[test]
    fn validators_are_what_the_host_says() {
        let headers = |pairs: &[(reqwest::header::HeaderName, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), value.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        let asked = |pairs: &[_]| {
            let conditions = Validators::of(&headers(pairs))?.conditions();
            let (name, value) = conditions.iter().next()?;
            Some(format!("{name}: {}", value.to_str().unwrap()))
        };
        let date = (LAST_MODIFIED, "Thu, 05 Jul 2012 15:31:30 GMT");
        assert_eq!(asked(&[]), None);
        assert_eq!(
            asked(&[(ETAG, "W/\"a\""), date.clone()]).as_deref(),
            Some("if-none-match: W/\"a\"")
        );
        assert_eq!(
            asked(&[date]).as_deref(),
            Some("if-modified-since: Thu, 05 Jul 2012 15:31:30 GMT")
        );
        assert_eq!(
            asked(&[(ETAG, "\"a\""), (CACHE_CONTROL, "private, No-Store")]),
            None
        );
        assert_eq!(asked(&[(ETAG, &"x".repeat(2000))]), None);
    }
}
