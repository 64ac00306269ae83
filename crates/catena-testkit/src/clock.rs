// SPDX-License-Identifier: MPL-2.0
//! The times of a chain: a clock that moves when it is asked, never by itself.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The time of the next event.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Timestamp);

impl Clock {
    pub(crate) fn new() -> Self {
        // 2026-03-02T09:00:00.123Z: any fixed time will do
        Self(Timestamp::constant(1_772_442_000, 123_000_000))
    }

    /// Moves on by some minutes and returns the time.
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.0 = later(self.0, SignedDuration::from_millis(7 * 60_000 + 31));
        self.0
    }
}

pub(crate) const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(crate) fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    // far from the ends of the calendar
    from.saturating_add(by).unwrap_or(from)
}

/// Returns the time as Taskcluster writes it.
pub(crate) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Replaces `{"relative-datestamp": "1 day"}` and the like by the time that it means for a task of that time.
pub(crate) fn resolve(value: &mut Value, created: Timestamp) {
    match value {
        Value::Object(members) => match members.get("relative-datestamp").and_then(Value::as_str) {
            Some(offset) if members.len() == 1 => {
                *value = stamp(later(created, span(offset))).into()
            }
            _ => members
                .values_mut()
                .for_each(|member| resolve(member, created)),
        },
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, created)),
        _ => {}
    }
}

/// The offsets that this crate's own task graphs use.
fn span(offset: &str) -> SignedDuration {
    match offset {
        "1 day" => DAY,
        "28 days" => DAY * 28,
        "1 year" => DAY * 365,
        _ => SignedDuration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn datestamps_resolve_v56() {
        let mut value = json!([{"expires": {"relative-datestamp": "28 days"}}, {"relative-datestamp": "0 seconds"}]);
        resolve(&mut value, Clock::new().0);
        assert_eq!(
            value,
            json!([{"expires": "2026-03-30T09:00:00.123Z"}, "2026-03-02T09:00:00.123Z"])
        );
    }
}
