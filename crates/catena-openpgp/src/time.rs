// SPDX-License-Identifier: MPL-2.0
//! Points in time, as OpenPGP writes them, and the times that a signature is judged by.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Seconds since 1970. OpenPGP and git know nothing finer.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "String", try_from = "String")]
pub struct UnixTime(u64);

impl UnixTime {
    /// The time that many seconds after 1970 began.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The time `seconds` later; the last one there is instead of an overflow.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The time `seconds` earlier; the first one there is instead of an underflow.
    #[must_use]
    pub const fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0)
            .ok()
            .and_then(|seconds| Timestamp::from_second(seconds).ok());
        match time {
            Some(time) => write!(f, "{time}"),
            None => write!(f, "second {} since 1970", self.0),
        }
    }
}

impl From<UnixTime> for String {
    fn from(time: UnixTime) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for UnixTime {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for UnixTime {
    type Err = String;

    /// Reads RFC 3339, such as `2017-06-02T21:22:00Z`; a fraction of a second is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: Timestamp = text
            .parse()
            .map_err(|_| format!("expected a time such as 2017-06-02T21:22:00Z, found {text:?}"))?;
        u64::try_from(time.as_second())
            .map(Self)
            .map_err(|_| format!("expected a time after 1970, found {text:?}"))
    }
}

/// The times that a signature is judged by (legacy.md §3.3). The caller chooses them; the signer has no say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Moment {
    /// Keys must be alive and unrevoked now; what digests and algorithms count is pinned to this time.
    pub reference: UnixTime,
    /// No signature from before this counts.
    pub earliest: UnixTime,
    /// No signature from after this counts.
    pub latest: UnixTime,
}

impl Moment {
    /// The moment of a run: signatures from ten minutes before it started to an hour after it was resolved.
    #[must_use]
    pub const fn of_run(started: UnixTime, resolved: UnixTime) -> Self {
        Self {
            reference: resolved,
            earliest: started.minus(BEFORE_STARTED),
            latest: resolved.plus(AFTER_RESOLVED),
        }
    }

    /// A time that someone vouches for instead of the queue: any signature that is older by then. Reduced assurance.
    #[must_use]
    pub const fn as_of(reference: UnixTime) -> Self {
        Self {
            reference,
            earliest: UnixTime(0),
            latest: reference.plus(AFTER_RESOLVED),
        }
    }
}

/// How far a worker's clock may be behind (legacy.md §3.3).
const BEFORE_STARTED: u64 = 10 * 60;
/// How long after a run was resolved its document may be signed (legacy.md §3.3).
const AFTER_RESOLVED: u64 = 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let time: UnixTime = "2017-06-02T21:21:44.9Z".parse().unwrap();
        assert_eq!(time.seconds(), 1_496_438_504);
        assert_eq!(time.to_string(), "2017-06-02T21:21:44Z");
        assert!("1969-12-31T23:59:59Z".parse::<UnixTime>().is_err());
        assert!("today".parse::<UnixTime>().is_err());
    }

    #[test]
    fn a_run_allows_ten_minutes_before_and_an_hour_after() {
        let moment = Moment::of_run(UnixTime(10_000), UnixTime(20_000));
        assert_eq!(moment.earliest.seconds(), 9_400);
        assert_eq!(moment.reference.seconds(), 20_000);
        assert_eq!(moment.latest.seconds(), 23_600);
        assert_eq!(
            Moment::of_run(UnixTime(0), UnixTime(u64::MAX)).latest,
            UnixTime(u64::MAX)
        );
    }
}
