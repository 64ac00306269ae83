// SPDX-License-Identifier: MPL-2.0
//! Versions 2 to 5 of the GPG era (legacy.md §4.3, §4.4): what is rebuilt, by which rules, and what is refused.

use catena_core::document::ErrorKind;
use catena_core::legacy::report::Assurance;
use catena_core::report::Verdict;
use catena_core::request::Request;
use serde_json::{Value, json};

use crate::legacy_world::{
    ACTION, ACTIONS, BUILD, DECISION, IMAGE, RELEASE, REVISION, ROOT, World, artifact, hook_entry,
    pushlog_at, task_entry, template_at,
};

pub(crate) const VERSIONS: [u8; 4] = [2, 3, 4, 5];

#[track_caller]
fn trusted(world: &World, assurance: &[Assurance]) {
    let report = world.report();
    assert_eq!(report.findings, [], "{}", report.headline);
    assert_eq!(report.verdict, Verdict::Trusted);
    assert_eq!(report.assurance, assurance);
    assert_eq!(report.relaxations, [""; 0]);
}

#[track_caller]
fn refused(world: &World, id: &str) {
    let (verdict, ids) = world.findings();
    assert_eq!(verdict, Verdict::Rejected, "{id}: {ids:?}");
    assert!(ids.iter().any(|found| found == id), "{id}: {ids:?}");
}

#[test]
fn a_push_is_rebuilt_under_every_version() {
    for version in VERSIONS {
        let world = World::push(version);
        assert_eq!(world.report().version.unwrap().number(), version);
        trusted(&world, &[Assurance::LegacyGpg]);
    }
}

/// "nobody" and no push at first, "cron" later, and with 17.0.0 the push itself.
#[test]
fn a_schedule_has_the_push_that_its_version_gave_it() {
    let fixed = |version, owner| World::cron(version, owner, "-1", "0");
    let real = |version| World::cron(version, "cron", "7", "1517479200");
    for world in [
        fixed(2, "nobody"),
        fixed(2, "cron"),
        fixed(3, "cron"),
        real(3),
        real(4),
        real(5),
    ] {
        trusted(&world, &[Assurance::LegacyGpg]);
    }
    for world in [
        real(2),
        fixed(3, "nobody"),
        fixed(4, "cron"),
        fixed(5, "nobody"),
    ] {
        refused(&world, "legacy-rebuild");
    }
}

#[test]
fn an_action_of_kind_task_comes_from_an_artifact_and_says_so() {
    for version in VERSIONS {
        for own_group in [false, true] {
            if own_group && version == 2 {
                continue; // settled since 12.0.0
            }
            let world = World::action(version, task_entry(), own_group);
            trusted(&world, &[Assurance::LegacyActionTask, Assurance::LegacyGpg]);
        }
    }
}

#[test]
fn an_action_of_kind_hook_comes_from_the_tree() {
    for version in [3, 4, 5] {
        for own_group in [false, true] {
            let world = World::action(version, hook_entry(), own_group);
            trusted(&world, &[Assurance::LegacyGpg]);
        }
    }
    refused(&World::action(2, hook_entry(), false), "legacy-action");
}

/// Without a template of its own, an action of kind `task` was rendered from the tree.
#[test]
fn an_action_without_a_template_takes_its_bindings_from_the_entry() {
    let mut entry = hook_entry();
    entry["kind"] = json!("task");
    entry["task"] = json!({"$let": {"action": {"cb_name": "promote_callback"}}});
    let with = World::action(3, entry.clone(), false);
    refused(&with, "legacy-rebuild");
    entry.as_object_mut().unwrap().remove("task");
    trusted(
        &World::action(3, entry.clone(), false),
        &[Assurance::LegacyActionTask, Assurance::LegacyGpg],
    );
    // since 16.0.0 an entry is found by the callback of its kind, which this has not
    refused(&World::action(4, entry.clone(), false), "legacy-action");
    refused(&World::action(2, entry, false), "legacy-action");
}

#[test]
fn under_version_2_the_comment_may_be_all_that_the_push_says() {
    let said = |version, comment: &str| {
        let mut world = World::push(version);
        world.everywhere(DECISION, |task| {
            task["payload"]["env"]["GECKO_COMMIT_MSG"] = json!(comment)
        });
        world
    };
    for version in VERSIONS {
        trusted(&said(version, "try: -b o -p all"), &[Assurance::LegacyGpg]);
        refused(&said(version, "evil"), "legacy-rebuild");
    }
    let whole = "Bug 1\n\ntry: -b o -p all\nmore";
    trusted(&said(2, whole), &[Assurance::LegacyGpg]);
    refused(&said(3, whole), "legacy-rebuild");
}

