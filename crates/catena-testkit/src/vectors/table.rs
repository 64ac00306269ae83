// SPDX-License-Identifier: MPL-2.0
//! Variations whose outcomes in the reference were once measured one by one; here the reference itself is asked again.

use catena_core::model::ids::ArtifactName;
use serde_json::{Value, json};

use super::corner::{rendered, small};
use super::corpus::{CorpusError, Maker};
use super::list::{build, spec};
use crate::chain::Chain;
use crate::random::Random;
use crate::spec::Flow;

pub(super) fn add(maker: &mut Maker) -> Result<(), CorpusError> {
    let baseline = build(spec(Flow::FirefoxPush));
    for (name, story, rules, change) in VARIATIONS {
        let mut chain = baseline.clone();
        change(&mut chain);
        maker.add(&chain, &format!("table-{name}"), story, rules)?;
    }
    for (name, text) in DATESTAMPS {
        let mut chain = baseline.clone();
        chain.edit_graph_entry("build-0", |entry| {
            entry["task"]["deadline"] = json!({"relative-datestamp": text});
        });
        let story = format!(
            "the graph gives a build until `{text}` after its creation, which is a day in the queue"
        );
        maker.add(
            &chain,
            &format!("table-datestamp-{name}"),
            &story,
            &["V56", "S44"],
        )?;
    }
    for (name, pattern) in PATTERNS {
        let mut chain = baseline.clone();
        chain.edit_task("root", |task| {
            for entry in task["payload"]["upstreamArtifacts"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                if entry["optional"] == true
                    && entry["paths"][0]
                        .as_str()
                        .is_some_and(|path| path.contains('*'))
                {
                    entry["paths"] = json!([pattern]);
                }
            }
        });
        let story = format!("an optional upstream artifact is the pattern `{pattern}`");
        maker.add(&chain, &format!("table-pattern-{name}"), &story, &["V42"])?;
    }
    for (name, story, rules, rebuilt, runtime) in COMPARISONS {
        let mut chain = build(small());
        if !rebuilt.is_empty() && !rendered(&mut chain, rebuilt) {
            return Err(CorpusError::Case(format!(
                "{name}: the template does not render"
            )));
        }
        chain.edit_definition("decision", runtime);
        maker.add(&chain, &format!("table-comparison-{name}"), story, rules)?;
    }
    Ok(())
}

type Variation = (
    &'static str,
    &'static str,
    &'static [&'static str],
    fn(&mut Chain),
);

