// SPDX-License-Identifier: MPL-2.0
//! Chains of the GPG era against rules that are today's as well: source, try, types, images, and what a graph leaves open.

use serde_json::{Value, json};

use crate::legacy_chains::{Named, Words, good, refused};
use crate::legacy_world::{BUILD, Chain, DECISION, IMAGE, ROOT, TASKS};

pub(crate) const MORE: &[Named] = &[
    good("chain-of-2018-06", "", |it| {
        it.rebuilt();
        it.in_june();
    }),
    refused(
        "chain-from-try",
        &[
            "legacy-try B",
            "legacy-try D",
            "legacy-try I",
            "legacy-try R",
            "legacy-scopes R",
        ],
        "found https://hg.mozilla.org/try",
        |it| it.from("https://hg.mozilla.org/try", &TASKS),
    ),
    refused(
        "chain-of-try-by-its-scheduler",
        &[
            "legacy-try B",
            "legacy-try D",
            "legacy-try I",
            "legacy-try R",
            "legacy-graph B",
            "legacy-graph I",
            "legacy-graph R",
        ],
        "schedulerId gecko-level-1",
        |it| it.scheduled(&TASKS),
    ),
    refused(
        "chain-of-2018-of-try-by-its-scheduler",
        &[
            "legacy-try B",
            "legacy-try I",
            "legacy-try R",
            "legacy-graph B",
            "legacy-graph I",
            "legacy-graph R",
        ],
        "schedulerId gecko-level-1",
        |it| {
            it.rebuilt();
            it.scheduled(&[BUILD, IMAGE, ROOT]);
        },
    ),
    refused(
        "chain-of-try-by-its-branch",
        &["legacy-try B"],
        "MH_BRANCH try",
        |it| {
            it.everywhere(BUILD, |task| {
                task["payload"]["env"] = json!({"MH_BRANCH": "try"})
            })
        },
    ),
    refused("chain-of-sources-elsewhere", ELSEWHERE, EVIL, |it| {
        it.sources(EVIL)
    }),
    refused(
        "chain-of-2018-of-sources-elsewhere",
        ELSEWHERE,
        EVIL,
        |it| {
            it.rebuilt();
            it.sources(EVIL);
        },
    ),
    refused(
        "chain-of-sources-and-repositories-elsewhere",
        ELSEWHERE,
        EVIL,
        |it| it.from(EVIL, &[BUILD, IMAGE, ROOT]),
    ),
    refused(
        "chain-of-an-artifact-from-another-tree",
        &["legacy-source B"],
        "expected https://hg.mozilla.org/releases/mozilla-release, as its decision task's",
        |it| it.from("https://hg.mozilla.org/projects/x", &[BUILD]),
    ),
    refused(
        "chain-with-an-image-that-names-no-task",
        &["legacy-malformed I", "legacy-image B"],
        "/payload/image/taskId",
        |it| {
            it.rebuilt();
            it.in_june();
            let image = json!({"type": "indexed-image", "namespace": "evil", "path": "public/image.tar.zst"});
            it.everywhere(IMAGE, |task| task["payload"]["image"] = image.clone());
            it.document(IMAGE)["environment"] = json!({});
        },
    ),
    // an empty repository is none, and metadata.source stands in for it; the template was looked up nowhere
    refused(
        "chain-of-2018-without-a-repository",
        &["legacy-source D"],
        "found GECKO_HEAD_REPOSITORY = \"\"",
        |it| {
            it.rebuilt();
            it.everywhere(DECISION, |task| {
                task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!("");
                task["payload"]["command"] = json!(["/bin/sh", "-c", "evil"]);
            });
        },
    ),
    // types
    refused(
        "chain-of-a-build-in-a-pool-of-images",
        &["legacy-type B"],
        "a task of no other kind",
        |it| {
            it.rebuilt();
            it.in_june();
            it.everywhere(BUILD, |task| {
                task["workerType"] = json!("gecko-3-images");
                task["payload"]["image"] = json!("evil");
            });
        },
    ),
    refused(
        "chain-of-an-unknown-type",
        &["legacy-type B"],
        "found \"evil\"",
        |it| it.typed("evil"),
    ),
    refused(
        "chain-of-a-type-of-another-worker",
        &["legacy-type B"],
        "a task that scriptworker ran",
        |it| it.typed("signing"),
    ),
    refused(
        "chain-of-a-build-called-an-image",
        &["legacy-type B"],
        "a pool that builds images",
        |it| it.typed("docker-image"),
    ),
    // what the graph leaves open
    good("chain-with-the-defaults-of-the-queue", "", |it| {
        it.open("requires", json!("all-completed"));
        it.open("retries", json!(5));
        it.open("priority", json!("lowest"));
    }),
    refused(
        "chain-with-another-requirement",
        &["legacy-graph B"],
        "requires \"all-resolved\"",
        |it| it.open("requires", json!("all-resolved")),
    ),
    refused(
        "chain-with-another-number-of-retries",
        &["legacy-graph B"],
        "retries 49",
        |it| it.open("retries", json!(49)),
    ),
    refused(
        "chain-with-another-priority",
        &["legacy-graph B"],
        "priority \"highest\"",
        |it| it.open("priority", json!("highest")),
    ),
    refused(
        "chain-of-2018-with-keys-of-its-own",
        &["legacy-graph B"],
        "which the graph does not have",
        |it| {
            it.rebuilt();
            it.open("requires", json!("all-resolved"));
            it.open("retries", json!(49));
            it.open("priority", json!("highest"));
        },
    ),
];

