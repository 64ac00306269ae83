// SPDX-License-Identifier: MPL-2.0
//! Where catena decides otherwise than the reference, scriptworker 63.6.1, and why (P2–P5).
//!
//! `docs/differences.md` is rendered from these tables, and a conformance run fails on a difference that is
//! in none of them. Nothing here takes part in a verdict.

use super::{
    action_callback, action_group, artifact_digest, artifact_name, chain_length, claimed_type,
    cot_malformed, cot_run, cot_signature, cot_version, cron_level, decision_group,
    evidence_absent, evidence_unavailable, exact_types, graph_match, graph_member,
    graph_runtime_keys, hollow_digest, host_answer, image_algorithm, interactive_marker,
    json_strict, landed, limit_exceeded, movable_ref, named_tasks, not_scriptworker,
    optional_digest, optional_unavailable, parent_artifact, parent_id, parent_revision, pr_action,
    push, rebuild_mismatch, recorded_task, repo_rename, restricted_tree, run_state, star_scope,
    typed_model, upstream_screen, url_form, worker_pool, yaml_safe,
};
use crate::policy::Switch;
use crate::report::Check;

/// A check that refuses, in both profiles, what the reference may pass (P2).
#[derive(Debug)]
pub struct Always {
    /// The check; its id is what a conformance run accepts.
    pub check: &'static Check,
    /// The rule that says so.
    pub rule: &'static str,
    /// What the reference does.
    pub reference: &'static str,
    /// What refusing stops.
    pub attack: &'static str,
}

