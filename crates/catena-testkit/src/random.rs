// SPDX-License-Identifier: MPL-2.0
//! Reproducible noise: SplitMix64. No secret may ever come from here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catena_core::model::ids::TaskId;
use catena_crypto::digest::{Algorithm, Digest};

/// A stream of numbers that depends on nothing but its seed.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Returns the stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a stream that depends on a seed and a purpose.
    #[must_use]
    pub fn for_purpose(seed: u64, purpose: &str) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = seed_bytes(seed, purpose);
        Self(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }

    /// Returns the next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `bound`, which must not be 0; the tiny bias does not matter here.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.number() % bound).unwrap_or(0)
    }

    /// Returns `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(count + 8);
        while out.len() < count {
            out.extend_from_slice(&self.number().to_le_bytes());
        }
        out.truncate(count);
        out
    }

    /// Returns 40 hexadecimal digits: a revision.
    pub fn revision(&mut self) -> String {
        self.bytes(20)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Returns a task id.
    pub fn task_id(&mut self) -> TaskId {
        loop {
            let mut raw = self.bytes(16);
            for (at, and, or) in [(0, 0x7f, 0), (6, 0x0f, 0x40), (8, 0x3f, 0x80)] {
                if let Some(byte) = raw.get_mut(at) {
                    *byte = *byte & and | or;
                }
            }
            if let Ok(id) = URL_SAFE_NO_PAD.encode(&raw).parse() {
                return id;
            }
        }
    }

    /// Puts items in another order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Returns 32 bytes that depend on a seed and a purpose: the test keys.
pub(crate) fn seed_bytes(seed: u64, purpose: &str) -> [u8; 32] {
    let hex = Digest::of(
        Algorithm::Sha256,
        format!("catena-testkit|{seed}|{purpose}").as_bytes(),
    )
    .hex();
    let mut out = [0; 32];
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = std::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .unwrap_or(0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (random.task_id(), random.revision(), random.below(10))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert_ne!(seed_bytes(1, "a"), seed_bytes(1, "b"));
    }
}
