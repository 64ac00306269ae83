// SPDX-License-Identifier: MPL-2.0
//! `catena demo`: the guided tour.

mod broken;
mod story;

use crate::args::{Demo, When};
use crate::exit::Exit;
use crate::failure::Failure;

/// Tells the story, or breaks chains.
pub(crate) fn run(options: &Demo, color: When) -> Result<Exit, Failure> {
    if let Some(check) = &options.check {
        return broken::one(check, options, color);
    }
    match (options.list, options.all) {
        (true, _) => broken::list(options),
        (_, true) => broken::all(options),
        _ => story::tell(options, color),
    }
}
