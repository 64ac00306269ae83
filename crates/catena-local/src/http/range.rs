// SPDX-License-Identifier: MPL-2.0
//! `Range` of a GET (RFC 9110, section 14): one range of bytes. What asks for several, or cannot be read, gets the whole, as it may.

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// What of a content is asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes, at least one.
    Span {
        /// Where they begin.
        start: u64,
        /// The last of them.
        last: u64,
    },
    /// Bytes that it does not have.
    Beyond,
}

/// Reads what is asked of a content of this length. Contents have no tags, so `If-Range` never fits.
pub(super) fn part(headers: &HeaderMap, length: u64) -> Part {
    let mut all = headers.get_all(RANGE).iter();
    let (Some(range), None) = (all.next(), all.next()) else {
        return Part::Whole;
    };
    if headers.contains_key(IF_RANGE) {
        return Part::Whole;
    }
    let text = range.to_str().ok();
    let text = text.and_then(|text| text.trim().strip_prefix("bytes="));
    text.and_then(|text| span(text, length))
        .unwrap_or(Part::Whole)
}

/// `None` for what cannot be read.
fn span(text: &str, length: u64) -> Option<Part> {
    let (first, last) = text.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // more than there can be
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (start, last) = match (first, last) {
        ("", last) => (length.saturating_sub(number(last)?), u64::MAX),
        (first, "") => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    if last < start {
        return None;
    }
    if start >= length {
        return Some(Part::Beyond);
    }
    let last = last.min(length.saturating_sub(1));
    Some(Part::Span { start, last })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(range: &str, length: u64) -> Part {
        let range = HeaderValue::from_str(range).unwrap();
        part(&HeaderMap::from_iter([(RANGE, range)]), length)
    }

    #[test]
    fn one_range_is_cut_to_what_there_is() {
        let span = |start, last| Part::Span { start, last };
        for (range, due) in [
            ("bytes=0-0", span(0, 0)),
            ("bytes=2-4", span(2, 4)),
            ("bytes=2-", span(2, 9)),
            ("bytes=-3", span(7, 9)),
            ("bytes=-99", span(0, 9)),
            ("bytes=9-99999999999999999999999", span(9, 9)),
            ("bytes=10-", Part::Beyond),
            ("bytes=-0", Part::Beyond),
            ("bytes=99999999999999999999999-", Part::Beyond),
            ("bytes=4-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(asked(range, 10), due, "{range}");
        }
        assert_eq!(asked("bytes=0-", 0), Part::Beyond);
        assert_eq!(part(&HeaderMap::new(), 10), Part::Whole);
        let mut conditional =
            HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        conditional.insert(IF_RANGE, HeaderValue::from_static("\"x\""));
        assert_eq!(part(&conditional, 10), Part::Whole);
    }
}
