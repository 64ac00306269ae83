// SPDX-License-Identifier: MPL-2.0
//! `action-callback` (S39): an action task names its callback.
//!
//! Stops: An action without a callback is taken for the first entry of actions.json that has none.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "action-callback",
    rules: &["S39"],
    title: "an action task names its callback",
    attack: "An action without a callback is taken for the first entry of actions.json that has none.",
    help: "The action task was not made by the in-tree action machinery; find out who created it.",
    rank: 62,
    implies: &[],
};
