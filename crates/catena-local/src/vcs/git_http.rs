// SPDX-License-Identifier: MPL-2.0
//! git over HTTP, the smart protocol, through `git http-backend`. Reading is for everybody; pushing needs the host's token. When
//! git is not installed the answer is 501, and all else works.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;

use super::cgi::{self, CgiError, Input, Variables};
use super::github::{Service, plain, refuse};
use super::login::Caller;
use super::{Host, RepoName, VcsError, outstanding};

/// What of a repository is git's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// `info/refs`.
    Refs,
    /// `git-upload-pack`: clone and fetch.
    UploadPack,
    /// `git-receive-pack`: push.
    ReceivePack,
}

impl Place {
    /// Returns the place of a path below a repository.
    pub(crate) fn of(path: &str) -> Option<Self> {
        match path {
            "info/refs" => Some(Self::Refs),
            "git-receive-pack" => Some(Self::ReceivePack),
            "git-upload-pack" => Some(Self::UploadPack),
            _ => None,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::ReceivePack => "git-receive-pack",
            Self::Refs => "info/refs",
            Self::UploadPack => "git-upload-pack",
        }
    }
}

/// What is asked of git, every part of it one that we know.
struct Ask {
    place: Place,
    method: &'static str,
    query: &'static str,
    content_type: &'static str,
    writes: bool,
}

impl Ask {
    fn of(
        place: Place,
        method: &Method,
        query: Option<&str>,
    ) -> Result<Self, (StatusCode, &'static str)> {
        let ask = |method, query, content_type, writes| Self {
            place,
            method,
            query,
            content_type,
            writes,
        };
        match (place, method.as_str(), query) {
            (Place::Refs, "GET", Some("service=git-upload-pack")) => {
                Ok(ask("GET", "service=git-upload-pack", "", false))
            }
            (Place::Refs, "GET", Some("service=git-receive-pack")) => {
                Ok(ask("GET", "service=git-receive-pack", "", true))
            }
            (Place::Refs, "GET", _) => {
                Err((StatusCode::FORBIDDEN, "only git's smart protocol is served"))
            }
            (Place::UploadPack, "POST", _) => Ok(ask(
                "POST",
                "",
                "application/x-git-upload-pack-request",
                false,
            )),
            (Place::ReceivePack, "POST", _) => Ok(ask(
                "POST",
                "",
                "application/x-git-receive-pack-request",
                true,
            )),
            _ => Err((StatusCode::METHOD_NOT_ALLOWED, "git does not ask so")),
        }
    }
}

/// Answers a request of a git client.
pub(crate) async fn serve(
    service: Service,
    name: RepoName,
    place: Place,
    request: Request,
) -> Response {
    let ask = match Ask::of(place, request.method(), request.uri().query()) {
        Ok(ask) => ask,
        Err((status, text)) => return plain(status, text),
    };
    let (parts, body) = request.into_parts();
    let user = if ask.writes {
        match Caller::of(&parts.headers, service.host.options()) {
            Caller::Allowed(user) => Some(user),
            Caller::Refused | Caller::Unknown => return unauthorized(),
        }
    } else {
        None
    };
    let variables = match variables(&service.host, &name, &ask, &parts.headers, user.as_ref()) {
        Ok(variables) => variables,
        Err(why) => return refuse(&why),
    };
    let done = match (place, user) {
        (Place::ReceivePack, Some(user)) => {
            // the whole request first: who sends it slowly keeps nobody else waiting
            let (root, limit) = (service.host.root(), service.host.options().request_limit);
            match cgi::spool(&root, body, limit).await {
                Ok(input) => push(service, name, variables, input, user).await,
                Err(why) => Err(why),
            }
        }
        _ => {
            let options = service.host.options();
            let input = Input::Stream(body, options.request_limit);
            let answer = cgi::run(&options.git, variables, input).await;
            answer.map(cgi::Answer::stream)
        }
    };
    done.unwrap_or_else(|why| failed(&why))
}

/// Does so in a task of its own: a client that goes away does not stop a push half-way.
async fn push(
    service: Service,
    name: RepoName,
    variables: Variables,
    input: Input,
    user: Option<String>,
) -> Result<Response, CgiError> {
    let push = tokio::spawn(receive(service, name, variables, input, user));
    let broken = |why: tokio::task::JoinError| Err(CgiError::Broken(why.to_string()));
    push.await.unwrap_or_else(broken)
}

/// Lets git take a push; then logs it and creates its tasks, before the client is told that it is done. One push to a repository
/// at a time, so that each is logged under the name of whoever made it.
async fn receive(
    service: Service,
    name: RepoName,
    variables: Variables,
    input: Input,
    user: Option<String>,
) -> Result<Response, CgiError> {
    let _held = service.host.receive(&name).await;
    let (host, repo) = (service.host.clone(), name.clone());
    let begin = move || {
        // what an earlier one left, under its own name
        outstanding::log(&host, &repo)?;
        outstanding::note(&host, &repo, user)
    };
    let noted = blocking(begin).await?;
    if let Err(why) = noted {
        return Ok(refuse(&why));
    }
    let taken = run(&service, variables, input).await;
    // whatever became of the request: references may have moved
    let (host, repo) = (service.host.clone(), name.clone());
    let logged = blocking(move || outstanding::log(&host, &repo)).await?;
    let delivered = match logged {
        Ok(()) => outstanding::deliver_all(&service.host, &name, service.sink.as_ref()).await,
        Err(why) => Err(why),
    };
    match (taken, delivered) {
        (Ok(_), Err(why)) => Ok(refuse(&why)),
        (taken, _) => taken,
    }
}

