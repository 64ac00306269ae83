// SPDX-License-Identifier: MPL-2.0
//! One request at a time for each name: whoever comes second waits for the first.
//!
//! The first may be stopped at any moment: its turn then goes to the next. When it found nothing to share, those who waited go
//! on by themselves and side by side, so that an outage holds nobody up twice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::entry::Key;

/// The requests under way.
#[derive(Debug)]
pub(super) struct Flights(Mutex<BTreeMap<Key, Arc<Flight>>>);

/// One of them. Whoever holds the lock has the turn.
pub(super) type Flight = tokio::sync::Mutex<State>;

/// What became of it so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum State {
    /// There is nothing to share: everybody asks.
    Failed,
    /// There is an answer to read.
    Landed,
    /// Nobody has asked yet, or whoever did was stopped.
    #[default]
    Open,
}

/// A place among those who want the same; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    flights: &'a Flights,
    key: Key,
    pub(super) flight: Arc<Flight>,
}

impl Flights {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(super) fn join(&self, key: &Key) -> Seat<'_> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Seat {
            flights: self,
            key: key.clone(),
            flight: Arc::clone(flights.entry(key.clone()).or_default()),
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self
            .flights
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // the map's and ours: nobody else is in it
        if Arc::strong_count(&self.flight) == 2 {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flight_ends_with_its_last_passenger() {
        let flights = Flights::new();
        let key = Key::of(
            &catena_core::request::Request::Definition {
                task: "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap(),
            },
            "https://tc.example.org/",
        );
        let key = key.unwrap();
        let first = flights.join(&key);
        *first.flight.lock().await = State::Landed;
        let second = flights.join(&key);
        drop(first);
        assert_eq!(*second.flight.lock().await, State::Landed);
        drop(second);
        assert_eq!(flights.0.lock().unwrap().len(), 0);
        assert_eq!(*flights.join(&key).flight.lock().await, State::Open);
    }
}
