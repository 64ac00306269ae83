// SPDX-License-Identifier: MPL-2.0
//! Runs `git http-backend`: a fixed argument, a clean environment, the request on its input, headers and body from its output.

use std::path::Path;
use std::process::Stdio;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStdin, ChildStdout, Command};

use super::group::Group;

/// What a CGI program is told, as environment variables.
pub(crate) type Variables = Vec<(&'static str, String)>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CgiError {
    /// There is no such program.
    #[error("git is not installed")]
    NoProgram,
    /// The request has more bytes than are taken.
    #[error("the request is too large")]
    TooLarge,
    /// The program did not answer as CGI programs do.
    #[error("git http-backend gave no answer: {0}")]
    Broken(String),
}

/// A program that has answered with headers; its body is still to be read.
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    start: Vec<u8>,
    output: ChildStdout,
    group: Group,
}

/// The body of a request.
pub(crate) enum Input {
    /// As it arrives, up to so many bytes.
    Stream(Body, u64),
    /// All of it, from the file's beginning.
    Whole(std::fs::File),
}

/// Takes a whole body into a file without a name, of a directory.
pub(crate) async fn spool(dir: &Path, body: Body, limit: u64) -> Result<Input, CgiError> {
    let broken = |why: std::io::Error| CgiError::Broken(why.to_string());
    let file = tempfile::tempfile_in(dir).map_err(broken)?;
    let mut file = tokio::fs::File::from_std(file);
    let (mut stream, mut left) = (body.into_data_stream(), limit);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|why| CgiError::Broken(why.to_string()))?;
        left = after(left, &chunk)?;
        file.write_all(&chunk).await.map_err(broken)?;
    }
    file.flush().await.map_err(broken)?;
    file.rewind().await.map_err(broken)?;
    Ok(Input::Whole(file.into_std().await))
}

/// How many bytes may still come.
fn after(left: u64, chunk: &[u8]) -> Result<u64, CgiError> {
    let size = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    left.checked_sub(size).ok_or(CgiError::TooLarge)
}

/// Starts the program, hands it the request's body and waits for the headers of its answer. When there are none, nothing of the
/// program is left.
pub(crate) async fn run(
    git: &Path,
    variables: Variables,
    input: Input,
) -> Result<Answer, CgiError> {
    let mut command = Command::new(git);
    command
        .arg("http-backend")
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let stream = match input {
        Input::Stream(body, limit) => {
            command.stdin(Stdio::piped());
            Some((body, limit))
        }
        Input::Whole(file) => {
            command.stdin(file);
            None
        }
    };
    // where git finds its own programs; nothing else of our environment is its business
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(variables);
    let mut group = Group::start(command)?;
    let stdout = group.child.stdout.take();
    let mut output = stdout.ok_or_else(|| CgiError::Broken("it has no output".to_owned()))?;
    let stdin = group.child.stdin.take();
    match tokio::try_join!(feed(stdin, stream), head(&mut output)) {
        Ok(((), (status, headers, start))) => Ok(Answer {
            status,
            headers,
            start,
            output,
            group,
        }),
        Err(why) => {
            group.end().await;
            Err(why)
        }
    }
}

/// Writes the body and closes the pipe. A program that stops reading has said all it wants to know.
async fn feed(input: Option<ChildStdin>, stream: Option<(Body, u64)>) -> Result<(), CgiError> {
    let (Some(mut input), Some((body, mut left))) = (input, stream) else {
        return Ok(());
    };
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|why| CgiError::Broken(why.to_string()))?;
        left = after(left, &chunk)?;
        if input.write_all(&chunk).await.is_err() {
            break;
        }
    }
    // an error here is that of a closed pipe
    let _closed = input.shutdown().await;
    Ok(())
}

type Head = (StatusCode, Vec<(HeaderName, HeaderValue)>, Vec<u8>);

