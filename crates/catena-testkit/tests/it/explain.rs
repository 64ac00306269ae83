// SPDX-License-Identifier: MPL-2.0
//! Findings explain themselves: where a difference comes from, who asserted what, and what it may be.

use catena_core::policy::Profile;
use catena_core::report::{Asserter, Difference, Finding, Flow, Purpose, Report, Verdict};
use catena_core::request::Request;
use catena_testkit::{Chain, ChainSpec, Flow as Event};
use serde_json::json;

use crate::verifier::Verifier;

fn verify(chain: &Chain) -> Report {
    Verifier::new(chain).verify(Profile::Strict)
}

/// Returns the request of a kind; there is one.
fn request(chain: &Chain, is: impl Fn(&Request) -> bool) -> Request {
    let found = chain.documents.keys().find(|request| is(request));
    found.unwrap().clone()
}

fn difference<'r>(report: &'r Report, pointer: &str) -> (&'r Finding, &'r Difference) {
    let all = || report.findings.iter();
    all()
        .filter_map(|finding| Some((finding, finding.difference.as_deref()?)))
        .find(|(_, difference)| difference.pointer == pointer)
        .unwrap_or_else(|| panic!("{pointer}: {:#?}", all().collect::<Vec<_>>()))
}

fn flow<'r>(difference: &'r Difference, name: &str) -> &'r Flow {
    let found = difference.flows.iter().find(|flow| flow.name == name);
    found.unwrap_or_else(|| panic!("{name}: {difference:#?}"))
}

fn values(difference: &Difference) -> Vec<&str> {
    let values = difference.flows.iter();
    values
        .filter(|flow| flow.purpose == Purpose::Value)
        .map(|flow| flow.name.as_str())
        .collect()
}

#[test]
fn a_commit_by_somebody_else_is_told_from_the_host_to_the_field_v65_s36() {
    let mut chain = ChainSpec::new(1, Event::XpiPush).build();
    let commit = request(&chain, |request| matches!(request, Request::Commit { .. }));
    chain.edit_json(&commit, |commit| {
        commit["author"]["login"] = "merge-bot[bot]".into()
    });
    let report = verify(&chain);
    assert_eq!(report.verdict, Verdict::Rejected);
    assert_eq!(report.findings.len(), 1, "{:#?}", report.findings);

    let (finding, difference) = difference(&report, "/payload/env/PUSHED_BY");
    assert_eq!(finding.id, "rebuild-mismatch");
    let template = "/tasks/in/0/then/$mergeDeep/2/$switch/tasks_for == \"github-push\"/in/payload/env/$merge/0/PUSHED_BY";
    assert_eq!(difference.template, template);
    assert_eq!(finding.evidence.as_ref().unwrap().pointer, template);
    assert_eq!(difference.rebuilt, "\"merge-bot[bot]\"");
    assert_eq!(difference.runtime, "\"a-dev\"");
    assert_eq!(values(difference), ["event.sender.login"]);
    let login = flow(difference, "event.sender.login");
    assert_eq!(login.asserter, Asserter::VcsHost);
    assert_eq!(login.source.request, commit.to_string());
    assert_eq!(login.source.pointer, "/author/login");
    assert_eq!(finding.pattern.unwrap().id, "merge-bot");
    assert!(report.headline.contains("/payload/env/PUSHED_BY"));
}

#[test]
fn what_a_task_says_of_itself_is_told_as_its_word_s36() {
    let mut chain = ChainSpec::new(1, Event::XpiPush).build();
    let decision = chain.task("decision").id;
    chain.edit_definition("decision", |task| {
        task["payload"]["env"]["XPI_HEAD_REF"] = "refs/heads/release".into();
    });
    let report = verify(&chain);
    let (finding, scopes) = difference(&report, "/scopes/0");
    let branch = flow(scopes, "event.ref");
    assert_eq!(branch.asserter, Asserter::Task(decision));
    assert_eq!(branch.value, "\"refs/heads/release\"");
    assert_eq!(
        branch.source.request,
        chain.definition("decision").to_string()
    );
    assert_eq!(branch.source.pointer, "/payload/env/XPI_HEAD_REF");
    assert_eq!(flow(scopes, "tasks_for").purpose, Purpose::Condition);
    assert_eq!(finding.pattern, None);
    // what gives rights is the headline
    assert!(
        report
            .headline
            .starts_with("rebuild-mismatch: expected /scopes/0 = "),
        "{}",
        report.headline
    );
}
