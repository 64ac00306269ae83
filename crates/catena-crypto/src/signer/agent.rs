// SPDX-License-Identifier: MPL-2.0
//! A signer that asks an ssh-agent, which signs the message itself, as chain-of-trust signatures need it.
//!
//! Of the agent protocol (draft-ietf-sshm-ssh-agent) this speaks two requests: the list of keys, and a signature.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{SignError, Signer, verified};
use crate::ed25519::{KeyId, PublicKey};
use crate::public::OPENSSH_PREFIX;

/// A key that an agent holds.
pub struct AgentSigner {
    socket: PathBuf,
    public: PublicKey,
    patience: Duration,
}

impl AgentSigner {
    /// Asks the agent at `socket` for its ed25519 keys and takes the one with this id, or the only one there is. No answer
    /// may take longer than `patience`, in which somebody may have to confirm.
    ///
    /// # Errors
    /// [`SignError::Unavailable`] when there is no agent or no such key, or when several could be meant.
    pub fn open(
        socket: &Path,
        wanted: Option<KeyId>,
        patience: Duration,
    ) -> Result<Self, SignError> {
        let answer = call(socket, &[LIST], LISTED, patience)?;
        let keys = keys(&answer).ok_or_else(|| unavailable(socket, MALFORMED))?;
        let mut fit = keys
            .into_iter()
            .filter(|key| wanted.is_none_or(|wanted| key.id() == wanted));
        let public = match (fit.next(), fit.next(), wanted) {
            (Some(key), None, _) => key,
            (None, _, Some(wanted)) => {
                return Err(unavailable(
                    socket,
                    &format!("expected key {wanted}, found none such"),
                ));
            }
            (None, _, None) => {
                return Err(unavailable(socket, "expected an ed25519 key, found none"));
            }
            (Some(_), Some(_), _) => {
                return Err(unavailable(
                    socket,
                    "expected one ed25519 key, found several: name one as agent:KEY",
                ));
            }
        };
        Ok(Self {
            socket: socket.to_owned(),
            public,
            patience,
        })
    }
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let unfit = |text: &str| unavailable(&self.socket, text);
        let blob = [&OPENSSH_PREFIX[..], self.public.as_bytes()].concat();
        let mut request = vec![SIGN];
        for part in [&blob[..], message] {
            put(&mut request, part).ok_or_else(|| unfit("the message is too long"))?;
        }
        // no flags
        request.extend_from_slice(&[0; 4]);
        let answer = call(&self.socket, &request, SIGNED, self.patience)?;
        let signature = signature(&answer).ok_or_else(|| unfit(MALFORMED))?;
        verified(&self.public, message, signature)
    }
}

/// Sends a request on a connection of its own; returns what follows the type of the answer, if it is the expected one.
fn call(
    socket: &Path,
    request: &[u8],
    expected: u8,
    patience: Duration,
) -> Result<Vec<u8>, SignError> {
    let exchange = || -> io::Result<Vec<u8>> {
        let mut stream = Timed::connect(socket, Instant::now() + patience)?;
        let mut frame = Vec::new();
        put(&mut frame, request).ok_or(io::ErrorKind::InvalidInput)?;
        stream.write_all(&frame)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if length > MAX_ANSWER {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut answer = Vec::new();
        stream.take(length.into()).read_to_end(&mut answer)?;
        match u32::try_from(answer.len()) {
            Ok(found) if found == length => Ok(answer),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    let answer = exchange().map_err(|error| unavailable(socket, &error.to_string()))?;
    match answer.split_first() {
        Some((kind, rest)) if *kind == expected => Ok(rest.to_vec()),
        _ => Err(unavailable(socket, "the agent refused")),
    }
}

/// A connection that ends at a deadline, however slowly the other side goes on.
struct Timed {
    stream: UnixStream,
    deadline: Instant,
}

impl Timed {
    fn connect(socket: &Path, deadline: Instant) -> io::Result<Self> {
        use rustix::net::sockopt::{Timeout, set_socket_timeout};
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
        let flags = SocketFlags::CLOEXEC;
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // an agent that accepts nobody: connecting waits as long as sending would
        set_socket_timeout(&fd, Timeout::Send, Some(left(deadline)?))?;
        rustix::net::connect(&fd, &SocketAddrUnix::new(socket)?)
            .map_err(|error| late(error.into()))?;
        Ok(Self {
            stream: fd.into(),
            deadline,
        })
    }
}

impl io::Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        self.stream.read(buffer).map_err(late)
    }
}

impl io::Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        self.stream.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// How long there is still to wait; never zero, which would be for ever.
fn left(deadline: Instant) -> io::Result<Duration> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// The system calls a time that is over a call that would block.
fn late(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// The ed25519 keys of a list; keys of other kinds, and unsound ones, are passed over.
fn keys(answer: &[u8]) -> Option<Vec<PublicKey>> {
    let (count, mut rest) = number(answer)?;
    let mut keys = Vec::new();
    for _ in 0..count {
        let (blob, after) = text(rest)?;
        let (_comment, after) = text(after)?;
        rest = after;
        let key = blob
            .strip_prefix(&OPENSSH_PREFIX)
            .and_then(|key| <[u8; 32]>::try_from(key).ok());
        keys.extend(key.and_then(|key| PublicKey::from_bytes(key).ok()));
    }
    Some(keys)
}

/// The raw signature of an answer, which names the algorithm before it.
fn signature(answer: &[u8]) -> Option<&[u8]> {
    let (blob, _) = text(answer)?;
    let (algorithm, rest) = text(blob)?;
    let (signature, _) = text(rest)?;
    (algorithm == b"ssh-ed25519").then_some(signature)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = number(bytes)?;
    rest.split_at_checked(usize::try_from(length).ok()?)
}

fn put(out: &mut Vec<u8>, part: &[u8]) -> Option<()> {
    out.extend_from_slice(&u32::try_from(part.len()).ok()?.to_be_bytes());
    out.extend_from_slice(part);
    Some(())
}

fn unavailable(socket: &Path, reason: &str) -> SignError {
    SignError::Unavailable {
        reason: format!("ssh-agent at {}: {reason}", socket.display()),
    }
}

const MALFORMED: &str = "expected an answer of the agent protocol, found something else";

/// Message numbers of the protocol.
const LIST: u8 = 11;
const LISTED: u8 = 12;
const SIGN: u8 = 13;
const SIGNED: u8 = 14;

/// OpenSSH's own limit on a message.
const MAX_ANSWER: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_within_their_bounds() {
        let key = [&OPENSSH_PREFIX[..], &[0x58], &[0x66; 31]].concat();
        let mut list = 2u32.to_be_bytes().to_vec();
        for part in [&b"ssh-rsa"[..], b"comment", &key, b""] {
            put(&mut list, part).unwrap();
        }
        let found = keys(&list).unwrap();
        assert_eq!(found[0].as_bytes()[..], key[19..]);
        assert_eq!(found.len(), 1);
        for end in 0..list.len() {
            assert_eq!(keys(&list[..end]), None, "{end}");
        }
        assert_eq!(keys(&[0xff; 12]), None);

        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519").unwrap();
        put(&mut blob, &[7; 64]).unwrap();
        let mut answer = Vec::new();
        put(&mut answer, &blob).unwrap();
        assert_eq!(signature(&answer), Some(&[7; 64][..]));
        for end in 0..answer.len() {
            assert_eq!(signature(&answer[..end]), None, "{end}");
        }
    }
}
