// SPDX-License-Identifier: MPL-2.0
//! What the queue says of its own accord, kept by the process that heard it, and by no other.
//!
//! A definition is compared with the one in a signed document: two parties say the same. From a place that others can write
//! to, one party would be enough.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Found;
use super::entry::Key;
use crate::spool::Kept;

/// Short answers.
#[derive(Debug)]
pub(super) struct Memory(Mutex<BTreeMap<Key, (Instant, Bytes)>>);

impl Memory {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(super) fn load(&self, key: &Key) -> Found {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match answers.get(key) {
            Some((since, answer)) if since.elapsed() <= OLDEST => {
                Found::Kept(Kept::Bytes(answer.clone()))
            }
            _ => Found::Nothing,
        }
    }

    /// Keeps an answer; returns whether it did.
    pub(super) fn save(&self, key: &Key, kept: &Kept) -> bool {
        let Kept::Bytes(answer) = kept else {
            return false;
        };
        if answer.len() > MOST / 16 {
            return false;
        }
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, (since, _)| since.elapsed() <= OLDEST);
        let used: usize = answers.values().map(|(_, answer)| answer.len()).sum();
        if used + answer.len() > MOST {
            answers.clear(); // rare: it holds the definitions of thousands of tasks
        }
        answers.insert(key.clone(), (Instant::now(), answer.clone()));
        true
    }

    pub(super) fn forget(&self, keys: &[Key]) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            answers.remove(key);
        }
    }
}

/// The signing tasks of a graph follow each other within minutes.
const OLDEST: Duration = Duration::from_hours(1);
/// Bytes.
const MOST: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use catena_core::request::Request;

    use super::*;

    fn key(target: &str) -> Key {
        let task = "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap();
        Key::of(&Request::Definition { task }, target).unwrap()
    }

    fn is_there(memory: &Memory, key: &Key) -> bool {
        matches!(memory.load(key), Found::Kept(_))
    }

    #[tokio::test(start_paused = true)]
    async fn answers_are_kept_for_an_hour_and_within_a_bound() {
        let memory = Memory::new();
        let body = |size| Kept::Bytes(vec![b'x'; size].into());
        assert!(!memory.save(&key("large"), &body(MOST / 16 + 1)));
        for number in 0..17 {
            assert!(memory.save(&key(&number.to_string()), &body(MOST / 16)));
        }
        assert!(!is_there(&memory, &key("0")), "the seventeenth had no room");
        assert!(is_there(&memory, &key("16")));
        memory.forget(&[key("16")]);
        assert!(!is_there(&memory, &key("16")));
        memory.save(&key("16"), &body(1));
        tokio::time::advance(OLDEST + Duration::from_secs(1)).await;
        assert!(!is_there(&memory, &key("16")));
    }
}
