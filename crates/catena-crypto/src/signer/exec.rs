// SPDX-License-Identifier: MPL-2.0
//! A signer that is a command: whatever it reaches, a key service or a token, holds the key.
//!
//! The command is run without a shell, as `COMMAND… pub` to ask for the public key (base64, PEM or a line of OpenSSH on
//! stdout), and as `COMMAND… sign` for each signature: the message comes on stdin, the 64 raw bytes go to stdout. It ends
//! with status 0, or says on stderr why not, and leaves nothing running: its process group is ended
//! with it, unless a signal ends this process first. What it signed is
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
    let mut group = Group(start(command, word).map_err(failed)?);
    let answers = converse(&mut group.0, input.to_vec()).map_err(failed)?;
    let ended = answers
        .gather(deadline)
        .and_then(|texts| Ok((texts, group.wait(deadline)?)));
    let ([output, complaint], status) = match ended {
        Ok(ended) => ended,
        Err(End::Late) => {
            let late = format!("no answer to {word} within {} s", patience.as_secs_f32());
            return Err(unavailable(command, &late));
        }
        Err(End::Long) => {
            let long = format!("{word}: expected at most {MAX_ANSWER} bytes on stdout, found more");
            return Err(unavailable(command, &long));
        }
    };
    if status.success() {
        return Ok(output);
    }
    let said = match printable(&complaint) {
        text if text.is_empty() => "nothing on stderr".to_owned(),
        text => text,
    };
    Err(unavailable(command, &format!("{word}: {status}: {said}")))
}

/// Why a command was ended.
enum End {
    /// Its time was over.
    Late,
    /// It wrote more than any answer takes.
    Long,
}

/// A command, which leads a process group. When it is dropped, nobody of the group is left.
struct Group(Child);

impl Group {
    /// Waits for a command that has closed its outputs, and so is about to end.
    fn wait(&mut self, deadline: Instant) -> Result<ExitStatus, End> {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        // it stays a zombie, so that its number, which is that of the group, is nobody else's
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let pid = self.pid().ok_or(End::Late)?;
        while !matches!(waitid(WaitId::Pid(pid), options), Ok(Some(_))) {
            if Instant::now() >= deadline {
                return Err(End::Late);
            }
            thread::sleep(Duration::from_millis(2));
        }
        self.end().map_err(|_| End::Late)
    }

    /// Ends the group, and returns how the command itself ended.
    fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(group) = self.pid() {
            // there may be nobody left
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        self.0.wait()
    }

    fn pid(&self) -> Option<rustix::process::Pid> {
        i32::try_from(self.0.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // a child that was waited for is only looked at again
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.end();
        }
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
    /// Waits until stdout and stderr are closed, or stdout is too long.
    fn gather(&self, deadline: Instant) -> Result<[Vec<u8>; 2], End> {
        let mut texts = [Vec::new(), Vec::new()];
        for _ in 0..texts.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, text) = self.0.recv_timeout(left).map_err(|_| End::Late)?;
            if at == STDOUT && text.len() > MAX_ANSWER {
                return Err(End::Long);
            }
            *texts.get_mut(at).ok_or(End::Late)? = text;
        }
        Ok(texts)
    }
}

/// Writes the child's stdin and reads the rest at the same time, so that neither side waits for the other for ever.
fn converse(child: &mut Child, input: Vec<u8>) -> io::Result<Answers> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        // a child that does not read its input may have no need to
        aside(move || drop(stdin.write_all(&input)))?;
    }
    let stdout = child.stdout.take();
    let report = sender.clone();
    aside(move || {
        let text = stdout.map(|mut out| head(&mut out)).unwrap_or_default();
        // nobody listens when it was too late
        let _ = report.send((STDOUT, text));
    })?;
    let stderr = child.stderr.take();
    aside(move || {
        let mut text = Vec::new();
        if let Some(mut err) = stderr {
            text = head(&mut err);
            // what is too long to be shown must not stop the command
            let _ = io::copy(&mut err, &mut io::sink());
        }
        let _ = sender.send((STDERR, text));
    })?;
    Ok(Answers(receiver))
}

/// Does something in a thread of its own.
fn aside(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().spawn(work).map(drop)
}

/// Reads to the end, or one byte more than any answer takes.
fn head(from: &mut impl Read) -> Vec<u8> {
    let mut head = Vec::new();
    let limit = u64::try_from(MAX_ANSWER + 1).unwrap_or(u64::MAX);
    let _ = from.take(limit).read_to_end(&mut head);
    head
}

/// Names the program alone: its arguments are the operator's business.
fn unavailable(command: &[String], reason: &str) -> SignError {
    let program = command.first().map(String::as_bytes).unwrap_or_default();
    SignError::Unavailable {
        reason: format!("{}: {reason}", printable(program)),
    }
}

/// Places of what was read.
const STDOUT: usize = 0;
const STDERR: usize = 1;

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
