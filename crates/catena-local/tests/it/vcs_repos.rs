// SPDX-License-Identifier: MPL-2.0
//! Repositories made and read in process, judged by git itself.

use catena_local::vcs::{Change, NewRelease, Protection, VcsError};

use crate::vcs_world::{World, commit, git, name, person};

#[test]
fn equal_commits_have_equal_hashes_and_git_finds_nothing_wrong_with_them() {
    let (one, two) = (World::new(), World::new());
    let (repo, first) = one.widget();
    assert_eq!(first.after, two.widget().1.after);
    let second = commit(
        "main",
        &[("src/widget.py", "print('two')\n"), ("a/b/c.txt", "deep")],
        "Change it\n\nWhy.",
    );
    let second = one.host.commit(&repo, &second).unwrap();
    let dir = one.git_dir(&repo);
    assert_eq!(git(&dir, &["fsck", "--strict", "--full"]), "");
    let log = git(&dir, &["log", "--format=%H %an <%ae> %at %s", "main"]);
    let line = |hash: &Option<String>, subject: &str| {
        format!(
            "{} A Dev <a-dev@users.noreply.github.com> 1772441920 {subject}\n",
            hash.as_ref().unwrap()
        )
    };
    assert_eq!(
        log,
        line(&second.after, "Change it") + &line(&first.after, "Add the widget")
    );
    assert_eq!(git(&dir, &["cat-file", "blob", "main:a/b/c.txt"]), "deep");
    assert_eq!(git(&dir, &["symbolic-ref", "HEAD"]), "refs/heads/main\n");
    assert_eq!(second.before, first.after);
    assert_eq!(second.changesets, [second.after.unwrap()]);
}

#[test]
fn files_are_read_at_the_revision_that_is_asked_for() {
    let world = World::new();
    let (repo, first) = world.widget();
    let mut next = commit("main", &[("new.txt", "new")], "Replace it");
    next.files.push(("src/widget.py".to_owned(), None));
    world.host.commit(&repo, &next).unwrap();
    let opened = world.host.repo(&repo).unwrap();
    let first = first.after.unwrap();
    assert_eq!(
        opened.read(&first, "src/widget.py").unwrap().content,
        b"print('widget')\n"
    );
    assert!(matches!(
        opened.read("main", "src/widget.py"),
        Err(VcsError::NotFound(_))
    ));
    assert!(matches!(
        opened.read("main", "src"),
        Err(VcsError::NotFound(_))
    ));
    let changed = opened.changed_files("main").unwrap();
    assert_eq!(
        changed,
        [
            ("new.txt".to_owned(), Change::Added),
            ("src/widget.py".to_owned(), Change::Removed)
        ]
    );
}

#[test]
fn ancestry_is_what_git_says() {
    let world = World::new();
    let (repo, base) = world.widget();
    let base = base.after.unwrap();
    let mut topic = commit("topic", &[("t.txt", "t")], "Topic");
    topic.from = Some("main".to_owned());
    let topic = world.host.commit(&repo, &topic).unwrap();
    for at in 0..3 {
        world
            .host
            .commit(
                &repo,
                &commit("main", &[("m.txt", &at.to_string())], "Main"),
            )
            .unwrap();
    }
    let opened = world.host.repo(&repo).unwrap();
    let found = opened.compare("main", "topic").unwrap();
    assert_eq!(
        (
            found.merge_base.as_str(),
            found.ahead.as_slice(),
            found.behind
        ),
        (base.as_str(), topic.changesets.as_slice(), 3)
    );
    let dir = world.git_dir(&repo);
    assert_eq!(git(&dir, &["merge-base", "main", "topic"]).trim(), base);
    assert_eq!(
        git(
            &dir,
            &["rev-list", "--left-right", "--count", "main...topic"]
        ),
        "3\t1\n"
    );
    assert!(opened.is_ancestor(&base, "main").unwrap());
    assert!(!opened.is_ancestor("topic", "main").unwrap());
    assert!(!opened.is_ancestor("main", &base).unwrap());
    assert_eq!(
        topic.changesets.len(),
        1,
        "commits that other branches have are not part of a push"
    );
}

