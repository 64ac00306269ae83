// SPDX-License-Identifier: MPL-2.0
//! Hand-built reports, one for each verdict, and one that a hostile task had its hands in.

use catena_core::lint::{Later, Lint, Warning};
use catena_core::model::ids::{RunId, TaskId};
use catena_core::report::{
    Artifact, Asserter, Basis, Check, CheckResult, Difference, EvidencePointer, Fact, Flow,
    GithubBudget, Image, ImageBuilder, Link, Note, Outcome, Purpose, Relaxation, Report,
    RequestRecord, Subject, Timing, Verdict,
};
use catena_report::json::Versions;

static DIGEST: Check = Check {
    id: "artifact-digest",
    rules: &["V43", "P14"],
    title: "artifact bytes have the digests that were signed",
    attack: "somebody replaced an artifact after its task had ended",
    help: "do not use the artifact; compare it with what the task's log says and tell the release engineers",
    rank: 90,
    implies: &[],
};
static REBUILD: Check = Check {
    id: "rebuild-mismatch",
    rules: &["V69a", "V69b"],
    title: "the parent's definition is what the repository's template renders to",
    attack: "somebody created a decision task by hand",
    help: "compare the differing fields",
    rank: 80,
    implies: &[],
};
static TREE: Check = Check {
    id: "restricted-tree",
    rules: &["V84"],
    title: "restricted scopes are used from their trees only",
    attack: "a try push asks for release signing",
    help: "check which tree the task comes from",
    rank: 60,
    implies: &[],
};
static MISSING: Check = Check {
    id: "evidence-unavailable",
    rules: &["P7"],
    title: "every document could be had",
    attack: "an outage is used to hide a document",
    help: "try again when the host answers",
    rank: 10,
    implies: &[],
};

/// A task id that tells its number.
pub(crate) fn id(number: usize) -> TaskId {
    format!("Task{number:04}TAGAAAAAAAAAAA").parse().unwrap()
}

pub(crate) fn versions() -> Versions {
    Versions {
        catena: "0.1.0".to_owned(),
        config_sha256: Some("c0".repeat(32)),
    }
}

pub(crate) fn link(number: usize, names: &[&str], needs: &[usize]) -> Link {
    let checks = ["artifact-digest", "cot-signature", "worker-family"];
    Link {
        task: id(number),
        names: names.iter().map(|&name| name.to_owned()).collect(),
        types: vec!["build".to_owned()],
        label: Some(format!("label-{number}")),
        worker: Some("docker-worker".to_owned()),
        pool: Some("proj-1/build".to_owned()),
        run: Some(RunId(0)),
        repository: Some("https://hg.example.org/projects/one".to_owned()),
        revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        tree: Some("/projects/one".to_owned()),
        parent: Some(id(1)),
        decision: Some(id(1)),
        needs: needs.iter().map(|&number| id(number)).collect(),
        key: Some("ab".repeat(32)),
        image: None,
        artifacts: vec![Artifact {
            name: "public/build/target.tar.gz".parse().unwrap(),
            verified: true,
            sha256: Some("cd".repeat(32)),
            size: Some(81_234_567),
        }],
        checks: checks
            .map(|id| CheckResult {
                id,
                outcome: Outcome::Pass,
            })
            .to_vec(),
    }
}

/// The image that the task of number 3 built.
fn task_image() -> Image {
    Image {
        kind: "task-image",
        name: None,
        id: Some(format!("sha256:{}", "1d".repeat(32))),
        artifact_sha256: Some("cd".repeat(32)),
        builder: Some(ImageBuilder {
            task: id(3),
            run: RunId(0),
            artifact: "public/image.tar.zst".to_owned(),
            url: format!(
                "https://tc.example.org/api/queue/v1/task/{}/runs/0/artifacts/public/image.tar.zst",
                id(3)
            ),
        }),
    }
}

