// SPDX-License-Identifier: MPL-2.0
//! Hosts of kind `git`: documents from mirrors of real repositories (ADR 11).

use std::path::Path;

use catena_core::document::{Answer, Body, ErrorKind};
use catena_core::policy::Config;
use catena_core::request::{Hosted, HostedKind, Repo, Request};
use catena_evidence::{HttpOptions, HttpSource, Source as _};
use serde_json::{Value, json};

use crate::git::{Repository, run};

const TEMPLATE: &str = "version: 1\ntasks: []\n";

fn source(root: &Path) -> HttpSource {
    let text = json!({"x_cot": {"vcs_hosts": {"https://git.example.org": {"kind": "git", "mirror": root}}}});
    let config = Config::load(text.to_string().as_bytes(), "f.yaml")
        .ok()
        .unwrap();
    let mut options = HttpOptions::new("https://tc.example.org");
    options.vcs_hosts = config.settings.vcs_hosts;
    HttpSource::new(&options).unwrap()
}

fn repo() -> Repo {
    Repo::Hosted(Hosted {
        kind: HostedKind::Git,
        host: "git.example.org".into(),
        path: "/team/app".into(),
    })
}

fn template(revision: &str) -> Request {
    Request::Template {
        repo: repo(),
        revision: revision.parse().unwrap(),
    }
}

fn branch(name: &str) -> Request {
    Request::Branch {
        repo: repo(),
        branch: name.parse().unwrap(),
    }
}

fn landed(head: &str, revision: &str) -> Request {
    Request::Landed {
        repo: repo(),
        branch: head.parse().unwrap(),
        revision: revision.parse().unwrap(),
    }
}

fn bytes(answer: Answer) -> Vec<u8> {
    match answer.unwrap().body {
        Body::Bytes(bytes) => bytes.to_vec(),
        _ => panic!("not in memory"),
    }
}

async fn value(source: &HttpSource, request: &Request) -> Value {
    serde_json::from_slice(&bytes(source.fetch(request).await)).unwrap()
}

async fn failure(source: &HttpSource, request: &Request) -> (ErrorKind, String) {
    let error = source.fetch(request).await.unwrap_err();
    (error.kind, error.detail)
}

#[tokio::test]
async fn a_mirror_answers_from_its_objects_p15() {
    let (git, root) = (Repository::new(TEMPLATE), tempfile::tempdir().unwrap());
    git.mirror(root.path(), "team/app");
    let source = source(root.path());
    for revision in [&git.landed, &git.fork] {
        let text = bytes(source.fetch(&template(revision)).await);
        assert_eq!(text, TEMPLATE.as_bytes());
    }
    let about = Request::Repository { repo: repo() };
    assert_eq!(
        value(&source, &about).await,
        json!({"full_name": "team/app", "default_branch": "main"})
    );
    // the tag of the same name stands elsewhere
    let main = json!({"name": "main", "protected": false, "commit": {"sha": git.head}});
    assert_eq!(value(&source, &branch("main")).await, main);
    let all = Request::Branches { repo: repo() };
    let feature = json!({"name": "feature/x", "protected": false, "commit": {"sha": git.feature}});
    assert_eq!(value(&source, &all).await, json!([feature, main]));
    let tag = Request::TagRef {
        repo: repo(),
        tag: "v1".parse().unwrap(),
    };
    assert_eq!(
        value(&source, &tag).await,
        json!({"object": {"type": "commit", "sha": git.landed}})
    );
    for (revision, due) in [
        (&git.landed, 0),
        (&git.head, 0),
        (&git.feature, 1),
        (&git.fork, 1),
        (&git.orphan, 1),
    ] {
        let answer = value(&source, &landed(&git.head, revision)).await;
        assert_eq!(answer["ahead_by"], due, "{revision}");
        assert_eq!(answer["merge_base_commit"]["sha"] == **revision, due == 0);
    }
}

#[tokio::test]
async fn what_a_mirror_lacks_is_unavailable_p7() {
    let (git, root) = (Repository::new(TEMPLATE), tempfile::tempdir().unwrap());
    git.mirror(root.path(), "team/app");
    let source = source(root.path());
    let unknown = "0123456789abcdef0123456789abcdef01234567";
    for (request, due) in [
        (template(unknown), "the mirror lacks"),
        (landed(&git.head, unknown), "the mirror lacks"),
        (landed(unknown, &git.head), "the mirror lacks"),
        (
            Request::TagRef {
                repo: repo(),
                tag: "v2".parse().unwrap(),
            },
            "the mirror lacks",
        ),
        (template("main"), "40 hex digits"),
        (template(&git.head[..12]), "40 hex digits"),
        (template(&git.head.to_uppercase()), "40 hex digits"),
        (landed("main", &git.landed), "40 hex digits"),
        (
            Request::PullRequest {
                repo: repo(),
                number: 1,
            },
            "a mirror does not know it",
        ),
    ] {
        let (kind, detail) = failure(&source, &request).await;
        assert_eq!(kind, ErrorKind::Unavailable, "{request}");
        assert!(detail.contains(due), "{request}: {detail}");
    }
    // a ref of another place is no branch
    for name in ["v1", "pull/1/head", "refs/heads/main", "heads/main"] {
        let (kind, _) = failure(&source, &branch(name)).await;
        assert_eq!(kind, ErrorKind::Absent, "{name}");
    }
}

