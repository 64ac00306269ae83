// SPDX-License-Identifier: MPL-2.0
//! Faults of decision and action tasks that are rebuilt (legacy.md §4.3, §4.4), each noticed for what it is.

use catena_core::document::ErrorKind;
use catena_core::legacy::report::{Finding, Report};
use catena_core::report::Verdict;
use serde_json::json;

use crate::legacy_rebuild::{VERSIONS, entry};
use crate::legacy_world::{
    ACTION, ACTIONS, BUILD, DECISION, IMAGE, PARAMETERS, RELEASE, REVISION, ROOT, World, artifact,
    hook_entry, task_entry,
};

type Sabotage = fn(&mut World);

/// One fault each in a chain that a push began, the finding that names it, and what it says.
const SABOTEURS: &[(&str, &str, Sabotage)] = &[
    ("legacy-rebuild", "/payload/command/4 = \"cd x", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["command"][4] = json!("evil")
        })
    }),
    ("legacy-rebuild", "/scopes/0 = ", |it| {
        it.everywhere(DECISION, |task| task["scopes"] = json!(["evil"]))
    }),
    ("legacy-rebuild", "/payload/env/EVIL = nothing", |it| {
        it.everywhere(DECISION, |task| task["payload"]["env"]["EVIL"] = json!("1"))
    }),
    ("legacy-rebuild", "/retries = 5", |it| {
        it.everywhere(DECISION, |task| task["retries"] = json!(4))
    }),
    ("legacy-rebuild", "/payload/env/PUSHDATE = ", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["PUSHDATE"] = json!("1")
        })
    }),
    ("legacy-rebuild", "found action", |it| {
        it.everywhere(DECISION, |task| {
            task["extra"]["tasks_for"] = json!("action")
        })
    }),
    ("legacy-rebuild", "found evil", |it| {
        it.everywhere(DECISION, |task| task["extra"]["tasks_for"] = json!("evil"))
    }),
    ("legacy-malformed", "/extra/cron, found nothing", |it| {
        it.everywhere(DECISION, |task| task["extra"]["tasks_for"] = json!("cron"))
    }),
    (
        "legacy-malformed",
        "/extra/tasks_for, found nothing",
        |it| it.everywhere(DECISION, |task| task["extra"] = json!({})),
    ),
    ("legacy-rebuild", "/payload/image = \"other\"", |it| {
        it.template["tasks"][0]["payload"]["image"] = json!("other")
    }),
    ("legacy-rebuild", "renders to none", |it| {
        it.template["tasks"] = json!([])
    }),
    ("legacy-rebuild", "a list of tasks", |it| {
        it.template = json!({"version": 1})
    }),
    ("legacy-rebuild", "unheard_of", |it| {
        it.template["tasks"][0]["x"] = json!({"$eval": "unheard_of"})
    }),
    ("legacy-rebuild", "2 pushes, one with it", |it| {
        it.pushlog["pushes"]["8"] = it.pushlog["pushes"]["7"].clone()
    }),
    ("legacy-rebuild", "none with changesets", |it| {
        it.pushlog["pushes"] = json!({})
    }),
    ("legacy-rebuild", "none with changesets", |it| {
        it.pushlog["pushes"]["7"]["changesets"] = json!([])
    }),
    ("legacy-rebuild", "1 pushes, none with it", |it| {
        it.pushlog["pushes"]["7"]["changesets"][0]["node"] = json!("0".repeat(40))
    }),
    ("legacy-rebuild", "/metadata/owner = \"evil@x.org\"", |it| {
        it.pushlog["pushes"]["7"]["user"] = json!("evil@x.org")
    }),
    ("legacy-malformed", "an object at /pushes", |it| {
        it.pushlog = json!({})
    }),
    ("legacy-rebuild", "/schedulerId = \"gecko-level-1\"", |it| {
        it.projects["mozilla-release"]["access"] = json!("scm_level_1")
    }),
    (
        "legacy-rebuild",
        "found https://hg.mozilla.org/mozilla-release",
        |it| {
            it.projects["mozilla-release"]["repo"] = json!("https://hg.mozilla.org/mozilla-release")
        },
    ),
    ("legacy-rebuild", "found no repository", |it| {
        it.projects = json!({})
    }),
    ("legacy-source", "evil/.taskcluster.yml", |it| {
        source(
            it,
            &format!("{RELEASE}/raw-file/{REVISION}/evil/.taskcluster.yml"),
        )
    }),
    ("legacy-source", "evil.yml", |it| {
        source(it, &format!("{RELEASE}/raw-file/{REVISION}/evil.yml"))
    }),
    ("legacy-source", "/file/1234", |it| {
        source(it, &format!("{RELEASE}/file/{REVISION}/.taskcluster.yml"))
    }),
    ("legacy-source", "raw-file/0000", |it| {
        source(
            it,
            &format!("{RELEASE}/raw-file/{}/.taskcluster.yml", "0".repeat(40)),
        )
    }),
    ("legacy-source", "mozilla.org/other/raw-file", |it| {
        source(
            it,
            &format!("https://hg.mozilla.org/other/raw-file/{REVISION}/.taskcluster.yml"),
        )
    }),
    ("legacy-rebuild", "found default", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REV"] = json!("default")
        })
    }),
    (
        "legacy-malformed",
        "/payload/env/GECKO_HEAD_REV, found null",
        |it| {
            it.everywhere(DECISION, |task| {
                task["payload"]["env"]["GECKO_HEAD_REV"] = json!(null)
            })
        },
    ),
    ("legacy-source", "found https://evil.org/x", |it| {
        it.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!("https://evil.org/x")
        })
    }),
];

