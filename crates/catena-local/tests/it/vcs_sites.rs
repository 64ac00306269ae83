// SPDX-License-Identifier: MPL-2.0
//! github.com's pages and hg's endpoints.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use catena_local::vcs::{Event, Mount, Push, RepoName, tasks};
use serde_json::json;

use crate::vcs_world::{TEMPLATE, World, commit, get, git, send};

#[tokio::test]
async fn the_page_of_a_commit_that_no_branch_has_is_blank_v94() {
    let world = World::new();
    let (repo, push) = world.widget();
    let fork = world
        .host
        .fork(&repo, "contributor")
        .unwrap()
        .name()
        .clone();
    let mut fix = commit("fix", &[("x", "x")], "Fix it");
    fix.from = Some("main".to_owned());
    let head = world.host.commit(&fork, &fix).unwrap().after.unwrap();
    world
        .host
        .open_pull((&repo, "main"), (&fork, "fix"), "Fix", "contributor")
        .unwrap();
    let page =
        async |sha: &str| get(world.site(), &format!("/octo/widget/branch_commits/{sha}")).await;
    assert!(String::from_utf8_lossy(&page(&push.after.unwrap()).await.body).contains(">main</a>"));
    assert_eq!(
        page(&head).await.body.as_ref(),
        b"\n",
        "the pull request alone has it"
    );
    assert_eq!(page(&"0".repeat(40)).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn raw_files_cannot_leave_the_repository() {
    let world = World::new();
    let (_, push) = world.widget();
    let sha = push.after.unwrap();
    for revision in [sha.as_str(), "main", "refs/heads/main"] {
        let reply = get(
            world.site(),
            &format!("/octo/widget/raw/{revision}/.taskcluster.yml"),
        )
        .await;
        assert_eq!(reply.body, TEMPLATE.as_bytes(), "{revision}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
    for path in [
        "/octo/widget/raw/main/..%2f..%2fcatena.json",
        "/octo/widget/raw/main/.git/config",
        "/octo/widget/raw/main",
        "/octo/widget/raw/main/",
        "/octo/..%2fwidget/raw/main/.taskcluster.yml",
        "/octo/widget/config",
        "/octo/widget/objects/info/packs",
        "/octo/widget/HEAD",
    ] {
        assert_eq!(
            get(world.site(), path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

/// Mounts `main` as `/releases/mozilla-beta`, and pushes to it.
fn mounted(world: &World, repo: &RepoName) -> Push {
    let mount = Mount {
        repo: repo.clone(),
        branch: "main".to_owned(),
        project: "mozilla-beta".to_owned(),
        level: "3".to_owned(),
    };
    world.host.mount("/releases/mozilla-beta", mount).unwrap();
    world
        .host
        .commit(
            repo,
            &commit("main", &[("x", "x")], "Ship it try: -b do\nmore"),
        )
        .unwrap()
}

#[tokio::test]
async fn a_mounted_branch_is_an_hg_repository_v62_v66() {
    let world = World::new();
    let (repo, first) = world.widget();
    let second = mounted(&world, &repo);
    let node = second.after.clone().unwrap();
    let file = get(
        world.hg(),
        &format!("/releases/mozilla-beta/raw-file/{node}/.taskcluster.yml"),
    )
    .await;
    assert_eq!(file.body, TEMPLATE.as_bytes());
    let pushlog = async |query: &str| {
        get(
            world.hg(),
            &format!("/releases/mozilla-beta/json-pushes?{query}"),
        )
        .await
    };
    let log = pushlog(&format!("changeset={node}&version=2&full=1"))
        .await
        .json();
    assert_eq!(log["lastpushid"], 2);
    let pushes = log["pushes"].as_object().unwrap();
    assert_eq!(pushes.len(), 1);
    let push = &pushes["2"];
    assert_eq!(
        (&push["date"], &push["user"]),
        (
            &json!(1_772_441_921),
            &json!("a-dev@users.noreply.github.com")
        )
    );
    let set = &push["changesets"][0];
    assert_eq!(
        (&set["node"], &set["parents"][0]),
        (&json!(node), &json!(first.after))
    );
    assert_eq!(
        (&set["desc"], &set["files"]),
        (&json!("Ship it try: -b do\nmore"), &json!(["x"]))
    );
    assert_eq!(
        pushlog("startID=1&endID=2").await.json(),
        json!({"2": {"changesets": [node], "date": 1_772_441_921, "user": "a-dev@users.noreply.github.com"}})
    );
    assert_eq!(
        pushlog(&format!("changeset={}", "0".repeat(40)))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    for bad in ["startID=x", "version=3", "changeset=tip&startID=1"] {
        assert_eq!(pushlog(bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    for path in [
        "/nowhere/json-pushes",
        "/releases/mozilla-beta/raw-file/tip/..%2fx",
        "/releases/mozilla-beta/log",
        "/x",
    ] {
        assert_eq!(
            get(world.hg(), path).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

#[test]
fn a_push_to_a_mounted_branch_becomes_an_hg_decision_v61() {
    let world = World::new();
    let (repo, _) = world.widget();
    let second = mounted(&world, &repo);
    let task = tasks(&world.host, &repo, &Event::Push(second))
        .unwrap()
        .remove(0);
    assert_eq!(task.definition["extra"]["tasks_for"], "hg-push");
    assert_eq!(
        task.definition["payload"]["env"]["WIDGET_HEAD_REPOSITORY"],
        "https://hg.mozilla.org/releases/mozilla-beta"
    );
    assert_eq!(task.definition["taskGroupId"], task.id.as_str());
}

/// git takes branches whose names are markup.
#[tokio::test]
async fn names_of_branches_are_text_on_the_page_of_a_commit() {
    let world = World::new();
    let (repo, push) = world.widget();
    let sha = push.after.unwrap();
    for name in ["a<img/src=x>", "b\"onclick=\"x", "c'&d"] {
        let reference = format!("refs/heads/{name}");
        git(&world.git_dir(&repo), &["update-ref", &reference, &sha]);
    }
    let reply = get(world.site(), &format!("/octo/widget/branch_commits/{sha}")).await;
    let page = String::from_utf8_lossy(&reply.body).into_owned();
    for text in [
        "a&lt;img/src=x&gt;",
        "b&quot;onclick=&quot;x",
        "c&#39;&amp;d",
        "main",
    ] {
        let item =
            format!("<li class=\"branch\"><a href=\"/octo/widget/tree/{text}\">{text}</a></li>");
        assert!(page.contains(&item), "{text}: {page}");
    }
    assert_eq!(
        reply.header("content-security-policy"),
        "default-src 'none'; sandbox"
    );
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}

/// A hostile site can give its own name the address of this host.
#[tokio::test]
async fn hosts_answer_under_loopback_names_and_their_own_only() {
    let world = World::new();
    world.widget();
    for (router, own, path) in [
        (world.api(), "api.github.com", "/repos/octo/widget"),
        (
            world.site(),
            "github.com",
            "/octo/widget/raw/main/.taskcluster.yml",
        ),
        (world.hg(), "hg.mozilla.org", "/octo/widget/json-pushes"),
    ] {
        let ask = async |host: &str| {
            let request = Request::get(path).header("host", host);
            let reply = send(router.clone(), request.body(Body::empty()).unwrap());
            reply.await.status
        };
        for host in [own, &format!("{own}:443"), "localhost:1", "[::1]:80"] {
            assert_eq!(ask(host).await, StatusCode::OK, "{host}");
        }
        for host in ["evil.example", "evil.example:80", "gitlab.com"] {
            assert_eq!(
                ask(host).await,
                StatusCode::MISDIRECTED_REQUEST,
                "{own} as {host}"
            );
        }
    }
}
