// SPDX-License-Identifier: MPL-2.0
//! What is not there, and who does not answer: every row of the table of P7.

use catena_core::document::ErrorKind;
use catena_core::model::ids::ArtifactName;
use catena_core::request::Request;
use serde_json::json;

use super::{Compat, Saboteur, artifacts::upstream, saboteur};
use crate::chain::Chain;
use crate::spec::Flow;

#[rustfmt::skip] // a table: one attack, a few lines
pub(super) const ALL: &[Saboteur] = &[
    saboteur("link-does-not-exist", "evidence-absent", &["P7", "V21"],
        "The root names a build that the queue does not know.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.definition("build-1"))),
    saboteur("link-without-status", "evidence-absent", &["P7", "P10"],
        "The queue does not know the status of a build.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.status("build-1"))),
    saboteur("decision-does-not-exist", "evidence-absent", &["P7", "V21"],
        "The queue has forgotten the decision task.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.definition("decision"))),
    saboteur("image-does-not-exist", "evidence-absent", &["P7", "V76"],
        "The docker image's task has expired.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.definition("image-0"))),
    saboteur("artifact-absent", "evidence-absent", &["P7", "V43"],
        "A mandatory artifact has expired.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.artifact("build-1", "public/build/target-0.zip"))),
    saboteur("graph-absent", "evidence-absent", &["P7", "V53"],
        "The task graph has expired.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.graph("decision"))),
    saboteur("graph-absent-and-optional", "evidence-absent", &["S3", "V53"],
        "The task graph is gone, and the root lists it as optional.",
        Flow::FirefoxPush, |chain| {
            let id = chain.task("decision").id;
            let entry = json!({"taskId": id.as_str(), "taskType": "decision", "paths": [ArtifactName::TASK_GRAPH], "optional": true});
            upstream(chain, |entries| {
                entries
                    .as_array_mut()
                    .into_iter()
                    .for_each(|entries| entries.push(entry.clone()));
            });
            chain.remove(&chain.graph("decision"));
        }),
    saboteur("actions-absent", "evidence-absent", &["P7", "V40"],
        "The decision task's actions.json has expired.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.artifact("decision", ArtifactName::ACTIONS))),
    saboteur("parameters-absent", "evidence-absent", &["P7", "V40"],
        "The decision task's parameters have expired.",
        Flow::FirefoxPromotion, |chain| chain.remove(&chain.artifact("decision", ArtifactName::PARAMETERS))),
    saboteur("template-absent", "evidence-absent", &["P7", "V66"],
        "The repository has no template at that revision.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.template("decision"))),
    saboteur("git-template-absent", "evidence-absent", &["P7", "V66"],
        "GitHub has no template at that commit.",
        Flow::XpiPush, |chain| chain.remove(&chain.template("decision"))),
    saboteur("push-absent", "evidence-absent", &["P7", "V62"],
        "The repository knows no push with that revision.",
        Flow::FirefoxCron, |chain| lose(chain, |request| matches!(request, Request::Pushlog { .. }))),
    saboteur("commit-absent", "evidence-absent", &["P7", "V65"],
        "GitHub knows no such commit.",
        Flow::XpiPush, |chain| lose(chain, |request| matches!(request, Request::Commit { .. }))),
    saboteur("release-absent", "evidence-absent", &["P7", "V65"],
        "GitHub knows no such release: it was withdrawn.",
        Flow::VpnRelease, |chain| lose(chain, |request| matches!(request, Request::Release { .. }))),
    saboteur("pull-request-absent", "evidence-absent", &["P7", "V65"],
        "GitHub knows no such pull request.",
        Flow::XpiPullRequest, |chain| {
            lose(chain, |request| {
                matches!(request, Request::PullRequest { .. })
            })
        }),
    saboteur("tag-absent", "landed", &["P7", "P15", "V94"],
        "A release's tag has been deleted.",
        Flow::VpnRelease, |chain| {
            lose(chain, |request| matches!(request, Request::TagRef { .. }));
            let tags = chain.find(|request| matches!(request, Request::Tags { .. }));
            chain.replace(&tags, b"[]".to_vec());
        }),
    saboteur("queue-down", "evidence-unavailable", &["P7"],
        "The queue does not answer for the root.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.definition("root"), ErrorKind::Unavailable)).undetermined(),
    saboteur("root-does-not-exist", "evidence-unavailable", &["P7"],
        "The queue does not know the root: its id may be mistyped.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.definition("root"))).undetermined(),
    saboteur("root-without-status", "evidence-unavailable", &["P7", "P12"],
        "The queue does not know the status of the root.",
        Flow::FirefoxPush, |chain| chain.remove(&chain.status("root"))).undetermined(),
    saboteur("repository-absent", "evidence-unavailable", &["P7", "V94"],
        "GitHub says that the repository does not exist, which it also says of private ones.",
        Flow::XpiPush, |chain| {
            lose(chain, |request| {
                matches!(request, Request::Repository { .. })
            })
        }).undetermined(),
    saboteur("projects-absent", "evidence-unavailable", &["P7", "V107"],
        "There is no projects.yml.",
        Flow::FirefoxPush, |chain| chain.remove(&Request::Projects)).undetermined(),
    saboteur("listing-absent", "evidence-unavailable", &["P7", "V42"],
        "The queue has no list of a build's artifacts.",
        Flow::FirefoxPush, |chain| {
            lose(chain, |request| {
                matches!(request, Request::ArtifactList { .. })
            })
        }).undetermined(),
    saboteur("private-template-hidden", "evidence-unavailable", &["P7", "V95"],
        "A private repository's template is not for the eyes of this verifier.",
        Flow::AdhocPromotion, |chain| {
            private(chain);
            chain.remove(&chain.template("decision"));
        }).undetermined(),
    saboteur("private-commit-hidden", "evidence-unavailable", &["P7", "V95"],
        "A private repository's commit is not for the eyes of this verifier.",
        Flow::AdhocPromotion, |chain| {
            private(chain);
            lose(chain, |request| matches!(request, Request::Commit { .. }));
        }).undetermined(),
    saboteur("private-comparison-hidden", "evidence-unavailable", &["P7", "P15"],
        "A private repository does not tell this verifier on which branch a commit is.",
        Flow::AdhocPromotion, |chain| {
            private(chain);
            lose(chain, |request| {
                matches!(request, Request::Landed { .. } | Request::Repository { .. })
            });
        }).undetermined().compat(Compat::Trusted),
    saboteur("queue-forbids", "evidence-unavailable", &["P7"],
        "The queue refuses to show a build.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.definition("build-1"), ErrorKind::Forbidden)).undetermined(),
    saboteur("status-down", "evidence-unavailable", &["P7", "P10"],
        "The queue does not answer for the status of a build.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.status("build-1"), ErrorKind::Unavailable)).undetermined(),
    saboteur("root-status-down", "evidence-unavailable", &["P7", "P12"],
        "The queue does not answer for the status of the root.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.status("root"), ErrorKind::Unavailable)).undetermined(),
    saboteur("cot-down", "evidence-unavailable", &["P7", "V30"],
        "The storage does not answer for a signed document.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.cot("build-0"), ErrorKind::Unavailable)).undetermined(),
    saboteur("signature-forbidden", "evidence-unavailable", &["P7", "V30"],
        "The storage refuses to give a signature.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.signature("decision"), ErrorKind::Forbidden)).undetermined(),
    saboteur("artifact-down", "evidence-unavailable", &["P7", "V43"],
        "The storage does not answer for a mandatory artifact.",
        Flow::FirefoxPush, |chain| {
            chain.fail(
                &chain.artifact("build-1", "public/build/target-0.zip"),
                ErrorKind::Unavailable,
            )
        }).undetermined(),
    saboteur("artifact-answered-with-a-page", "evidence-unavailable", &["P7", "V43"],
        "A captive portal answers with a page of its own in place of an artifact.",
        Flow::FirefoxPush, |chain| {
            chain.fail(
                &chain.artifact("build-1", "public/build/target-0.zip"),
                ErrorKind::Malformed,
            )
        }).undetermined(),
    saboteur("graph-down", "evidence-unavailable", &["P7", "V53"],
        "The storage does not answer for the task graph.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.graph("decision"), ErrorKind::Unavailable)).undetermined(),
    saboteur("actions-down", "evidence-unavailable", &["P7", "V40"],
        "The storage does not answer for actions.json.",
        Flow::FirefoxPromotion, |chain| {
            chain.fail(
                &chain.artifact("decision", ArtifactName::ACTIONS),
                ErrorKind::Unavailable,
            )
        }).undetermined(),
    saboteur("listing-down", "evidence-unavailable", &["P7", "V42"],
        "The queue does not answer for the list of a build's artifacts.",
        Flow::FirefoxPush, |chain| {
            down(chain, |request| {
                matches!(request, Request::ArtifactList { .. })
            })
        }).undetermined(),
    saboteur("template-down", "evidence-unavailable", &["P7", "V66"],
        "The repository does not answer for its template.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.template("decision"), ErrorKind::Unavailable)).undetermined(),
    saboteur("template-answered-with-a-page", "evidence-unavailable", &["P7", "V97"],
        "The repository's host answers with a page of its own in place of the template.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.template("image-0-decision"), ErrorKind::Malformed)).undetermined(),
    saboteur("pushlog-down", "evidence-unavailable", &["P7", "V62"],
        "The repository does not answer for its pushlog.",
        Flow::FirefoxPush, |chain| down(chain, |request| matches!(request, Request::Pushlog { .. }))).undetermined(),
    saboteur("projects-down", "evidence-unavailable", &["P7", "V107"],
        "The host of projects.yml does not answer.",
        Flow::XpiCron, |chain| chain.fail(&Request::Projects, ErrorKind::Unavailable)).undetermined(),
    saboteur("github-rate-limit", "evidence-unavailable", &["P7", "V95"],
        "GitHub refuses to answer for a commit, because the budget of requests is spent.",
        Flow::XpiPush, |chain| forbid(chain, |request| matches!(request, Request::Commit { .. }))).undetermined(),
    saboteur("compare-down", "evidence-unavailable", &["P7", "P15"],
        "GitHub does not answer whether a commit has landed.",
        Flow::XpiPush, |chain| down(chain, |request| matches!(request, Request::Landed { .. }))).undetermined().compat(Compat::Trusted),
    saboteur("repository-down", "evidence-unavailable", &["P7", "P15"],
        "GitHub does not answer for the repository.",
        Flow::XpiPush, |chain| {
            down(chain, |request| {
                matches!(request, Request::Repository { .. })
            })
        }).undetermined(),
    saboteur("release-down", "evidence-unavailable", &["P7", "V65"],
        "GitHub does not answer for the release.",
        Flow::VpnRelease, |chain| down(chain, |request| matches!(request, Request::Release { .. }))).undetermined(),
    saboteur("tag-down", "evidence-unavailable", &["P7", "P15"],
        "GitHub does not answer for the release's tag.",
        Flow::VpnRelease, |chain| down(chain, |request| matches!(request, Request::TagRef { .. }))).undetermined().compat(Compat::Trusted),
    saboteur("pull-request-down", "evidence-unavailable", &["P7", "V65"],
        "GitHub does not answer for the pull request.",
        Flow::XpiPullRequest, |chain| {
            down(chain, |request| {
                matches!(request, Request::PullRequest { .. })
            })
        }).undetermined(),
    saboteur("artifact-too-large", "limit-exceeded", &["P7", "S17"],
        "An artifact is larger than any that is made.",
        Flow::FirefoxPush, |chain| {
            chain.fail(
                &chain.artifact("build-1", "public/build/target-0.zip"),
                ErrorKind::TooLarge,
            )
        }).undetermined(),
    saboteur("graph-too-large", "limit-exceeded", &["P7", "S17"],
        "A task graph is larger than any that is made.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.graph("decision"), ErrorKind::TooLarge)).undetermined(),
    saboteur("definition-too-large", "limit-exceeded", &["P7", "S17"],
        "A task's definition is larger than the queue takes.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.definition("build-1"), ErrorKind::TooLarge)).undetermined(),
    saboteur("template-too-large", "limit-exceeded", &["P7", "S17"],
        "A template is larger than any that people write.",
        Flow::FirefoxPush, |chain| chain.fail(&chain.template("decision"), ErrorKind::TooLarge)).undetermined(),
];

/// Removes all documents of a kind.
fn lose(chain: &mut Chain, is: fn(&Request) -> bool) {
    each(chain, is, |chain, request| chain.remove(request));
}

/// Has a host fail to answer all requests of a kind.
fn down(chain: &mut Chain, is: fn(&Request) -> bool) {
    each(chain, is, |chain, request| {
        chain.fail(request, ErrorKind::Unavailable)
    });
}

/// Has a host refuse all requests of a kind.
fn forbid(chain: &mut Chain, is: fn(&Request) -> bool) {
    each(chain, is, |chain, request| {
        chain.fail(request, ErrorKind::Forbidden)
    });
}

fn each(chain: &mut Chain, is: fn(&Request) -> bool, apply: fn(&mut Chain, &Request)) {
    let all: Vec<_> = chain
        .documents
        .keys()
        .filter(|request| is(request))
        .cloned()
        .collect();
    all.iter().for_each(|request| apply(chain, request));
}

/// Makes the product's repositories private.
fn private(chain: &mut Chain) {
    chain.settings.push(
        "trusted_vcs_rules: {by-cot-product: {adhoc: [{schemes: [https, ssh], netlocs: [github.com], require_secret: true, \
         path_regexes: ['^(?P<path>/mozilla-releng/adhoc-(?:signing|manifest))(/|.git|$)']}]}}"
            .into(),
    );
}