/// A signing task with one build, its image, and two decision tasks.
pub(crate) fn trusted() -> Report {
    let mut root = link(0, &["signing"], &[2, 1]);
    root.key = None;
    root.run = None;
    root.worker = Some("scriptworker".to_owned());
    root.artifacts = Vec::new();
    root.repository = root
        .revision
        .take()
        .map(|commit| format!("https://hg.example.org/projects/one/file/{commit}/ci"));
    let mut build = link(2, &["signing:build"], &[3, 1]);
    build.image = Some(task_image());
    let mut image_decision = link(4, &["signing:build:docker-image:decision"], &[]);
    image_decision.revision = Some("ffff456789abcdef0123456789abcdef01234567".to_owned());
    let mut image = link(3, &["signing:build:docker-image"], &[]);
    image.artifacts.push(Artifact {
        name: "public/optional.json".parse().unwrap(),
        verified: false,
        sha256: None,
        size: None,
    });
    image.parent = Some(id(4));
    image.revision.clone_from(&image_decision.revision);
    let links = vec![
        root,
        link(1, &["signing:parent", "signing:build:parent"], &[]),
        build,
        image,
        image_decision,
    ];
    let request = |request: String, outcome: &str| RequestRecord {
        origin: Some(format!("https://tc.example.org/{request}")),
        request,
        outcome: outcome.to_owned(),
        sha256: Some("ef".repeat(32)),
        size: Some(1234),
    };
    Report {
        verdict: Verdict::Trusted,
        headline: "5 links verified".to_owned(),
        subject: Subject {
            task: id(0),
            task_type: "signing".to_owned(),
            product: "one".to_owned(),
            root_url: "https://tc.example.org".to_owned(),
            inferred: Vec::new(),
        },
        profile: "strict",
        basis: Basis::Live,
        relaxations: Vec::new(),
        links,
        findings: Vec::new(),
        notes: vec![Note {
            id: "yaml-duplicate",
            task: Some(id(1)),
            text: "key `a` twice, the last one counts".to_owned(),
        }],
        self_asserted: vec![Fact {
            task: id(1),
            name: "now".to_owned(),
            value: "2026-01-01T00:00:00.000Z".to_owned(),
        }],
        requests: vec![
            request(format!("definition {}", id(0)), "received"),
            request(format!("status {}", id(0)), "received"),
        ],
        timing: Some(Timing {
            wall_ms: 1234,
            http_requests: 38,
            bytes: 21_300_000,
            github: Some(GithubBudget {
                requests: 12,
                not_modified: 8,
                remaining: Some(4321),
                limit: Some(5000),
                reset: Some("2026-01-01T00:20:00Z".to_owned()),
            }),
            finished: "2026-01-01T00:00:00Z".to_owned(),
        }),
    }
}

pub(crate) fn rejected() -> Report {
    let mut report = trusted();
    report.verdict = Verdict::Rejected;
    report.headline = "artifact-digest: sha256 of public/build/target.tar.gz differs".to_owned();
    let digest = |of: usize| {
        let mut finding = DIGEST
            .reject(
                format!("sha256 {}", "cd".repeat(32)),
                format!("sha256 {}", "00".repeat(32)),
            )
            .task(id(of))
            .says(Asserter::SignedCot(id(of)))
            .at(
                &format!("artifact {}/0/public/build/target.tar.gz", id(of)),
                "",
            )
            .build();
        finding.roles = vec!["signing:build".to_owned()];
        finding
    };
    let tree = TREE
        .reject(
            "a tree of level `release`: /projects/one, /projects/two",
            "/projects/try",
        )
        .task(id(1))
        .says(Asserter::Operator)
        .says(Asserter::Task(id(1)))
        .at(&format!("definition {}", id(1)), "/metadata/source")
        .build();
    report.findings = vec![digest(2), digest(3), tree, unavailable(), digest(4)];
    for link in &mut report.links {
        for check in &mut link.checks {
            if check.id == "artifact-digest" && [id(2), id(3)].contains(&link.task) {
                check.outcome = Outcome::Fail;
            }
        }
    }
    if let Some(artifact) = report
        .links
        .get_mut(2)
        .and_then(|link| link.artifacts.first_mut())
    {
        artifact.verified = false;
        artifact.sha256 = Some("00".repeat(32));
    }
    report
}