#[test]
fn tags_point_where_git_finds_them() {
    let world = World::new();
    let (repo, push) = world.widget();
    let revision = push.after.unwrap();
    world
        .host
        .tag(&repo, "v1", &revision, None, &person())
        .unwrap();
    world
        .host
        .tag(&repo, "v2", "main", Some("Two\n"), &person())
        .unwrap();
    let dir = world.git_dir(&repo);
    assert_eq!(git(&dir, &["cat-file", "-t", "v1"]), "commit\n");
    assert_eq!(git(&dir, &["cat-file", "-t", "v2"]), "tag\n");
    assert_eq!(git(&dir, &["rev-parse", "v2^{commit}"]).trim(), revision);
    assert_eq!(git(&dir, &["fsck", "--strict"]), "");
    let opened = world.host.repo(&repo).unwrap();
    assert_eq!(opened.resolve("tags/v2").unwrap(), revision);
    assert!(matches!(
        world.host.tag(&repo, "v1", "main", None, &person()),
        Err(VcsError::Conflict(_))
    ));
}

#[test]
fn a_fork_has_everything_and_knows_its_parent() {
    let world = World::new();
    let (repo, push) = world.widget();
    world
        .host
        .tag(&repo, "v1", "main", Some("One"), &person())
        .unwrap();
    let fork = world.host.fork(&repo, "contributor").unwrap();
    assert_eq!(fork.resolve("v1").unwrap(), push.after.unwrap());
    let dir = world.git_dir(&name("contributor/widget"));
    assert_eq!(git(&dir, &["fsck", "--strict"]), "");
    assert!(
        world.host.pushes(fork.name()).unwrap().is_empty(),
        "what was forked was not pushed"
    );
    assert!(matches!(
        world.host.fork(&repo, "contributor"),
        Err(VcsError::Conflict(_))
    ));
}

#[test]
fn names_and_paths_that_would_leave_their_place_are_refused_and_leave_nothing() {
    let world = World::new();
    let (repo, push) = world.widget();
    let before = std::fs::read_dir(world.host.root()).unwrap().count();
    for (owner, name) in [
        ("..", "x"),
        ("octo", "../x"),
        ("octo", "x.git"),
        ("a/b", "x"),
        ("", "x"),
        ("octo", ".x"),
    ] {
        assert!(
            matches!(
                world.host.create(owner, name, "main"),
                Err(VcsError::Invalid(_))
            ),
            "{owner}/{name}"
        );
    }
    for branch in ["../x", "-x", "a..b", "x\ncore.bare=false", "x.lock"] {
        assert!(
            matches!(
                world.host.create("octo", "other", branch),
                Err(VcsError::Invalid(_))
            ),
            "{branch}"
        );
        assert!(
            world
                .host
                .commit(&repo, &commit(branch, &[("a", "b")], "x"))
                .is_err(),
            "{branch}"
        );
    }
    for path in ["../x", "/etc/x", ".git/config", "a/.GIT/hooks", "a//b", ""] {
        let refused = world
            .host
            .commit(&repo, &commit("main", &[(path, "x")], "x"));
        assert!(matches!(refused, Err(VcsError::Invalid(_))), "{path}");
    }
    let mut forged = commit("main", &[], "x");
    forged.author.name = "A\nparent 0".to_owned();
    assert!(matches!(
        world.host.commit(&repo, &forged),
        Err(VcsError::Invalid(_))
    ));
    assert_eq!(
        std::fs::read_dir(world.host.root()).unwrap().count(),
        before
    );
    assert_eq!(
        world.host.repo(&repo).unwrap().resolve("main").unwrap(),
        push.after.unwrap()
    );
    assert_eq!(world.host.pushes(&repo).unwrap().len(), 1);
}

#[test]
fn a_host_that_is_opened_again_knows_what_it_knew() {
    let world = World::new();
    let (repo, push) = world.widget();
    world
        .host
        .protect(&repo, "main", Protection::Protected)
        .unwrap();
    world
        .host
        .tag(&repo, "v1", "main", None, &person())
        .unwrap();
    let new = NewRelease {
        tag: "v1".to_owned(),
        author: "a-dev".to_owned(),
        ..NewRelease::default()
    };
    let release = world.host.publish(&repo, new.clone()).unwrap();
    let again =
        catena_local::vcs::Host::open(&world.dir.path().join("vcs"), world.host.options().clone())
            .unwrap();
    assert_eq!(again.protected(&repo).unwrap(), ["main"]);
    assert_eq!(again.pushes(&repo).unwrap()[0], push);
    assert_eq!(again.release(&repo, "v1").unwrap(), release);
    assert!(matches!(
        again.publish(&repo, new),
        Err(VcsError::Conflict(_))
    ));
    assert!(
        again
            .log_pushes(&repo, "x", "x@example.org")
            .unwrap()
            .is_empty(),
        "nothing is logged twice"
    );
}
