// SPDX-License-Identifier: MPL-2.0
//! Attacks and outages against whole chains.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use catena_core::policy::Profile;
use catena_core::report::{Report, Verdict};
use catena_core::request::Request;
use catena_core::walk::Walk;
use catena_testkit::{Chain, ChainSpec, Flow, RootRun};
use serde_json::{Value, json};

use crate::verifier::Verifier;

pub(crate) const PROFILES: [Profile; 2] = [Profile::Compat, Profile::Strict];

pub(crate) fn ids(report: &Report) -> Vec<String> {
    let finding = |finding: &catena_core::report::Finding| {
        format!("{} {}: {}", finding.id, finding.expected, finding.found)
    };
    report.findings.iter().map(finding).collect()
}

/// Sets what the host says to all requests of a kind; there must be some.
pub(crate) fn answer(chain: &mut Chain, is: impl Fn(&Request) -> bool, value: &Value) {
    let hits: Vec<_> = chain
        .documents
        .keys()
        .filter(|request| is(request))
        .cloned()
        .collect();
    assert!(!hits.is_empty());
    for request in hits {
        chain.replace(&request, value.to_string().into_bytes());
    }
}

/// A scheduled chain whose commit is a fork's: GitHub serves it, with the fork's own template, under the address of
/// the official repository (S29), and only V89 can tell.
pub(crate) fn fork_commit(source: impl Fn(&str) -> String) -> Chain {
    let mut chain = ChainSpec::new(1, Flow::XpiCron).build();
    let home = "https://github.com/mozilla-extensions/xpi-manifest";
    edit_template(&mut chain, |text| {
        text.replace(
            "source: '${facts.home}/",
            &format!("source: '{}/", source(home)),
        )
    });
    let edit = |task: &mut Value| {
        let text = task["metadata"]["source"].as_str().unwrap();
        task["metadata"]["source"] = text.replace(home, &source(home)).into();
    };
    for name in chain.tasks.keys().cloned().collect::<Vec<_>>() {
        if name == "decision" {
            chain.edit_definition(&name, edit);
        } else {
            chain.edit_task(&name, edit);
        }
    }
    let diverged =
        json!({"status": "diverged", "ahead_by": 1, "merge_base_commit": {"sha": "ef".repeat(20)}});
    answer(
        &mut chain,
        |request| matches!(request, Request::Landed { .. }),
        &diverged,
    );
    for request in chain.documents.keys().cloned().collect::<Vec<_>>() {
        if let Request::BranchCommits { .. } = request {
            chain.replace(&request, b"\n".to_vec());
        }
        if let Request::Branch { ref repo, .. } | Request::Landed { ref repo, .. } = request {
            chain
                .documents
                .insert(Request::Branches { repo: repo.clone() }, b"[]".to_vec());
        }
    }
    chain
}

/// Changes the text of the decision's template, as GitHub's contents API gives it.
fn edit_template(chain: &mut Chain, edit: impl Fn(&str) -> String) {
    let template = |request: &Request| matches!(request, Request::Template { .. });
    let request = chain
        .documents
        .keys()
        .find(|request| template(request))
        .unwrap()
        .clone();
    chain.edit_json(&request, |answer| {
        let text: String = answer["content"]
            .as_str()
            .unwrap()
            .split_whitespace()
            .collect();
        let text = String::from_utf8(BASE64_STANDARD.decode(text).unwrap()).unwrap();
        answer["content"] = BASE64_STANDARD.encode(edit(&text)).into();
    });
}

#[test]
fn a_commit_of_a_fork_is_seen_in_every_spelling_of_its_source_v80() {
    let spellings: [fn(&str) -> String; 4] = [
        str::to_owned,
        |home| home.replace("https:", "ssh:"),
        |home| home.replace("https:", "HTTPS:"),
        |home| home.replace("https://github.com/", "git@github.com:"),
    ];
    for spelling in spellings {
        let verifier = Verifier::new(&fork_commit(spelling));
        for profile in PROFILES {
            let report = verifier.verify(profile);
            assert_eq!(
                report.verdict,
                Verdict::Rejected,
                "{} {profile:?} {:#?}",
                spelling("https://github.com/"),
                ids(&report)
            );
        }
    }
}

