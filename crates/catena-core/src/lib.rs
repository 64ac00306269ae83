// SPDX-License-Identifier: MPL-2.0
//! The pure core of catena: given documents, decide whether a chain of trust holds.
//!
//! It does no I/O, reads no clock and knows no async. A [`walk::Walk`] names the documents it needs as
//! [`request::Request`]s, takes [`document::Document`]s in any order and ends in a [`report::Report`].

pub mod document;
pub mod graph;
pub mod json;
pub mod model;
pub mod policy;
pub mod report;
pub mod request;
pub mod yaml;
