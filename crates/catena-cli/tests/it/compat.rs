// SPDX-License-Identifier: MPL-2.0
//! The old tools under their own names (cli.md, P39): links, arguments, exit statuses, silence on stdout.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use catena_crypto::signer::{Signer as _, SigningKey};
use tempfile::TempDir;

use crate::run::Run;

/// A directory with the tools, and one to work in.
pub(crate) struct Tools {
    links: TempDir,
    pub(crate) dir: TempDir,
}

impl Tools {
    pub(crate) fn new() -> Self {
        let [links, dir] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let run = install(links.path(), &[]);
        assert_eq!(run.status, 0, "{}", run.stderr);
        Self { links, dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs a tool in the directory; it says nothing on stdout.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let temporary = self.dir.path().to_str().unwrap();
        let variables = [&[("TMPDIR", temporary), ("HOME", temporary)], variables].concat();
        let run = Run::program(
            &self.links.path().join(tool),
            self.dir.path(),
            arguments,
            &variables,
        );
        assert_eq!(run.stdout, "", "{tool} {arguments:?}");
        run
    }

    fn status(&self, tool: &str, arguments: &[&str]) -> i32 {
        self.run(tool, arguments, &[]).status
    }
}

fn install(dir: &Path, arguments: &[&str]) -> Run {
    Run::of(&[&["compat", "install", dir.to_str().unwrap()], arguments].concat())
}

const NAMES: [&str; 5] = [
    "create_test_workdir",
    "gen_ed25519_key",
    "scriptworker",
    "verify_cot",
    "verify_ed25519_signature",
];

#[test]
fn links_are_made_once_and_lead_here() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("new/bin");
    let run = install(&bin, &[]);
    assert!(
        run.stdout.ends_with("5 links made, 0 were there\n"),
        "{}",
        run.stdout
    );
    let program = Path::new(env!("CARGO_BIN_EXE_catena"))
        .canonicalize()
        .unwrap();
    for name in NAMES {
        assert_eq!(bin.join(name).canonicalize().unwrap(), program);
    }
    let run = install(&bin, &[]);
    assert!(
        run.stdout.ends_with("0 links made, 5 were there\n"),
        "{}",
        run.stdout
    );
    assert_eq!(fs::read_dir(&bin).unwrap().count(), 5);
}

#[test]
fn what_is_not_ours_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("verify_cot");
    symlink("/usr/bin/python3", &foreign).unwrap();
    assert_eq!(install(dir.path(), &[]).status, 64);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "all or none");
    assert_eq!(install(dir.path(), &["--force"]).status, 0);
    fs::remove_file(&foreign).unwrap();
    fs::write(&foreign, "#!/usr/bin/python3").unwrap();
    for arguments in [&[][..], &["--force"]] {
        let run = install(dir.path(), arguments);
        assert_eq!(run.status, 64);
        assert!(
            run.stderr.contains("another file, which is not replaced"),
            "{}",
            run.stderr
        );
    }
    assert_eq!(fs::read(&foreign).unwrap(), b"#!/usr/bin/python3");
}

#[test]
fn usage_is_status_2_and_help_0() {
    let tools = Tools::new();
    for (tool, arguments) in [
        ("verify_cot", &[][..]),
        ("verify_cot", &["YyxNNh7mTAmwDhB4Itm0jg"]),
        (
            "verify_cot",
            &["--task-type", "sign", "YyxNNh7mTAmwDhB4Itm0jg"],
        ),
        ("verify_cot", &["--task-type", "signing"]),
        (
            "verify_cot",
            &["--task-type", "signing", "--c", "YyxNNh7mTAmwDhB4Itm0jg"],
        ),
        ("create_test_workdir", &[]),
        ("create_test_workdir", &["--path"]),
        ("create_test_workdir", &["a", "b"]),
        ("scriptworker", &["a", "b"]),
        ("scriptworker", &["--check-config"]),
        ("verify_ed25519_signature", &["one"]),
        ("verify_ed25519_signature", &["one", "two", "--key", "x"]),
    ] {
        let run = tools.run(tool, arguments, &[]);
        assert_eq!(run.status, 2, "{tool} {arguments:?}: {}", run.stderr);
        assert!(
            run.stderr.starts_with(&format!("usage: {tool} [-h]")),
            "{}",
            run.stderr
        );
        assert!(
            run.stderr.contains(&format!("{tool}: error: ")),
            "{}",
            run.stderr
        );
    }
    for tool in [
        "verify_cot",
        "create_test_workdir",
        "verify_ed25519_signature",
    ] {
        for flag in ["-h", "--help", "--he"] {
            let run = Run::program(
                &tools.links.path().join(tool),
                tools.dir.path(),
                &[flag],
                &[],
            );
            assert_eq!((run.status, run.stderr.as_str()), (0, ""));
            assert!(run.stdout.starts_with(&format!("usage: {tool} [-h]")));
        }
    }
}

