// SPDX-License-Identifier: MPL-2.0
//! A progress bar on stderr, if that is a terminal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use catena_core::request::Request;
use catena_evidence::{Event, Progress};
use catena_report::escape::clean;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bodies from this size on are shown by name: below, they arrive faster than one can read.
const LARGE: u64 = 4 << 20;

/// A bar, or nothing.
#[derive(Debug)]
pub(crate) struct Bar(Option<ProgressBar>);

impl Bar {
    /// Returns a bar that nothing shows.
    pub(crate) const fn hidden() -> Self {
        Self(None)
    }

    /// Returns a bar on stderr; indicatif hides it where there is no terminal.
    pub(crate) fn on_stderr() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
        if bar.is_hidden() {
            return Self::hidden();
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} documents {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Returns a listener for the driver.
    pub(crate) fn listen(&self) -> Progress {
        let Some(bar) = self.0.clone() else {
            return Progress::default();
        };
        let large: Mutex<HashMap<Request, (u64, u64)>> = Mutex::default();
        Progress::new(move |event| {
            let mut large = large.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Started { .. } => bar.inc_length(1),
                Event::Finished { request, .. } => {
                    bar.inc(1);
                    if large.remove(request).is_some() {
                        bar.set_message(message(&large));
                    }
                }
                Event::Received {
                    request,
                    bytes,
                    total: Some(total),
                } if total >= LARGE => {
                    large.insert(request.clone(), (bytes, total));
                    bar.set_message(message(&large));
                }
                _ => {}
            }
        })
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Names the largest body that is on its way.
fn message(large: &HashMap<Request, (u64, u64)>) -> String {
    let Some((request, (bytes, total))) = large.iter().max_by_key(|(_, (_, total))| *total) else {
        return String::new();
    };
    format!(
        "{} of {}, {}",
        HumanBytes(*bytes),
        HumanBytes(*total),
        clean(&request.to_string(), 100)
    )
}

/// A bar that counts bytes, or nothing.
#[derive(Debug)]
pub(crate) struct Bytes(Option<ProgressBar>);

impl Bytes {
    /// Returns a bar on stderr, unless it is to be quiet or nobody looks.
    pub(crate) fn on_stderr(quiet: bool) -> Self {
        if quiet {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10));
        if bar.is_hidden() {
            return Self(None);
        }
        if let Ok(style) = ProgressStyle::with_template(
            "{spinner} {bar:30} {bytes} of {total_bytes} hashed, {bytes_per_sec}",
        ) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(Some(bar))
    }

    /// Removes the bar.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl catena_worker::generate::Progress for Bytes {
    fn expect(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc_length(bytes);
        }
    }

    fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.0 {
            bar.inc(bytes);
        }
    }
}
