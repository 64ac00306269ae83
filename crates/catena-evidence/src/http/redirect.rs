// SPDX-License-Identifier: MPL-2.0
//! Which redirects are followed (S14, P5, P24), and where canonical origins are reached.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use reqwest::header::HeaderValue;

use super::guard::is_public;
use super::options::{HttpOptions, OptionsError};
use super::urls::{checked, is_loopback, origin};

/// The rules, from the settings.
#[derive(Debug)]
pub(crate) struct Redirects {
    relaxed: bool,
    /// Host names that may have a local address.
    artifact_hosts: BTreeSet<String>,
    /// Canonical origin → loopback origin.
    endpoints: BTreeMap<String, Url>,
    /// Loopback origins that are ours: the root URL's, and those behind `endpoints`.
    local: BTreeSet<String>,
}

/// The next hop.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    /// Whether the address of the connection is to be judged.
    pub(crate) guarded: bool,
}

/// Which hosts a redirect may lead to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Any: a digest or signature vouches for the content.
    AnyHost,
    /// The one that was asked.
    SameHost,
}

/// Why a redirect is not followed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("a redirect leads to the local or private address {0}")]
    Address(String),
    #[error("a redirect leads from {from} to another host, {to}")]
    Host { from: String, to: String },
    #[error("a redirect without a usable location")]
    Location,
    #[error("a redirect leads to {0}, expected https")]
    Scheme(String),
    #[error("more than {MOST} redirects")]
    TooMany,
}

impl Redirects {
    pub(crate) fn new(options: &HttpOptions) -> Result<Self, OptionsError> {
        let mut local = BTreeSet::new();
        let root = checked("root_url", &options.root_url)?;
        if is_loopback(&root) {
            local.insert(origin(&root));
        }
        let mut endpoints = BTreeMap::new();
        for (canonical, target) in &options.endpoints {
            let from = checked("endpoints", canonical)?;
            let to = checked("endpoints", target)?;
            for (url, text) in [(&from, canonical), (&to, target)] {
                if url.path() != "/" || url.query().is_some() {
                    return Err(unfit("an origin: scheme, host and port only", text));
                }
            }
            if !is_loopback(&to) {
                return Err(unfit("a loopback origin as the target", target));
            }
            local.insert(origin(&to));
            endpoints.insert(origin(&from), to);
        }
        let artifact_hosts = options
            .artifact_hosts
            .iter()
            .map(|h| h.to_lowercase())
            .collect();
        Ok(Self {
            relaxed: options.relax_redirects,
            artifact_hosts,
            endpoints,
            local,
        })
    }

    /// Returns where the connection for a URL goes and the `Host` to send, if it is mapped.
    pub(crate) fn map(&self, url: &Url) -> Option<(Url, HeaderValue)> {
        let to = self.endpoints.get(&origin(url))?;
        let mut mapped = to.clone();
        mapped.set_path(url.path());
        mapped.set_query(url.query());
        let host = HeaderValue::from_str(&authority(url)).ok()?;
        Some((mapped, host))
    }

    /// Judges the redirect number `count` (from 1), from `from` to `location`.
    pub(crate) fn next(
        &self,
        from: &Url,
        location: Option<&HeaderValue>,
        reach: Reach,
        count: u32,
    ) -> Result<Hop, Refused> {
        if count > MOST {
            return Err(Refused::TooMany);
        }
        let location = location.and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let mut url = location
            .and_then(|text| from.join(text).ok())
            .ok_or(Refused::Location)?;
        url.set_fragment(None);
        if !url.has_host() || !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Location);
        }
        let ours = self.local.contains(&origin(&url));
        match url.scheme() {
            "https" => {}
            "http" if self.relaxed || ours => {}
            scheme => return Err(Refused::Scheme(scheme.to_owned())),
        }
        let place = |url: &Url| {
            (
                url.host_str().map(str::to_owned),
                url.port_or_known_default(),
            )
        };
        if reach == Reach::SameHost && !self.relaxed && place(from) != place(&url) {
            return Err(Refused::Host {
                from: authority(from),
                to: authority(&url),
            });
        }
        let exempt = ours
            || self.endpoints.contains_key(&origin(&url))
            || url
                .host_str()
                .is_some_and(|host| self.artifact_hosts.contains(host))
            || self.artifact_hosts.contains(&authority(&url));
        if !exempt
            && let Some(address) = literal(&url)
            && !is_public(address)
        {
            return Err(Refused::Address(address.to_string()));
        }
        Ok(Hop {
            url,
            guarded: !exempt,
        })
    }
}

/// Returns `host` or `host:port`.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or("");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns the address that a URL spells out instead of a name.
fn literal(url: &Url) -> Option<std::net::IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn unfit(expected: &'static str, found: &str) -> OptionsError {
    OptionsError::Setting {
        key: "endpoints",
        expected,
        found: found.to_owned(),
    }
}

