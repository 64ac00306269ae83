// SPDX-License-Identifier: MPL-2.0
//! Worlds: what all hosts of a case answer, served over TLS on loopback under their real names. A client reaches them
//! by mapping names to the port of a world and by trusting the authority's certificate, and by nothing else.

mod answers;
mod authority;
mod server;

pub use answers::World;
pub use authority::{Authority, AuthorityError, HOSTS};
pub use server::{Seen, Served};
