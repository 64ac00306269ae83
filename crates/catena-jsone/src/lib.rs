// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]

mod apply;
mod builtins;
mod context;
mod error;
mod evaluate;
mod limits;
pub mod locate;
mod number;
mod operate;
mod operator;
mod parse;
mod render;
mod template;
mod text;
mod time;
mod token;
pub mod value;

pub use context::Context;
pub use error::{Error, ErrorKind};
pub use limits::Limits;
pub use number::float_repr;
pub use template::Template;
pub use text::to_json;
pub use value::{Function, Map, Value};
