// SPDX-License-Identifier: MPL-2.0
//! Renders [`Report`](catena_core::report::Report)s: [`text`] for people, [`json`] for programs.
//!
//! Nothing here decides anything. A report quotes tasks, hosts and files that nobody vouches for, so every text that
//! is not our own passes [`escape::clean`] before it can reach a terminal.

pub mod escape;
pub mod json;
pub mod text;
pub mod words;
