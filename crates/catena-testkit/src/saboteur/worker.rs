// SPDX-License-Identifier: MPL-2.0
//! Attacks on workers, pools, images, and interactive sessions (sections B, F and H).

use serde_json::{Value, json};

use super::{Saboteur, drop_member, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("docker-interactive-feature", "interactive", &["V75", "R-06"],
        "Somebody could open a shell in the container of a docker-worker build.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["features"]["interactive"] = true.into()
            })
        }),
    saboteur("docker-interactive-feature-by-text", "interactive", &["V75", "R-06"],
        "A docker-worker build switches interactive sessions on by the text 1.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["features"]["interactive"] = "1".into()
            })
        }),
    saboteur("docker-interactive-variable", "interactive", &["V75", "R-06"],
        "A docker-worker build waits for somebody to log in, as a variable tells it.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["env"]["TASKCLUSTER_INTERACTIVE"] = "1".into()
            })
        }),
    saboteur("docker-interactive-variable-true", "interactive", &["V75", "R-06"],
        "A docker-worker build waits for somebody to log in, as a boolean variable tells it.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["env"]["TASKCLUSTER_INTERACTIVE"] = true.into()
            })
        }),
    saboteur("image-interactive", "interactive", &["V75", "R-06"],
        "Somebody could open a shell while a docker image was built.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("image-0", |task| {
                task["payload"]["features"]["interactive"] = true.into()
            })
        }),
    saboteur("decision-interactive", "interactive", &["V75", "R-06"],
        "The template of a fork lets people open a shell in the decision task.",
        Flow::FirefoxPush, |chain| {
            chain.edit_template(
                "decision",
                "taskclusterProxy: true}",
                "taskclusterProxy: true, interactive: true}",
            )
        }),
    saboteur("generic-rdp-info", "interactive", &["V77", "R-06"],
        "Somebody could log in to a Windows build by remote desktop.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["payload"]["rdpInfo"] = "private/rdp.json".into()
            })
        }),
    saboteur("generic-rdp-scope", "interactive", &["V77", "R-06"],
        "A Windows build has the scope to open remote desktop sessions.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["scopes"] = json!(["generic-worker:allow-rdp:gecko-3/b-win2022"]);
            })
        }),
    saboteur("generic-interactive-feature", "interactive", &["V77", "R-06", "S48"],
        "Somebody could open a shell in a generic-worker build, which older verifiers do not look for.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["payload"]["features"]["interactive"] = true.into()
            })
        }),
    saboteur("generic-interactive-feature-by-text", "interactive", &["V77", "R-06"],
        "A generic-worker build switches interactive sessions on by the text 1.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["payload"]["features"]["interactive"] = "1".into()
            })
        }),
    saboteur("docker-rdp-info", "interactive-marker", &["R-06", "S47"],
        "A docker-worker task, which generic-worker runs, asks for remote desktop.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["rdpInfo"] = "private/rdp.json".into()
            })
        }),
    saboteur("docker-rdp-scope", "interactive-marker", &["R-06", "S47"],
        "A docker-worker task, which generic-worker runs, has the scope to open remote desktop sessions.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["scopes"] = json!(["generic-worker:allow-rdp:gecko-3/b-linux"]);
            })
        }),
    saboteur("generic-interactive-variable", "interactive-marker", &["R-06", "S48"],
        "A generic-worker task waits for somebody to log in, as a variable of docker-worker tells it.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["payload"]["env"]["TASKCLUSTER_INTERACTIVE"] = "1".into()
            })
        }),
    saboteur("scriptworker-interactive-feature", "interactive-marker", &["R-06"],
        "A signing task asks for an interactive session.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("signing-0", |task| {
                task["payload"]["features"] = json!({"interactive": 1})
            })
        }),
    saboteur("root-interactive-variable", "interactive-marker", &["R-06"],
        "The root itself waits for somebody to log in.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("root", |task| {
                task["payload"]["env"] = json!({"TASKCLUSTER_INTERACTIVE": "1"})
            })
        }),
    saboteur("docker-without-features", "docker-features", &["V75", "S47"],
        "A docker-worker build leaves out the member in which interactive sessions would show.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                drop_member(&mut task["payload"], "features")
            })
        }),
    saboteur("docker-without-environment", "docker-features", &["V75"],
        "A docker-worker build leaves out its environment, in which interactive sessions would show.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-0", |task| drop_member(&mut task["payload"], "env"))),
    saboteur("image-and-mounts", "worker-implementation", &["V13"],
        "A build looks like docker-worker to the key check and like generic-worker to the worker checks.",
        Flow::FirefoxPush, |chain| chain.edit_task("build-0", |task| task["payload"]["mounts"] = json!([]))),
    saboteur("image-and-os-groups", "worker-implementation", &["V13"],
        "A build has an image and groups of the operating system, which are of two worker implementations.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["osGroups"] = json!(["Administrators"])
            })
        }),
    saboteur("image-on-a-scriptworker-pool", "worker-implementation", &["V13"],
        "A build with a docker image runs on a pool of scriptworkers.",
        Flow::FirefoxPush, |chain| chain.move_pool("build-0", "scriptworker-k8s", "gecko-3-signing")),
    saboteur("tag-and-image-disagree", "worker-implementation", &["V13"],
        "A build with a docker image is tagged as generic-worker.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["tags"]["worker-implementation"] = "generic-worker".into()
            })
        }),
    saboteur("docker-scope-on-generic-worker", "worker-implementation", &["V13"],
        "A generic-worker build has a scope of docker-worker.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-1", |task| {
                task["scopes"] = json!(["docker-worker:capability:privileged"]);
            })
        }),
    saboteur("signing-with-mounts", "worker-implementation", &["V13"],
        "An upstream signing task has mounts, so that it could count as a build worker's.",
        Flow::FirefoxPush, |chain| chain.edit_task("signing-0", |task| task["payload"]["mounts"] = json!([]))),
    saboteur("worker-unstated", "worker-implementation", &["V13"],
        "A build gives no sign of the worker that ran it.",
        Flow::FirefoxPush, |chain| unmark(chain, None)),
    saboteur("worker-unknown", "worker-implementation", &["V13", "V74"],
        "A build was run by a worker implementation that nobody knows.",
        Flow::FirefoxPush, |chain| unmark(chain, Some("another-worker"))),
    saboteur("signing-on-a-build-worker", "not-scriptworker", &["V50"],
        "An upstream signing task ran on a build worker, where anybody's code runs.",
        Flow::FirefoxPush, |chain| {
            chain.move_pool("signing-0", "gecko-3", "b-win2022");
            chain.edit_task("signing-0", |task| {
                task["payload"]["mounts"] = json!([]);
                task["tags"]["worker-implementation"] = "generic-worker".into();
            });
            chain.sign_with("signing-0", "generic-worker");
        }),
    saboteur("build-claimed-as-signing", "not-scriptworker", &["V50", "S5"],
        "The root claims a build as a signing task.",
        Flow::FirefoxPush, |chain| {
            super::artifacts::upstream(chain, |entries| entries[0]["taskType"] = "signing".into())
        }),
    saboteur("image-claimed-as-beetmover", "not-scriptworker", &["V50", "S5"],
        "A build claims its docker image under a second name as a publishing task.",
        Flow::AdhocPromotion, |chain| {
            let image = chain.task("image-0").id;
            chain.edit_task("build-0", |task| {
                task["extra"]["chainOfTrust"]["inputs"]["beetmover"] = image.as_str().into()
            });
        }),
    saboteur("image-on-a-build-pool", "docker-image-pool", &["V50"],
        "A docker image was built on a pool where anybody may build anything.",
        Flow::FirefoxPush, |chain| chain.move_pool("image-0", "gecko-3", "b-linux")),
    saboteur("image-of-another-product", "docker-image-pool", &["V50"],
        "A docker image was built on the image pool of another product.",
        Flow::AdhocPromotion, |chain| chain.move_pool("image-0", "xpi-3", "images")),
    saboteur("decision-on-a-build-pool", "decision-pool", &["V52"],
        "A decision task ran on a pool where any task may run.",
        Flow::FirefoxPush, |chain| {
            chain.edit_template(
                "decision",
                "workerType: decision-gcp",
                "workerType: b-linux",
            )
        }),
    saboteur("decision-of-another-product", "decision-pool", &["V52"],
        "A decision task ran on the decision pool of another product.",
        Flow::XpiPush, |chain| chain.edit_template("decision", "provisionerId: 'xpi-", "provisionerId: 'adhoc-")),
    saboteur("action-on-a-build-pool", "decision-pool", &["V52"],
        "A promotion ran on a pool where any task may run.",
        Flow::FirefoxPromotion, |chain| chain.move_pool("action", "gecko-3", "b-linux")),
    saboteur("image-decision-on-a-build-pool", "decision-pool", &["V52", "R-10"],
        "The decision task behind a docker image ran on a pool where any task may run.",
        Flow::FirefoxPush, |chain| {
            chain.edit_template(
                "image-0-decision",
                "workerType: decision-gcp",
                "workerType: b-linux",
            )
        }),
    saboteur("image-of-nobody", "image-link", &["V76"],
        "A build ran in an image whose task is not among its inputs.",
        Flow::AdhocPromotion, |chain| {
            chain.edit_task("build-0", |task| {
                let inputs = task["extra"]["chainOfTrust"]["inputs"].as_object_mut();
                if let Some(image) = inputs.and_then(|inputs| inputs.remove("docker-image")) {
                    task["extra"]["chainOfTrust"]["inputs"] = json!({"build": image});
                }
            })
        }),
    saboteur("image-of-another-input", "image-link", &["V76"],
        "A build ran in another image than the one among its inputs.",
        Flow::FirefoxPush, |chain| {
            let other = chain.task("build-1").id;
            chain.edit_task("build-0", |task| {
                task["payload"]["image"]["taskId"] = other.as_str().into()
            });
        }),
    saboteur("image-hash-wrong", "image-link", &["V76"],
        "A build ran in an image with another digest than its builder signed.",
        Flow::FirefoxPush, |chain| image_hash(chain, &format!("sha256:{}", "0b".repeat(32)).into())),
    saboteur("image-hash-absent", "image-link", &["V76"],
        "A worker did not record in which image a build ran.",
        Flow::FirefoxPush, |chain| {
            chain.edit_cot("build-0", |cot| {
                drop_member(&mut cot["environment"], "imageArtifactHash")
            })
        }),
    saboteur("image-hash-without-algorithm", "image-link", &["V76"],
        "A worker recorded the image's digest without its algorithm.",
        Flow::FirefoxPush, |chain| image_hash(chain, &"0b".repeat(32).into())),
    saboteur("image-hash-a-list", "image-link", &["V76", "P2"],
        "A worker recorded a list of digests of the image.",
        Flow::FirefoxPush, |chain| image_hash(chain, &json!(["sha256", "0b"]))),
    saboteur("image-unlisted", "image-link", &["V76"],
        "The builder's worker never hashed the image that a build ran in.",
        Flow::FirefoxPush, |chain| {
            chain.edit_cot("image-0", |cot| {
                drop_member(&mut cot["artifacts"], "public/image.tar.zst")
            })
        }),
    saboteur("image-under-another-path", "image-link", &["V76"],
        "A build names another file of the image task than the image.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                task["payload"]["image"]["path"] = "public/logs/certified.log".into()
            })
        }),
    saboteur("image-hash-by-another-algorithm", "image-link", &["V76"],
        "A build's image digest is of an algorithm that the builder did not sign.",
        Flow::FirefoxPush, |chain| image_hash(chain, &format!("sha512:{}", "0b".repeat(64)).into())),
    saboteur("image-hash-by-md5", "image-algorithm", &["S9", "V76"],
        "A build's image is pinned by MD5 on both sides, which the reference compares all the same.",
        Flow::FirefoxPush, |chain| {
            let md5 = "0b".repeat(16);
            image_hash(chain, &format!("md5:{md5}").into());
            chain.edit_cot("image-0", |cot| {
                cot["artifacts"]["public/image.tar.zst"]["md5"] = md5.as_str().into()
            });
        }),
    saboteur("image-hash-in-capitals", "image-algorithm", &["S9", "V76"],
        "A worker recorded the image's digest in capital letters.",
        Flow::FirefoxPush, |chain| {
            chain.edit_cot("build-0", |cot| {
                let hash = cot["environment"]["imageArtifactHash"]
                    .as_str()
                    .unwrap_or_default()
                    .to_uppercase();
                cot["environment"]["imageArtifactHash"] = hash.replace("SHA", "sha").into();
            })
        }),
    saboteur("image-entry-by-md5", "image-algorithm", &["S9", "V76"],
        "The image's builder signed an MD5 digest beside the right one.",
        Flow::FirefoxPush, |chain| {
            chain.edit_cot("image-0", |cot| {
                cot["artifacts"]["public/image.tar.zst"]["md5"] = "0b".repeat(16).into();
            })
        }),
    saboteur("image-entry-hollow", "image-algorithm", &["S9", "V76"],
        "The image's builder signed an entry without any digest.",
        Flow::FirefoxPush, |chain| {
            chain.edit_cot("image-0", |cot| {
                cot["artifacts"]["public/image.tar.zst"] = json!({});
            })
        }),
    saboteur("image-from-a-registry", "image-prebuilt", &["V76", "S49"],
        "A build ran in an image from a public registry, which anybody could have pushed.",
        Flow::FirefoxPush, |chain| image(chain, &"ubuntu:latest".into())),
    saboteur("image-from-the-index", "image-prebuilt", &["V76", "S49"],
        "A build of a release ran in an image from the index, whose content nobody verifies.",
        Flow::AdhocPromotion, |chain| {
            image(
                chain,
                &json!({"type": "indexed-image", "namespace": "adhoc.cache.level-3", "path": "public/image.tar.zst"}),
            )
        }),
    saboteur("image-of-unknown-type", "image-prebuilt", &["V76"],
        "A build's image is of a type that nobody knows.",
        Flow::AdhocPromotion, |chain| {
            image(
                chain,
                &json!({"type": "disk-image", "path": "public/image.tar.zst"}),
            )
        }),
    saboteur("image-without-type", "image-prebuilt", &["V76"],
        "A build's image is an object without a type.",
        Flow::AdhocPromotion, |chain| image(chain, &json!({"name": "ubuntu"}))),
    saboteur("image-missing", "image-prebuilt", &["V76", "S47"],
        "A docker-worker build names no image at all.",
        Flow::FirefoxPush, |chain| {
            chain.edit_task("build-0", |task| {
                drop_member(&mut task["payload"], "image");
                task["extra"]["chainOfTrust"] = json!({});
                task["dependencies"] = json!([]);
            })
        }),
];

/// Takes all signs of a worker out of the first build, and sets its tag.
fn unmark(chain: &mut Chain, tag: Option<&str>) {
    chain.edit_task("build-0", |task| {
        drop_member(&mut task["payload"], "image");
        drop_member(&mut task["tags"], "worker-implementation");
        if let Some(tag) = tag {
            task["tags"]["worker-implementation"] = tag.into();
        }
        task["extra"]["chainOfTrust"] = json!({});
        task["dependencies"] = json!([]);
    });
}

/// Sets the digest of the image that the first build ran in, as its worker signed it.
fn image_hash(chain: &mut Chain, hash: &Value) {
    chain.edit_cot("build-0", |cot| {
        cot["environment"]["imageArtifactHash"] = hash.clone()
    });
}

/// Gives the first build another image, in all that states it; it needs no image task any more.
fn image(chain: &mut Chain, image: &Value) {
    chain.edit_task("build-0", |task| {
        task["payload"]["image"] = image.clone();
        task["extra"]["chainOfTrust"] = json!({});
        task["dependencies"] = json!([]);
    });
}