async fn run(service: &Service, variables: Variables, input: Input) -> Result<Response, CgiError> {
    let options = service.host.options();
    let answer = cgi::run(&options.git, variables, input).await?;
    answer.whole().await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CgiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|why| CgiError::Broken(why.to_string()))
}

fn variables(
    host: &Host,
    name: &RepoName,
    ask: &Ask,
    headers: &HeaderMap,
    user: Option<&Option<String>>,
) -> Result<Variables, VcsError> {
    host.repo(name)?;
    let text = |value: &std::path::Path| value.to_str().map(str::to_owned);
    let root = text(&host.root()).ok_or_else(|| VcsError::Broken {
        what: "git cannot be run",
        why: "the path of the repositories is not UTF-8".to_owned(),
    })?;
    let mut out: Variables = vec![
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("GIT_PROJECT_ROOT", root),
        ("GIT_HTTP_EXPORT_ALL", "1".to_owned()),
        (
            "PATH_INFO",
            format!("/{}/{}.git/{}", name.owner(), name.name(), ask.place.path()),
        ),
        ("REQUEST_METHOD", ask.method.to_owned()),
        ("QUERY_STRING", ask.query.to_owned()),
        ("CONTENT_TYPE", ask.content_type.to_owned()),
        ("REMOTE_ADDR", "127.0.0.1".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
    ];
    let gzip = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| matches!(value.as_bytes(), b"gzip" | b"x-gzip"));
    if gzip {
        out.push(("HTTP_CONTENT_ENCODING", "gzip".to_owned()));
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    if let Some(length) = length.and_then(|text| text.parse::<u64>().ok()) {
        out.push(("CONTENT_LENGTH", length.to_string()));
    }
    let version = headers
        .get("git-protocol")
        .and_then(|value| value.to_str().ok());
    if let Some(version @ ("version=1" | "version=2")) = version {
        out.push(("GIT_PROTOCOL", version.to_owned()));
    }
    if let Some(user) = user {
        out.push((
            "REMOTE_USER",
            user.clone().unwrap_or_else(|| "git".to_owned()),
        ));
    }
    settings(host, name, &mut out)?;
    Ok(out)
}

/// git's settings for one request: no hooks, no work in the background, objects checked, sizes bounded. A repository with protected
/// branches takes neither forced pushes nor removals.
fn settings(host: &Host, name: &RepoName, out: &mut Variables) -> Result<(), VcsError> {
    let strict = if host.protected(name)?.is_empty() {
        "false"
    } else {
        "true"
    };
    let limit = host.options().request_limit.to_string();
    let settings = [
        ("core.hooksPath", "/dev/null"),
        ("gc.auto", "0"),
        ("maintenance.auto", "false"),
        ("receive.autogc", "false"),
        ("receive.denyDeletes", strict),
        ("receive.denyNonFastForwards", strict),
        ("receive.fsckObjects", "true"),
        ("receive.hideRefs", "refs/pull"),
        ("receive.maxInputSize", &limit),
        ("safe.directory", "*"),
        ("uploadpack.allowAnySHA1InWant", "true"),
    ];
    out.push(("GIT_CONFIG_COUNT", settings.len().to_string()));
    for ((key, value), (key_name, value_name)) in settings.into_iter().zip(CONFIG_VARIABLES) {
        out.push((key_name, key.to_owned()));
        out.push((value_name, value.to_owned()));
    }
    Ok(())
}

fn unauthorized() -> Response {
    let mut response = plain(
        StatusCode::UNAUTHORIZED,
        "a push needs the host's token as password",
    );
    let value = axum::http::HeaderValue::from_static("Basic realm=\"catena\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, value);
    response
}

fn failed(why: &CgiError) -> Response {
    match why {
        CgiError::NoProgram => plain(
            StatusCode::NOT_IMPLEMENTED,
            "git over HTTP needs the git program on this machine; install git, or commit through the library. Everything else works \
             without it.",
        ),
        CgiError::TooLarge => plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the request has more bytes than this host takes",
        ),
        CgiError::Broken(_) => {
            tracing::error!(error = %why, "git http-backend failed");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "git http-backend failed")
        }
    }
}

const CONFIG_VARIABLES: [(&str, &str); 11] = [
    ("GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"),
    ("GIT_CONFIG_KEY_1", "GIT_CONFIG_VALUE_1"),
    ("GIT_CONFIG_KEY_2", "GIT_CONFIG_VALUE_2"),
    ("GIT_CONFIG_KEY_3", "GIT_CONFIG_VALUE_3"),
    ("GIT_CONFIG_KEY_4", "GIT_CONFIG_VALUE_4"),
    ("GIT_CONFIG_KEY_5", "GIT_CONFIG_VALUE_5"),
    ("GIT_CONFIG_KEY_6", "GIT_CONFIG_VALUE_6"),
    ("GIT_CONFIG_KEY_7", "GIT_CONFIG_VALUE_7"),
    ("GIT_CONFIG_KEY_8", "GIT_CONFIG_VALUE_8"),
    ("GIT_CONFIG_KEY_9", "GIT_CONFIG_VALUE_9"),
    ("GIT_CONFIG_KEY_10", "GIT_CONFIG_VALUE_10"),
];
