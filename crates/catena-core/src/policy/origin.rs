// SPDX-License-Identifier: MPL-2.0
//! Origins that the operator configures: the Taskcluster deployment, hosts, endpoints (P24).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// `https://host[:port]`, or the same with `http` on loopback: no path, user, query or fragment, no trailing `/`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RootUrl {
    text: String,
    scheme_len: usize,
    loopback: bool,
}

impl RootUrl {
    /// Returns the URL, without a trailing `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns `https` or `http`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.text.get(..self.scheme_len).unwrap_or_default()
    }

    /// Returns `host[:port]`; a default port is left out.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text
            .get(self.scheme_len + "://".len()..)
            .unwrap_or_default()
    }

    /// Returns whether the host can only be this machine.
    #[must_use]
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Display for RootUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A text that is no origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "expected https://host[:port], or http://host[:port] on loopback, without path, user or query"
)]
pub struct InvalidOrigin;

impl FromStr for RootUrl {
    type Err = InvalidOrigin;

    /// Parses and canonicalises: host in lower case, no default port, no trailing `/`.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let (scheme, rest) = text.split_once("://").ok_or(InvalidOrigin)?;
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", 80),
            "https" => ("https", 443),
            _ => return Err(InvalidOrigin),
        };
        let authority = rest.trim_end_matches('/').to_ascii_lowercase();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(parse_port(port)?)),
            _ => (authority.as_str(), None),
        };
        let loopback = is_loopback(host);
        if !is_host(host) || (scheme == "http" && !loopback) {
            return Err(InvalidOrigin);
        }
        let text = match port.filter(|&port| port != default_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self {
            text,
            scheme_len: scheme.len(),
            loopback,
        })
    }
}

fn parse_port(text: &str) -> Result<u16, InvalidOrigin> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .filter(|&port| port != 0)
        .ok_or(InvalidOrigin)
}

/// Returns whether `host` is a host name in lower case, an IPv4 address or a bracketed IPv6 address.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    // a last label of digits only makes it an address, which then must be one
    let numeric = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    host.len() <= 253
        && host.split('.').all(label)
        && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    host == "localhost"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
        || bare
            .and_then(|inner| inner.parse::<Ipv6Addr>().ok())
            .is_some_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_urls_are_canonical_p24() {
        for (text, canonical) in [
            ("https://tc.example/", "https://tc.example"),
            ("HTTPS://TC.example:443", "https://tc.example"),
            ("https://tc.example:8443", "https://tc.example:8443"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://localhost", "http://localhost"),
        ] {
            let url: RootUrl = text.parse().unwrap();
            assert_eq!(url.as_str(), canonical, "{text}");
            assert_eq!(format!("{}://{}", url.scheme(), url.authority()), canonical);
        }
    }

    #[test]
    fn anything_but_an_origin_is_refused_p24() {
        for bad in [
            "",
            "tc.example",
            "ftp://tc.example",
            "http://tc.example",
            "https://",
            "https:///",
            "https://a/b",
            "https://u@a",
            "https://a?x",
            "https://a#x",
            "https://a:0",
            "https://a:99999",
            "https://a:",
            "https://a b",
            "https://a..b",
            "https://-a",
            "https://a.",
            "https://[::1",
            "https://127.0.0.999",
            "http://127.0.0.1.evil.example",
            "https://a\\b",
            "http://localhost.evil.example",
            "https://%61",
        ] {
            assert!(bad.parse::<RootUrl>().is_err(), "{bad}");
        }
    }
}
