// SPDX-License-Identifier: MPL-2.0
//! `docs/differences.md`: where catena decides otherwise than the reference. The conformance runs read the
//! first column of its tables.

use catena_core::checks::differences::{ALWAYS, COMPAT_ONLY, INHERENT, STRICT, TOLERATED};
use catena_core::checks::{
    action_group, claimed_type, exact_types, graph_runtime_keys, hollow_digest, image_algorithm,
    recorded_task,
};
use catena_core::report::Check;

use super::{code, link, table};

const HEAD: &str = "\
# Differences from the reference

The reference is scriptworker 63.6.1. Profile `strict`, the default, trusts a subset of what profile `compat` trusts, and
`compat` trusts what the reference trusts, but for the differences on this page. A conformance run compares all three on
recorded mutations and fails on a difference that is not listed here.

";

const ALWAYS_HEAD: &str = "\
## Always

In both profiles catena may refuse, with findings of these checks, what the reference passes.

";

const INHERENT_HEAD: &str = "
These refusals show as findings of checks that the reference has too:

";

const STRICT_HEAD: &str = "
## Strict only

Each of these can be relaxed alone, under `x_cot.relax` in the configuration, with a reason that every report shows.
`compat` relaxes all of them but `unsigned_upstream`. Byte caps, depth limits and the limit of 10 redirects stay, and
credentials never follow a redirect to another host.

";

const TOLERATED_HEAD: &str = "
## Tolerated

In both profiles catena trusts these although the reference refuses them. The first column is a regular expression over
the names of mutations, of the black-box lab and of the testkit, in which `|` stands for itself, or the name of the class
where there is none.

";

const COMPAT_ONLY_HEAD: &str = "
## Only compat reads

`strict` asks for other documents in their place, so it may trust a chain in which these are missing or wrong.

";

const LAB_HEAD: &str = "
## The lab's lenient cases

What the black-box lab calls `lenient_…` passes in the reference although one might wish otherwise.

";

/// What becomes of a lenient case of the lab.
struct Case {
    name: &'static str,
    compat: &'static str,
    strict: &'static str,
    because: &'static Check,
    rule: &'static str,
    note: &'static str,
}

const CASES: &[Case] = &[
    always(
        "unknown_type_listed_after_a_known_one",
        &claimed_type::META,
        "S5",
    ),
    always("action_group_id_is_free", &action_group::META, "S7"),
    strict("unlisted_top_level_key", &graph_runtime_keys::META, "S6"),
    strict("cot_task_differs_from_queue", &recorded_task::META, "R-04"),
    Case {
        name: "empty_hash_list",
        compat: "trusted",
        strict: "trusted",
        because: &hollow_digest::META,
        rule: "S9",
        note: "the lab seals the document anew after the change and so writes the digest back: the chain that it serves is \
               consistent. An entry that really lists no digest is rejected in both profiles",
    },
    always("image_hash_algorithm", &image_algorithm::META, "S9"),
    strict(
        "graph_entry_without_payload",
        &graph_runtime_keys::META,
        "S6",
    ),
    strict("group_id_hides_sibling", &graph_runtime_keys::META, "S6"),
    always("true_is_one_in_build", &exact_types::META, "S42"),
    always("true_is_one_in_decision", &exact_types::META, "S42"),
    strict("null_string_in_decision", &recorded_task::META, "R-04"),
];

const fn always(name: &'static str, because: &'static Check, rule: &'static str) -> Case {
    Case {
        name,
        compat: "rejected",
        strict: "rejected",
        because,
        rule,
        note: "",
    }
}

const fn strict(name: &'static str, because: &'static Check, rule: &'static str) -> Case {
    Case {
        compat: "trusted",
        ..always(name, because, rule)
    }
}

pub(crate) fn render() -> String {
    [
        HEAD,
        ALWAYS_HEAD,
        &always_table(),
        INHERENT_HEAD,
        &inherent_table(),
        STRICT_HEAD,
        &strict_table(),
        TOLERATED_HEAD,
        &tolerated_table(),
        COMPAT_ONLY_HEAD,
        &compat_only_table(),
        LAB_HEAD,
        &lab_table(),
    ]
    .concat()
}

fn always_table() -> String {
    let rows = ALWAYS.iter().map(|always| {
        let reference = format!("It {}.", always.reference);
        [
            code(always.check.id),
            always.rule.into(),
            reference,
            always.attack.into(),
        ]
    });
    table(
        [
            "Check",
            "Rule",
            "What the reference does",
            "What refusing stops",
        ],
        rows,
    )
}

fn inherent_table() -> String {
    let rows = INHERENT.iter().map(|inherent| {
        [
            inherent.rule.into(),
            link(inherent.check.id),
            format!("It {}.", inherent.reference),
            format!("It {}.", inherent.ours),
        ]
    });
    table(
        [
            "Rule",
            "Finding",
            "What the reference does",
            "What catena does",
        ],
        rows,
    )
}

fn strict_table() -> String {
    let rows = STRICT.iter().map(|strict| {
        [
            code(strict.switch.name()),
            strict.switch.rule().into(),
            link(strict.check.id),
            strict.switch.description().into(),
            strict.attack.into(),
        ]
    });
    table(
        [
            "Switch",
            "Rule",
            "Check",
            "When it is set",
            "What stays open then",
        ],
        rows,
    )
}

fn tolerated_table() -> String {
    let rows = TOLERATED.iter().flat_map(|class| {
        let patterns = match class.mutations {
            [] => vec![class.id],
            patterns => patterns.to_vec(),
        };
        patterns.into_iter().enumerate().map(move |(at, pattern)| {
            let (what, why) = if at == 0 {
                (class.what, class.why)
            } else {
                ("as above", "")
            };
            [code(pattern), class.id.into(), what.into(), why.into()]
        })
    });
    table(
        ["Mutation", "Class", "What is tolerated", "Why that is safe"],
        rows,
    )
}

fn compat_only_table() -> String {
    let rows = COMPAT_ONLY.iter().map(|document| {
        [
            code(document.id),
            document.what.into(),
            document.instead.into(),
        ]
    });
    table(
        ["Document", "What it is", "What strict reads instead"],
        rows,
    )
}

fn lab_table() -> String {
    let rows = CASES.iter().map(|case| {
        [
            code(case.name),
            case.compat.into(),
            case.strict.into(),
            format!("{} ({})", link(case.because.id), case.rule),
            case.note.into(),
        ]
    });
    table(["Case", "compat", "strict", "Check", "Remark"], rows)
}