#[tokio::test]
async fn no_usable_mirror_is_unavailable_p7() {
    let git = Repository::new(TEMPLATE);
    let root = tempfile::tempdir().unwrap();
    let request = template(&git.landed);
    let (kind, detail) = failure(&source(root.path()), &request).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(detail.contains("no usable mirror at"), "{detail}");
    // of a shallow history nothing can be said
    std::fs::create_dir_all(root.path().join("team")).unwrap();
    let place = root.path().join("team/app.git");
    let (from, to) = (
        format!("file://{}", git.path().display()),
        place.to_str().unwrap(),
    );
    git.git(&["clone", "--quiet", "--mirror", "--depth=1", &from, to]);
    let (kind, detail) = failure(&source(root.path()), &template(&git.head)).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(detail.contains("shallow"), "{detail}");
}

#[tokio::test]
async fn replaced_objects_do_not_count_p22() {
    let (git, root) = (Repository::new(TEMPLATE), tempfile::tempdir().unwrap());
    let place = git.mirror(root.path(), "team/app");
    // whoever may push refs/replace/ would have the fork land
    let child = format!("tree {}^{{tree}}", git.head);
    let tree = run(&place, &["rev-parse", child.trim_start_matches("tree ")]);
    let forged = run(
        &place,
        &["commit-tree", &tree, "-p", &git.fork, "-m", "forged"],
    );
    run(&place, &["replace", &git.head, &forged]);
    let shown = run(&place, &["rev-list", &git.head]);
    assert!(shown.contains(&git.fork), "git itself is deceived");
    let answer = value(&source(root.path()), &landed(&git.head, &git.fork)).await;
    assert_eq!(answer["ahead_by"], 1);
}

#[tokio::test]
async fn a_template_is_a_file_of_the_tree_v66() {
    let (git, root) = (Repository::new(TEMPLATE), tempfile::tempdir().unwrap());
    let file = git.path().join(".taskcluster.yml");
    std::fs::remove_file(&file).unwrap();
    git.git(&["commit", "--quiet", "--all", "--message", "none"]);
    let none = git.git(&["rev-parse", "HEAD"]);
    std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
    git.git(&["add", "."]);
    git.git(&["commit", "--quiet", "--message", "link"]);
    let link = git.git(&["rev-parse", "HEAD"]);
    git.mirror(root.path(), "team/app");
    let source = source(root.path());
    for (revision, due) in [(none, "has no .taskcluster.yml"), (link, "that is no file")] {
        let (kind, detail) = failure(&source, &template(&revision)).await;
        assert_eq!(kind, ErrorKind::Absent);
        assert!(detail.contains(due), "{detail}");
    }
}

#[tokio::test]
async fn objects_are_what_their_names_say_p22() {
    let (git, root) = (Repository::new(TEMPLATE), tempfile::tempdir().unwrap());
    let place = git.mirror(root.path(), "team/app");
    // the blob of the template is replaced by another one, in its place
    let packs = place.join("objects/pack");
    for pack in std::fs::read_dir(&packs).unwrap() {
        let path = pack.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::remove_dir_all(&packs).unwrap();
            std::fs::create_dir(&packs).unwrap();
            let spare = root.path().join("spare.pack");
            std::fs::write(&spare, bytes).unwrap();
            let unpack = format!("git unpack-objects -q < {}", spare.display());
            let done = std::process::Command::new("sh")
                .args(["-c", &unpack])
                .current_dir(&place)
                .status()
                .unwrap();
            assert!(done.success());
            break;
        }
    }
    let spec = format!("{}:.taskcluster.yml", git.landed);
    let blob = run(&place, &["rev-parse", &spec]);
    let evil = root.path().join("evil");
    std::fs::write(&evil, "version: 1\ntasks: [x]\n").unwrap();
    let other = run(&place, &["hash-object", "-w", evil.to_str().unwrap()]);
    let object = |id: &str| place.join("objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(object(&blob)).unwrap();
    std::fs::copy(object(&other), object(&blob)).unwrap();
    let (kind, detail) = failure(&source(root.path()), &template(&git.landed)).await;
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(detail.contains(&blob), "{detail}");
}