/// The checks that refuse in both profiles what the reference may pass.
pub const ALWAYS: &[Always] = &[
    Always {
        check: &json_strict::META,
        rule: "S45",
        reference: "takes NaN, infinities, lone surrogates and integers of any size, the last of two equal keys, and \
                    GitHub answers that are not UTF-8",
        attack: "A signed document that two readers understand differently.",
    },
    Always {
        check: &typed_model::META,
        rule: "P2",
        reference: "compares or tests whatever type it finds",
        attack: "A value that one rule takes for absent and another for present.",
    },
    Always {
        check: &named_tasks::META,
        rule: "P2, S13",
        reference: "follows inputs and upstream tasks of any type, and ids of any form",
        attack: "An input that one reader follows and another does not see.",
    },
    Always {
        check: &yaml_safe::META,
        rule: "P2",
        reference: "takes every tag and key class that PyYAML's safe loader constructs",
        attack: "A template or parameters file whose keys two readers understand differently.",
    },
    Always {
        check: &url_form::META,
        rule: "S4",
        reference: "matches the tree on the raw URL, but fetches after `..` has been resolved",
        attack: "Trusted as mozilla-central, fetched from try.",
    },
    Always {
        check: &parent_id::META,
        rule: "S1, S13",
        reference: "looks an object with an empty `extra.parent` up in no task graph; does not check the form of ids",
        attack: "A task that no decision task made; an id that leads out of its directory.",
    },
    Always {
        check: &claimed_type::META,
        rule: "S5",
        reference: "lets the first name that reaches a task decide its type, and ignores all others",
        attack: "A second claim that takes the checks of the first away, such as those of a parent.",
    },
    Always {
        check: &parent_artifact::META,
        rule: "S3",
        reference: "tolerates a tampered task graph, actions or parameters file if the root lists it as optional",
        attack: "A replaced task graph that then vouches for the root itself.",
    },
    Always {
        check: &action_group::META,
        rule: "S7",
        reference: "checks the rebuilt ACTION_TASK_GROUP_ID only, then overwrites it with the task's own",
        attack: "An action that works on somebody else's task group.",
    },
    Always {
        check: &action_callback::META,
        rule: "S39",
        reference: "takes an action without a callback for the first entry of actions.json that has none",
        attack: "A task that claims to be an action which nobody offered.",
    },
    Always {
        check: &hollow_digest::META,
        rule: "S9",
        reference: "compares an artifact with the digests that are listed, even if none is",
        attack: "A signed entry under which any bytes pass.",
    },
    Always {
        check: &cot_malformed::META,
        rule: "S9",
        reference: "does not look at the shape of the signed document",
        attack: "A document whose members are not what the rules take them for.",
    },
    Always {
        check: &cot_version::META,
        rule: "P2",
        reference: "ignores `chainOfTrustVersion`",
        attack: "A document of another version, whose members mean something else.",
    },
    Always {
        check: &image_algorithm::META,
        rule: "S9",
        reference: "compares a docker image's digest under any algorithm's name",
        attack: "An image pinned by a broken digest, or by none.",
    },
    Always {
        check: &artifact_name::META,
        rule: "S12",
        reference: "decodes names twice, and stores `a//b` and `a/b` in the same file",
        attack: "An artifact that replaces another after its check, or a bookkeeping file.",
    },
    Always {
        check: &parent_revision::META,
        rule: "S24, P17",
        reference: "uses the default branch's template for a parent without a revision",
        attack: "A parent that is compared with a template it was not made from.",
    },
    Always {
        check: &pr_action::META,
        rule: "S28",
        reference: "does not count an action on a pull request as a pull request",
        attack: "A release from a pull request that nobody has reviewed.",
    },
    Always {
        check: &exact_types::META,
        rule: "S42",
        reference: "takes true for 1, and numbers that differ by less than 2^-52 for equal",
        attack: "A definition that differs where nobody looks.",
    },
    Always {
        check: &worker_pool::META,
        rule: "S42",
        reference: "never compares `taskQueueId` with provisionerId and workerType",
        attack: "A task that ran on another pool than the one that its checks look at.",
    },
    Always {
        check: &interactive_marker::META,
        rule: "R-06",
        reference: "looks only for the interactive markers of the task's own worker implementation",
        attack: "A task that somebody could log in to while it ran.",
    },
    Always {
        check: &run_state::META,
        rule: "P7, P10",
        reference: "takes the artifacts of the latest run, whatever became of it",
        attack: "Artifacts of a run that failed, or of one that still writes them.",
    },
    Always {
        check: &optional_unavailable::META,
        rule: "P7",
        reference: "takes an optional artifact that cannot be fetched for one that does not exist",
        attack: "An outage that decides which files a release is made of. The verdict is undetermined, not rejected.",
    },
    Always {
        check: &host_answer::META,
        rule: "P2, P7",
        reference: "never asks the queue for the state of a run, and takes any type in an answer whose field it only passes on.",
        attack: "An answer of a host that nobody can read. The verdict is undetermined, not rejected.",
    },
    Always {
        check: &limit_exceeded::META,
        rule: "P5",
        reference: "reads any number of tasks and bytes",
        attack: "A chain built to exhaust the verifier. The verdict is undetermined, not rejected.",
    },
];

/// A refusal in both profiles that has no check of its own.
#[derive(Debug)]
pub struct Inherent {
    /// The rule that says so.
    pub rule: &'static str,
    /// The check whose finding shows it.
    pub check: &'static Check,
    /// What the reference does.
    pub reference: &'static str,
    /// What catena does.
    pub ours: &'static str,
}

