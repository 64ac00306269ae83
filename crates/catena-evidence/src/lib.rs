// SPDX-License-Identifier: MPL-2.0
//! Where documents come from (DESIGN §2): the queue and VCS hosts over HTTP, a directory, memory.
//!
//! This is the async edge of catena. A [`Source`] answers the core's requests; [`run`] drives a
//! [`Machine`] with one. Retries (P20), redirects (S14), byte caps (S17), content coding (S15) and
//! the meaning of answers (P7) are decided here, and nothing else: what a document says is the
//! core's business.

mod directory;
mod driver;
mod http;
mod memory;
mod mirror;
mod private;
mod progress;
mod shared;
mod source;
mod spool;

pub use directory::{DirectoryError, DirectorySource, DirectoryWriter, RecordedSubject, Recorder};
pub use driver::{Machine, run};
pub use http::HttpSource;
pub use http::connections::Connections;
pub use http::hawk::Signer;
pub use http::limits::Limits;
pub use http::options::{HttpOptions, OptionsError, Proxy};
pub use http::retry::Retry;
pub use memory::MemorySource;
pub use progress::{Event, Progress};
pub use shared::{OpenError, SharedCache, SharedUse};
pub use source::{Source, Stats};
pub use spool::{PlaceError, Spool};
