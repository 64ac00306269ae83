// SPDX-License-Identifier: MPL-2.0
//! git itself, over HTTP, against a running host.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use catena_core::model::ids::TaskId;
use catena_local::vcs::{
    Host, NotCreated, Protection, Push, RepoName, TaskSink, deliver_outstanding, github_site,
};
use serde_json::{Map, Value};

use crate::vcs_world::{TOKEN, World, commit, get, git, person, send, serve, try_git};

/// Runs blocking git calls while the server answers them.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn clone(dir: &Path, url: &str) -> PathBuf {
    git(dir, &["clone", "--quiet", url, "clone"]);
    dir.join("clone")
}

fn edit(clone: &Path, text: &str) -> String {
    std::fs::write(clone.join("new.txt"), text).unwrap();
    git(clone, &["add", "new.txt"]);
    git(clone, &["commit", "--quiet", "-m", "From a laptop"]);
    git(clone, &["rev-parse", "HEAD"]).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_library_commits_git_clones_and_fetches() {
    let world = World::new();
    let (repo, push) = world.widget();
    world
        .host
        .tag(&repo, "v1", "main", Some("One"), &person())
        .unwrap();
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let clone = blocking(move || clone(&dir, &format!("http://{address}/octo/widget"))).await;
    assert_eq!(
        git(&clone, &["rev-parse", "HEAD"]).trim(),
        push.after.unwrap()
    );
    assert_eq!(git(&clone, &["cat-file", "-t", "v1"]), "tag\n");
    let next = world
        .host
        .commit(&repo, &commit("main", &[("x", "x")], "Next"))
        .unwrap()
        .after
        .unwrap();
    let fetched = blocking(move || {
        git(&clone, &["fetch", "--quiet", "origin"]);
        git(&clone, &["rev-parse", "origin/main"])
    });
    assert_eq!(fetched.await.trim(), next);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_with_the_token_is_logged_and_becomes_a_decision_task() {
    let world = World::new();
    let (repo, first) = world.widget();
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let pushed = blocking(move || {
        let clone = clone(&dir, &format!("http://{address}/octo/widget.git"));
        let head = edit(&clone, &"a line\n".repeat(400_000));
        git(
            &clone,
            &[
                "push",
                "--quiet",
                &format!("http://a-dev:{TOKEN}@{address}/octo/widget.git"),
                "HEAD:main",
            ],
        );
        head
    });
    let head = pushed.await;
    let pushes = world.host.pushes(&repo).unwrap();
    let push = pushes.last().unwrap();
    assert_eq!(
        (&push.before, push.after.as_ref()),
        (&first.after, Some(&head))
    );
    assert_eq!(
        (push.user.as_str(), push.changesets.as_slice()),
        ("a-dev", &[head.clone()][..])
    );
    assert_eq!(git(&world.git_dir(&repo), &["fsck", "--strict"]), "");
    let created = world.created();
    assert_eq!(created.len(), 1);
    let (id, task) = &created[0];
    assert_eq!(task["taskGroupId"], id.as_str());
    assert_eq!(task["schedulerId"], "taskcluster-github");
    assert_eq!(task["created"], "2026-03-02T08:58:41.000Z");
    assert_eq!(task["metadata"]["owner"], "a-dev");
    assert_eq!(
        task["metadata"]["source"],
        format!("https://github.com/octo/widget/raw/{head}/.taskcluster.yml")
    );
}

/// git takes more names than tasks can name.
#[tokio::test(flavor = "multi_thread")]
async fn a_branch_of_any_legal_name_is_logged() {
    let world = World::new();
    let (repo, _) = world.widget();
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let names = ["feature#1", "50%", "a+b"];
    let pushed = blocking(move || {
        let clone = clone(&dir, &format!("http://{address}/octo/widget.git"));
        let url = format!("http://a-dev:{TOKEN}@{address}/octo/widget.git");
        names.map(|name| {
            let head = edit(&clone, name);
            git(
                &clone,
                &["push", "--quiet", &url, &format!("HEAD:refs/heads/{name}")],
            );
            head
        })
    });
    let heads = pushed.await;
    let pushes = world.host.pushes(&repo).unwrap();
    for (name, head) in names.iter().zip(&heads) {
        let found = pushes
            .iter()
            .find(|push| push.reference == format!("refs/heads/{name}"));
        assert_eq!(found.unwrap().after.as_ref(), Some(head));
    }
    assert_eq!(world.created().len(), names.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_the_token_is_401_and_changes_nothing() {
    let world = World::new();
    let (repo, first) = world.widget();
    let refs = "/octo/widget.git/info/refs?service=git-receive-pack";
    let reply = get(world.site(), refs).await;
    assert_eq!(
        (reply.status, reply.header("www-authenticate")),
        (StatusCode::UNAUTHORIZED, "Basic realm=\"catena\"")
    );
    let blind = Request::post("/octo/widget.git/git-receive-pack")
        .header("content-type", "application/x-git-receive-pack-request")
        .body(Body::from("0000"));
    assert_eq!(
        send(world.site(), blind.unwrap()).await.status,
        StatusCode::UNAUTHORIZED
    );
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let refused = blocking(move || {
        let clone = clone(&dir, &format!("http://{address}/octo/widget"));
        edit(&clone, "x");
        let push = |user: &str| {
            try_git(
                &clone,
                &[
                    "push",
                    &format!("http://{user}{address}/octo/widget"),
                    "HEAD:main",
                ],
            )
            .status
        };
        [push(""), push("a-dev:wrong@")]
    });
    assert!(refused.await.iter().all(|status| !status.success()));
    assert_eq!(
        world.host.repo(&repo).unwrap().resolve("main").unwrap(),
        first.after.unwrap()
    );
    assert!(world.created().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_branch_keeps_its_history() {
    let world = World::new();
    let (repo, _) = world.widget();
    world
        .host
        .commit(&repo, &commit("main", &[("x", "x")], "Next"))
        .unwrap();
    world
        .host
        .protect(&repo, "main", Protection::Protected)
        .unwrap();
    let tip = world.host.repo(&repo).unwrap().resolve("main").unwrap();
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let forced = blocking(move || {
        let url = format!("http://a-dev:{TOKEN}@{address}/octo/widget");
        let clone = clone(&dir, &url);
        git(&clone, &["reset", "--quiet", "--hard", "HEAD~1"]);
        edit(&clone, "forced");
        let force = try_git(&clone, &["push", "--force", &url, "HEAD:main"]).status;
        let remove = try_git(&clone, &["push", &url, ":main"]).status;
        (force.success(), remove.success())
    });
    assert_eq!(forced.await, (false, false));
    assert_eq!(
        world.host.repo(&repo).unwrap().resolve("main").unwrap(),
        tip
    );
}

#[tokio::test]
async fn what_git_does_not_ask_is_refused() {
    let world = World::with(|options| options.request_limit = 1000);
    world.widget();
    for (path, status) in [
        ("/octo/widget/info/refs", StatusCode::FORBIDDEN),
        (
            "/octo/widget/info/refs?service=git-upload-archive",
            StatusCode::FORBIDDEN,
        ),
        (
            "/octo/widget/info/refs?service=git-upload-pack&x=y",
            StatusCode::FORBIDDEN,
        ),
        (
            "/octo/none/info/refs?service=git-upload-pack",
            StatusCode::NOT_FOUND,
        ),
        (
            "/octo/..%2fwidget/info/refs?service=git-upload-pack",
            StatusCode::NOT_FOUND,
        ),
        (
            "/%2e%2e/widget/info/refs?service=git-upload-pack",
            StatusCode::NOT_FOUND,
        ),
        (
            "/octo/widget/git-upload-pack",
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            "/octo/widget/info/refs?service=git-upload-pack",
            StatusCode::OK,
        ),
    ] {
        assert_eq!(get(world.site(), path).await.status, status, "{path}");
    }
    let large = Request::post("/octo/widget/git-upload-pack")
        .body(Body::from(vec![b'0'; 2000]))
        .unwrap();
    assert_eq!(
        send(world.site(), large).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn without_git_only_git_over_http_is_missing() {
    let world = World::with(|options| options.git = "/nowhere/git".into());
    let (_, push): (RepoName, _) = world.widget();
    let reply = get(
        world.site(),
        "/octo/widget/info/refs?service=git-upload-pack",
    )
    .await;
    assert_eq!(reply.status, StatusCode::NOT_IMPLEMENTED);
    assert!(String::from_utf8_lossy(&reply.body).contains("install git"));
    let sha = push.after.unwrap();
    assert_eq!(
        get(world.api(), &format!("/repos/octo/widget/commits/{sha}"))
            .await
            .status,
        StatusCode::OK
    );
}

/// Two whose pushes cross are not taken for one another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_push_is_logged_under_the_name_of_whoever_made_it() {
    let world = World::new();
    let (repo, _) = world.widget();
    let address = serve(world.site()).await;
    let dir = world.dir.path().to_owned();
    let origin = address.clone();
    let clone = blocking(move || clone(&dir, &format!("http://{origin}/octo/widget.git"))).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..12 {
        let (clone, url) = (
            clone.clone(),
            format!("http://user{number}:{TOKEN}@{address}/octo/widget.git"),
        );
        all.spawn_blocking(move || {
            let to = format!("HEAD:refs/heads/user{number}");
            git(&clone, &["push", "--quiet", &url, &to]);
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    let pushes = world.host.pushes(&repo).unwrap();
    let wrong: Vec<_> = pushes
        .iter()
        .filter_map(|push| Some((push.reference.strip_prefix("refs/heads/user")?, &push.user)))
        .filter(|(number, user)| **user != format!("user{number}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!((pushes.len(), world.created().len()), (13, 12));
}

/// A request whose body says that somebody waits for it, and never comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_does_not_arrive_keeps_no_other_waiting() {
    let world = World::new();
    world.widget();
    let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
    let body = futures::stream::poll_fn(move |_| {
        begun.send(()).unwrap();
        std::task::Poll::<Option<Result<Vec<u8>, std::io::Error>>>::Pending
    });
    let request = receive_pack("slow").body(Body::from_stream(body)).unwrap();
    let slow = tokio::spawn(send(world.site(), request));
    begins.recv().await.unwrap();
    let request = receive_pack("quick").body(Body::from("0000")).unwrap();
    let quick = send(world.site(), request);
    let quick = tokio::time::timeout(Duration::from_secs(60), quick).await;
    assert_eq!(quick.unwrap().status, StatusCode::OK);
    slow.abort();
}

fn receive_pack(user: &str) -> axum::http::request::Builder {
    use base64::Engine as _;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{TOKEN}"));
    Request::post("/octo/widget/git-receive-pack")
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/x-git-receive-pack-request")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_push_left_is_logged_under_its_own_name() {
    let world = World::new();
    let (repo, first) = world.widget();
    for user in ["laptop", "desk"] {
        let request = receive_pack(user).body(Body::from("0000")).unwrap();
        send(world.site(), request).await;
        let tip = first.after.as_ref().unwrap();
        let reference = format!("refs/heads/{user}");
        git(&world.git_dir(&repo), &["update-ref", &reference, tip]);
    }
    let pushes = world.host.pushes(&repo).unwrap();
    let last = pushes.last().unwrap();
    assert_eq!(
        (last.reference.as_str(), last.user.as_str()),
        ("refs/heads/laptop", "laptop")
    );
}

/// What git started might still move references when the push has been logged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_git_is_left_when_it_ends_without_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (program, pipe) = (dir.path().join("git"), dir.path().join("pipe"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let script = format!(
        "#!/bin/sh\nexec 3>'{}'\nsleep 600 >/dev/null &\nexit 1\n",
        pipe.display()
    );
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let world = World::with(|options| options.git = program);
    world.widget();
    // its end is the end of the last that has it open
    let open = tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap().len());
    let request = receive_pack("a-dev").body(Body::from("0000")).unwrap();
    let reply = send(world.site(), request).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR);
    let gone = tokio::time::timeout(Duration::from_secs(60), open).await;
    assert_eq!(gone.unwrap().unwrap(), 0);
}

/// Says that it was asked, and never answers: so a process is at the moment at which it is killed.
struct Stuck(tokio::sync::mpsc::UnboundedSender<String>);

#[async_trait::async_trait]
impl TaskSink for Stuck {
    async fn create(&self, role: &str, _: TaskId, _: Map<String, Value>) -> Result<(), NotCreated> {
        self.0.send(role.to_owned()).unwrap();
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_whose_tasks_were_not_created_has_them_when_the_host_starts_again() {
    let world = World::new();
    let (repo, first) = world.widget();
    let (asked, mut asks) = tokio::sync::mpsc::unbounded_channel();
    let stuck = github_site(world.host.clone(), std::sync::Arc::new(Stuck(asked)));
    let address = serve(stuck).await;
    let dir = world.dir.path().to_owned();
    let origin = address.clone();
    let clone = blocking(move || clone(&dir, &format!("http://{origin}/octo/widget.git"))).await;
    let head = edit(&clone, "killed");
    let url = format!("http://laptop:{TOKEN}@{address}/octo/widget.git");
    let push = tokio::process::Command::new("git")
        .current_dir(&clone)
        .args(["push", "--quiet", &url, "HEAD:main"])
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    assert_eq!(
        asks.recv().await.unwrap(),
        "repo:github.com/octo/widget:branch:main"
    );
    drop(push);
    // and another that git had taken, but that was not even logged
    let tip = first.after.unwrap();
    let git_dir = world.git_dir(&repo);
    git(&git_dir, &["update-ref", "refs/heads/late", &tip]);

    let options = world.host.options().clone();
    let again = Host::open(&world.dir.path().join("vcs"), options).unwrap();
    let sink = world.sink.as_ref();
    let created = deliver_outstanding(&again, sink).await.unwrap().created;
    assert_eq!((created.len(), world.created().len()), (2, 2));
    let pushes = again.pushes(&repo).unwrap();
    let brief = |push: &Push| {
        (
            push.reference.clone(),
            push.user.clone(),
            push.after.clone(),
        )
    };
    let found: Vec<_> = pushes.iter().skip(1).map(brief).collect();
    let due = |branch: &str, tip: &str| {
        let reference = format!("refs/heads/{branch}");
        (reference, "laptop".to_owned(), Some(tip.to_owned()))
    };
    assert_eq!(found, [due("main", &head), due("late", &tip)]);
    let rest = deliver_outstanding(&again, sink).await.unwrap();
    assert!(rest.created.is_empty() && rest.failures.is_empty());
}