#[test]
fn which_rendered_task_it_is_matters_under_version_2_alone() {
    for version in VERSIONS {
        let mut world = World::push(version);
        let tasks = world.template["tasks"].as_array_mut().unwrap();
        tasks.insert(0, json!({"other": "task"}));
        match version {
            2 => refused(&world, "legacy-rebuild"),
            _ => trusted(&world, &[Assurance::LegacyGpg]),
        }
    }
}

/// Changes the entries of `actions.json`.
pub(crate) fn entry(world: &mut World, change: impl Fn(&mut Value)) {
    let text = world.files.get_mut(&(DECISION, ACTIONS)).unwrap();
    let mut actions: Value = serde_json::from_str(text).unwrap();
    change(&mut actions["actions"]);
    *text = actions.to_string();
}

#[test]
fn since_version_4_an_entry_of_an_unknown_kind_stops_the_search() {
    for version in VERSIONS {
        let mut world = World::action(version, task_entry(), false);
        entry(&mut world, |all| all[0]["kind"] = json!("evil"));
        match version {
            2 | 3 => trusted(&world, &[Assurance::LegacyActionTask, Assurance::LegacyGpg]),
            _ => refused(&world, "legacy-action"),
        }
    }
}

#[test]
fn names_need_not_be_unique_but_callbacks_do() {
    for version in VERSIONS {
        let mut world = World::action(version, task_entry(), false);
        entry(&mut world, |all| all[0]["name"] = json!("promote"));
        trusted(&world, &[Assurance::LegacyActionTask, Assurance::LegacyGpg]);
    }
}

/// What an action says of itself cannot make it another kind of task (S37).
#[test]
fn an_action_cannot_set_what_the_rules_set() {
    for version in [3, 4, 5] {
        let mut world = World::action(version, hook_entry(), false);
        let stated = json!({"tasks_for": "hg-push", "repository": {"level": "1"}, "push": {}, "now": "2000-01-01T00:00:00Z", "parameters": {}});
        world.template["tasks"][0]["extra"]["then"]["action"]["context"] = json!({"$merge": [{"taskGroupId": "${action.taskGroupId}", "taskId": null, "input": {"$eval": "input"}}, stated]});
        world.everywhere(ACTION, |task| {
            let context = task["extra"]["action"]["context"].as_object_mut().unwrap();
            context.extend(stated.as_object().unwrap().clone());
        });
        trusted(&world, &[Assurance::LegacyGpg]);
    }
}

#[test]
fn more_than_one_scope_of_the_repository_is_refused() {
    let mut world = World::action(3, hook_entry(), false);
    world.everywhere(ACTION, |task| {
        task["scopes"] = json!([
            "assume:repo:a:action:generic",
            "assume:repo:b:action:generic"
        ])
    });
    refused(&world, "legacy-rebuild");
}

#[test]
fn what_is_missing_is_undetermined_and_what_does_not_exist_is_refused() {
    for request in [
        template_at(RELEASE, REVISION),
        pushlog_at(),
        Request::Projects,
    ] {
        for version in VERSIONS {
            let mut world = World::push(version);
            world
                .failures
                .insert(request.clone(), ErrorKind::Unavailable);
            let (verdict, ids) = world.findings();
            assert_eq!(
                (verdict, ids),
                (Verdict::Undetermined, vec!["legacy-unavailable".to_owned()]),
                "{request}"
            );
            world.failures.insert(request.clone(), ErrorKind::Absent);
            refused(&world, "legacy-absent");
        }
    }
}

#[test]
fn events_of_github_are_not_rebuilt() {
    let mut world = World::push(5);
    world.everywhere(DECISION, |task| {
        task["extra"]["tasks_for"] = json!("github-push")
    });
    assert_eq!(
        world.findings(),
        (
            Verdict::Undetermined,
            vec!["legacy-rebuild".to_owned(), "legacy-try".to_owned()]
        )
    );
    let mut world = World::push(5);
    let url = "https://github.com/mozilla-mobile/fenix";
    world.everywhere(DECISION, |task| {
        task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!(url);
        task["metadata"]["source"] = json!(format!("{url}/raw/{REVISION}/.taskcluster.yml"));
    });
    let (verdict, ids) = world.findings();
    assert_ne!(verdict, Verdict::Trusted);
    assert!(ids.contains(&"legacy-rebuild".to_owned()), "{ids:?}");
}