/// The reference's limit, which no switch lifts (P5).
const MOST: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn redirects(change: impl FnOnce(&mut HttpOptions)) -> Redirects {
        let mut options = HttpOptions::new("https://tc.example.org");
        options
            .artifact_hosts
            .insert("Storage.example.org".to_owned());
        options.endpoints = [(
            "https://mapped.example.org".to_owned(),
            "http://127.0.0.1:8080".to_owned(),
        )]
        .into();
        change(&mut options);
        Redirects::new(&options).unwrap()
    }

    fn judge(rules: &Redirects, reach: Reach, location: &str) -> Result<Hop, Refused> {
        let from = Url::parse("https://tc.example.org/api/x").unwrap();
        rules.next(
            &from,
            Some(&HeaderValue::from_str(location).unwrap()),
            reach,
            1,
        )
    }

    #[test]
    fn strict_rules_s14() {
        let rules = redirects(|_| {});
        let any = |location: &str| judge(&rules, Reach::AnyHost, location);
        let same = |location: &str| judge(&rules, Reach::SameHost, location);
        assert!(any("https://cdn.example.net/a").unwrap().guarded);
        assert_eq!(
            any("/b?c#d").unwrap().url.as_str(),
            "https://tc.example.org/b?c"
        );
        assert!(same("/b").is_ok() && same("https://tc.example.org:443/b").is_ok());
        for other in [
            "https://cdn.example.net/a",
            "//cdn.example.net/a",
            "https://tc.example.org:8443/",
        ] {
            assert!(matches!(same(other), Err(Refused::Host { .. })), "{other}");
        }
        for scheme in [
            "http://cdn.example.net/",
            "http://tc.example.org/",
            "file:///etc/passwd",
            "ftp://x/",
        ] {
            assert!(any(scheme).is_err(), "{scheme}");
        }
        for bad in [
            "https://user@cdn.example.net/",
            "https://:pw@cdn.example.net/",
            "https://",
        ] {
            assert_eq!(any(bad), Err(Refused::Location), "{bad}");
        }
        let from = Url::parse("https://tc.example.org/").unwrap();
        assert_eq!(
            rules.next(&from, None, Reach::AnyHost, 1),
            Err(Refused::Location)
        );
        let here = HeaderValue::from_static("/");
        assert!(rules.next(&from, Some(&here), Reach::AnyHost, 10).is_ok());
        assert_eq!(
            rules.next(&from, Some(&here), Reach::AnyHost, 11),
            Err(Refused::TooMany)
        );
    }

    #[test]
    fn local_addresses_are_refused_in_every_profile_p24() {
        for relaxed in [false, true] {
            let rules = redirects(|options| options.relax_redirects = relaxed);
            for local in [
                "https://127.0.0.1/",
                "https://127.1/",
                "https://0x7f000001/",
                "https://2130706433/",
                "https://[::1]/",
                "https://[::ffff:127.0.0.1]/",
                "https://169.254.169.254/latest",
                "https://10.0.0.1/",
                "https://0.0.0.0/",
            ] {
                let refused = judge(&rules, Reach::AnyHost, local);
                assert!(
                    matches!(refused, Err(Refused::Address(_))),
                    "{local}: {refused:?}"
                );
            }
            // a name is judged when it is resolved
            assert!(
                judge(&rules, Reach::AnyHost, "https://localhost/")
                    .unwrap()
                    .guarded
            );
        }
    }

    #[test]
    fn exceptions_are_the_operators_p24() {
        let rules = redirects(|_| {});
        assert!(
            !judge(&rules, Reach::AnyHost, "https://mapped.example.org/")
                .unwrap()
                .guarded
        );
        assert!(
            !judge(&rules, Reach::AnyHost, "https://storage.example.org/")
                .unwrap()
                .guarded
        );
        assert!(
            !judge(&rules, Reach::AnyHost, "http://127.0.0.1:8080/")
                .unwrap()
                .guarded
        );
        assert!(judge(&rules, Reach::AnyHost, "http://127.0.0.1:8081/").is_err());
        assert!(judge(&rules, Reach::AnyHost, "http://storage.example.org/").is_err());
        let loopback =
            redirects(|options| "http://localhost:1234".clone_into(&mut options.root_url));
        assert!(
            !judge(&loopback, Reach::AnyHost, "http://localhost:1234/x")
                .unwrap()
                .guarded
        );
        assert!(judge(&loopback, Reach::AnyHost, "http://localhost:1235/x").is_err());
    }

    #[test]
    fn the_relaxation_covers_scheme_and_host_only_p5() {
        let rules = redirects(|options| options.relax_redirects = true);
        assert!(
            judge(&rules, Reach::SameHost, "http://cdn.example.net/")
                .unwrap()
                .guarded
        );
        assert!(judge(&rules, Reach::AnyHost, "gopher://cdn.example.net/").is_err());
        assert!(judge(&rules, Reach::AnyHost, "https://user:pw@cdn.example.net/").is_err());
    }

    #[test]
    fn only_the_connection_is_mapped_p24() {
        let rules = redirects(|_| {});
        let url = Url::parse("https://mapped.example.org/a%2Fb?c=d").unwrap();
        let (to, host) = rules.map(&url).unwrap();
        assert_eq!(to.as_str(), "http://127.0.0.1:8080/a%2Fb?c=d");
        assert_eq!(host, "mapped.example.org");
        assert!(
            rules
                .map(&Url::parse("http://mapped.example.org/").unwrap())
                .is_none()
        );
        for (from, to) in [
            ("https://a.example.org", "https://b.example.org"),
            ("https://a.example.org", "http://10.0.0.1"),
            ("https://a.example.org/path", "http://127.0.0.1"),
            ("https://a.example.org", "http://127.0.0.1/path"),
            ("a.example.org", "http://127.0.0.1"),
        ] {
            let mut options = HttpOptions::new("https://tc.example.org");
            options.endpoints.insert(from.to_owned(), to.to_owned());
            assert!(Redirects::new(&options).is_err(), "{from} {to}");
        }
    }
}
