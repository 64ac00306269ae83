// SPDX-License-Identifier: MPL-2.0
//! How often and when a failed request is repeated (P20; V96 is what the reference does).

use std::time::Duration;

/// The schedule of attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub base: Duration,
    /// The longest pause that we choose ourselves.
    pub cap: Duration,
    /// The longest time for one document, all attempts and pauses together; bodies that go to disk
    /// get six times as long, since a large one over a slow line is no failure.
    pub deadline: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(15),
            deadline: Duration::from_secs(600),
        }
    }
}

impl Retry {
    /// Returns the pause after `failed` attempts: exponential with up to half as much again at
    /// random, so that many verifiers do not return at the same moment. What the host asks for
    /// wins if it is longer; whether there is time for it is for the caller to say.
    pub(crate) fn pause(&self, failed: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.base.saturating_mul(
            1_u32
                .checked_shl(failed.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        let jitter = 1.0 + fastrand::f64() / 2.0;
        let own = doubled.min(self.cap).mul_f64(jitter).min(self.cap);
        own.max(asked.unwrap_or_default())
    }
}

/// Factor on the deadline (see [`Retry::deadline`]) for bodies that go to disk.
pub(crate) const STREAMING: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_p20() {
        let retry = Retry::default();
        for (failed, least, most) in [
            (1, 0.5, 0.75),
            (2, 1.0, 1.5),
            (3, 2.0, 3.0),
            (4, 4.0, 6.0),
            (9, 15.0, 15.0),
            (99, 15.0, 15.0),
        ] {
            for _ in 0..50 {
                let pause = retry.pause(failed, None).as_secs_f64();
                assert!((least..=most).contains(&pause), "{failed}: {pause}");
            }
        }
    }

    #[test]
    fn retry_after_is_honoured_p20() {
        let retry = Retry::default();
        assert_eq!(
            retry.pause(1, Some(Duration::from_secs(30))),
            Duration::from_secs(30)
        );
        assert!(retry.pause(1, Some(Duration::ZERO)) >= retry.base);
    }
}
