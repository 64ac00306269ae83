// SPDX-License-Identifier: MPL-2.0
//! What renderers say in the same words.

use catena_core::report::Asserter;

/// Who says something.
#[must_use]
pub fn asserter(asserter: &Asserter) -> String {
    match asserter {
        Asserter::Operator => "the operator's configuration".to_owned(),
        Asserter::Queue => "the queue".to_owned(),
        Asserter::SignedCot(task) => format!("the signed chain-of-trust document of {task}"),
        Asserter::Task(task) => format!("task {task} itself"),
        Asserter::VcsHost => "the VCS host".to_owned(),
    }
}

/// A number and a noun.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    match n {
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

/// A size with one decimal, in powers of 1000.
#[must_use]
pub fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1_000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        _ => (1_000_000_000, "GB"),
    };
    format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit)
}
