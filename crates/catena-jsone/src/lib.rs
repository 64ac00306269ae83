// SPDX-License-Identifier: MPL-2.0
//! The JSON-e language.
pub mod value;
pub use value::{Map, Value};
