// SPDX-License-Identifier: MPL-2.0
//! A signer that is a command: whatever it reaches, a key service or a token, holds the key.
//!
//! The command is run without a shell, as `COMMAND… pub` to ask for the public key (base64, PEM or a line of OpenSSH on
//! stdout), and as `COMMAND… sign` for each signature: the message comes on stdin, the 64 raw bytes go to stdout. It ends
//! with status 0, or says on stderr why not, and leaves nothing running that holds its outputs open. What it signed is
//! verified before anybody sees it. Taskcluster credentials are not passed on to it.

use std::ffi::OsStr;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{SignError, Signer, printable, verified};
use crate::ed25519::PublicKey;

/// A command that signs.
pub struct ExecSigner {
    command: Vec<String>,
    public: PublicKey,
    patience: Duration,
}

impl ExecSigner {
    /// Takes the command's words and its public key; without one, the command is asked. No call may take longer than
    /// `patience`.
    ///
    /// # Errors
    /// [`SignError::Unavailable`] when the command does not tell its key.
    pub fn open(
        command: Vec<String>,
        public: Option<PublicKey>,
        patience: Duration,
    ) -> Result<Self, SignError> {
        let public = match public {
            Some(public) => public,
            None => ask(&command, patience)?,
        };
        Ok(Self {
            command,
            public,
            patience,
        })
    }
}

impl Signer for ExecSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let signature = run(&self.command, "sign", message, self.patience)?;
        verified(&self.public, message, &signature)
    }
}

fn ask(command: &[String], patience: Duration) -> Result<PublicKey, SignError> {
    let answer = run(command, "pub", b"", patience)?;
    PublicKey::parse(&answer)
        .map(|(key, _)| key)
        .map_err(|error| unavailable(command, &format!("its public key: {error}")))
}

/// Runs the command with one more word; returns its stdout, of which more than any answer takes is an error.
fn run(
    command: &[String],
    word: &str,
    input: &[u8],
    patience: Duration,
) -> Result<Vec<u8>, SignError> {
    let deadline = Instant::now() + patience;
    let failed = |error: io::Error| unavailable(command, &error.to_string());
    let mut child = start(command, word).map_err(failed)?;
    let answers = converse(&mut child, input.to_vec());
    let ended = answers
        .gather(deadline)
        .and_then(|texts| Some((texts, wait(&mut child, deadline)?)));
    let Some((texts, status)) = ended else {
        // whatever it still does, with all that it started, it is not waited for
        end(&child);
        let _ = child.kill().and_then(|()| child.wait());
        let late = format!("no answer to {word} within {} s", patience.as_secs_f32());
        return Err(unavailable(command, &late));
    };
    let [output, complaint] = texts;
    if !status.success() {
        let said = match printable(&complaint) {
            text if text.is_empty() => "nothing on stderr".to_owned(),
            text => text,
        };
        return Err(unavailable(command, &format!("{word}: {status}: {said}")));
    }
    match output.len() > MAX_ANSWER {
        true => Err(unavailable(
            command,
            &format!("{word}: expected at most {MAX_ANSWER} bytes on stdout, found more"),
        )),
        false => Ok(output),
    }
}

/// Ends the process group of a child that was not waited for yet.
fn end(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // there may be nobody left
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn start(command: &[String], word: &str) -> io::Result<Child> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected a command, found none",
        ));
    };
    let mut command = Command::new(program);
    command
        .args(arguments.iter().map(OsStr::new))
        .arg(word)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    CREDENTIALS.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.spawn()
}

/// What a child writes, as it comes.
struct Answers(mpsc::Receiver<(usize, Vec<u8>)>);

impl Answers {
    /// Waits until stdout and stderr are closed; `None` when it is too late.
    fn gather(&self, deadline: Instant) -> Option<[Vec<u8>; 2]> {
        let mut texts = [Vec::new(), Vec::new()];
        for _ in 0..texts.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, text) = self.0.recv_timeout(left).ok()?;
            *texts.get_mut(at)? = text;
        }
        Some(texts)
    }
}

/// Writes the child's stdin and reads the rest at the same time, so that neither side waits for the other for ever.
fn converse(child: &mut Child, input: Vec<u8>) -> Answers {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        // a child that does not read its input may have no need to
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let listen = |at: usize, from: Option<Box<dyn Read + Send>>| {
        let sender = sender.clone();
        thread::spawn(move || {
            let text = from.map(keep_head).unwrap_or_default();
            // nobody listens when it was too late
            let _ = sender.send((at, text));
        });
    };
    listen(
        0,
        child
            .stdout
            .take()
            .map(|out| -> Box<dyn Read + Send> { Box::new(out) }),
    );
    listen(
        1,
        child
            .stderr
            .take()
            .map(|err| -> Box<dyn Read + Send> { Box::new(err) }),
    );
    Answers(receiver)
}

/// Reads to the end, and keeps one byte more than any answer takes.
fn keep_head(mut from: Box<dyn Read + Send>) -> Vec<u8> {
    let mut head = Vec::new();
    let limit = u64::try_from(MAX_ANSWER + 1).unwrap_or(u64::MAX);
    let _ = from.by_ref().take(limit).read_to_end(&mut head);
    let _ = io::copy(&mut from, &mut io::sink());
    head
}

/// Waits for a child that has closed its outputs, and so is about to end.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
            _ => return None,
        }
    }
}

/// Names the program alone: its arguments are the operator's business.
fn unavailable(command: &[String], reason: &str) -> SignError {
    let program = command.first().map(String::as_bytes).unwrap_or_default();
    SignError::Unavailable {
        reason: format!("{}: {reason}", printable(program)),
    }
}

/// More than a signature or a public key in any form takes.
const MAX_ANSWER: usize = 4096;

/// Variables that a signer has no need of.
const CREDENTIALS: [&str; 5] = [
    "CATENA_GITHUB_TOKEN",
    "SCRIPTWORKER_GITHUB_OAUTH_TOKEN",
    "TASKCLUSTER_CLIENT_ID",
    "TASKCLUSTER_ACCESS_TOKEN",
    "TASKCLUSTER_CERTIFICATE",
];