fn source(world: &mut World, source: &str) {
    world.everywhere(DECISION, |task| task["metadata"]["source"] = json!(source));
}

#[test]
fn a_decision_task_that_the_tree_does_not_make_is_refused() {
    for version in VERSIONS {
        for (number, (id, says, sabotage)) in SABOTEURS.iter().enumerate() {
            let mut world = World::push(version);
            sabotage(&mut world);
            let report = world.report();
            said(&report, id, says);
            // nothing else is wrong, but that version 2 would have fallen back
            let known = |other: &str| other == *id || other == "legacy-downgrade";
            let others = report.findings.iter().filter(|one| !known(&one.id));
            assert_eq!(
                others.count(),
                0,
                "{version} {number}: {:?}",
                report.findings
            );
        }
    }
}

/// Whether a chain is refused by that finding, for that reason.
#[track_caller]
fn said(report: &Report, id: &str, says: &str) {
    assert_eq!(
        report.verdict,
        Verdict::Rejected,
        "{id} {says}: {}",
        report.headline
    );
    let fits = |one: &Finding| {
        one.id == id && format!("expected {}, found {}", one.expected, one.found).contains(says)
    };
    assert!(
        report.findings.iter().any(fits),
        "{id} {says}: {:?}",
        report.findings
    );
}

/// The same in a chain with an action of kind `hook`.
const OF_ACTIONS: &[(&str, &str, Sabotage)] = &[
    ("legacy-rebuild", "/payload/command/4 = \"cd x", |it| {
        it.everywhere(ACTION, |task| task["payload"]["command"][4] = json!("evil"))
    }),
    ("legacy-rebuild", "/scopes/1 = nothing", |it| {
        it.everywhere(ACTION, |task| {
            task["scopes"] = json!([
                "assume:repo:hg.mozilla.org/releases/mozilla-release:action:generic",
                "evil"
            ])
        })
    }),
    ("legacy-rebuild", "/payload/env/ACTION_INPUT = ", |it| {
        it.everywhere(ACTION, |task| {
            task["payload"]["env"]["ACTION_INPUT"] = json!("{\"build_number\":2}")
        })
    }),
    ("legacy-rebuild", "at run time, found \"BBBB", |it| {
        it.everywhere(ACTION, |task| {
            task["payload"]["env"]["ACTION_TASK_GROUP_ID"] = json!(BUILD)
        })
    }),
    ("legacy-rebuild", "found hg-push", |it| {
        it.everywhere(ACTION, |task| task["extra"]["tasks_for"] = json!("hg-push"))
    }),
    ("legacy-action", "\"evil", |it| {
        it.everywhere(ACTION, |task| {
            task["payload"]["env"]["ACTION_CALLBACK"] = json!("evil");
            task["extra"]["action"]["name"] = json!("evil");
        })
    }),
    ("legacy-rebuild", "/metadata/source = ", |it| {
        entry(it, |all| {
            all[1]["hookPayload"]["decision"]["push"]["revision"] = json!("0".repeat(40))
        })
    }),
    ("legacy-rebuild", "rebuilt, found \"BBBB", |it| {
        entry(it, |all| {
            all[1]["hookPayload"]["decision"]["action"]["taskGroupId"] = json!(BUILD)
        })
    }),
    ("legacy-action", "kind \"hook\", with a task", |it| {
        entry(it, |all| all[1]["task"] = json!({}))
    }),
    ("legacy-action", "kind \"evil\"", |it| {
        entry(it, |all| all[1]["kind"] = json!("evil"))
    }),
    ("legacy-malformed", "a list at /actions", |it| {
        entry(it, |all| *all = json!({}))
    }),
    ("legacy-digest", "public/actions.json with sha256", |it| {
        drop(
            it.swapped
                .insert((DECISION, ACTIONS), "{\"actions\": []}".to_owned()),
        )
    }),
    ("legacy-digest", "public/parameters.yml with sha256", |it| {
        drop(
            it.swapped
                .insert((DECISION, PARAMETERS), "project: evil".to_owned()),
        )
    }),
    (
        "legacy-digest",
        "public/actions.json with its digest",
        |it| drop(it.files.remove(&(DECISION, ACTIONS))),
    ),
    (
        "legacy-digest",
        "public/parameters.yml with its digest",
        |it| drop(it.files.remove(&(DECISION, PARAMETERS))),
    ),
    ("legacy-absent", "public/parameters.yml", |it| {
        it.failures
            .insert(artifact(DECISION, PARAMETERS), ErrorKind::Absent);
    }),
    (
        "legacy-rebuild",
        "/payload/env/ACTION_PROJECT = \"other\"",
        |it| {
            drop(
                it.files
                    .insert((DECISION, PARAMETERS), "project: other".to_owned()),
            )
        },
    ),
    ("legacy-rebuild", "unclosed bracket", |it| {
        drop(it.files.insert((DECISION, PARAMETERS), "a: [".to_owned()))
    }),
    (
        "legacy-rebuild",
        "= \"other\", as the template renders",
        |it| it.template["tasks"][0]["payload"]["command"][4]["then"] = json!("other"),
    ),
    // the action's own tree, group and graph
    (
        "legacy-rebuild",
        "/payload/env/GECKO_HEAD_REPOSITORY = ",
        |it| {
            it.everywhere(ACTION, |task| {
                task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] =
                    json!("https://hg.mozilla.org/try")
            })
        },
    ),
    ("legacy-graph", "found no x", |it| {
        it.graphs.get_mut(ACTION).unwrap()[BUILD]["task"]["x"] = json!(1)
    }),
    ("legacy-graph", "found no entry", |it| {
        drop(
            it.graphs
                .get_mut(ACTION)
                .unwrap()
                .as_object_mut()
                .unwrap()
                .remove(ROOT),
        )
    }),
    ("legacy-graph", "found no entry", |it| {
        it.everywhere(BUILD, |task| task["extra"]["parent"] = json!(DECISION))
    }),
    ("legacy-graph", "found docker-image", |it| {
        it.everywhere(BUILD, |task| task["extra"]["parent"] = json!(IMAGE))
    }),
    ("legacy-malformed", "/extra/parent, found null", |it| {
        it.everywhere(BUILD, |task| task["extra"]["parent"] = json!(null))
    }),
];