const EVIL: &str = "https://evil.example/x";
const ELSEWHERE: Words = &["legacy-source B", "legacy-source I", "legacy-source R"];

impl Chain {
    /// Makes tasks be from a repository, by what they all say.
    pub(crate) fn from(&mut self, url: &str, tasks: &[&'static str]) {
        for task in tasks {
            self.everywhere(task, |task| {
                task["payload"]["env"]["GECKO_HEAD_REPOSITORY"] = json!(url);
                task["metadata"]["source"] = json!(format!("{url}/file/abc/taskcluster"));
            });
        }
    }

    /// Makes it a chain of version 3.
    fn in_june(&mut self) {
        for task in TASKS {
            self.everywhere(task, |task| {
                task["created"] = json!("2018-06-01T10:00:00.000Z");
                task["deadline"] = json!("2018-06-02T10:00:00.000Z");
            });
        }
        for run in self.runs.values_mut() {
            run["started"] = json!("2018-06-01T12:00:00.000Z");
            run["resolved"] = json!("2018-06-01T12:30:00.000Z");
        }
        self.signed = "2018-06-01T12:29:00Z".parse().unwrap();
    }

    /// Claims a type of the build, in both ways.
    fn typed(&mut self, kind: &str) {
        self.everywhere(ROOT, |task| {
            task["payload"]["upstreamArtifacts"][0]["taskType"] = json!(kind);
            task["extra"]["chainOfTrust"]["inputs"] = json!({kind: BUILD});
        });
    }

    /// Leaves a key of the build to whoever runs it.
    fn open(&mut self, key: &str, value: Value) {
        let entry = self.graph[BUILD]["task"].as_object_mut().unwrap();
        entry.remove(key).unwrap();
        self.tasks.get_mut(BUILD).unwrap()[key] = value.clone();
        self.document(BUILD)["task"][key] = value;
    }

    fn sources(&mut self, url: &str) {
        for task in [BUILD, IMAGE, ROOT] {
            self.everywhere(task, |task| task["metadata"]["source"] = json!(url));
        }
    }

    /// Makes tasks be scheduled as those of try are, and the graph not know it.
    fn scheduled(&mut self, tasks: &[&'static str]) {
        for task in tasks {
            let change = |task: &mut Value| task["schedulerId"] = json!("gecko-level-1");
            change(self.tasks.get_mut(task).unwrap());
            change(&mut self.document(task)["task"]);
        }
    }
}
