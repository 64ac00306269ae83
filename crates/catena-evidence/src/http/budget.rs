// SPDX-License-Identifier: MPL-2.0
//! What GitHub still lets us ask (P7, P20): a limit that is used up ends the asking, not the chain.
//!
//! Each identity has a budget of its own. Where the host says that nothing is left, or asks for a pause,
//! nobody asks again before the time that it names: many tasks of a chain must not become a storm. What
//! is not answered for this reason is evidence that we do not have, never a finding against the chain.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use catena_core::document::ErrorKind;
use catena_core::report::GithubBudget;
use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::access::Identity;
use super::classify::{Again, Failure, retry_after};

/// The budgets of one run.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    accounts: Mutex<HashMap<Identity, Account>>,
    requests: AtomicU64,
    not_modified: AtomicU64,
}

#[derive(Debug, Default)]
struct Account {
    rate: Option<Rate>,
    closed: Option<Closed>,
}

/// GitHub's `x-ratelimit-*` headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Rate {
    limit: u64,
    remaining: u64,
    reset: Timestamp,
}

/// When the host wants to be asked again, and why.
#[derive(Clone, Copy, Debug)]
struct Closed {
    until: Timestamp,
    why: Why,
}

#[derive(Clone, Copy, Debug)]
enum Why {
    /// The host asked for a pause (a secondary limit).
    Pause,
    /// The limit of so many requests is used up.
    UsedUp(u64),
}

impl Budget {
    /// Returns whether `identity` may ask now.
    pub(crate) fn admit(&self, identity: &Identity, now: Timestamp) -> Result<(), Failure> {
        let mut accounts = self.accounts();
        let Some(account) = accounts.get_mut(identity) else {
            return Ok(());
        };
        match account.closed {
            Some(closed) if closed.until > now => Err(closed.failure(identity, now)),
            _ => {
                account.closed = None;
                Ok(())
            }
        }
    }

    /// Takes note of an answer's headers.
    pub(crate) fn note(
        &self,
        identity: &Identity,
        status: StatusCode,
        headers: &HeaderMap,
        now: Timestamp,
    ) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status == StatusCode::NOT_MODIFIED {
            self.not_modified.fetch_add(1, Ordering::Relaxed);
        }
        let Some(rate) = Rate::of(headers) else {
            return;
        };
        let mut accounts = self.accounts();
        let account = accounts.entry(identity.clone()).or_default();
        // answers overtake each other: within one period the lowest figure is the latest
        let newer = account.rate.is_none_or(|known| {
            rate.reset > known.reset
                || (rate.reset == known.reset && rate.remaining <= known.remaining)
        });
        if newer {
            account.rate = Some(rate);
        }
        if rate.remaining == 0 && rate.reset > now {
            account.close(Closed {
                until: rate.reset,
                why: Why::UsedUp(rate.limit),
            });
        }
    }

    /// Judges status 403 or 429; `text` is the beginning of the body.
    pub(crate) fn refused(
        &self,
        identity: &Identity,
        status: StatusCode,
        headers: &HeaderMap,
        text: &[u8],
        now: Timestamp,
    ) -> Failure {
        let asked = retry_after(headers, now);
        if asked.is_none() && Rate::of(headers).is_some_and(|rate| rate.remaining == 0) {
            // `note` has closed the account, unless the host's clock is behind ours
            if let Err(failure) = self.admit(identity, now) {
                return failure;
            }
        }
        let limited = status == StatusCode::TOO_MANY_REQUESTS || speaks_of_a_limit(text);
        let Some(pause) = asked.or(limited.then_some(UNTOLD)) else {
            return Failure::status(status, headers);
        };
        let closed = Closed {
            until: now.checked_add(pause).unwrap_or(Timestamp::MAX),
            why: Why::Pause,
        };
        self.accounts()
            .entry(identity.clone())
            .or_default()
            .close(closed);
        let failure = closed.failure(identity, now);
        Failure {
            detail: format!("status {}: {}", status.as_u16(), failure.detail),
            ..failure
        }
    }

    /// Returns what was asked, and the budget of the identity that has the least left.
    pub(crate) fn stats(&self) -> Option<GithubBudget> {
        let requests = self.requests.load(Ordering::Relaxed);
        let accounts = self.accounts();
        let scarcest = accounts
            .values()
            .filter_map(|account| account.rate)
            .min_by_key(|rate| (rate.remaining, rate.limit));
        (requests > 0).then(|| GithubBudget {
            requests,
            not_modified: self.not_modified.load(Ordering::Relaxed),
            remaining: scarcest.map(|rate| rate.remaining),
            limit: scarcest.map(|rate| rate.limit),
            reset: scarcest.map(|rate| shown(rate.reset)),
        })
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Identity, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// Closes until the later of two times.
    fn close(&mut self, closed: Closed) {
        if self.closed.is_none_or(|known| known.until <= closed.until) {
            self.closed = Some(closed);
        }
    }
}

