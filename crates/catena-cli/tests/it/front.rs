// SPDX-License-Identifier: MPL-2.0
//! A door before a server: requests go through, but for those that a test holds back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A running door.
pub(crate) struct Front {
    pub(crate) url: String,
    /// Beginnings of requests that get no answer, and how many of each.
    held: Arc<Mutex<Vec<(String, usize)>>>,
    /// What was held back.
    seen: watch::Sender<Vec<String>>,
}

impl Front {
    /// Stands before a server on loopback.
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let front = Self {
            url: url.clone(),
            held: Arc::default(),
            seen: watch::Sender::new(Vec::new()),
        };
        let (held, seen) = (Arc::clone(&front.held), front.seen.clone());
        let target = target.trim_end_matches('/').to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (held, seen) = (Arc::clone(&held), seen.clone());
                let (target, url) = (target.clone(), url.clone());
                tokio::spawn(async move {
                    // whoever went away wants nothing
                    let _ = pass(client, &held, &seen, &target, &url).await;
                });
            }
        });
        front
    }

    /// The next `times` requests whose first line has this in it get no answer.
    pub(crate) fn hold(&self, what: &str, times: usize) {
        self.held.lock().unwrap().push((what.to_owned(), times));
    }

    /// Waits until a request was held back.
    pub(crate) async fn until_held(&self) {
        let mut seen = self.seen.subscribe();
        let waited = seen.wait_for(|seen| !seen.is_empty());
        let waited = tokio::time::timeout(Duration::from_secs(90), waited).await;
        drop(waited.unwrap().unwrap());
    }
}

/// One request on its own connection, so that nothing of the next one is mistaken for its body.
async fn pass(
    mut client: TcpStream,
    held: &Mutex<Vec<(String, usize)>>,
    seen: &watch::Sender<Vec<String>>,
    target: &str,
    url: &str,
) -> std::io::Result<()> {
    let request = read(&mut client).await?;
    let text = String::from_utf8_lossy(&request);
    let line = text.lines().next().unwrap_or_default().replace("%2F", "/");
    let hold = {
        let mut held = held.lock().unwrap();
        let rule = held
            .iter_mut()
            .find(|(what, times)| *times > 0 && line.contains(what.as_str()));
        rule.map(|rule| rule.1 -= 1).is_some()
    };
    if hold {
        seen.send_modify(|seen| seen.push(line));
        // until it goes away
        while client.read(&mut [0; 1000]).await? > 0 {}
        return Ok(());
    }
    let mut server = TcpStream::connect(target.trim_start_matches("http://")).await?;
    let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(0) + 1;
    server.write_all(&request[..end]).await?;
    server.write_all(b"Connection: close\r\n").await?;
    server.write_all(&request[end..]).await?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).await?;
    // uploads come this way as well; both ports have five digits
    let (from, to) = (target.as_bytes(), url.as_bytes());
    assert_eq!(from.len(), to.len());
    for at in 0..answer.len().saturating_sub(from.len()) {
        if answer[at..].starts_with(from) {
            answer[at..at + to.len()].copy_from_slice(to);
        }
    }
    client.write_all(&answer).await
}

/// Reads a request whole.
async fn read(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        let end = request.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if request.len() >= end + 4 + length {
                return Ok(request);
            }
        }
        let mut buffer = [0; 10_000];
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        request.extend_from_slice(&buffer[..count]);
    }
}