/// Version 2 fell back to the command check of version 1 when its rebuild failed.
#[test]
fn to_fall_back_is_a_downgrade() {
    for version in VERSIONS {
        let mut world = World::push(version);
        world.everywhere(DECISION, |task| task["payload"]["env"]["EVIL"] = json!("1"));
        let (_, ids) = world.findings();
        assert_eq!(
            ids.contains(&"legacy-downgrade".to_owned()),
            version == 2,
            "{ids:?}"
        );
        // only the operator can ask for it, and only where it was done
        let report = world.report_as(Some(1));
        let (verdict, ids): (_, Vec<&str>) = match version {
            2 => (Verdict::Trusted, vec![]),
            _ => (Verdict::Undetermined, vec!["legacy-downgrade"]),
        };
        let found: Vec<&str> = report.findings.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((report.verdict, found), (verdict, ids));
        assert!(
            report.relaxations[0].starts_with("--cot-version 1"),
            "{:?}",
            report.relaxations
        );
    }
    let mut world = World::action(2, task_entry(), false);
    world.everywhere(ACTION, |task| task["payload"]["env"]["EVIL"] = json!("1"));
    refused(&world, "legacy-downgrade");
}

/// Image allowlists, the command of image tasks and fuzzy matching ended with version 3.
#[test]
fn version_3_ends_the_rules_of_version_1() {
    for version in VERSIONS {
        let old = version == 2;
        let mut world = World::push(version);
        world
            .environments
            .insert(DECISION, json!({"imageHash": "sha256:0"}));
        let (verdict, ids) = world.findings();
        assert_eq!(
            (
                verdict == Verdict::Rejected,
                ids.contains(&"legacy-image".to_owned())
            ),
            (old, old),
            "{ids:?}"
        );

        let mut world = World::push(version);
        world.everywhere(IMAGE, |task| task["payload"]["command"] = json!(["other"]));
        let (verdict, ids) = world.findings();
        assert_eq!(
            (
                verdict == Verdict::Rejected,
                ids.contains(&"legacy-command".to_owned())
            ),
            (old, old),
            "{ids:?}"
        );

        let mut world = World::push(version);
        let graph = world
            .graphs
            .get_mut(DECISION)
            .unwrap()
            .as_object_mut()
            .unwrap();
        let entry = graph.remove(BUILD).unwrap();
        graph.insert("OOOOOOOOQACOOOOOOOOOOA".to_owned(), entry);
        let (verdict, ids) = world.findings();
        assert_eq!(
            (
                verdict == Verdict::Rejected,
                ids.contains(&"legacy-graph".to_owned())
            ),
            (!old, !old),
            "{ids:?}"
        );

        // an image by name is for decision, action and image tasks alone, always
        let mut world = World::push(version);
        world.everywhere(BUILD, |task| task["payload"]["image"] = json!("evil"));
        refused(&world, "legacy-image");
    }
}

#[test]
fn pools_of_decision_tasks_change_with_the_version() {
    for version in VERSIONS {
        let mut world = World::push(version);
        world.template["tasks"][0]["workerType"] = json!("gecko-decision");
        world.everywhere(DECISION, |task| {
            task["workerType"] = json!("gecko-decision")
        });
        match version {
            2 => trusted(&world, &[Assurance::LegacyGpg]),
            _ => refused(&world, "legacy-pool"),
        }
    }
}

#[test]
fn an_optional_artifact_may_be_missing_but_not_wrong() {
    let optional = |world: &mut World| {
        world.everywhere(ROOT, |task| {
            task["payload"]["upstreamArtifacts"][0]["optional"] = json!(true)
        })
    };
    let mut world = World::push(4);
    optional(&mut world);
    trusted(&world, &[Assurance::LegacyGpg]);
    let path = "public/target.zip";
    let mut absent = world.clone();
    absent
        .failures
        .insert(artifact(BUILD, path), ErrorKind::Absent);
    let report = absent.report();
    assert_eq!(
        (report.verdict, report.relaxations.len()),
        (Verdict::Trusted, 1)
    );
    let mut unsigned = world.clone();
    unsigned.files.remove(&(BUILD, path));
    let report = unsigned.report();
    assert_eq!(
        (report.verdict, report.relaxations.len()),
        (Verdict::Trusted, 1)
    );
    world.swapped.insert((BUILD, path), "evil".to_owned());
    refused(&world, "legacy-digest");
    // one entry that needs it is enough
    absent.everywhere(ROOT, |task| {
        let mut second = task["payload"]["upstreamArtifacts"][0].clone();
        second["optional"] = json!(false);
        task["payload"]["upstreamArtifacts"]
            .as_array_mut()
            .unwrap()
            .push(second);
    });
    refused(&absent, "legacy-absent");
}