/// Refusals in both profiles that show as findings of checks which the reference has too.
pub const INHERENT: &[Inherent] = &[
    Inherent {
        rule: "S3",
        check: &artifact_digest::META,
        reference: "takes an artifact that the root lists both as mandatory and as optional for optional",
        ours: "lets mandatory win",
    },
    Inherent {
        rule: "S5",
        check: &graph_member::META,
        reference: "looks a task up in the graph of whoever it is first claimed to be a child of, a parent in none",
        ours: "looks up whatever is claimed for it, each claim on its own",
    },
    Inherent {
        rule: "S5",
        check: &not_scriptworker::META,
        reference: "runs the checks of the type under which it first reached a task",
        ours: "runs those of every type that is claimed for it",
    },
    Inherent {
        rule: "S18, P19",
        check: &cot_signature::META,
        reference: "verifies signatures only if `verify_cot_signature` is set",
        ours: "always verifies them; with `--unsigned` the verdict is `unsigned` at best",
    },
    Inherent {
        rule: "S20",
        check: &cot_signature::META,
        reference: "accepts keys of small order",
        ours: "refuses them when the configuration is read, and signatures with such an `R`",
    },
    Inherent {
        rule: "S37",
        check: &rebuild_mismatch::META,
        reference: "lets the context of an action replace `now` and `as_slugid`",
        ours: "takes neither from there",
    },
    Inherent {
        rule: "P10",
        check: &evidence_absent::META,
        reference: "never asks the queue for the runs of a task",
        ours: "refuses a link of which the queue knows no run",
    },
    Inherent {
        rule: "P10",
        check: &evidence_unavailable::META,
        reference: "never asks the queue for the runs of a task",
        ours: "leaves the verdict open when the queue does not answer",
    },
    Inherent {
        rule: "P24",
        check: &evidence_unavailable::META,
        reference: "follows redirects to any address",
        ours: "follows none to a loopback, link-local or private address that is not configured",
    },
];

/// A switch that strict leaves alone and compat sets (P5).
#[derive(Debug)]
pub struct Strict {
    /// The switch.
    pub switch: Switch,
    /// The check whose finding it takes away.
    pub check: &'static Check,
    /// What stays open when it is set.
    pub attack: &'static str,
}

/// What strict refuses and compat does not, in the order of the rules.
pub const STRICT: &[Strict] = &[
    Strict {
        switch: Switch::OptionalHashMismatchWarn,
        check: &optional_digest::META,
        attack: "An artifact that is replaced without anybody noticing, because it is listed as optional.",
    },
    Strict {
        switch: Switch::GraphRuntimeOnlyKeys,
        check: &graph_runtime_keys::META,
        attack: "Scopes, a payload, a pool or a group that the signed task graph leaves open.",
    },
    Strict {
        switch: Switch::StarScopesUnrestricted,
        check: &star_scope::META,
        attack: "A root that may sign releases from any repository, because its scope ends in a star.",
    },
    Strict {
        switch: Switch::RunPinning,
        check: &cot_run::META,
        attack: "The signed document of one run, served with the artifacts of another.",
    },
    Strict {
        switch: Switch::HttpRedirects,
        check: &evidence_unavailable::META,
        attack: "A template or push that comes from another host than the one that was asked, or in the clear.",
    },
    Strict {
        switch: Switch::Limits,
        check: &chain_length::META,
        attack: "A name with colons, whose last part is read as the type and whose others use up the chain's depth.",
    },
    Strict {
        switch: Switch::UnsignedUpstream,
        check: &cot_signature::META,
        attack: "Documents that nobody signed. No profile sets it, and this release has no reader of it yet.",
    },
    Strict {
        switch: Switch::RegexCompat,
        check: &restricted_tree::META,
        attack: "A repository whose name merely begins like that of a trusted one.",
    },
    Strict {
        switch: Switch::RepoRenames,
        check: &repo_rename::META,
        attack: "A repository that moved to somebody else and is still answered for under its old name.",
    },
    Strict {
        switch: Switch::LandedByPage,
        check: &landed::META,
        attack: "A commit that an undocumented page shows on a branch anybody may push to.",
    },
    Strict {
        switch: Switch::MovableRefs,
        check: &movable_ref::META,
        attack: "A branch or tag that moves between the task's run and its verification.",
    },
    Strict {
        switch: Switch::CronLevelByName,
        check: &cron_level::META,
        attack: "A fork that inherits the level of the repository after which it is named.",
    },
    Strict {
        switch: Switch::NoUpstreamScreen,
        check: &upstream_screen::META,
        attack: "A mandatory pattern that matches nothing, and so enforces nothing.",
    },
    Strict {
        switch: Switch::ForeignGroupDecision,
        check: &decision_group::META,
        attack: "A decision task that is rebuilt from the repository of another.",
    },
    Strict {
        switch: Switch::ManyPushes,
        check: &push::META,
        attack: "A push that stands in for the one which made the task.",
    },
    Strict {
        switch: Switch::DatestampSign,
        check: &graph_match::META,
        attack: "A date in the past that reads like one in the future.",
    },
    Strict {
        switch: Switch::RecordedTask,
        check: &recorded_task::META,
        attack: "A definition that differs from the one which the worker ran and signed.",
    },
];