#[test]
fn a_root_of_an_unknown_worker_is_rejected_v74() {
    let spec = ChainSpec {
        root_run: RootRun::Running,
        ..ChainSpec::new(1, Flow::FirefoxPush)
    };
    let mut chain = spec.build();
    chain.edit_task("build-0", |task| {
        let payload = task["payload"].as_object_mut().unwrap();
        for key in ["image", "mounts", "osGroups"] {
            payload.remove(key);
        }
        task["tags"]["worker-implementation"] = "another-worker".into();
        task["extra"]["chainOfTrust"] = json!({});
        task["dependencies"] = json!([]);
    });
    let build = chain.task("build-0").clone();
    (chain.root, chain.task_type) = (build.id, "build");
    chain.edit_json(&Request::Status { task: build.id }, |status| {
        status["status"]["runs"]
            .as_array_mut()
            .unwrap()
            .last_mut()
            .unwrap()["state"] = "running".into();
    });
    for profile in PROFILES {
        let report = Verifier::new(&chain).verify(profile);
        assert_eq!(
            report.verdict,
            Verdict::Rejected,
            "{profile:?} {:#?}",
            ids(&report)
        );
    }
}

#[test]
fn a_root_whose_status_cannot_be_read_is_undetermined_p7_p12() {
    let mut chain = ChainSpec::new(1, Flow::FirefoxPush).build();
    for status in [
        json!({}),
        json!({"status": {"runs": [{"runId": "0", "state": "completed"}]}}),
    ] {
        let request = Request::Status { task: chain.root };
        chain.replace(&request, status.to_string().into_bytes());
        for profile in PROFILES {
            let report = Verifier::new(&chain).verify(profile);
            assert_eq!(
                report.verdict,
                Verdict::Undetermined,
                "{profile:?} {:#?}",
                ids(&report)
            );
        }
    }
}

#[test]
fn requests_without_an_answer_count_as_unavailable_p7() {
    for spec in ChainSpec::all(1) {
        let verifier = Verifier::new(&spec.build());
        for skipped in verifier.requests(Profile::Strict) {
            let mut walk = Walk::new(verifier.inputs(Profile::Strict));
            loop {
                let named = walk.needs();
                if named.is_empty() {
                    break;
                }
                for request in named.into_iter().filter(|request| *request != skipped) {
                    let answer = verifier.source.answer(&request);
                    walk.supply(request, answer);
                }
            }
            let report = walk.finish().report;
            assert_eq!(
                report.verdict,
                Verdict::Undetermined,
                "{:?} {skipped} {:#?}",
                spec.flow,
                ids(&report)
            );
        }
    }
}

#[test]
fn landed_answers_of_another_shape_are_undetermined_p7() {
    let mut chains = Vec::new();
    let push = || ChainSpec::new(1, Flow::XpiPush).build();
    for bad in [
        json!({}),
        json!({"full_name": 7, "default_branch": "main"}),
        json!({"full_name": "mozilla-extensions/xpi-manifest"}),
        json!([]),
    ] {
        let mut chain = push();
        answer(
            &mut chain,
            |request| matches!(request, Request::Repository { .. }),
            &bad,
        );
        chains.push(chain);
    }
    for bad in [json!({}), json!([7]), json!([{"name": "main"}])] {
        let mut chain = fork_commit(str::to_owned);
        answer(
            &mut chain,
            |request| matches!(request, Request::Branches { .. }),
            &bad,
        );
        chains.push(chain);
    }
    let mut chain = ChainSpec::new(1, Flow::VpnRelease).build();
    answer(
        &mut chain,
        |request| matches!(request, Request::TagRef { .. }),
        &json!({}),
    );
    chains.push(chain);
    for chain in chains {
        let report = Verifier::new(&chain).verify(Profile::Strict);
        assert_eq!(report.verdict, Verdict::Undetermined, "{:#?}", ids(&report));
    }
}

