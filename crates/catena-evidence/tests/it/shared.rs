// SPDX-License-Identifier: MPL-2.0
//! Evidence that several verifications share: asked for once, checked each time, and never a reason to trust (P22, ADR 14).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catena_core::report::Verdict;
use catena_core::request::Request;
use catena_evidence::{HttpOptions, HttpSource, SharedCache, SharedUse, Source as _};
use catena_testkit::{Chain, ChainSpec, Flow};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::chain::{options, serve, verify};
use crate::server::{Reply, Server};

/// A chain behind a server, and a cache.
struct World {
    chain: Chain,
    server: Server,
    options: HttpOptions,
    dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let chain = chain();
        let (server, mut options) = serve(&chain).await;
        let dir = tempfile::tempdir().unwrap();
        options.shared = Some(cache(&dir.path().join("cache"), ROOM));
        options.shared_without = Some(chain.root);
        Self {
            chain,
            server,
            options,
            dir,
        }
    }

    /// Verifies once more; returns what that asked for, by path.
    async fn again(&self) -> (Verdict, SharedUse, Vec<String>) {
        let seen = self.server.seen().len();
        let source = HttpSource::new(&self.options).unwrap();
        let verdict = verify(&self.chain, &source).await.report.verdict;
        let asked = self.server.seen().split_off(seen);
        let paths = asked.into_iter().map(|got| got.target).collect();
        (verdict, source.shared_use(), paths)
    }

    /// As another process that begins: what this one has heard is gone, what is kept is there.
    fn reopen(&mut self) {
        self.options.shared = Some(cache(&self.dir.path().join("cache"), ROOM));
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let dir = self.dir.path().join("cache/shared").join(folder);
        let mut files: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
    }
}

fn chain() -> Chain {
    let spec = ChainSpec {
        builds: 3,
        ..ChainSpec::new(5, Flow::XpiPush)
    };
    spec.build()
}

fn cache(dir: &Path, most: u64) -> Arc<SharedCache> {
    Arc::new(SharedCache::open(dir, most).unwrap())
}

/// Whether everybody may read it, it cannot change under its name, and a signature vouches for it.
fn is_shared(chain: &Chain, request: &Request) -> bool {
    request.task() != Some(chain.root)
        && match request {
            Request::Artifact { name, .. } => name.as_str().starts_with("public/"),
            Request::CotBody { .. }
            | Request::CotSignature { .. }
            | Request::Definition { .. }
            | Request::TaskGraph { .. } => true,
            _ => false,
        }
}

