// SPDX-License-Identifier: MPL-2.0
//! What can go wrong in a call, by what follows from it.

/// Why a call of the queue failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The answer is not what the API promises.
    #[error("{call}: unexpected answer: {detail}")]
    Answer {
        /// The call.
        call: &'static str,
        /// What is wrong with it; never its content, which may hold credentials.
        detail: String,
    },
    /// A file changed while it was sent.
    #[error(
        "{call}: expected content with {due}, what was sent has {found}: something still writes to the file"
    )]
    Changed {
        /// The call.
        call: &'static str,
        /// The digest that the document lists.
        due: String,
        /// That of what was sent.
        found: String,
    },
    /// 409: the run is not ours any more, or the artifact exists with other properties.
    #[error("{call}: the queue answered 409: {message}")]
    Conflict {
        /// The call.
        call: &'static str,
        /// What the queue says.
        message: String,
    },
    /// Another 4xx, which will not change.
    #[error("{call}: the queue answered {status} {code}: {message}")]
    Refused {
        /// The call.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// `code` of the answer.
        code: String,
        /// `message` of the answer.
        message: String,
    },
    /// The request cannot be made: root URL or credentials.
    #[error("{call}: {detail}")]
    Setup {
        /// The call.
        call: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// No connection, a broken one, no answer in time, 408, 429 or 5xx: worth another try.
    #[error("{call}: {detail}")]
    Transient {
        /// The call.
        call: &'static str,
        /// HTTP status, if there was an answer.
        status: Option<u16>,
        /// What happened.
        detail: String,
    },
}

impl QueueError {
    /// Returns whether trying again may help. Credentials of a run that the queue does not take are replaced with the next
    /// reclaim.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Transient { .. } | Self::Refused { status: 401, .. }
        )
    }

    /// A call that was given up, because something else could not wait for it.
    pub(crate) fn stalled(call: &'static str) -> Self {
        Self::Transient {
            call,
            status: None,
            detail: "no answer in time".to_owned(),
        }
    }

    /// Returns whether the queue answered 409.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}
