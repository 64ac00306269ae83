// SPDX-License-Identifier: MPL-2.0
//! Resolves names, and keeps redirects away from this machine and its neighbourhood (P24).
//!
//! The judgement is made on the addresses that the connection will use: names are resolved here,
//! and addresses that are refused never reach the connector.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// Resolves each name once a minute at most: a connection more is no lookup more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(Arc<Mutex<HashMap<String, Arc<Lookup>>>>);

/// What a name was resolved to, and when.
type Lookup = OnceCell<(Instant, Vec<SocketAddr>)>;

/// How long an address counts: connections outlive a run.
const KEPT: Duration = Duration::from_mins(1);

impl Names {
    async fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let cell = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, cell| cell.get().is_none_or(|(found, _)| found.elapsed() < KEPT));
            Arc::clone(known.entry(name.to_owned()).or_default())
        };
        // failures are not kept, so that a retry asks again
        let found = cell.get_or_try_init(async || {
            let addresses = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok::<_, io::Error>((Instant::now(), addresses))
        });
        found.await.map(|(_, addresses)| addresses.clone())
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let found = names.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// All addresses of a name are refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a redirect leads to {host}, which is a local, private or special address")]
pub(crate) struct RefusedAddress {
    pub(crate) host: String,
}

/// Resolves names to public addresses only; a proxy that the operator set is let through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    names: Names,
    proxies: HashSet<String>,
}

impl Guard {
    /// Returns one without a proxy.
    pub(crate) fn direct(names: Names) -> Self {
        Self {
            names,
            proxies: HashSet::new(),
        }
    }

    /// Returns one that lets through the proxies that the environment names.
    ///
    /// Behind a proxy it is the proxy that resolves and connects, so there its rules apply.
    pub(crate) fn with_system_proxies(names: Names) -> Self {
        let variables = ["http_proxy", "https_proxy", "all_proxy"];
        let values = variables
            .iter()
            .flat_map(|name| [(*name).to_owned(), name.to_uppercase()]);
        let host = |text: String| {
            let url = if text.contains("://") {
                text
            } else {
                format!("http://{text}")
            };
            Url::parse(&url).ok()?.host_str().map(str::to_owned)
        };
        let named = values.filter_map(|name| std::env::var(name).ok());
        Self {
            names,
            proxies: named.filter_map(host).collect(),
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.names.clone();
        let trusted = self.proxies.contains(name.as_str());
        Box::pin(async move {
            let mut fit = names.addresses(name.as_str()).await?;
            fit.retain(|address| trusted || is_public(address.ip()));
            if fit.is_empty() {
                return Err(RefusedAddress {
                    host: name.as_str().to_owned(),
                }
                .into());
            }
            let addresses: Addrs = Box::new(fit.into_iter());
            Ok(addresses)
        })
    }
}

/// Returns whether an address may be the target of a redirect: not loopback, link-local, private,
/// shared, unspecified, multicast, broadcast or reserved, in any notation.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0 // "this network"
        || a >= 240 // reserved, broadcast
        || (a == 100 && (64..128).contains(&b)) // shared address space, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments, RFC 6890
        || (a == 198 && (18..20).contains(&b))) // benchmarking, RFC 2544
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4() {
        return is_public_v4(v4); // mapped and compatible forms, `::` and `::1` among them
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| {
        let [[w, x], [y, z]] = [high.to_be_bytes(), low.to_be_bytes()];
        Ipv4Addr::new(w, x, y, z)
    };
    match a {
        0x2002 => is_public_v4(v4(b, c)), // 6to4
        0x64 if b == 0xff9b => [c, d, e, f] == [0; 4] && is_public_v4(v4(g, h)), // NAT64
        0x2000..0x4000 => a != 0x2001 || b >= 0x200, // global unicast but protocol assignments
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_refused_in_any_notation_p24() {
        for local in [
            "127.0.0.1",
            "127.9.9.9",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "100::1",
        ] {
            assert!(!is_public(local.parse().unwrap()), "{local}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn names_of_local_addresses_are_refused_p24() {
        let resolved = Guard::default().resolve("localhost".parse().unwrap()).await;
        let error = resolved.err().unwrap();
        assert!(error.is::<RefusedAddress>(), "{error}");
    }
}