const VARIATIONS: &[Variation] = &[
    (
        "root-not-in-graph",
        "the task graph does not have the root",
        &["V54"],
        |chain| leave_out(chain, "root"),
    ),
    (
        "root-not-in-graph-empty-parent",
        "the root names an empty parent and is in no graph",
        &["S1"],
        |chain| {
            chain.edit_definition("root", |task| task["extra"]["parent"] = "".into());
            leave_out(chain, "root");
        },
    ),
    (
        "root-not-in-graph-null-parent",
        "the root's parent is null and it is in no graph",
        &["S1"],
        |chain| {
            chain.edit_definition("root", |task| task["extra"]["parent"] = Value::Null);
            leave_out(chain, "root");
        },
    ),
    (
        "build-not-in-graph",
        "the task graph does not have a build",
        &["V54"],
        |chain| leave_out(chain, "build-0"),
    ),
    (
        "build-not-in-graph-empty-parent",
        "a build names an empty parent and is in no graph",
        &["S1"],
        |chain| {
            chain.edit_definition("build-0", |task| task["extra"]["parent"] = "".into());
            leave_out(chain, "build-0");
        },
    ),
    (
        "graph-key-that-the-task-lacks",
        "the graph has a key that the task has not",
        &["V55"],
        |chain| {
            chain.edit_graph_entry("build-0", |entry| entry["task"]["corner"] = "x".into());
        },
    ),
    (
        "task-key-that-the-graph-lacks",
        "a task has routes and its graph entry says nothing of routes",
        &["V55", "S6"],
        |chain| {
            chain.edit_graph_entry("build-0", |entry| without(&mut entry["task"], "routes"));
        },
    ),
    (
        "graph-without-priority",
        "a graph entry leaves the priority open",
        &["V55", "S6"],
        |chain| {
            chain.edit_graph_entry("build-0", |entry| without(&mut entry["task"], "priority"));
        },
    ),
    (
        "graph-pool-by-queue-id-only",
        "the graph names another pool, by taskQueueId alone",
        &["S6"],
        |chain| {
            chain.edit_graph_entry("build-0", |entry| {
                without(&mut entry["task"], "provisionerId");
                without(&mut entry["task"], "workerType");
                entry["task"]["taskQueueId"] = "other/pool".into();
            });
        },
    ),
    (
        "root-depends-on-the-decision-too",
        "the root depends on its decision, which no graph says",
        &["V55"],
        |chain| {
            let decision = chain.task("decision").id.to_string();
            chain.edit_definition("root", |task| push(&mut task["dependencies"], &decision));
        },
    ),
    (
        "root-depends-on-a-stranger-too",
        "the root depends on a task that no graph names",
        &["V55"],
        |chain| {
            let stranger = Random::new(5).task_id().to_string();
            chain.edit_definition("root", |task| push(&mut task["dependencies"], &stranger));
        },
    ),
    (
        "root-without-dependencies",
        "the root depends on nothing",
        &["V55"],
        |chain| {
            chain.edit_task("root", |task| task["dependencies"] = json!([]));
        },
    ),
    (
        "root-of-a-strange-group",
        "the root is of a group that no graph names",
        &["S6"],
        |chain| {
            let stranger = Random::new(5).task_id().to_string();
            chain.edit_definition("root", |task| task["taskGroupId"] = stranger.clone().into());
        },
    ),
    (
        "private-artifact",
        "an artifact whose name is not below public/",
        &["V31"],
        |chain| {
            let request = chain.artifact("build-0", "private/x");
            chain.documents.insert(request, b"private".to_vec());
            chain.reseal("build-0");
            take(chain, "private/x");
        },
    ),
    (
        "path-with-empty-segment",
        "an upstream path has an empty segment",
        &["S12"],
        |chain| take(chain, "public//x"),
    ),
    (
        "path-with-encoded-slash",
        "an upstream path has an encoded slash",
        &["S12"],
        |chain| take(chain, "public/a%2Fb"),
    ),
    (
        "path-that-climbs",
        "an upstream path leads out of its directory",
        &["S12"],
        |chain| take(chain, "public/../../x"),
    ),
    (
        "path-that-climbs-encoded",
        "an upstream path leads out of its directory, encoded",
        &["S12"],
        |chain| {
            take(chain, "public/%2e%2e/%2e%2e/x");
        },
    ),
    (
        "path-from-the-root",
        "an upstream path is absolute",
        &["S12"],
        |chain| take(chain, "/abs"),
    ),
    (
        "mandatory-pattern-without-match",
        "a mandatory upstream path is a pattern that nothing matches",
        &["S34"],
        |chain| {
            take(chain, "public/nothing*");
        },
    ),
    (
        "root-lists-itself",
        "the root lists itself as an upstream",
        &["V15"],
        |chain| {
            let own = chain.root.to_string();
            chain.edit_task("root", |task| {
                let entry = json!({"taskId": own, "taskType": "build", "paths": [], "formats": []});
                task["payload"]["upstreamArtifacts"]
                    .as_array_mut()
                    .into_iter()
                    .for_each(|entries| entries.push(entry.clone()));
            });
        },
    ),
    (
        "unknown-type",
        "an upstream is said to be of type foo",
        &["V15"],
        |chain| claim(chain, "foo"),
    ),
    (
        "type-with-colons",
        "an upstream is said to be of type x:y:build",
        &["S17"],
        |chain| claim(chain, "x:y:build"),
    ),
    (
        "type-with-colons-chain-of-one",
        "the same, where a chain may have one step",
        &["S17"],
        |chain| {
            claim(chain, "x:y:build");
            chain.settings.push("max_chain_length: 1".to_owned());
        },
    ),
    (
        "chain-of-one",
        "a chain may have one step, and has two",
        &["V17"],
        |chain| chain.settings.push("max_chain_length: 1".to_owned()),
    ),
    (
        "chain-of-none",
        "a chain may have no step",
        &["V17"],
        |chain| chain.settings.push("max_chain_length: 0".to_owned()),
    ),
    (
        "decision-itself",
        "the decision task is verified itself",
        &["V14"],
        |chain| {
            chain.root = chain.task("decision").id;
            chain.task_type = "decision";
            chain.settings.push("cot_job_type: decision".to_owned());
        },
    ),
    (
        "build-itself",
        "a build is verified itself",
        &["V14"],
        |chain| {
            chain.root = chain.task("build-0").id;
            chain.task_type = "build";
        },
    ),
    (
        "scheduler-of-level-1",
        "the root and a build have the scheduler of another level",
        &["V72"],
        |chain| {
            for name in ["root", "build-0"] {
                chain.edit_task(name, |task| task["schedulerId"] = "gecko-level-1".into());
            }
        },
    ),
    (
        "star-scope",
        "the root's restricted scope ends in a star",
        &["S8"],
        |chain| {
            chain.edit_task("root", |task| {
                task["scopes"] = json!(["project:releng:signing:cert:*"])
            });
        },
    ),
    (
        "assumed-role",
        "the root has a role in place of the scope",
        &["S8"],
        |chain| {
            chain.edit_task("root", |task| {
                task["scopes"] = json!(["assume:project:releng:signing"])
            });
        },
    ),
    (
        "image-digest-wrong",
        "the worker says that it ran another image",
        &["V76"],
        |chain| {
            let digest = format!("sha256:{}", "0".repeat(64));
            image_digest(chain, &digest.into());
        },
    ),
    (
        "image-digest-absent",
        "the worker does not say which image it ran",
        &["V76"],
        |chain| {
            chain.edit_cot("build-0", |cot| {
                without(&mut cot["environment"], "imageArtifactHash")
            });
        },
    ),
    (
        "image-digest-without-colon",
        "the worker says a digest without its algorithm",
        &["V76", "V102"],
        |chain| {
            image_digest(chain, &"0".repeat(64).into());
        },
    ),
    (
        "image-digest-of-unlisted-algorithm",
        "the worker says an md5 that the image's record has not",
        &["V76"],
        |chain| {
            image_digest(chain, &format!("md5:{}", "0".repeat(32)).into());
        },
    ),
    (
        "image-digest-md5-on-both-sides",
        "the worker and the image's record say the same md5",
        &["S9"],
        |chain| {
            image_digest(chain, &format!("md5:{}", "0".repeat(32)).into());
            chain.edit_cot("image-0", |cot| {
                cot["artifacts"]["public/image.tar.zst"]["md5"] = "0".repeat(32).into();
            });
        },
    ),
    (
        "image-digest-in-a-list",
        "the worker says a list where a digest was due",
        &["V76"],
        |chain| image_digest(chain, &json!([])),
    ),
    (
        "docker-worker-without-features",
        "a docker-worker task says nothing of features",
        &["V74"],
        |chain| {
            chain.edit_task("build-0", |task| without(&mut task["payload"], "features"));
        },
    ),
    (
        "graph-listed-twice",
        "the root lists the same build twice",
        &["V15"],
        |chain| {
            chain.edit_task("root", |task| {
                let entries = task["payload"]["upstreamArtifacts"].as_array_mut();
                entries
                    .into_iter()
                    .for_each(|entries| entries.extend(entries.first().cloned()));
            });
        },
    ),
    (
        "graph-entry-without-task",
        "a build's graph entry has no task",
        &["V54"],
        |chain| {
            chain.edit_graph_entry("build-0", |entry| without(entry, "task"));
        },
    ),
    (
        "graph-entry-null",
        "a build's graph entry is null",
        &["V54"],
        |chain| chain.edit_graph_entry("build-0", |entry| *entry = Value::Null),
    ),
    (
        "upstream-artifacts-null",
        "the root's upstream artifacts are null",
        &["V15"],
        |chain| {
            chain.edit_task("root", |task| {
                task["payload"]["upstreamArtifacts"] = Value::Null
            });
        },
    ),
    (
        "upstream-artifacts-empty",
        "the root has no upstream artifacts",
        &["V15"],
        |chain| {
            chain.edit_task("root", |task| {
                task["payload"]["upstreamArtifacts"] = json!([])
            });
        },
    ),
];

