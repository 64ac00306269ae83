// SPDX-License-Identifier: MPL-2.0
//! `agent:` with a socket that speaks the agent's protocol; a real ssh-agent is asked by `conformance/tools.sh`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use catena_crypto::ed25519::{KeyId, PublicKey};
use catena_crypto::signer::agent::AgentSigner;
use catena_crypto::signer::reference::SignerRef;
use catena_crypto::signer::{SignError, Signer, SigningKey};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// An agent that answers each request as a function says.
struct Agent {
    _dir: TempDir,
    socket: PathBuf,
}

impl Agent {
    fn new(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("agent");
        let listener = UnixListener::bind(&socket).unwrap();
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &*answer);
            }
        });
        Self { _dir: dir, socket }
    }

    /// An agent that holds these keys and signs with the last.
    fn holding(seeds: &'static [u8]) -> Self {
        Self::new(move |request| {
            let keys: Vec<SigningKey> = seeds.iter().map(|&seed| key(seed)).collect();
            match request.split_first() {
                Some((11, [])) => listed(&keys),
                Some((13, rest)) => signed(keys.last().unwrap(), rest),
                _ => vec![5],
            }
        })
    }

    fn open(&self, wanted: Option<KeyId>) -> Result<AgentSigner, SignError> {
        AgentSigner::open(&self.socket, wanted, PATIENCE)
    }

    fn complaint(&self, wanted: Option<KeyId>) -> String {
        self.open(wanted).err().unwrap().to_string()
    }
}

fn serve(mut stream: UnixStream, answer: &dyn Fn(&[u8]) -> Vec<u8>) {
    let mut length = [0; 4];
    if stream.read_exact(&mut length).is_ok() {
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request).unwrap();
        // a client that has seen enough closes first
        let _ = stream.write_all(&text(&answer(&request)));
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn blob(key: &SigningKey) -> Vec<u8> {
    [text(b"ssh-ed25519"), text(key.public_key().as_bytes())].concat()
}

fn listed(keys: &[SigningKey]) -> Vec<u8> {
    let mut answer = vec![12];
    answer.extend(u32::try_from(keys.len() + 1).unwrap().to_be_bytes());
    answer.extend([text(b"\0\0\0\x07ssh-rsa"), text(b"another kind")].concat());
    for key in keys {
        answer.extend([text(&blob(key)), text(b"comment")].concat());
    }
    answer
}

fn signed(key: &SigningKey, request: &[u8]) -> Vec<u8> {
    let message = request.strip_prefix(text(&blob(key)).as_slice()).unwrap();
    let message = &message[4..message.len() - 4];
    let signature = key.sign(message).unwrap();
    let blob = [text(b"ssh-ed25519"), text(&signature)].concat();
    [vec![14], text(&blob)].concat()
}

#[test]
fn the_only_key_needs_no_name() {
    let signer = Agent::holding(&[7]);
    let signer = (signer.open(None).unwrap(), signer).0;
    assert_eq!(signer.public_key(), key(7).public_key());
}

#[test]
fn a_named_key_signs() {
    let agent = Agent::holding(&[1, 7]);
    let signer = agent.open(Some(key(7).public_key().id())).unwrap();
    for message in [&b""[..], b"message", &[0; 100_000]] {
        assert_eq!(signer.sign(message), key(7).sign(message));
    }
}

#[test]
fn the_choice_must_be_clear() {
    let several = Agent::holding(&[1, 7]).complaint(None);
    assert!(
        several.contains("expected one ed25519 key, found several"),
        "{several}"
    );
    let none = Agent::holding(&[]).complaint(None);
    assert!(
        none.contains("expected an ed25519 key, found none"),
        "{none}"
    );
    let id = key(2).public_key().id();
    let other = Agent::holding(&[1, 7]).complaint(Some(id));
    assert!(other.contains(&id.to_string()), "{other}");
}

#[test]
fn refusals_and_nonsense_are_no_signatures() {
    let refused = Agent::new(|_| vec![5]).complaint(None);
    assert!(refused.contains("the agent refused"), "{refused}");
    for answer in [
        &[][..],
        &[12],
        &[12, 0xff, 0xff, 0xff, 0xff],
        &[14, 0, 0, 0, 0],
    ] {
        Agent::new(move |_| answer.to_vec()).complaint(None);
    }
    let huge = Agent::new(|_| vec![12; 300_000]).complaint(None);
    assert!(huge.contains("too large"), "{huge}");
    let gone = tempfile::tempdir().unwrap().path().join("agent");
    assert!(AgentSigner::open(&gone, None, PATIENCE).is_err());
}

#[test]
fn a_signature_by_another_key_is_not_passed_on() {
    let agent = Agent::new(|request| match request.split_first() {
        Some((11, [])) => listed(&[key(1)]),
        _ => {
            let blob = [text(b"ssh-ed25519"), text(&key(2).sign(b"m").unwrap())].concat();
            [vec![14], text(&blob)].concat()
        }
    });
    let signer = agent.open(None).unwrap();
    let error = signer.sign(b"m").unwrap_err();
    assert!(matches!(error, SignError::Forged { .. }), "{error}");
}

#[test]
#[ignore = "needs OpenSSH; conformance/tools.sh runs it"]
fn a_real_agent_signs() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let socket = path("socket");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a", &socket])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // its first line says that it listens
    let mut line = String::new();
    BufReader::new(agent.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains(&socket), "{line}");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("SSH_AUTH_SOCK", &socket);
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    for name in ["one", "two"] {
        run(
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", &path(name)],
        );
        run("ssh-add", &["-q", &path(name)]);
    }
    let public = std::fs::read(path("two.pub")).unwrap();
    let (public, _) = PublicKey::parse(&public).unwrap();
    let text = format!("agent:{}", public.id());
    let signer: SignerRef = text.parse().ok().unwrap();
    let signer = signer.open(&|_| Some(socket.clone().into())).ok().unwrap();
    assert_eq!(signer.public_key(), &public);
    let signature = signer.sign(b"message").unwrap();
    let proof = public.verify(b"message", &signature.into()).unwrap();
    assert_eq!(proof.key_id(), public.id());
    agent.kill().unwrap();
    agent.wait().unwrap();
}

/// Each piece comes in time, but not all of them.
#[test]
fn an_agent_that_drips_is_not_waited_for_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("agent");
    let listener = UnixListener::bind(&socket).unwrap();
    let dripping = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0, 0, 0xff, 0xff]).unwrap();
        // until the other side has gone
        while stream.write_all(&[0]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let complaint = AgentSigner::open(&socket, None, Duration::from_millis(300));
    let complaint = complaint.err().unwrap().to_string();
    assert!(complaint.contains("timed out"), "{complaint}");
    dripping.join().unwrap();
}

#[test]
fn an_agent_that_accepts_nobody_is_not_waited_for_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("agent");
    let listener = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(&socket).unwrap()).unwrap();
    // room for one that waits; the others cannot even connect
    rustix::net::listen(&listener, 0).unwrap();
    let _first = UnixStream::connect(&socket).unwrap();
    let complaint = AgentSigner::open(&socket, None, Duration::from_millis(100));
    let complaint = complaint.err().unwrap().to_string();
    assert!(complaint.contains("timed out"), "{complaint}");
}
