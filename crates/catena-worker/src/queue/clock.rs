// SPDX-License-Identifier: MPL-2.0
//! The time at the queue, learnt from the `Date` of its answers.
//!
//! A machine whose clock is wrong, or is set while a task runs, would sign requests that the queue takes for old ones, and
//! would take claims for over that are not. Only differences that matter count: answers take time, and their date has no
//! fractions.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, HeaderMap};

/// How far the queue's clock is from ours.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// Seconds that the queue is ahead.
    ahead: AtomicI64,
    /// It changed, and nobody was told.
    news: AtomicBool,
}

impl Clock {
    /// Returns the time at the queue.
    pub(super) fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_secs(self.ahead.load(Ordering::Relaxed));
        let now = Timestamp::now();
        now.checked_add(ahead).unwrap_or(now)
    }

    /// Reads the date of an answer; returns whether we had another idea of the time.
    pub(super) fn learn(&self, headers: &HeaderMap) -> bool {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| PARSER.parse_timestamp(date).ok());
        date.is_some_and(|date| self.adjust(date, Timestamp::now()))
    }

    fn adjust(&self, theirs: Timestamp, ours: Timestamp) -> bool {
        let ahead = theirs.duration_since(ours).as_secs();
        let before = self.ahead.load(Ordering::Relaxed);
        if ahead.abs_diff(before) <= TOLERANCE {
            return false;
        }
        self.ahead.store(ahead, Ordering::Relaxed);
        self.news.store(true, Ordering::Relaxed);
        true
    }

    /// Says once what changed.
    pub(super) fn news(&self) -> Option<String> {
        if !self.news.swap(false, Ordering::Relaxed) {
            return None;
        }
        let ahead = self.ahead.load(Ordering::Relaxed);
        let side = if ahead < 0 { "ahead of" } else { "behind" };
        let seconds = ahead.unsigned_abs();
        Some(format!(
            "the clock of this machine is {seconds} s {side} that of the queue, whose time is used from now on"
        ))
    }
}

/// As HTTP writes dates.
static PARSER: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new();
/// Seconds that an answer may be late.
const TOLERANCE: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_difference_that_matters_is_learnt_and_told_once() {
        let clock = Clock::default();
        assert!(!clock.adjust(at(7), at(0)));
        assert!(clock.news().is_none());
        assert!(clock.adjust(at(3600), at(0)));
        let news = clock.news().unwrap();
        assert!(news.contains("3600 s behind"), "{news}");
        assert!(clock.news().is_none());
        assert!(!clock.adjust(at(3605), at(0)), "it is known");
        assert!(clock.adjust(at(0), at(3600)), "the clock was set");
        assert!(clock.news().unwrap().contains("3600 s ahead of"));
        assert!(clock.now() < Timestamp::now());
    }

    #[test]
    fn dates_are_read_as_http_writes_them() {
        let clock = Clock::default();
        for (date, news) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", true),
            ("yesterday", false),
        ] {
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            assert_eq!(clock.learn(&headers), news, "{date}");
        }
    }
}