fn without(object: &mut Value, key: &str) {
    if let Some(members) = object.as_object_mut() {
        members.remove(key);
    }
}

fn push(list: &mut Value, text: &str) {
    if let Some(items) = list.as_array_mut() {
        items.push(text.into());
    }
}

/// Leaves a task out of its parent's graph.
fn leave_out(chain: &mut Chain, name: &str) {
    let id = chain.task(name).id;
    chain.edit_graph("decision", |graph| without(graph, id.as_str()));
}

/// Has the root take one more artifact of the first build.
fn take(chain: &mut Chain, path: &str) {
    if let Ok(name) = path.parse::<ArtifactName>()
        && !chain
            .documents
            .contains_key(&chain.artifact("build-0", name.as_str()))
    {
        let request = chain.artifact("build-0", name.as_str());
        chain.absent.insert(request);
    }
    chain.edit_task("root", |task| {
        push(&mut task["payload"]["upstreamArtifacts"][0]["paths"], path)
    });
}

/// Has the root say another type of its first upstream.
fn claim(chain: &mut Chain, task_type: &str) {
    chain.edit_task("root", |task| {
        task["payload"]["upstreamArtifacts"][0]["taskType"] = task_type.into()
    });
}

fn image_digest(chain: &mut Chain, digest: &Value) {
    chain.edit_cot("build-0", |cot| {
        cot["environment"]["imageArtifactHash"] = digest.clone()
    });
}

