// SPDX-License-Identifier: MPL-2.0
//! Rules of today that hold for the GPG era as well: the trace to the tree, and the screen for try (V84 to V89).

use catena_core::legacy::report::Finding;
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
