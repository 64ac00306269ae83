// SPDX-License-Identifier: MPL-2.0
//! Which rules were in force when (legacy.md §1): by the newest time of a chain, or as the operator says.

use jiff::Timestamp;
use serde::Serialize;

/// The rules of a scriptworker of the GPG era, by the version numbers of that time.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(into = "u8")]
#[expect(missing_docs, reason = "the numbers are the names")]
pub enum CotVersion {
    V1,
    V2,
    V3,
    V4,
    V5,
}

impl CotVersion {
    /// All, from the oldest, with the day that each began.
    pub const LADDER: [(Self, &'static str); 5] = [
        (Self::V1, "2016-11-14T00:00:00Z"),
        (Self::V2, "2018-01-18T00:00:00Z"),
        (Self::V3, "2018-05-29T00:00:00Z"),
        (Self::V4, "2018-12-28T00:00:00Z"),
        (Self::V5, "2019-03-07T00:00:00Z"),
    ];

    /// Returns the version with that number, if GPG was used under it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        let mut ladder = Self::LADDER.iter();
        ladder.find_map(|(version, _)| (version.number() == number).then_some(*version))
    }

    /// Returns its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    /// Returns the version that was in force for a chain whose newest task was created then.
    ///
    /// # Errors
    /// What is wrong: no timestamp, or one from before or after the era.
    pub fn at(created: &str) -> Result<Self, String> {
        let time = instant(created)?;
        if !in_era(time) {
            return Err(format!("expected a time before {END}, found {created}"));
        }
        let begun = |(_, begin): &&(Self, &str)| instant(begin).is_ok_and(|begin| begin <= time);
        let newest = Self::LADDER.iter().rev().find(begun);
        newest.map(|(version, _)| *version).ok_or_else(|| {
            format!(
                "expected a time from 2016-11-14 on, when the chain of trust began, found {created}"
            )
        })
    }
}

impl From<CotVersion> for u8 {
    fn from(version: CotVersion) -> Self {
        version.number()
    }
}

/// Reads a timestamp as the queue writes it.
pub(super) fn instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!(
            "expected a timestamp, found {:?}",
            text.chars().take(40).collect::<String>()
        )
    })
}

/// Whether a time is before the end of the era (legacy.md §4.1): GPG counts for nothing after it.
pub(super) fn in_era(time: Timestamp) -> bool {
    !reached(time, END)
}

/// Whether the times of a run and its task are in order: made, started, resolved, and over. The clocks of queue and tasks
/// may differ a little.
pub(super) fn in_order(created: &str, started: &str, resolved: &str, deadline: &str) -> bool {
    let times = [created, started, resolved, deadline].map(|text| instant(text).ok());
    let [Some(created), Some(started), Some(resolved), Some(deadline)] =
        times.map(|time| time.map(Timestamp::as_second))
    else {
        return false;
    };
    created.saturating_sub(SLACK) <= started
        && started <= resolved
        && resolved <= deadline.saturating_add(SLACK)
}

/// As much as a signature may be older than its run (legacy.md §3.3).
const SLACK: i64 = 10 * 60;

/// Whether docker-worker wrote no signed text any more (legacy.md §1).
pub(super) fn docker_worker_stopped(time: Timestamp) -> bool {
    reached(time, "2019-05-15T00:00:00Z")
}

/// Whether a worker can have written an ed25519 pair at that time (legacy.md §1: generic-worker 12 came first).
pub(super) fn may_have_pair(time: Timestamp) -> bool {
    reached(time, "2019-01-01T00:00:00Z")
}

fn reached(time: Timestamp, date: &str) -> bool {
    date.parse::<Timestamp>().is_ok_and(|date| time >= date)
}

/// GPG is considered only for runs that were resolved before (legacy.md §4.1).
pub const END: &str = "2019-06-01T00:00:00Z";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_task_decides_the_version() {
        let at = |time: &str| CotVersion::at(time).map(CotVersion::number);
        assert_eq!(at("2016-11-14T00:00:00.000Z"), Ok(1));
        assert_eq!(at("2018-01-17T23:59:59.999Z"), Ok(1));
        assert_eq!(at("2018-01-18T00:00:00.000Z"), Ok(2));
        assert_eq!(at("2018-05-29T00:00:00.000Z"), Ok(3));
        assert_eq!(at("2018-12-28T00:00:00.000Z"), Ok(4));
        assert_eq!(at("2019-05-31T23:59:59.999Z"), Ok(5));
        for outside in [
            "2016-11-13T23:59:59Z",
            "2019-06-01T00:00:00Z",
            "2026-01-01T00:00:00Z",
            "soon",
        ] {
            assert!(at(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn only_versions_of_the_gpg_era_have_numbers() {
        for number in 1..=5 {
            assert_eq!(CotVersion::from_number(number).unwrap().number(), number);
        }
        assert_eq!(CotVersion::from_number(0), None);
        assert_eq!(CotVersion::from_number(6), None);
    }
}