/// A decision task whose template names whoever made the commit.
pub(crate) fn explained() -> Report {
    let commit = "commit https://github.com/org/one 0123456789abcdef0123456789abcdef01234567";
    let template = "/tasks/$let/facts/$switch/tasks_for == \"github-push\"/owner";
    let flow = |name: &str, value: &str, purpose, (asserter, request, pointer)| Flow {
        name: name.to_owned(),
        value: value.to_owned(),
        asserter,
        source: EvidencePointer {
            request,
            pointer,
            sha256: None,
        },
        purpose,
    };
    let task = Asserter::Task(id(1));
    let definition = format!("definition {}", id(1));
    let of = |pointer: &str| (task.clone(), definition.clone(), pointer.to_owned());
    let login = (
        Asserter::VcsHost,
        commit.to_owned(),
        "/author/login".to_owned(),
    );
    let env = of("/payload/env/ONE_HEAD_REF");
    let (value, condition) = (Purpose::Value, Purpose::Condition);
    let flows = vec![
        flow("event.sender.login", "\"merge-bot[bot]\"", value, login),
        flow("event.ref", "\"refs/heads/main\"", value, env),
        flow(
            "tasks_for",
            "\"github-push\"",
            condition,
            of("/extra/tasks_for"),
        ),
    ];
    let difference = Difference {
        pointer: "/metadata/owner".to_owned(),
        template: template.to_owned(),
        rebuilt: "\"merge-bot[bot]@users.example.org\"".to_owned(),
        runtime: "\"a-dev@users.example.org\"".to_owned(),
        flows,
    };
    let expected = format!(
        "/metadata/owner = {}, as the template renders",
        difference.rebuilt
    );
    let mut finding = REBUILD
        .reject(&expected, &difference.runtime)
        .task(id(1))
        .says(Asserter::VcsHost)
        .says(task.clone())
        .at(
            &"template https://github.com/org/one 0123456789abcdef0123456789abcdef01234567",
            template,
        )
        .differs(difference)
        .pattern(
            catena_core::patterns::ALL
                .into_iter()
                .find(|pattern| pattern.id == "merge-bot"),
        )
        .build();
    finding.roles = vec!["signing:parent".to_owned()];
    let mut report = trusted();
    report.verdict = Verdict::Rejected;
    report.headline = format!(
        "rebuild-mismatch: expected {expected}, found {}",
        finding.found
    );
    report.findings = vec![finding];
    report
}

fn unavailable() -> catena_core::report::Finding {
    MISSING
        .undetermined("an answer", "503 after 5 attempts")
        .task(id(4))
        .says(Asserter::VcsHost)
        .at(&"template https://hg.example.org/projects/one ffff", "")
        .build()
}

pub(crate) fn undetermined() -> Report {
    let mut report = trusted();
    report.verdict = Verdict::Undetermined;
    report.headline = "evidence-unavailable: hg.example.org did not answer".to_owned();
    report.basis = Basis::Recorded;
    report.findings = vec![unavailable()];
    report.timing = None;
    if let Some(request) = report.requests.last_mut() {
        request.outcome = "unavailable".to_owned();
        (request.sha256, request.size) = (None, None);
    }
    report
}

pub(crate) fn unsigned() -> Report {
    let mut report = trusted();
    report.verdict = Verdict::Unsigned;
    report.headline = "signatures were not verified".to_owned();
    report.subject.inferred = vec!["type", "product"];
    let reason = "profile compat".to_owned();
    report.relaxations = ["run_pinning", "regex_compat", "datestamp_sign"]
        .map(|switch| Relaxation {
            switch,
            reason: reason.clone(),
        })
        .to_vec();
    report.relaxations.insert(
        1,
        Relaxation {
            switch: "limits",
            reason: "one chain of ours is longer than 20 links, see bug 12".to_owned(),
        },
    );
    for link in &mut report.links {
        link.key = None;
    }
    report
}

