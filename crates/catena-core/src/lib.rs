// SPDX-License-Identifier: MPL-2.0
//! The pure core of catena: given documents, decide whether a chain of trust holds.
//!
//! It does no I/O, reads no clock and knows no async. A [`walk::Walk`] names the documents it needs as
//! [`request::Request`]s, takes [`document::Document`]s in any order and ends in a [`report::Report`].

pub mod checks;
mod compare;
pub mod document;
mod evidence;
pub mod graph;
pub mod json;
pub mod legacy;
pub mod limits;
pub mod lint;
pub mod model;
mod neutral;
pub mod patterns;
pub mod policy;
mod rebuild;
pub mod report;
pub mod request;
mod source;
pub mod walk;
pub mod yaml;