#[test]
fn many_odd_claims_take_no_quadratic_time_s17() {
    let mut chain = ChainSpec::new(1, Flow::XpiPush).build();
    let target = chain.task("build-0").id;
    chain.edit_json(&chain.definition("root"), |task| {
        let inputs: serde_json::Map<_, _> = (0..20_000)
            .map(|at| (format!("k{at}"), target.as_str().into()))
            .collect();
        task["extra"]["chainOfTrust"]["inputs"] = inputs.into();
    });
    let started = std::time::Instant::now();
    let report = Verifier::new(&chain).verify(Profile::Strict);
    eprintln!(
        "odd claims: {:?}, {} findings",
        started.elapsed(),
        report.findings.len()
    );
    assert_eq!(report.verdict, Verdict::Rejected);
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}

/// A root with as many scopes as a definition can hold and as many inputs as a chain may have.
#[test]
fn many_scopes_and_many_tasks_take_no_quadratic_time_s17() {
    let mut chain = ChainSpec::new(1, Flow::FirefoxPush).build();
    let build = chain.bytes(&chain.definition("build-0")).to_vec();
    let mut inputs = serde_json::Map::new();
    for at in 0..2_000 {
        let id = format!("AAAAAAAAQACA{at:09}A");
        let task = id.parse().unwrap();
        chain
            .documents
            .insert(Request::Definition { task }, build.clone());
        inputs.insert(format!("k{at}"), id.into());
    }
    chain.edit_json(&chain.definition("root"), |task| {
        task["extra"]["chainOfTrust"]["inputs"] = inputs.into();
        task["scopes"] = (0..60_000).map(|at| at.to_string()).collect();
        let source = format!("https://hg.mozilla.org/{}", "a/".repeat(200_000));
        task["metadata"]["source"] = source.into();
    });
    let started = std::time::Instant::now();
    let report = Verifier::new(&chain).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Rejected);
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}

/// A task under a name of half a megabyte, which all that it names would repeat.
#[test]
fn a_long_name_is_not_repeated_below_it_s17() {
    let mut chain = ChainSpec::new(1, Flow::XpiPush).build();
    let build = chain.task("build-0").id;
    chain.edit_json(&chain.definition("root"), |task| {
        task["payload"]["upstreamArtifacts"] = json!([]);
        let inputs = serde_json::Map::from_iter([("x".repeat(500_000), build.as_str().into())]);
        task["extra"]["chainOfTrust"]["inputs"] = inputs.into();
    });
    chain.edit_json(&chain.definition("build-0"), |task| {
        let ids = (0..5_000).map(|at| format!("AAAAAAAAQACA{at:09}A"));
        let inputs: serde_json::Map<_, _> = ids.map(|id| (id.clone(), id.into())).collect();
        task["extra"]["chainOfTrust"]["inputs"] = inputs.into();
    });
    let report = Verifier::new(&chain).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Rejected);
    let names = report.links.iter().flat_map(|link| &link.names);
    let longest = names.map(String::len).max().unwrap();
    assert!(longest < 200, "{longest}");
}