/// Reads up to the empty line.
async fn head(output: &mut ChildStdout) -> Result<Head, CgiError> {
    let mut seen = Vec::new();
    loop {
        if let Some((at, length)) = end_of_headers(&seen) {
            let rest = seen.split_off(at + length);
            let (status, headers) = parse(seen.get(..at).unwrap_or_default())?;
            return Ok((status, headers, rest));
        }
        if seen.len() > MOST_HEADERS {
            return Err(CgiError::Broken("its headers do not end".to_owned()));
        }
        let mut chunk = [0_u8; 4096];
        let read = output
            .read(&mut chunk)
            .await
            .map_err(|why| CgiError::Broken(why.to_string()))?;
        match chunk.get(..read) {
            Some(chunk) if read > 0 => seen.extend_from_slice(chunk),
            _ => {
                return Err(CgiError::Broken(
                    "it ended before its headers did".to_owned(),
                ));
            }
        }
    }
}

fn end_of_headers(seen: &[u8]) -> Option<(usize, usize)> {
    let find = |mark: &[u8]| {
        seen.windows(mark.len())
            .position(|window| window == mark)
            .map(|at| (at, mark.len()))
    };
    match (find(b"\r\n\r\n"), find(b"\n\n")) {
        (Some(long), Some(short)) => Some(if long.0 < short.0 { long } else { short }),
        (long, short) => long.or(short),
    }
}

fn parse(head: &[u8]) -> Result<(StatusCode, Vec<(HeaderName, HeaderValue)>), CgiError> {
    let bad = || CgiError::Broken("a header of it does not parse".to_owned());
    let text = std::str::from_utf8(head).map_err(|_| bad())?;
    let (mut status, mut headers) = (StatusCode::OK, Vec::new());
    for line in text.lines() {
        let (name, value) = line.split_once(':').ok_or_else(bad)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default();
            status = code.parse().map_err(|_| bad())?;
        } else {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            headers.push((name, HeaderValue::from_str(value).map_err(|_| bad())?));
        }
    }
    Ok((status, headers))
}

impl Answer {
    /// Passes the body on while it is being made.
    pub(crate) fn stream(self) -> Response {
        let Self {
            status,
            headers,
            start,
            output,
            group,
        } = self;
        let rest = futures::stream::unfold((output, group), |(mut output, group)| async move {
            let mut chunk = vec![0_u8; 64 << 10];
            match output.read(&mut chunk).await {
                Ok(0) => None,
                Ok(read) => {
                    chunk.truncate(read);
                    Some((Ok(Bytes::from(chunk)), (output, group)))
                }
                Err(why) => Some((Err(why), (output, group))),
            }
        });
        let first = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from(start))]);
        respond(status, headers, Body::from_stream(first.chain(rest)))
    }

    /// Waits until the program has ended with all that it started, then gives the whole answer.
    pub(crate) async fn whole(mut self) -> Result<Response, CgiError> {
        let mut body = self.start;
        let mut rest = self.output.take(MOST_BUFFERED);
        let read = rest.read_to_end(&mut body).await;
        drop(rest);
        if read.is_ok() {
            // how it ended is in its answer
            let _ = self.group.child.wait().await;
        }
        self.group.end().await;
        read.map_err(|why| CgiError::Broken(why.to_string()))?;
        Ok(respond(self.status, self.headers, Body::from(body)))
    }
}

fn respond(status: StatusCode, headers: Vec<(HeaderName, HeaderValue)>, body: Body) -> Response {
    let mut response = (status, body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value);
    }
    response
}

const MOST_HEADERS: usize = 16 << 10;
/// A push is answered with a line for each reference.
const MOST_BUFFERED: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_a_cgi_program_are_parsed() {
        let (status, headers) =
            parse(b"Status: 403 Forbidden\r\nExpires: never\r\nContent-Type: text/plain").unwrap();
        assert_eq!((status, headers.len()), (StatusCode::FORBIDDEN, 2));
        assert_eq!(parse(b"Content-Type: a").unwrap().0, StatusCode::OK);
        for bad in [
            &b"no colon"[..],
            b"Status: x",
            b"a b: c",
            b"\xff: x",
            b"a: \x01",
        ] {
            assert!(parse(bad).is_err());
        }
    }

    #[test]
    fn the_first_empty_line_ends_the_headers() {
        assert_eq!(end_of_headers(b"a: b\r\n\r\nx\n\n"), Some((4, 4)));
        assert_eq!(end_of_headers(b"a: b\n\nx\r\n\r\n"), Some((4, 2)));
        assert_eq!(end_of_headers(b"a: b\r\n"), None);
    }
}
