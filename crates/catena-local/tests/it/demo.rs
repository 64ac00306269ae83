// SPDX-License-Identifier: MPL-2.0
//! What a push may do on the demo's deployment.

use bytes::Bytes;
use catena_local::demo::{World, WorldOptions};
use catena_local::vcs::{Event, NewCommit, Person, RepoName, tasks};

use crate::vcs_world::git;

/// Whoever may push decides what `.taskcluster.yml` says, and gets no more than the role of the repository has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_gets_no_more_than_the_role_of_its_repository() {
    let options = WorldOptions {
        dir: None,
        port: 0,
        claim_timeout: None,
        program: "/bin/false".into(),
    };
    let world = World::start(options).await.unwrap();
    let push = world.commit_demo().unwrap();
    let allowed = world.deliver(push).await.unwrap();
    assert!(world.client().task(allowed).await.is_ok());

    let template = include_str!("../../src/demo/tree/taskcluster.yml");
    let greedy = template.replace("scopes: ['assume:", "scopes: ['*', 'assume:");
    assert_ne!(greedy, template);
    let commit = NewCommit {
        branch: "main".to_owned(),
        from: None,
        files: vec![(".taskcluster.yml".to_owned(), Some(Bytes::from(greedy)))],
        message: "Take everything".to_owned(),
        author: Person {
            name: "Mallory".to_owned(),
            email: "mallory@example.org".to_owned(),
            time: "2026-03-02T08:58:41Z".parse().unwrap(),
        },
    };
    let repo: RepoName = "demo/hello".parse().unwrap();
    let push = world.host().commit(&repo, &commit).unwrap();
    let refused = world.deliver(push).await.unwrap_err().to_string();
    assert!(refused.contains("InsufficientScopes"), "{refused}");
}

/// What git had taken when the process was killed has its tasks after the next start.
#[test]
fn a_push_that_a_kill_cut_off_has_its_tasks_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = || {
        World::start(WorldOptions {
            dir: Some(dir.path().to_owned()),
            port: 0,
            claim_timeout: None,
            program: "/bin/false".into(),
        })
    };
    // each with a runtime of its own, whose end is the end of all that the world started
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (git_dir, tip) = runtime().block_on(async {
        let world = start().await.unwrap();
        let tip = world.commit_demo().unwrap().after.unwrap();
        (world.host().root().join("demo/hello.git"), tip)
    });
    git(&git_dir, &["update-ref", "refs/heads/late", &tip]);
    runtime().block_on(async {
        let world = start().await.unwrap();
        let repo: RepoName = "demo/hello".parse().unwrap();
        let push = world.host().pushes(&repo).unwrap().pop().unwrap();
        assert_eq!(push.reference, "refs/heads/late");
        let due = tasks(world.host(), &repo, &Event::Push(push)).unwrap();
        assert_eq!(due.len(), 1);
        let found = world.client().task(due[0].id).await.unwrap();
        assert_eq!(found["metadata"]["name"], "Decision");
    });
}