#[test]
fn an_action_that_its_decision_task_does_not_offer_is_refused() {
    for version in [3, 4, 5] {
        for (id, says, sabotage) in OF_ACTIONS {
            let mut world = World::action(version, hook_entry(), false);
            sabotage(&mut world);
            said(&world.report(), id, says);
        }
    }
}

/// Writes chains of version 5 for `conformance/legacy_rebuild.py`, which lets scriptworker 22.1.0 rebuild the same tasks.
#[test]
#[ignore = "writes the file that LEGACY_REBUILDS names"]
fn write_rebuilds() {
    let mut cases = vec![
        ("push".to_owned(), World::push(5)),
        ("cron".to_owned(), World::cron(5, "cron", "7", "1517479200")),
        (
            "cron without a push".to_owned(),
            World::cron(5, "cron", "-1", "0"),
        ),
        (
            "cron of nobody".to_owned(),
            World::cron(5, "nobody", "7", "1517479200"),
        ),
    ];
    for own_group in [false, true] {
        for (kind, entry) in [("task", task_entry()), ("hook", hook_entry())] {
            let name = format!("action of kind {kind}, own group: {own_group}");
            cases.push((name, World::action(5, entry, own_group)));
        }
    }
    let rebuilt = [
        "legacy-action",
        "legacy-malformed",
        "legacy-rebuild",
        "legacy-source",
    ];
    let mut add = |what: &str, world: fn() -> World, faults: &[(&str, &str, Sabotage)]| {
        let faults = faults
            .iter()
            .filter(|(id, says, _)| rebuilt.contains(id) && !says.contains("/extra/parent"));
        for (number, (_, says, sabotage)) in faults.enumerate() {
            let mut world = world();
            sabotage(&mut world);
            cases.push((format!("{what} {number}: {says}"), world));
        }
    };
    add("push", || World::push(5), SABOTEURS);
    add("hook", || World::action(5, hook_entry(), false), OF_ACTIONS);
    let case = |(name, world): &(String, World)| {
        let report = world.report();
        let file = |name: &'static str| world.files.get(&(DECISION, name));
        json!({
            "name": name, "verdict": report.verdict, "headline": report.headline,
            "tasks": world.tasks, "template": world.template, "pushlog": world.pushlog, "projects": world.projects,
            "actions": file(ACTIONS), "parameters": file(PARAMETERS),
        })
    };
    let cases: Vec<_> = cases.iter().map(case).collect();
    let path = std::env::var_os("LEGACY_REBUILDS").unwrap();
    std::fs::write(path, json!(cases).to_string()).unwrap();
}