impl Closed {
    fn failure(self, identity: &Identity, now: Timestamp) -> Failure {
        let until = shown(self.until);
        let left = Duration::try_from(self.until.duration_since(now)).unwrap_or_default();
        let (detail, again) = match self.why {
            Why::Pause => (
                format!("GitHub asks not to be asked before {until}"),
                Again::Later(Some(left)),
            ),
            Why::UsedUp(limit) => {
                let advice = if identity.is_anonymous() {
                    "set a GitHub token, or try again then"
                } else {
                    "try again then"
                };
                let detail = format!(
                    "GitHub's limit of {limit} requests is used up and resets at {until}: {advice}"
                );
                (detail, Again::Never)
            }
        };
        Failure {
            kind: ErrorKind::Unavailable,
            detail,
            again,
        }
    }
}

impl Rate {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
        // other budgets, such as that of searches, are not ours
        if text("x-ratelimit-resource").is_some_and(|resource| resource != "core") {
            return None;
        }
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let reset = i64::try_from(number("x-ratelimit-reset")?).ok()?;
        Some(Self {
            limit: number("x-ratelimit-limit")?,
            remaining: number("x-ratelimit-remaining")?,
            reset: Timestamp::from_second(reset).ok()?,
        })
    }
}

fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns whether the text of a refusal is about a rate limit: GitHub does not always say so in headers.
fn speaks_of_a_limit(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    text.contains("rate limit") || text.contains("abuse detection")
}

