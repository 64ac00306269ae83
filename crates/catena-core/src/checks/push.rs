// SPDX-License-Identifier: MPL-2.0
//! `push` (V62, V63, S43): the push that the decision task names is one push, and tells its message.
//!
//! Stops: A try message, or a push, other than the one on the repository.

use crate::report::Check;

/// The check's declaration.
pub const META: Check = Check {
    id: "push",
    rules: &["V62", "V63", "S43"],
    title: "the push that the decision task names is one push, and tells its message",
    attack: "A try message, or a push, other than the one on the repository.",
    help: "Compare the pushlog with the decision task's GECKO_COMMIT_MSG.",
    rank: 67,
    implies: &["rebuild-mismatch"],
};
