// SPDX-License-Identifier: MPL-2.0
//! The API of GitHub, each endpoint that a verification asks.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use catena_local::vcs::{Event, Protection, deliver};
use serde_json::json;

use crate::vcs_world::{TEMPLATE, TOKEN, World, commit, get, git, person, post, send};

const WIDGET: &str = "/repos/octo/widget";

#[tokio::test]
async fn the_template_is_base64_in_lines_or_raw_v66() {
    let world = World::new();
    let (repo, push) = world.widget();
    let path = format!(
        "{WIDGET}/contents/.taskcluster.yml?ref={}",
        push.after.unwrap()
    );
    let reply = get(world.api(), &path).await;
    let json = reply.json();
    assert_eq!(
        (reply.status, json["encoding"].as_str()),
        (StatusCode::OK, Some("base64"))
    );
    let lines: Vec<&str> = json["content"]
        .as_str()
        .unwrap()
        .split_inclusive('\n')
        .collect();
    assert!(
        lines.len() > 3 && lines[0].len() == 61 && lines.iter().all(|line| line.ends_with('\n'))
    );
    let text: String = lines.concat().replace('\n', "");
    assert_eq!(
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap(),
        TEMPLATE.as_bytes()
    );
    let blob = git(
        &world.git_dir(&repo),
        &["rev-parse", "main:.taskcluster.yml"],
    );
    assert_eq!(json["sha"].as_str().unwrap(), blob.trim());

    let raw = Request::get(&path)
        .header("accept", "application/vnd.github.raw")
        .body(Body::empty())
        .unwrap();
    assert_eq!(send(world.api(), raw).await.body, TEMPLATE.as_bytes());
}