#[test]
fn many_optional_artifacts_take_no_quadratic_time() {
    let spec = ChainSpec {
        artifacts: 400,
        artifact_size: 1,
        ..ChainSpec::new(1, Flow::XpiPush)
    };
    let mut chain = spec.build();
    chain.edit_task("root", |task| {
        for entry in task["payload"]["upstreamArtifacts"].as_array_mut().unwrap() {
            entry["optional"] = true.into();
        }
    });
    let started = std::time::Instant::now();
    let report = Verifier::new(&chain).verify(Profile::Strict);
    assert_eq!(report.verdict, Verdict::Trusted, "{:#?}", ids(&report));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_pull_request_without_a_base_repository_is_rejected_v65() {
    let mut chain = ChainSpec::new(1, Flow::XpiPullRequest).build();
    edit_template(&mut chain, |text| {
        text.replace("XPI_BASE_REPOSITORY: '${facts.base}'", "X: ''")
    });
    chain.edit_definition("decision", |task| {
        let env = task["payload"]["env"].as_object_mut().unwrap();
        env.remove("XPI_BASE_REPOSITORY").unwrap();
        env.insert("X".into(), "".into());
    });
    for profile in PROFILES {
        let report = Verifier::new(&chain).verify(profile);
        assert_eq!(
            report.verdict,
            Verdict::Rejected,
            "{profile:?} {:#?}",
            ids(&report)
        );
    }
}

/// Puts tasks into another repository, in the graph as well.
fn move_tasks(chain: &mut Chain, names: &[&str], home: &str) {
    for name in names {
        chain.edit_task(name, |task| {
            let source = format!("{home}/raw/{}/taskcluster", "ab".repeat(20));
            task["metadata"]["source"] = source.into();
            if let Some(env) = task["payload"].get_mut("env") {
                env["XPI_HEAD_REPOSITORY"] = home.into();
            }
        });
    }
}

#[track_caller]
fn assert_siblings_rejected(chain: &Chain, names: &[&str]) {
    let verifier = Verifier::new(chain);
    for profile in PROFILES {
        let report = verifier.verify(profile);
        let told = ids(&report);
        assert_eq!(report.verdict, Verdict::Rejected, "{names:?} {profile:?}");
        assert!(
            report
                .findings
                .iter()
                .all(|finding| finding.id == "sibling-tree"),
            "{names:?} {profile:?} {told:#?}"
        );
    }
}

/// A parent whose source no rule knows does not make the trees of its group unknown as well: each task is still held to
/// the root's tree, whichever of them nobody knows.
#[test]
fn a_group_is_of_one_tree_even_if_its_parent_is_of_none_v82_v85() {
    for names in [&["build-0"][..], &["root"], &["build-0", "root"]] {
        let mut chain = ChainSpec::new(1, Flow::XpiPullRequest).build();
        let home = "https://github.com/mozilla-extensions/xpi-manifest";
        move_tasks(&mut chain, names, home);
        assert_siblings_rejected(&chain, names);
    }
}

/// A repository that only the loose meaning of a rule takes for the trusted one is not in one tree with a repository
/// that nobody knows: strict trusts less, never more (P4).
#[test]
fn what_the_strict_meaning_makes_unknown_is_not_the_same_s22_p4() {
    for names in [&["build-0"][..], &["root"], &["build-0", "root"]] {
        let mut chain = ChainSpec::new(1, Flow::XpiPullRequest).build();
        let home = "https://github.com/mozilla-extensions/xpi-manifest-git-fork";
        move_tasks(&mut chain, names, home);
        assert_siblings_rejected(&chain, names);
    }
}

/// Where GitHub itself committed, the commit's author is asked for, and an answer without one says nothing (V65, P7).
#[test]
fn a_commit_without_an_author_is_no_answer_v65_p7() {
    for bad in [json!(null), json!({"author": null})] {
        let mut chain = ChainSpec::new(1, Flow::XpiPush).build();
        for request in chain.documents.keys().cloned().collect::<Vec<_>>() {
            if matches!(request, Request::Commit { .. }) {
                chain.edit_json(&request, |commit| commit["commit"] = bad.clone());
            }
        }
        for profile in PROFILES {
            let report = Verifier::new(&chain).verify(profile);
            assert_eq!(
                report.verdict,
                Verdict::Undetermined,
                "{bad} {profile:?} {:#?}",
                ids(&report)
            );
        }
    }
}
