// SPDX-License-Identifier: MPL-2.0
//! What a progress bar wants to know.

use std::fmt;
use std::sync::Arc;

use catena_core::request::Request;

/// Something that happened while documents were fetched.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A document arrived, or it is certain that none will.
    Finished {
        /// Which.
        request: &'a Request,
        /// Whether there is a document.
        received: bool,
    },
    /// More of a body arrived.
    Received {
        /// Of which document.
        request: &'a Request,
        /// Bytes of this attempt so far, as sent over the wire.
        bytes: u64,
        /// The announced size, if any.
        total: Option<u64>,
    },
    /// A document is asked for.
    Started {
        /// Which.
        request: &'a Request,
    },
}

/// Where events go; does nothing by default. Clones share the listener.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Listener>>);

type Listener = dyn Fn(Event<'_>) + Send + Sync;

impl Progress {
    /// Returns one that calls `listener`, which must be quick.
    pub fn new(listener: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    pub(crate) fn send(&self, event: Event<'_>) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}
