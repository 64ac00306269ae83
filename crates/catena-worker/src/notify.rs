// SPDX-License-Identifier: MPL-2.0
//! Tells the service manager how the worker is: `sd_notify`, the protocol of systemd.
//!
//! It is a datagram to the socket that `NOTIFY_SOCKET` names. Without that variable nothing is sent; a message that does
//! not arrive is nobody's loss.

#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::config::Env;

/// Sends messages to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    to: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Reads where to send, and how often the watchdog wants to hear something.
    #[must_use]
    pub fn from_env(env: Env<'_>) -> Self {
        let address = env("NOTIFY_SOCKET").and_then(|name| match name.strip_prefix('@') {
            #[cfg(target_os = "linux")]
            Some(name) => SocketAddr::from_abstract_name(name).ok(),
            // elsewhere there are no abstract names
            #[cfg(not(target_os = "linux"))]
            Some(_) => None,
            None => SocketAddr::from_pathname(name).ok(),
        });
        let mine = env("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let watchdog = env("WATCHDOG_USEC").and_then(|text| text.parse().ok());
        Self {
            to: UnixDatagram::unbound().ok().zip(address),
            watchdog: watchdog
                .filter(|micros: &u64| mine && *micros > 0)
                .map(Duration::from_micros),
        }
    }

    /// Sends a message, such as `READY=1`.
    pub fn send(&self, message: &str) {
        if let Some((socket, address)) = &self.to {
            // whoever listens may have gone
            let _ = socket.send_to_addr(message.as_bytes(), address);
        }
    }

    /// Returns how often `WATCHDOG=1` is due: twice in the time after which it is missed.
    #[must_use]
    pub fn every(&self) -> Option<Duration> {
        self.watchdog.map(|time| time / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_where_the_variable_says() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let socket = UnixDatagram::bind(&path).unwrap();
        let named = path.display().to_string();
        let notifier = Notifier::from_env(&|name| match name {
            "NOTIFY_SOCKET" => Some(named.clone()),
            "WATCHDOG_USEC" => Some("3000000".to_owned()),
            _ => None,
        });
        notifier.send("READY=1");
        let mut buffer = [0; 100];
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"READY=1");
        assert_eq!(notifier.every(), Some(Duration::from_millis(1500)));
        // another process's watchdog is not ours; without a socket nothing happens
        let other = Notifier::from_env(&|name| {
            Some(if name == "WATCHDOG_PID" { "1" } else { "9" }.to_owned())
        });
        assert_eq!(other.every(), None);
        Notifier::default().send("READY=1");
    }
}
