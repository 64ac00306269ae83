// SPDX-License-Identifier: MPL-2.0
//! The keys of the top-level object: task ids, and others that must merely not be written twice.

use catena_crypto::digest::{Algorithm, Hasher};

use crate::model::ids::TaskId;

/// Collects one decoded key in bounded memory.
#[derive(Debug, Default)]
pub(super) struct KeyCollector {
    head: Vec<u8>,
    /// Holds what came before `head`, once a key is too long to be kept.
    hasher: Option<Hasher>,
}

/// A complete key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    /// A key that names no task: the SHA-256 of its text, as long keys are not kept.
    Other([u8; 32]),
    /// A task's id.
    Task(TaskId),
}

impl KeyCollector {
    /// Takes the next piece of the key, escapes decoded.
    pub(super) fn extend(&mut self, piece: &[u8]) {
        if self.head.len() + piece.len() > KEPT {
            let hasher = self.hasher.get_or_insert_with(sha256);
            hasher.update(&self.head);
            hasher.update(piece);
            self.head.clear();
        } else {
            self.head.extend_from_slice(piece);
        }
    }

    /// Ends the key and makes room for the next.
    pub(super) fn finish(&mut self) -> Key {
        let hasher = self.hasher.take();
        let text = std::str::from_utf8(&self.head).ok();
        let task = text.and_then(|text| text.parse().ok());
        let key = match (hasher, task) {
            (None, Some(task)) => Key::Task(task),
            (hasher, _) => {
                let mut hasher = hasher.unwrap_or_else(sha256);
                hasher.update(&self.head);
                // invariant: SHA-256 has 32 bytes; were it not so, all keys would count as equal and be refused
                Key::Other(hasher.finish().as_bytes().try_into().unwrap_or_default())
            }
        };
        self.head.clear();
        key
    }
}

fn sha256() -> Hasher {
    Hasher::new(Algorithm::Sha256)
}

/// How many bytes of a key are kept; a task id has 22.
const KEPT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pieces: &[&str]) -> Key {
        let mut collector = KeyCollector::default();
        collector.extend(b"the key before");
        collector.finish();
        pieces.iter().for_each(|p| collector.extend(p.as_bytes()));
        collector.finish()
    }

    #[test]
    fn pieces_make_no_difference() {
        let id = "YyxNNh7mTAmwDhB4Itm0jg";
        assert_eq!(key(&[id]), Key::Task(id.parse().unwrap()));
        assert_eq!(key(&["", &id[..7], &id[7..]]), key(&[id]));
        let long = "x".repeat(200) + id;
        for cut in 0..long.len() {
            assert_eq!(key(&[&long[..cut], &long[cut..]]), key(&[&long]));
        }
        assert!(matches!(key(&[&long]), Key::Other(_)));
        assert_ne!(key(&[&long]), key(&[&long[1..]]));
        assert_ne!(key(&["a"]), key(&[""]));
    }
}
