// SPDX-License-Identifier: MPL-2.0
//! What a push may do on the demo's deployment.

use bytes::Bytes;
use catena_local::demo::{World, WorldOptions};
use catena_local::vcs::{NewCommit, Person, RepoName};

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
