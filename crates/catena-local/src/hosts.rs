// SPDX-License-Identifier: MPL-2.0
//! Under which names a server answers: loopback's, and those that it stands in for.
//!
//! Whoever visits a hostile site has a browser that reaches loopback, and the site can rebind its own name to 127.0.0.1. Its
//! requests then name that site as their host, and are refused before anything else is looked at. The host is the one that the
//! address of the request names (HTTP/2, and HTTP/1.1 in absolute form), else that of the `Host` header.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap};
use axum::http::{StatusCode, Uri};
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
            if is_one_of(request.uri(), request.headers(), &names) {
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

/// Whether the host is a loopback address, `localhost` or one of these names.
fn is_one_of(uri: &Uri, headers: &HeaderMap, names: &[String]) -> bool {
    is_loopback(uri, headers)
        || name(uri, headers)
            .is_some_and(|name| names.iter().any(|one| one.eq_ignore_ascii_case(name)))
}

/// Whether the host is a loopback address or `localhost`, whatever the port.
pub(crate) fn is_loopback(uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(name) = name(uri, headers) else {
        return false;
    };
    let address = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    LOCAL.iter().any(|local| name.eq_ignore_ascii_case(local))
        || address
            .unwrap_or(name)
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// Names of loopback addresses; the second is that of `::1` on many systems.
const LOCAL: [&str; 2] = ["localhost", "ip6-localhost"];

/// The name that is asked, without its port and the dot that may end it; `None` without an address in the request and with no
/// `Host`, or more than one.
fn name<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => only_host(headers)?,
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    Some(name.strip_suffix('.').unwrap_or(name))
}

fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
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
            "localhost.",
            "localhost.:80",
            "ip6-localhost:80",
            "[::ffff:127.0.0.1]:80",
        ] {
            assert!(is_loopback(&Uri::default(), &asked_as(host)), "{host}");
            assert!(
                is_one_of(&Uri::default(), &asked_as(host), &names),
                "{host}"
            );
        }
        for host in ["github.com", "GitHub.com:443", "github.com."] {
            assert!(!is_loopback(&Uri::default(), &asked_as(host)), "{host}");
            assert!(
                is_one_of(&Uri::default(), &asked_as(host), &names),
                "{host}"
            );
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
            "localhost..",
            ".",
            "[::ffff:10.0.0.1]",
            "[::2]",
        ] {
            assert!(
                !is_one_of(&Uri::default(), &asked_as(host), &names),
                "{host}"
            );
        }
        assert!(!is_one_of(&Uri::default(), &HeaderMap::new(), &names));
        let mut two = asked_as("localhost");
        two.append(HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_one_of(&Uri::default(), &two, &names));
    }

    #[test]
    fn the_host_in_the_address_of_a_request_counts_and_not_the_header() {
        for (uri, host, fits) in [
            ("http://localhost:80/x", "evil.example", true),
            ("http://evil.example/x", "localhost", false),
            ("http://a@localhost/x", "localhost", false),
            ("http://[::1]:80/x", "evil.example", true),
            ("/x", "localhost", true),
            ("/x", "evil.example", false),
        ] {
            let uri: Uri = uri.parse().unwrap();
            assert_eq!(is_loopback(&uri, &asked_as(host)), fits, "{uri} {host}");
        }
    }
}