#[tokio::test]
async fn commits_name_the_accounts_of_their_people_v65() {
    let world = World::new();
    let (_, push) = world.widget();
    let sha = push.after.unwrap();
    world
        .host
        .tag(
            &crate::vcs_world::name("octo/widget"),
            "v1",
            "main",
            Some("One"),
            &person(),
        )
        .unwrap();
    for revision in [sha.as_str(), "main", "tags/v1"] {
        let json = get(world.api(), &format!("{WIDGET}/commits/{revision}"))
            .await
            .json();
        assert_eq!(json["sha"], sha, "{revision}");
        assert_eq!(json["committer"]["login"], "a-dev");
        assert_eq!(json["commit"]["author"]["date"], "2026-03-02T08:58:40Z");
    }
    let missing = get(world.api(), &format!("{WIDGET}/commits/{}", "0".repeat(40))).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn compare_proves_what_landed_p15() {
    let world = World::new();
    let (repo, first) = world.widget();
    let first = first.after.unwrap();
    let mut topic = commit("topic", &[("t.txt", "t")], "Topic");
    topic.from = Some("main".to_owned());
    let topic = world.host.commit(&repo, &topic).unwrap().after.unwrap();
    world
        .host
        .commit(&repo, &commit("main", &[("m.txt", "m")], "Main"))
        .unwrap();
    let ask = async |range: String| get(world.api(), &format!("{WIDGET}/compare/{range}")).await;
    let landed = ask(format!("main...{first}")).await.json();
    assert_eq!(
        (&landed["status"], &landed["ahead_by"], &landed["behind_by"]),
        (&json!("behind"), &json!(0), &json!(1))
    );
    assert_eq!(landed["merge_base_commit"]["sha"], first);
    let not = ask(format!("main...{topic}")).await.json();
    assert_eq!(
        (&not["status"], &not["ahead_by"]),
        (&json!("diverged"), &json!(1))
    );
    assert_eq!(not["merge_base_commit"]["sha"], first);
    for range in [
        "nowhere...main".to_owned(),
        "main".to_owned(),
        format!("main...{}", "0".repeat(40)),
    ] {
        assert_eq!(
            ask(range.clone()).await.status,
            StatusCode::NOT_FOUND,
            "{range}"
        );
    }
}

#[tokio::test]
async fn branches_and_tags_are_listed_in_pages() {
    let world = World::new();
    let (repo, push) = world.widget();
    for at in 0..5 {
        world
            .host
            .tag(&repo, &format!("v{at}"), "main", None, &person())
            .unwrap();
        let mut other = commit(&format!("release/{at}"), &[("x", "x")], "Branch");
        other.from = Some("main".to_owned());
        world.host.commit(&repo, &other).unwrap();
    }
    world
        .host
        .protect(&repo, "main", Protection::Protected)
        .unwrap();
    let protected = get(
        world.api(),
        &format!("{WIDGET}/branches?protected=true&per_page=100"),
    )
    .await;
    let json = protected.json();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert_eq!(
        (&json[0]["name"], &json[0]["protected"]),
        (&json!("main"), &json!(true))
    );
    assert_eq!(protected.header("link"), "");
    let page = get(world.api(), &format!("{WIDGET}/tags?per_page=2&page=2")).await;
    assert_eq!(page.json()[0]["name"], "v2");
    assert_eq!(page.json()[0]["commit"]["sha"], push.after.unwrap());
    assert_eq!(
        page.header("link"),
        "<https://api.github.com/repos/octo/widget/tags?per_page=2&page=3>; rel=\"next\""
    );
    let branch = get(world.api(), &format!("{WIDGET}/branches/release/1"))
        .await
        .json();
    assert_eq!(
        (&branch["name"], &branch["protected"]),
        (&json!("release/1"), &json!(false))
    );
    assert_eq!(
        get(world.api(), &format!("{WIDGET}/branches/nowhere"))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn releases_and_tag_references_v65() {
    let world = World::new();
    let (repo, push) = world.widget();
    world
        .host
        .tag(&repo, "v1", "main", Some("One"), &person())
        .unwrap();
    let new = json!({"tag_name": "v1", "name": "The widget"});
    assert_eq!(
        post(world.api(), &format!("{WIDGET}/releases"), "a-dev", &new)
            .await
            .status,
        StatusCode::CREATED
    );
    let light = json!({"tag_name": "v2", "target_commitish": "main"});
    assert_eq!(
        post(world.api(), &format!("{WIDGET}/releases"), "a-dev", &light)
            .await
            .status,
        StatusCode::CREATED
    );
    let release = get(world.api(), &format!("{WIDGET}/releases/tags/v1"))
        .await
        .json();
    assert_eq!(
        (&release["author"]["login"], &release["target_commitish"]),
        (&json!("a-dev"), &json!("main"))
    );
    assert_eq!(release["published_at"], "2026-03-02T08:58:41Z");
    let annotated = get(world.api(), &format!("{WIDGET}/git/ref/tags/v1"))
        .await
        .json();
    assert_eq!(annotated["object"]["type"], "tag");
    let light = get(world.api(), &format!("{WIDGET}/git/ref/tags/v2"))
        .await
        .json();
    assert_eq!(
        (&light["object"]["type"], &light["object"]["sha"]),
        (&json!("commit"), &json!(push.after))
    );
    let created = world.created();
    assert_eq!(created.len(), 2);
    assert_eq!(created[0].1["extra"]["tasks_for"], "github-release");
    assert_eq!(created[0].1["payload"]["env"]["WIDGET_HEAD_REV"], "v1");
}

#[tokio::test]
async fn a_pull_request_of_a_fork_becomes_a_task_and_follows_its_head() {
    let world = World::new();
    let (repo, base) = world.widget();
    let fork = world
        .host
        .fork(&repo, "contributor")
        .unwrap()
        .name()
        .clone();
    let mut fix = commit("fix", &[("src/widget.py", "fixed")], "Fix it");
    fix.from = Some("main".to_owned());
    let head = world.host.commit(&fork, &fix).unwrap().after.unwrap();
    let new = json!({"title": "Fix", "head": "contributor:fix", "base": "main"});
    assert_eq!(
        post(world.api(), &format!("{WIDGET}/pulls"), "contributor", &new)
            .await
            .status,
        StatusCode::CREATED
    );
    let pull = get(world.api(), &format!("{WIDGET}/pulls/1")).await.json();
    assert_eq!(
        (&pull["head"]["sha"], &pull["base"]["sha"]),
        (&json!(head), &json!(base.after))
    );
    assert_eq!(
        (
            &pull["head"]["repo"]["fork"],
            &pull["head"]["user"]["login"]
        ),
        (&json!(true), &json!("contributor"))
    );
    let (_, task) = world.created().remove(0);
    assert_eq!(task["extra"]["tasks_for"], "github-pull-request-untrusted");
    assert_eq!(
        task["payload"]["env"]["WIDGET_HEAD_REPOSITORY"],
        "https://github.com/contributor/widget"
    );
    let object = get(world.api(), "/repos/contributor/widget").await.json();
    assert_eq!(
        (&object["fork"], &object["parent"]["full_name"]),
        (&json!(true), &json!("octo/widget"))
    );
    assert_eq!(
        git(&world.git_dir(&repo), &["rev-parse", "refs/pull/1/head"]).trim(),
        head
    );

    world.clock.advance(jiff::SignedDuration::from_secs(60));
    let moved = commit("fix", &[("src/widget.py", "better")], "Fix it well");
    let moved = world.host.commit(&fork, &moved).unwrap();
    let head = moved.after.clone().unwrap();
    let again = || {
        deliver(
            &world.host,
            &fork,
            Event::Push(moved.clone()),
            world.sink.as_ref(),
        )
    };
    let made = again().await;
    let pull = get(world.api(), &format!("{WIDGET}/pulls/1")).await.json();
    assert_eq!(pull["head"]["sha"], head);
    let tasks_for: Vec<_> = world
        .created()
        .into_iter()
        .map(|(_, task)| task["extra"]["tasks_for"].clone())
        .collect();
    assert_eq!(
        tasks_for,
        [
            "github-pull-request-untrusted",
            "github-push",
            "github-pull-request-untrusted"
        ]
    );
    assert_eq!(again().await, made, "the same tasks when it is told again");
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let world = World::new();
    let (repo, _) = world.widget();
    let path = format!("{WIDGET}/branches/main");
    let first = get(world.api(), &path).await;
    let tag = first.header("etag").to_owned();
    let again = || {
        Request::get(&path)
            .header("if-none-match", &tag)
            .body(Body::empty())
            .unwrap()
    };
    let same = send(world.api(), again()).await;
    assert_eq!(
        (same.status, same.body.len()),
        (StatusCode::NOT_MODIFIED, 0)
    );
    assert_eq!(same.header("x-ratelimit-limit"), "5000");
    world
        .host
        .commit(&repo, &commit("main", &[("x", "x")], "Move"))
        .unwrap();
    assert_eq!(send(world.api(), again()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_is_404_and_changes_need_the_token() {
    let world = World::new();
    world.widget();
    for path in [
        "/repos/octo/none",
        "/repos/octo/%2e%2e",
        "/repos/..%2f..%2fetc/passwd",
        "/repos/octo/widget/contents/..%2f..%2fcatena.json",
        "/repos/octo/widget/contents/.git/config",
        "/repos/octo/widget/contents/none?ref=main",
        "/repos/octo/widget/contents/.taskcluster.yml?ref=..%2f..%2fmain",
        "/repos/octo/widget/pulls/x",
        "/repos/octo/widget/releases/tags/none",
        "/repos/octo/widget/git/ref/tags/..%2fheads%2fmain",
        "/repos/octo/widget/branches/..%2ftags",
        "/nowhere",
    ] {
        let reply = get(world.api(), path).await;
        assert_eq!(
            (reply.status, &reply.json()["message"]),
            (StatusCode::NOT_FOUND, &json!("Not Found")),
            "{path}"
        );
    }
    let open = |token: &str, body: &str| {
        let request =
            Request::post("/orgs/octo/repos").header("authorization", format!("Bearer {token}"));
        send(
            world.api(),
            request.body(Body::from(body.to_owned())).unwrap(),
        )
    };
    assert_eq!(
        open("wrong", r#"{"name": "other"}"#).await.status,
        StatusCode::UNAUTHORIZED
    );
    let bare = Request::post("/orgs/octo/repos")
        .body(Body::from(r#"{"name": "other"}"#))
        .unwrap();
    assert_eq!(
        send(world.api(), bare).await.status,
        StatusCode::UNAUTHORIZED
    );
    for bad in [
        "",
        "{",
        "[]",
        r#"{"name": "../x"}"#,
        r#"{"name": "widget"}"#,
    ] {
        assert_eq!(
            open(TOKEN, bad).await.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{bad}"
        );
    }
    assert_eq!(world.host.repos().unwrap().len(), 1);
    assert_eq!(
        open(TOKEN, r#"{"name": "other"}"#).await.status,
        StatusCode::CREATED
    );
    assert_eq!(world.host.repos().unwrap().len(), 2);
}
