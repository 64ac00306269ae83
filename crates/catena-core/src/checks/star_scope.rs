// SPDX-License-Identifier: MPL-2.0
//! `star-scope` (S8): no scope of the root covers a restricted scope by a star.
//!
//! Stops: A scope that satisfies every restricted scope and equals none, so that the root counts as unrestricted.

use super::{Applied, Cx};
use crate::policy::Switch;
use crate::report::{Asserter, Check};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "star-scope",
    rules: &["S8"],
    title: "no scope of the root covers a restricted scope by a star",
    attack: "A scope that satisfies every restricted scope and equals none, so that the root counts as unrestricted.",
    help: "Give the task the exact scopes that it needs.",
    rank: 78,
    implies: &["recorded-task"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !object.is_root || cx.inputs.relaxations.allows(Switch::StarScopesUnrestricted) {
        return Applied::No;
    }
    let patterns = &cx.inputs.policy.restricted_scopes;
    let judged = definition.scopes().map(|scopes| {
        let star = scopes.into_iter().find_map(|scope| {
            let prefix = scope.strip_suffix('*')?;
            let pattern = patterns.keys().find(|pattern| covers(prefix, pattern))?;
            Some((scope, pattern))
        });
        star.map(|(scope, pattern)| {
            META.reject(
                "exact scopes",
                format!("{scope:.200?}, which covers {pattern:?}"),
            )
            .task(object.id)
            .says(Asserter::Queue)
            .at(&Request::Definition { task: object.id }, "/scopes")
            .build()
        })
    });
    cx.typed(object, judged)
}

/// Whether a scope of this prefix and a star covers anything that the pattern, which may end in a star, stands for.
fn covers(prefix: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(bare) => bare.starts_with(prefix) || prefix.starts_with(bare),
        None => pattern.starts_with(prefix),
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_covers_what_begins_so_s8() {
        for (prefix, pattern, expected) in [
            ("", "project:sign:release", true),
            ("project:sign:", "project:sign:release", true),
            ("project:sign:release:", "project:sign:release", false),
            ("project:other:", "project:sign:release", false),
            ("project:", "project:sign:*", true),
            ("project:sign:", "project:sign:*", true),
            ("project:sign:release:", "project:sign:*", true),
            ("project:other:", "project:sign:*", false),
        ] {
            assert_eq!(covers(prefix, pattern), expected, "{prefix}* {pattern}");
        }
    }
}
