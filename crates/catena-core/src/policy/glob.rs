// SPDX-License-Identifier: MPL-2.0
//! Globs of policies: `*` is any run of characters but `/`, `**` any run at all; nothing else is special.

/// Returns whether all of `text` matches `pattern`, in time proportional to the product of their lengths.
#[must_use]
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // reached[i]: the pattern so far matches the first i characters
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        let star = c == '*';
        let deep = star && rest.next_if_eq(&'*').is_some();
        let mut next = vec![false; reached.len()];
        let mut open = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1);
            let previous = before.and_then(|i| text.get(i).copied());
            if star {
                open = reached.get(at) == Some(&true) || (open && (deep || previous != Some('/')));
                *slot = open;
            } else {
                *slot = previous == Some(c) && before.and_then(|i| reached.get(i)) == Some(&true);
            }
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stays_within_a_segment() {
        for (pattern, text) in [
            ("main", "main"),
            ("release/*", "release/1.x"),
            ("*/*-signing*", "p/gecko-3-signing-dev"),
            ("**", "a/b"),
            ("a**b", "a/x/b"),
            ("*", ""),
        ] {
            assert!(glob_matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("main", "maine"),
            ("main", "xmain"),
            ("release/*", "release/a/b"),
            ("*", "a/b"),
            ("", "a"),
            ("a", ""),
            ("a?", "ab"),
            ("[a]", "a"),
        ] {
            assert!(!glob_matches(pattern, text), "{pattern} {text}");
        }
    }
}