const DATESTAMPS: [(&str, &str); 14] = [
    ("day", "1day"),
    ("days", "1 Days"),
    ("minus", "-1 day"),
    ("hours", "24 hours"),
    ("hours-spaced", "  24h"),
    ("day-and-hours", "1d2h"),
    ("minutes", "1440 min"),
    ("seconds", "86400 sec"),
    ("half-days", "2.5 days"),
    ("fraction-only", ".5 days"),
    ("weeks", "2 weeks"),
    ("month", "1 mo"),
    ("word", "foo"),
    ("nothing", ""),
];

const PATTERNS: [(&str, &str); 8] = [
    ("below-public", "public/*"),
    ("any", "*"),
    ("question-mark", "public/build/target-?.zip"),
    ("class", "public/build/target-[0-9].zip"),
    ("class-negated", "public/build/target-[!0-9].zip"),
    ("class-open", "public/[x*"),
    ("across-slashes", "public/*.zip"),
    ("other-case", "public/BUILD/*"),
];

type Comparison = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    fn(&mut Value),
);

const COMPARISONS: [Comparison; 12] = [
    (
        "equal",
        "the same value on both sides",
        &["V69"],
        "[1, {a: b}]",
        |_| {},
    ),
    (
        "true-for-one",
        "the template says 1, the queue true",
        &["S42"],
        "1",
        |task| task["extra"]["corner"] = true.into(),
    ),
    (
        "float-for-integer",
        "the template says 1, the queue 1.0",
        &["S42"],
        "1",
        |task| task["extra"]["corner"] = json!(1.0),
    ),
    (
        "almost-equal",
        "two numbers that differ by 2^-53",
        &["S42"],
        "1.5",
        |task| task["extra"]["corner"] = json!(1.500_000_000_000_000_2),
    ),
    (
        "null-text-for-nothing",
        "the template says the text null, the queue nothing",
        &["V69"],
        "'null'",
        |task| without(&mut task["extra"], "corner"),
    ),
    (
        "null-for-empty-object",
        "the template says an object of nothing, the queue null in it",
        &["V69"],
        "{}",
        |task| task["extra"]["corner"] = json!({"b": null}),
    ),
    (
        "null-for-empty-list",
        "the template says an empty list, the queue null",
        &["V69"],
        "{b: []}",
        |task| task["extra"]["corner"] = json!({"b": null}),
    ),
    (
        "nothing-for-nested-empty-list",
        "the template says an empty list in a list, the queue nothing",
        &["V69"],
        "[[]]",
        |task| without(&mut task["extra"], "corner"),
    ),
    (
        "other-order",
        "a list in another order",
        &["V69"],
        "[1, 2]",
        |task| task["extra"]["corner"] = json!([2, 1]),
    ),
    (
        "text-for-number",
        "the template says 5, the queue the text 5",
        &["V69"],
        "5",
        |task| task["extra"]["corner"] = "5".into(),
    ),
    (
        "other-project",
        "the queue says that the task is of a project",
        &["V69"],
        "",
        |task| task["projectId"] = "x".into(),
    ),
    (
        "other-pool-by-queue-id",
        "the queue says another pool by taskQueueId",
        &["S42"],
        "",
        |task| task["taskQueueId"] = "evil/evil".into(),
    ),
];