/// Rules go by the definition and keys by the run, so the two must belong together.
#[test]
fn a_run_lies_between_the_times_of_its_definition() {
    let at = |times: [&'static str; 2]| {
        let mut world = World::push(3);
        world.times.insert(BUILD, times);
        world
    };
    for times in [
        ["2018-06-01T09:50:00.000Z", "2018-06-01T12:30:00.000Z"],
        ["2018-06-01T12:00:00.000Z", "2018-06-02T10:10:00.000Z"],
    ] {
        trusted(&at(times), &[Assurance::LegacyGpg]);
    }
    for times in [
        ["2018-06-01T09:49:59.000Z", "2018-06-01T12:30:00.000Z"],
        ["2018-06-01T12:00:00.000Z", "2018-06-02T10:10:01.000Z"],
        ["2018-06-01T12:00:00.000Z", "2018-06-01T11:59:59.000Z"],
        ["2018-06-01T12:00:00.000Z", "2019-05-30T12:00:00.000Z"],
        ["2017-06-01T12:00:00.000Z", "2018-06-01T12:00:00.000Z"],
    ] {
        refused(&at(times), "legacy-run");
    }
}

#[test]
fn the_newest_time_of_all_decides_the_version() {
    let mut world = World::push(2);
    world.everywhere(BUILD, |task| {
        task["deadline"] = json!("2018-06-03T00:00:00.000Z")
    });
    world.times.insert(
        BUILD,
        ["2018-02-01T12:00:00.000Z", "2018-06-02T00:00:00.000Z"],
    );
    assert_eq!(world.report().version.unwrap().number(), 3);
    world.times.insert(
        BUILD,
        ["2018-02-01T12:00:00.000Z", "2019-06-01T00:00:00.000Z"],
    );
    refused(&world, "legacy-era");
}

#[test]
fn a_root_that_is_not_finished_has_no_document_to_trust() {
    let mut world = World::push(4);
    world.states.insert(ROOT, "running");
    let undetermined = (Verdict::Undetermined, vec!["legacy-run".to_owned()]);
    assert_eq!(world.findings(), undetermined);
}

/// What another decision task made may be from another repository, if that is one of a tree.
#[test]
fn an_image_may_be_of_another_tree_but_not_of_any_repository() {
    let other = "EEEEEEEEQACEEEEEEEEEEA";
    let from = |repository: &str| {
        let mut world = World::push(4);
        let text = world.tasks[DECISION].to_string();
        let moved = text.replace(RELEASE, repository).replace(
            "releases/mozilla-release",
            repository.strip_prefix("https://hg.mozilla.org/").unwrap(),
        );
        let moved = moved.replace(DECISION, other);
        world
            .tasks
            .insert(other, serde_json::from_str(&moved).unwrap());
        world.environments.insert(other, json!({}));
        world.everywhere(IMAGE, |task| task["taskGroupId"] = json!(other));
        let graph = world.graphs.get_mut(DECISION).unwrap();
        let image = graph.as_object_mut().unwrap().remove(IMAGE).unwrap();
        world.graphs.insert(other, json!({IMAGE: image}));
        world.also.push(repository.to_owned());
        world
    };
    trusted(
        &from("https://hg.mozilla.org/mozilla-central"),
        &[Assurance::LegacyGpg],
    );
    let autoland = "https://hg.mozilla.org/integration/autoland";
    refused(&from(autoland), "legacy-source");
    // V85: without restricted scopes no tree is asked for
    let mut world = from(autoland);
    world.everywhere(ROOT, |task| {
        task["scopes"] = json!(["project:releng:signing:cert:dep-signing"])
    });
    trusted(&world, &[Assurance::LegacyGpg]);
}

/// comm checks out two trees, and `GECKO_` names the other one.
#[test]
fn chains_of_comm_go_back_to_the_tree_that_the_policy_s_prefix_names() {
    let moved = |value: &Value| -> Value {
        let other = "\"GECKO_HEAD_REPOSITORY\":\"https://hg.mozilla.org/mozilla-central\",\"COMM_HEAD_REPOSITORY\":";
        let text = value.to_string();
        let text = text.replace("\"GECKO_HEAD_REPOSITORY\":", other);
        serde_json::from_str(&text.replace("GECKO_HEAD_REV", "COMM_HEAD_REV")).unwrap()
    };
    for version in VERSIONS {
        let mut world = World::push(version);
        world.everywhere(BUILD, |task| {
            task["payload"]["env"] = json!({"GECKO_HEAD_REPOSITORY": RELEASE});
        });
        world.template = moved(&world.template);
        for document in world.tasks.values_mut().chain(world.graphs.values_mut()) {
            *document = moved(document);
        }
        refused(&world, "legacy-source");
        world.prefix = Some("COMM");
        trusted(&world, &[Assurance::LegacyGpg]);
    }
}