/// The pause when the host names none: GitHub asks for at least a minute.
const UNTOLD: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, RETRY_AFTER};

    use super::*;

    const NOW: &str = "2026-11-20T12:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn rate(remaining: u64, reset_in: i64) -> HeaderMap {
        let reset = (now().as_second() + reset_in).to_string();
        let header = |name, value: String| (HeaderName::from_static(name), value.parse().unwrap());
        HeaderMap::from_iter([
            header("x-ratelimit-limit", "60".to_owned()),
            header("x-ratelimit-remaining", remaining.to_string()),
            header("x-ratelimit-reset", reset),
            header("x-ratelimit-resource", "core".to_owned()),
        ])
    }

    #[test]
    fn nothing_left_closes_until_the_reset_p7() {
        let (budget, who) = (Budget::default(), Identity::anonymous());
        budget.note(&who, StatusCode::OK, &rate(1, 600), now());
        assert!(budget.admit(&who, now()).is_ok());
        budget.note(&who, StatusCode::OK, &rate(0, 600), now());
        let failure = budget.admit(&who, now()).unwrap_err();
        assert_eq!(
            (failure.kind, failure.again),
            (ErrorKind::Unavailable, Again::Never)
        );
        for part in ["limit of 60", "resets at 2026-11-20T12:10:00Z", "token"] {
            assert!(failure.detail.contains(part), "{}", failure.detail);
        }
        // somebody else has a budget of their own, and theirs needs no token
        let other = Identity::of(&["token"]);
        assert!(budget.admit(&other, now()).is_ok());
        budget.note(&other, StatusCode::OK, &rate(0, 60), now());
        let failure = budget.admit(&other, now()).unwrap_err();
        assert!(!failure.detail.contains("token"), "{}", failure.detail);
        let later = now().checked_add(Duration::from_secs(600)).unwrap();
        assert!(budget.admit(&who, later).is_ok());
    }

    #[test]
    fn refusals_p7_p20() {
        let after = |mut headers: HeaderMap, seconds: &str| {
            headers.insert(RETRY_AFTER, seconds.parse().unwrap());
            headers
        };
        let none = HeaderMap::new;
        let pause = |seconds| Again::Later(Some(Duration::from_secs(seconds)));
        let limited = br#"{"message": "You have exceeded a secondary rate limit."}"#;
        for (status, headers, text, kind, again) in [
            (403, none(), &b"{}"[..], ErrorKind::Forbidden, Again::Never),
            (403, rate(9, 60), b"{}", ErrorKind::Forbidden, Again::Never),
            (
                403,
                rate(0, 60),
                b"{}",
                ErrorKind::Unavailable,
                Again::Never,
            ),
            (
                429,
                rate(0, 60),
                b"{}",
                ErrorKind::Unavailable,
                Again::Never,
            ),
            (
                403,
                after(none(), "7"),
                b"{}",
                ErrorKind::Unavailable,
                pause(7),
            ),
            (
                429,
                after(none(), "7"),
                b"{}",
                ErrorKind::Unavailable,
                pause(7),
            ),
            (
                429,
                after(rate(9, 60), "7"),
                b"{}",
                ErrorKind::Unavailable,
                pause(7),
            ),
            (429, none(), b"{}", ErrorKind::Unavailable, pause(60)),
            (403, none(), limited, ErrorKind::Unavailable, pause(60)),
            // the host's clock is behind ours
            (429, rate(0, -5), b"{}", ErrorKind::Unavailable, pause(60)),
        ] {
            let (budget, who) = (Budget::default(), Identity::anonymous());
            let status = StatusCode::from_u16(status).unwrap();
            budget.note(&who, status, &headers, now());
            let failure = budget.refused(&who, status, &headers, text, now());
            let shown = format!("{status} {headers:?}: {}", failure.detail);
            assert_eq!((failure.kind, failure.again), (kind, again), "{shown}");
            // and nobody is sent after it
            let next = budget.admit(&who, now());
            assert_eq!(next.is_err(), kind == ErrorKind::Unavailable, "{shown}");
        }
    }

    #[test]
    fn the_scarcest_budget_is_reported() {
        let budget = Budget::default();
        assert_eq!(budget.stats(), None);
        let (who, other) = (Identity::anonymous(), Identity::of(&["token"]));
        budget.note(&who, StatusCode::OK, &rate(7, 60), now());
        budget.note(&other, StatusCode::NOT_MODIFIED, &rate(40, 60), now());
        // an answer that was overtaken, and one of another kind
        budget.note(&who, StatusCode::OK, &rate(8, 60), now());
        let mut search = rate(0, 60);
        search.insert("x-ratelimit-resource", "search".parse().unwrap());
        budget.note(&who, StatusCode::OK, &search, now());
        let stats = budget.stats().unwrap();
        assert_eq!((stats.requests, stats.not_modified), (4, 1));
        assert_eq!((stats.remaining, stats.limit), (Some(7), Some(60)));
        assert_eq!(stats.reset.as_deref(), Some("2026-11-20T12:01:00Z"));
        assert!(budget.admit(&who, now()).is_ok());
        // the next period starts full again
        budget.note(&who, StatusCode::OK, &rate(59, 3660), now());
        assert_eq!(budget.stats().unwrap().remaining, Some(40));
    }
}