/// A class of documents that is trusted though the reference refuses it (P3), in both profiles.
#[derive(Debug)]
pub struct Tolerated {
    /// Its name.
    pub id: &'static str,
    /// Mutations of the black-box lab and of the testkit that belong to it, as regular expressions over
    /// `world|document|…|path`, in which `|` stands for itself.
    pub mutations: &'static [&'static str],
    /// What is tolerated.
    pub what: &'static str,
    /// Why that is safe.
    pub why: &'static str,
}

/// What is trusted though the reference refuses it.
pub const TOLERATED: &[Tolerated] = &[
    Tolerated {
        id: "priority",
        mutations: &[
            ".*|task:.*|priority",
            ".*|tcyml:.*/in/priority(/.*)?",
            r".*|tcyml:.*/in/.*/\$mergeDeep/0/priority(/.*)?",
        ],
        what: "a parent's `priority` differs from what its template renders to",
        why: "The queue may change it after the task was created, and no rule reads it.",
    },
    Tolerated {
        id: "queue-defaults",
        mutations: &[
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?dependencies",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?expires",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?extra",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?projectId",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?requires",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?retries",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?routes",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?schedulerId",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?scopes",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?tags",
            r".*|tcyml:.*|del|.*/in/(0/then/\$mergeDeep/0/)?taskGroupId",
        ],
        what: "a template leaves out what the queue fills in, and the task has exactly the queue's default",
        why: "The queue would have made the very same task of it. What a template does set is compared as it is.",
    },
    Tolerated {
        id: "host-api-fields",
        mutations: &[
            ".*|gh[a-z]*:.*|bare|change|(.*/)?[a-z]+_at",
            ".*|gh[a-z]*:.*|bare|del|.*",
            ".*|gh[a-z]*:.*|bare|retype|.*",
            ".*|tcyml:https://github.com/.*|bare|del|(?!content)(?!encoding)[a-z_]+(/.*)?",
            ".*|tcyml:https://github.com/.*|bare|retype|(?!content)(?!encoding)[a-z_]+(/.*)?",
        ],
        what: "a host's API answer lacks, or mistypes, a field that no rule reads",
        why: "What no rule reads cannot change a verdict. What a rule does read and finds lacking is never trusted.",
    },
];

/// A document that only compat reads (P4): strict may trust a chain in which it is missing or wrong.
#[derive(Debug)]
pub struct CompatOnly {
    /// Its name in the mutations of the black-box lab.
    pub id: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What strict reads instead.
    pub instead: &'static str,
}

/// Documents that only compat reads.
pub const COMPAT_ONLY: &[CompatOnly] = &[
    CompatOnly {
        id: "branches",
        what: "GitHub's `branch_commits` page of a commit (V89)",
        instead: "the documented API that compares the commit with a protected branch (P15)",
    },
    CompatOnly {
        id: "ghtags",
        what: "the list of all tags of a repository (V94)",
        instead: "the documented API for the one tag that the task names (P15)",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checks::ALL;

    #[test]
    fn every_switch_has_its_difference_p5() {
        let switches: Vec<Switch> = STRICT.iter().map(|strict| strict.switch).collect();
        assert_eq!(switches, Switch::ALL);
    }

    #[test]
    fn differences_name_registered_checks_once_p2() {
        let ids: BTreeSet<_> = ALWAYS.iter().map(|always| always.check.id).collect();
        assert_eq!(ids.len(), ALWAYS.len());
        let checks = ALWAYS.iter().map(|always| always.check);
        let checks = checks.chain(STRICT.iter().map(|strict| strict.check));
        for check in checks.chain(INHERENT.iter().map(|inherent| inherent.check)) {
            assert!(ALL.contains(&check), "{}", check.id);
        }
    }
}