/// A chain whose every free text tries to paint the terminal green.
pub(crate) fn hostile() -> Report {
    let evil = "\u{1b}[2J\u{1b}[32mTRUSTED\u{1b}[0m\r\n\u{202e}\u{9b}1m".to_owned();
    let mut report = rejected();
    report.findings.insert(1, explained().findings.remove(0));
    report.headline = format!("artifact-digest: {evil}");
    report.subject.task_type.clone_from(&evil);
    report.subject.product.clone_from(&evil);
    report.subject.root_url.clone_from(&evil);
    report.relaxations = vec![Relaxation {
        switch: "limits",
        reason: evil.clone(),
    }];
    report.notes = vec![Note {
        id: "remark",
        task: None,
        text: evil.clone(),
    }];
    report.self_asserted = vec![Fact {
        task: id(1),
        name: evil.clone(),
        value: evil.repeat(200),
    }];
    for finding in &mut report.findings {
        finding.expected = evil.repeat(300);
        finding.found.clone_from(&evil);
        finding.roles = vec![evil.clone(); 4];
        finding.help.clone_from(&evil);
        if let Some(difference) = &mut finding.difference {
            for flow in &mut difference.flows {
                (flow.name, flow.value) = (evil.clone(), evil.repeat(200));
                (flow.source.request, flow.source.pointer) = (evil.clone(), evil.clone());
            }
            difference.template.clone_from(&evil);
        }
        if let Some(evidence) = &mut finding.evidence {
            (evidence.request, evidence.pointer, evidence.sha256) =
                (evil.clone(), evil.clone(), Some(evil.clone()));
        }
    }
    for link in &mut report.links {
        link.names = vec![evil.clone()];
        link.types.clone_from(&link.names);
        let texts = [
            &mut link.label,
            &mut link.worker,
            &mut link.pool,
            &mut link.tree,
            &mut link.key,
        ];
        for text in texts
            .into_iter()
            .chain([&mut link.repository, &mut link.revision])
        {
            *text = Some(evil.clone());
        }
        for artifact in &mut link.artifacts {
            artifact.sha256 = Some(evil.clone());
        }
    }
    for request in &mut report.requests {
        (request.request, request.outcome, request.origin) =
            (evil.clone(), evil.clone(), Some(evil.clone()));
    }
    report
}

/// What lint says of a task with a finding, a warning and an image from another group.
pub(crate) fn lint() -> Lint {
    let report = trusted();
    let planned = |link: Link| Link {
        run: None,
        key: None,
        artifacts: Vec::new(),
        ..link
    };
    let finding =
        catena_core::lint::COT_FEATURE.reject("payload.features.chainOfTrust: true", "nothing");
    Lint {
        subject: report.subject,
        label: Some("release-signing\u{1b}[2J".to_owned()),
        profile: "strict",
        relaxations: Vec::new(),
        links: report.links.into_iter().take(2).map(planned).collect(),
        findings: vec![finding.task(id(1)).says(Asserter::Task(id(1))).build()],
        warnings: vec![Warning {
            id: "lint-outside-graph",
            task: id(0),
            roles: vec!["signing".to_owned()],
            expected: format!("{} in one of the files", id(7)),
            found: "no definition".to_owned(),
            pointer: "/payload/upstreamArtifacts/0/taskId".to_owned(),
            help: catena_core::lint::OUTSIDE_GRAPH.help,
        }],
        later: Later {
            tasks: vec![id(7)],
            checks: vec!["graph-match", "recorded-task"],
            documents: vec!["template https://hg.example/repo 0123".to_owned()],
        },
    }
}
