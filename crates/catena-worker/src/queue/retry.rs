// SPDX-License-Identifier: MPL-2.0
//! How often, and with which pauses, something is tried again (worker.md 8.3, 12).

use std::time::Duration;

/// Growing pauses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// The pause after the first failure.
    pub base: Duration,
    /// The longest pause.
    pub cap: Duration,
    /// How often it is tried in all.
    pub attempts: u32,
    /// The pause is multiplied with a random number from here …
    pub least: f64,
    /// … to here.
    pub most: f64,
}

impl Retry {
    /// Calls of the queue: six attempts, a tenth of a second and twice as much each time, a quarter more or less.
    pub const CALLS: Self = Self {
        base: Duration::from_millis(100),
        cap: Duration::from_secs(30),
        attempts: 6,
        least: 0.75,
        most: 1.25,
    };
    /// Uploads: five attempts.
    pub const UPLOADS: Self = Self {
        base: Duration::from_secs(5),
        cap: Duration::from_secs(120),
        attempts: 5,
        least: 1.0,
        most: 1.5,
    };
    /// What is tried until the claim ends: reclaims and reports.
    pub const UNTIL_LOST: Self = Self {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(30),
        attempts: u32::MAX,
        least: 0.75,
        most: 1.25,
    };

    /// Requests for work that fail, and tasks that fail by a fault of the worker: a second and twice as much each time, up
    /// to a minute.
    pub const FAULTS: Self = Self {
        base: Duration::from_secs(1),
        cap: Duration::from_secs(60),
        attempts: u32::MAX,
        least: 1.0,
        most: 1.25,
    };

    /// Returns the pause after `failed` failures; `None` if that was the last attempt.
    #[must_use]
    pub fn pause(&self, failed: u32) -> Option<Duration> {
        self.pause_with(failed, fastrand::f64())
    }

    /// As [`pause`](Self::pause), with the random number, from 0 to 1.
    fn pause_with(&self, failed: u32, random: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doublings = failed.saturating_sub(1).min(20);
        let plain = self.base.saturating_mul(1 << doublings);
        let factor = self.least + (self.most - self.least) * random;
        Some(plain.min(self.cap).mul_f64(factor).min(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_of_uploads_grow_section_8_3() {
        let seconds = |failed, random| {
            let pause = Retry::UPLOADS.pause_with(failed, random)?;
            Some(pause.as_secs_f64())
        };
        assert_eq!(seconds(1, 0.0), Some(5.0));
        assert_eq!(seconds(2, 0.0), Some(10.0));
        assert_eq!(seconds(4, 1.0), Some(60.0));
        assert_eq!(seconds(5, 0.0), None);
    }

    #[test]
    fn pauses_of_calls_stay_below_half_a_minute_section_12() {
        assert_eq!(
            Retry::CALLS.pause_with(1, 0.5),
            Some(Duration::from_millis(100))
        );
        assert_eq!(Retry::CALLS.pause_with(6, 0.5), None);
        let long = Retry::FAULTS.pause_with(7, 0.0);
        assert_eq!(long, Some(Duration::from_secs(60)));
        let long = Retry::UNTIL_LOST.pause_with(4_000_000_000, 1.0);
        assert_eq!(long, Some(Duration::from_secs(30)));
    }
}
