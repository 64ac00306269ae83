// SPDX-License-Identifier: MPL-2.0
//! Receives a body: short ones at once, long ones on a thread of their own.
//!
//! Receiving and decrypting a long body overlaps with decoding, hashing, scanning and writing it;
//! the channel between holds a few batches, so memory stays small whatever the body's size.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use catena_core::document::ErrorKind;
use catena_core::request::Request;
use reqwest::{Response, Url};
use tokio::sync::mpsc;

use super::classify::{Failure, is_html};
use super::client::{Client, is_page};
use super::decode::{Coding, Decoder};
use crate::progress::Event;
use crate::spool::{Form, Kept};

impl Client {
    /// Receives the body of an answer with status 200.
    pub(super) async fn receive(
        &self,
        request: &Request,
        origin: &Url,
        response: Response,
    ) -> Result<Kept, Failure> {
        if !may_be_page(request) && is_html(response.headers()) {
            return Err(Failure::passing(
                ErrorKind::Malformed,
                "HTML where data was due",
            ));
        }
        let cap = self.limits().of(request);
        let coding = Coding::of(response.headers())?;
        let announced = response.content_length();
        if announced.is_some_and(|length| length > cap) {
            let detail = format!("more than the {cap} bytes that are allowed");
            return Err(Failure::lasting(ErrorKind::TooLarge, detail));
        }
        // the canonical one: the answer's own may be signed, and is then nobody's to see
        let origin = origin.as_str().into();
        let decoder = Decoder::new(coding, self.spool().intake(Form::of(request), cap, &origin));
        let wire = Wire {
            client: self,
            request,
            response,
            cap,
            announced,
            received: 0,
        };
        wire.pump(decoder).await
    }
}

/// Returns whether HTML is what was asked for. An artifact may well be a page, and its name then says so; where
/// another is due, a page is the notice of a proxy or of a host in trouble, and no digest should speak of it (P7).
fn may_be_page(request: &Request) -> bool {
    match request {
        Request::Artifact { name, .. } => name
            .as_str()
            .rsplit_once('.')
            .is_some_and(|(_, ending)| PAGES.iter().any(|page| ending.eq_ignore_ascii_case(page))),
        _ => is_page(request),
    }
}

/// The body on its way.
struct Wire<'a> {
    client: &'a Client,
    request: &'a Request,
    response: Response,
    cap: u64,
    announced: Option<u64>,
    received: u64,
}

impl Wire<'_> {
    async fn pump(mut self, mut decoder: Decoder) -> Result<Kept, Failure> {
        if self.announced.is_none_or(|length| length <= INLINE) {
            while self.received <= INLINE {
                match self.chunk().await? {
                    Some(chunk) => decoder.write(&chunk)?,
                    None => return decoder.finish(),
                }
            }
        }
        let (sender, mut batches) = mpsc::channel::<Vec<Bytes>>(BATCHES);
        let worker = tokio::task::spawn_blocking(move || {
            while let Some(batch) = batches.blocking_recv() {
                for piece in batch {
                    decoder.write(&piece)?;
                }
            }
            Ok(decoder)
        });
        let sent = self.send(sender).await;
        let decoded = worker.await.map_err(|error| {
            Failure::lasting(
                ErrorKind::Unavailable,
                format!("the receiving thread: {error}"),
            )
        })?;
        // if both failed, the reason to stop reading is the worker's
        let decoder = decoded?;
        sent?;
        decoder.finish()
    }

    /// Sends the rest of the body to the worker in batches; ends early when the worker did.
    async fn send(&mut self, sender: mpsc::Sender<Vec<Bytes>>) -> Result<(), Failure> {
        let mut batch = Vec::new();
        let mut size = 0;
        while let Some(chunk) = self.chunk().await? {
            size += chunk.len();
            batch.push(chunk);
            if size >= BATCH {
                size = 0;
                if sender.send(std::mem::take(&mut batch)).await.is_err() {
                    return Ok(());
                }
            }
        }
        // refused only if the worker ended, which then says why
        sender.send(batch).await.ok();
        Ok(())
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(chunk) = self.response.chunk().await.map_err(Failure::transport)? else {
            return Ok(None);
        };
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        self.client
            .counts
            .bytes
            .fetch_add(length, Ordering::Relaxed);
        if self.received > self.cap {
            let detail = format!("more than the {} bytes that are allowed", self.cap);
            return Err(Failure::lasting(ErrorKind::TooLarge, detail));
        }
        self.client.progress().send(Event::Received {
            request: self.request,
            bytes: self.received,
            total: self.announced,
        });
        Ok(Some(chunk))
    }
}

/// Endings that workers upload as HTML.
const PAGES: [&str; 5] = ["htm", "html", "shtml", "xht", "xhtml"];
/// Bodies up to this size are taken in where they are received.
const INLINE: u64 = 256 << 10;
/// Bytes that are handed over at once: enough to make the hand-over cheap.
const BATCH: usize = 256 << 10;
/// Batches on the way to the thread.
const BATCHES: usize = 4;
