// SPDX-License-Identifier: MPL-2.0
//! Under which names a server answers: loopback's, and those that it stands in for.
//!
//! Whoever visits a hostile site has a browser that reaches loopback, and the site can rebind its own name to 127.0.0.1. Its
//! requests then name that site as their host, and are refused before anything else is looked at.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{HOST, HeaderMap};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

/// Lets a router answer only what is asked under a loopback name, or one of `names`, whatever the port; anything else is 421.
pub(crate) fn only<S>(router: Router<S>, names: impl IntoIterator<Item = String>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let names: Arc<[String]> = names.into_iter().collect();
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let names = Arc::clone(&names);
        async move {
            if is_one_of(request.headers(), &names) {
                next.run(request).await
            } else {
                refuse(&names)
            }
        }
    }))
}

fn refuse(names: &[String]) -> Response {
    let more: String = names.iter().map(|name| format!(", {name}")).collect();
    let text = format!(
        "expected one Host header that names localhost, 127.0.0.1, [::1]{more}; this server answers under no other name\n"
    );
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

/// Whether there is one `Host`, and it is a loopback address, `localhost` or one of these names.
fn is_one_of(headers: &HeaderMap, names: &[String]) -> bool {
    is_loopback(headers)
        || name(headers).is_some_and(|name| names.iter().any(|one| one.eq_ignore_ascii_case(name)))
}

/// Whether there is one `Host`, and it is a loopback address or `localhost`, whatever the port.
pub(crate) fn is_loopback(headers: &HeaderMap) -> bool {
    let Some(name) = name(headers) else {
        return false;
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost")
        || address
            .unwrap_or(name)
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// The name in the only `Host`, without its port.
fn name(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return None;
    };
    let host = host.to_str().ok()?;
    Some(match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    })
}

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderValue;

    use super::*;

    fn asked_as(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())])
    }

    #[test]
    fn loopback_names_are_served_and_others_only_where_they_are_stood_in_for() {
        let names = ["github.com".to_owned()];
        for host in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:9",
            "[::1]",
        ] {
            assert!(is_loopback(&asked_as(host)), "{host}");
            assert!(is_one_of(&asked_as(host), &names), "{host}");
        }
        for host in ["github.com", "GitHub.com:443"] {
            assert!(!is_loopback(&asked_as(host)), "{host}");
            assert!(is_one_of(&asked_as(host), &names), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:80",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "10.0.0.1",
            "0.0.0.0",
            "",
            "localhost:80:80",
            "a@localhost",
            "github.com.evil.example",
            "api.github.com",
        ] {
            assert!(!is_one_of(&asked_as(host), &names), "{host}");
        }
        assert!(!is_one_of(&HeaderMap::new(), &names));
        let mut two = asked_as("localhost");
        two.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_one_of(&two, &names));
    }
}