/// How often each path was asked for.
fn counts(paths: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for path in paths {
        *counts.entry(path).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn ten_tasks_at_once_ask_for_each_piece_once() {
    let world = World::new().await;
    let tasks = (0..10).map(|_| world.again());
    let mut shared = 0;
    for (verdict, used, _) in futures::future::join_all(tasks).await {
        assert_eq!(verdict, Verdict::Trusted);
        shared += usize::try_from(used.hits).unwrap();
    }
    let counts = counts(world.server.seen().into_iter().map(|got| got.target));
    let urls = HttpSource::new(&options(&world.chain)).unwrap();
    let (mut once, mut each) = (BTreeSet::new(), BTreeSet::new());
    for request in world.chain.documents.keys() {
        let url = urls.url(request).unwrap();
        let path = url.splitn(4, '/').nth(3).unwrap();
        let Some(count) = counts.get(&format!("/{path}")) else {
            continue; // no verification needs it
        };
        let due = if is_shared(&world.chain, request) {
            once.insert(url.clone()); // the task graph is an artifact as well
            1
        } else {
            each.insert(url.clone());
            10
        };
        assert_eq!(*count, due, "{request}");
    }
    // three builds and the decision task: definition, document, signature and what is used of each; the graph
    assert!(
        once.len() >= 4 * 3 + 4 && each.len() >= 5,
        "{once:?} {each:?}"
    );
    assert_eq!(shared, 9 * once.len());
}

#[tokio::test]
async fn what_is_kept_is_private_and_named_by_its_digest() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new().await;
    world.again().await;
    for folder in ["keys", "bodies"] {
        let dir = world.dir.path().join("cache/shared").join(folder);
        assert_eq!(
            fs::metadata(&dir).unwrap().permissions().mode() & 0o777,
            0o700
        );
        for file in world.files(folder) {
            assert_eq!(
                fs::metadata(file).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
    for body in world.files("bodies") {
        let name = body.file_name().unwrap().to_str().unwrap();
        assert_eq!(sha256(&fs::read(&body).unwrap()), name);
    }
}

fn sha256(bytes: &[u8]) -> String {
    use catena_crypto::digest::{Algorithm, Digest};
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// What is done to a file.
type Damage<'a> = &'a dyn Fn(&Path);

/// Bodies and entries that are cut, grown, changed, swapped or gone: dropped, fetched again, and kept again.
#[tokio::test]
async fn damage_is_dropped_and_fetched_again_p22() {
    let mut world = World::new().await;
    let (_, _, all) = world.again().await;
    world.reopen();
    let (_, first, few) = world.again().await;
    assert_eq!(first.misses, DEFINITIONS);
    let cut = |path: &Path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() - 1]).unwrap();
    };
    let grow = |path: &Path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, [&whole[..], b"\n x"].concat()).unwrap();
    };
    let flip = |path: &Path| {
        let mut whole = fs::read(path).unwrap();
        let at = whole.len() / 2;
        whole[at] ^= 1;
        fs::write(path, whole).unwrap();
    };
    let empty = |path: &Path| fs::write(path, b"").unwrap();
    let gone = |path: &Path| fs::remove_file(path).unwrap();
    let damages: [(&str, Damage<'_>); 5] = [
        ("cut", &cut),
        ("grow", &grow),
        ("flip", &flip),
        ("empty", &empty),
        ("gone", &gone),
    ];
    for folder in ["keys", "bodies"] {
        for (name, damage) in damages {
            for file in world.files(folder) {
                damage(&file);
            }
            world.reopen();
            let (verdict, used, asked) = world.again().await;
            assert_eq!(verdict, Verdict::Trusted, "{folder} {name}");
            let misses = first.hits + DEFINITIONS;
            assert_eq!((used.hits, used.misses), (0, misses), "{folder} {name}");
            assert_eq!(counts(asked), counts(all.clone()), "{folder} {name}");
            world.reopen();
            let (verdict, used, asked) = world.again().await;
            assert_eq!(
                (verdict, used),
                (Verdict::Trusted, first),
                "{folder} {name}"
            );
            assert_eq!(counts(asked), counts(few.clone()), "{folder} {name}");
        }
        // each in the place of the next
        let files = world.files(folder);
        let mut whole: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        whole.rotate_left(1);
        for (file, body) in files.iter().zip(whole) {
            fs::write(file, body).unwrap();
        }
        world.reopen();
        let (verdict, used, _) = world.again().await;
        assert_eq!(
            (verdict, used.hits),
            (Verdict::Trusted, 0),
            "{folder} swapped"
        );
    }
}

/// Whoever can write to the directory puts another body there, with an entry that fits. No verdict becomes better by it; and
/// when the verdict is no, the next verification asks the hosts.
#[tokio::test]
async fn a_forged_entry_is_no_reason_to_trust() {
    let world = World::new().await;
    world.again().await;
    let mut forged = 0;
    for key in world.files("keys") {
        let whole = fs::read(&key).unwrap();
        let mut entry: Value = serde_json::from_slice(&whole).unwrap();
        let bodies = world.dir.path().join("cache/shared/bodies");
        let mut body = fs::read(bodies.join(entry["sha256"].as_str().unwrap())).unwrap();
        // the digit of a number or the letter of a text: documents stay readable
        let digit = body.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
        body[digit] = if body[digit] == b'1' { b'2' } else { b'1' };
        entry["sha256"] = json!(sha256(&body));
        fs::write(bodies.join(sha256(&body)), body).unwrap();
        fs::write(&key, entry.to_string()).unwrap();

        let source = HttpSource::new(&world.options).unwrap();
        let outcome = verify(&world.chain, &source).await;
        assert_eq!(source.shared_use().misses, 0);
        forged += usize::from(outcome.report.verdict == Verdict::Rejected);
        assert_ne!(outcome.report.verdict, Verdict::Trusted, "{entry}");
        source.forget_shared().await;
        let (verdict, used, _) = world.again().await;
        assert_eq!((verdict, used.hits), (Verdict::Trusted, 0));
    }
    assert!(forged >= 10, "{forged}");
}

/// What another task wants, and what nobody may keep.
#[tokio::test]
async fn private_artifacts_are_not_shared() {
    let world = World::new().await;
    let build = world.chain.task("build-0").id;
    let name = |text: &str| text.parse().unwrap();
    let run = catena_core::model::ids::RunId(0);
    for (text, kept) in [
        ("private/a", 0),
        ("publicly/a", 0),
        ("public/chain-of-trust.json", 1),
    ] {
        let request = Request::Artifact {
            task: build,
            run,
            name: name(text),
        };
        let source = HttpSource::new(&world.options).unwrap();
        let answer = source.fetch(&request).await;
        assert_eq!(answer.is_ok(), kept == 1, "{text}");
        assert_eq!(source.shared_use().misses, kept, "{text}");
    }
    assert_eq!(world.files("keys").len(), 1);
}

#[tokio::test]
async fn a_directory_that_others_may_enter_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    cache(&dir.path().join("a"), ROOM);
    for path in ["a", "a/shared", "a/shared/bodies"] {
        let path = dir.path().join(path);
        for mode in [0o770, 0o702, 0o755] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let why = SharedCache::open(&dir.path().join("a"), ROOM).unwrap_err();
            assert!(why.to_string().contains("found mode"), "{why}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    }
    cache(&dir.path().join("a"), ROOM);
}

/// Nothing can be written: evidence is fetched, and the operator is told once.
#[tokio::test]
async fn a_place_that_fails_is_left_alone_and_no_task_with_it() {
    let world = World::new().await;
    let bodies = world.dir.path().join("cache/shared/bodies");
    fs::remove_dir(&bodies).unwrap();
    for turn in 0..3 {
        let (verdict, used, _) = world.again().await;
        assert_eq!((verdict, used.hits), (Verdict::Trusted, 0));
        let news = world.options.shared.as_ref().unwrap().news();
        assert_eq!(news.is_some(), turn == 0, "{news:?}");
        let told = news.is_none_or(|news| news.contains("is not used for 10 minutes"));
        assert!(told);
    }
}

/// Old ones go; what would push out all others is never kept.
#[tokio::test]
async fn the_directory_stays_within_its_bound() {
    let mut world = World::new().await;
    let most = 24_000;
    world.options.shared = Some(cache(&world.dir.path().join("cache"), most));
    for _ in 0..3 {
        let (verdict, ..) = world.again().await;
        assert_eq!(verdict, Verdict::Trusted);
        let files = [world.files("keys"), world.files("bodies")].concat();
        let sizes: Vec<_> = files
            .iter()
            .map(|file| fs::metadata(file).unwrap().len())
            .collect();
        assert!(sizes.iter().sum::<u64>() <= most, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= most / 4), "{sizes:?}");
        assert!(!sizes.is_empty());
    }
}

/// A server that answers `turn` by its number.
async fn turns(
    answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
) -> (Server, HttpOptions, TempDir) {
    let turn = AtomicUsize::new(0);
    let server = Server::start(move |_| answer(turn.fetch_add(1, Ordering::SeqCst))).await;
    let dir = tempfile::tempdir().unwrap();
    let mut options = HttpOptions::new(server.root());
    options.proxy = catena_evidence::Proxy::Direct;
    options.retry.attempts = 1;
    options.shared = Some(cache(&dir.path().join("cache"), ROOM));
    (server, options, dir)
}

fn graph() -> Request {
    Request::TaskGraph {
        task: chain().root,
        run: catena_core::model::ids::RunId(0),
    }
}

async fn until_seen(server: &Server, count: usize) {
    while server.seen().len() < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Whoever asks first is stopped (its claim is lost): the next one asks.
#[tokio::test]
async fn the_turn_goes_on_when_the_first_is_stopped() {
    let (server, options, _dir) = turns(|turn| match turn {
        0 => Reply::ok("{}").after(Duration::from_secs(3600)),
        _ => Reply::ok("{}"),
    })
    .await;
    let fetch = |options: HttpOptions| {
        tokio::spawn(async move { HttpSource::new(&options).unwrap().fetch(&graph()).await })
    };
    let first = fetch(options.clone());
    until_seen(&server, 1).await;
    let others: Vec<_> = (0..4).map(|_| fetch(options.clone())).collect();
    first.abort();
    for other in others {
        assert!(other.await.unwrap().is_ok());
    }
    assert_eq!(server.seen().len(), 2);
}

/// An outage is nobody's answer: each asks for itself, and none waits for the others' retries.
#[tokio::test]
async fn failures_are_not_shared() {
    for status in [404, 500] {
        let (server, options, _dir) = turns(move |_| Reply::status(status)).await;
        let tasks = (0..5).map(|_| async {
            let source = HttpSource::new(&options).unwrap();
            source.fetch(&graph()).await.is_err()
        });
        let failed = futures::future::join_all(tasks).await;
        assert!(failed.into_iter().all(|failed| failed));
        assert_eq!(server.seen().len(), 5);
    }
}

/// Two processes at once on one directory, one of them killed again and again.
#[tokio::test]
async fn processes_share_a_directory_and_may_be_killed() {
    let mut world = World::new().await;
    let dir = world.dir.path().join("cache");
    let start = |rounds: usize| {
        let program = std::env::current_exe().unwrap();
        Command::new(program)
            .args(["--ignored", "--exact", "shared::one_of_several_processes"])
            .env("CATENA_TEST_SHARED", &dir)
            .env("CATENA_TEST_SERVER", world.server.root())
            .env("CATENA_TEST_ROUNDS", rounds.to_string())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let steady = start(6);
    for kill in 0..6 {
        let mut victim = start(1000);
        until_seen(&world.server, world.server.seen().len() + 7 * kill + 1).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
    }
    assert!(ended(steady).await);
    assert_eq!(world.again().await.0, Verdict::Trusted);
    world.reopen();
    let (verdict, used, _) = world.again().await;
    assert_eq!((verdict, used.misses), (Verdict::Trusted, DEFINITIONS));
    for body in world.files("bodies") {
        let name = body.file_name().unwrap().to_str().unwrap().to_owned();
        let half = name.starts_with(".incoming-");
        assert!(half || sha256(&fs::read(&body).unwrap()) == name, "{name}");
    }
}

async fn ended(mut child: Child) -> bool {
    let wait = move || child.wait().unwrap().success();
    tokio::task::spawn_blocking(wait).await.unwrap()
}

#[tokio::test]
#[ignore = "a process of the test above"]
async fn one_of_several_processes() {
    let variable = |name: &str| std::env::var(format!("CATENA_TEST_{name}")).unwrap();
    let chain = chain();
    let (_own, mut options) = serve(&chain).await;
    for target in options.endpoints.values_mut() {
        *target = variable("SERVER");
    }
    options.shared_without = Some(chain.root);
    options.shared = Some(cache(Path::new(&variable("SHARED")), ROOM));
    for _ in 0..variable("ROUNDS").parse().unwrap() {
        let source = HttpSource::new(&options).unwrap();
        let verdict = verify(&chain, &source).await.report.verdict;
        assert_eq!(verdict, Verdict::Trusted);
        if source.shared_use().hits.is_multiple_of(2) {
            source.forget_shared().await;
        }
    }
}

/// Of the builds and the decision task.
const DEFINITIONS: u64 = 4;
/// More than a chain takes.
const ROOM: u64 = 16 << 20;

/// A pipe in place of what is kept is no answer, and nobody waits for its other end.
#[tokio::test]
async fn a_pipe_in_place_of_an_answer_is_passed_over() {
    let mut world = World::new().await;
    assert_eq!(world.again().await.0, Verdict::Trusted);
    for folder in ["keys", "bodies"] {
        for path in world.files(folder) {
            fs::remove_file(&path).unwrap();
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success());
        }
        world.reopen();
        let again = tokio::time::timeout(Duration::from_secs(60), world.again());
        let (verdict, used, _) = again.await.expect("nothing waits for a pipe");
        assert_eq!(verdict, Verdict::Trusted);
        assert_eq!(used.hits, 0, "{folder}");
    }
}
