// SPDX-License-Identifier: MPL-2.0
//! Which containers are open.

use crate::json::MAX_DEPTH;

/// The open containers, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    depth: usize,
    /// The innermost is the lowest bit; set for objects.
    objects: u128,
}

impl Nesting {
    /// Opens a container; false when that would be one too many.
    #[must_use]
    pub(super) const fn open(&mut self, container: Container) -> bool {
        if self.depth >= MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        self.objects <<= 1;
        if matches!(container, Container::Object) {
            self.objects |= 1;
        }
        true
    }

    /// Closes the innermost container.
    pub(super) const fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
    }

    /// Returns what kind the innermost container is; none is like an array.
    pub(super) const fn innermost(&self) -> Container {
        if self.objects & 1 == 1 {
            Container::Object
        } else {
            Container::Array
        }
    }

    /// Returns how many containers are open.
    pub(super) const fn depth(&self) -> usize {
        self.depth
    }
}

/// The two kinds of container.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Container {
    /// `[…]`.
    Array,
    /// `{…}`.
    Object,
}

impl Container {
    /// Returns the byte that closes it.
    pub(super) const fn closing_byte(self) -> u8 {
        match self {
            Self::Array => b']',
            Self::Object => b'}',
        }
    }
}

// one bit per level
const _: () = assert!(MAX_DEPTH == 128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p2_128_levels_and_no_more() {
        let mut nesting = Nesting::default();
        let kind = |level| {
            if level % 3 == 0 {
                Container::Object
            } else {
                Container::Array
            }
        };
        for level in 0..128 {
            assert!(nesting.open(kind(level)));
        }
        assert!(!nesting.open(Container::Object));
        for level in (0..128).rev() {
            assert_eq!(nesting.innermost(), kind(level));
            assert_eq!(nesting.depth(), level + 1);
            nesting.close();
        }
        assert_eq!(nesting.depth(), 0);
    }
}