#[test]
fn gen_ed25519_key_makes_private_files_s38() {
    let tools = Tools::new();
    for (arguments, private, public) in [
        (&[][..], "private_key", "public_key"),
        (
            &["release", "ignored"],
            "release_private_key",
            "release_public_key",
        ),
        (&["--help"], "--help_private_key", "--help_public_key"),
    ] {
        let run = tools.run("gen_ed25519_key", arguments, &[]);
        assert_eq!((run.status, run.stderr.as_str()), (0, ""));
        let path = tools.path(private);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
            0o600
        );
        let key = SigningKey::read_file(&path).unwrap();
        let text = fs::read_to_string(tools.path(public)).unwrap();
        assert_eq!(text, key.public_key().to_base64());
        assert_eq!(fs::read(&path).unwrap().len(), 44);

        assert_eq!(tools.status("gen_ed25519_key", arguments), 1);
        assert_eq!(fs::read_to_string(tools.path(public)).unwrap(), text);
        assert_eq!(
            tools.status("gen_ed25519_key", &[arguments, &["--force"]].concat()),
            0
        );
        assert_ne!(fs::read_to_string(tools.path(public)).unwrap(), text);
    }
    assert_eq!(tools.status("gen_ed25519_key", &["none/prefix"]), 1);
}

#[test]
fn verify_ed25519_signature_tries_the_given_key_alone_s38() {
    let tools = Tools::new();
    let key = SigningKey::from_seed([7; 32]);
    let write = |name: &str, content: &[u8]| fs::write(tools.path(name), content).unwrap();
    write("doc", b"message");
    write("sig", &key.sign(b"message").unwrap());
    write("pub", key.public_key().to_base64().as_bytes());
    write("pub-newline", format!("{}\n", key.public_key()).as_bytes());
    write(
        "other",
        SigningKey::from_seed([8; 32])
            .public_key()
            .to_base64()
            .as_bytes(),
    );
    write("short", b"AAAA");
    for arguments in [
        &["--pubkey", "pub", "doc", "sig"][..],
        &["doc", "--pub=pub", "sig"],
        &["doc", "sig", "--p", "pub-newline"],
    ] {
        let run = tools.run("verify_ed25519_signature", arguments, &[]);
        let said = format!(
            "INFO:scriptworker:Verified good with cmdln seed {} !\n",
            key.public_key()
        );
        assert_eq!((run.status, run.stderr), (0, said));
    }
    for arguments in [
        &["doc", "sig"][..],
        &["--pubkey", "other", "doc", "sig"],
        &["--pubkey", "pub", "pub", "sig"],
        &["--pubkey", "pub", "doc", "doc"],
    ] {
        let run = tools.run("verify_ed25519_signature", arguments, &[]);
        assert_eq!(run.status, 1);
        assert!(
            run.stderr.starts_with("This is not a valid signature!"),
            "{}",
            run.stderr
        );
    }
    for arguments in [
        &["--pubkey", "short", "doc", "sig"][..],
        &["--pubkey", "absent", "doc", "sig"],
        &["absent", "sig"],
        &["doc", "absent"],
    ] {
        assert_eq!(tools.status("verify_ed25519_signature", arguments), 1);
    }
}

#[test]
fn create_test_workdir_touches_nothing_that_is_there() {
    let tools = Tools::new();
    let task = "YyxNNh7mTAmwDhB4Itm0jg";
    fs::create_dir(tools.path("work")).unwrap();
    let run = tools.run("create_test_workdir", &[task], &[]);
    assert_eq!(run.status, 1);
    let said = "CRITICAL:scriptworker:Scriptworker will not delete work without --overwrite!\n";
    assert_eq!(run.stderr, said);
    assert_eq!(
        tools.status("create_test_workdir", &["--path", "new", "../../x"]),
        1
    );
    for path in [".", "..", "/"] {
        fs::set_permissions(tools.dir.path(), Permissions::from_mode(0o700)).unwrap();
        let run = tools.run(
            "create_test_workdir",
            &["--overwrite", "--path", path, task],
            &[],
        );
        assert_eq!(run.status, 1, "{path}");
        assert!(
            run.stderr.contains("which holds the current directory"),
            "{}",
            run.stderr
        );
    }
    assert!(tools.path("work").is_dir());
}

#[test]
fn broken_credentials_are_fatal_and_not_quoted() {
    let tools = Tools::new();
    fs::write(tools.path("secrets.json"), "{\"credentials\": hunter2}").unwrap();
    for (tool, arguments) in [
        ("create_test_workdir", &["YyxNNh7mTAmwDhB4Itm0jg"][..]),
        (
            "verify_cot",
            &[
                "--task-type",
                "signing",
                "YyxNNh7mTAmwDhB4Itm0jg",
                "--cleanup",
            ],
        ),
    ] {
        let run = tools.run(tool, arguments, &[]);
        assert_eq!(run.status, 1);
        assert!(
            run.stderr.contains("secrets.json: expected"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
}
