// SPDX-License-Identifier: MPL-2.0
//! The same in an object store, for fleets: S3, Google Cloud Storage, Azure.
//!
//! `keys/{key}` and `bodies/{sha256}` below the prefix of the address. Stores make objects whole or not at all. What is old is
//! removed by a rule of the bucket; nothing here lists or counts.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetResult, ObjectStore, ObjectStoreExt as _, ObjectStoreScheme};
use reqwest::Url;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::entry::{Entry, Filling, Key, LONGEST_ENTRY, Unfit};
use super::{Found, OpenError};
use crate::spool::{Intake, Kept};

/// A prefix of a bucket.
#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    root: Path,
}

impl Objects {
    /// Takes an address and the options of its store.
    pub(super) fn open(
        address: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OpenError> {
        let wrong = |found: String| OpenError::Store {
            expected: "s3://bucket/prefix, gs://bucket/prefix or az://container/prefix",
            found,
        };
        let url = Url::parse(address).map_err(|_| wrong(address.to_owned()))?;
        let scheme = ObjectStoreScheme::parse(&url).map(|(scheme, _)| scheme);
        let known = matches!(
            scheme,
            Ok(ObjectStoreScheme::AmazonS3
                | ObjectStoreScheme::GoogleCloudStorage
                | ObjectStoreScheme::MicrosoftAzure)
        );
        // what stands before an @ might be secret
        if !known || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(format!("{}://", url.scheme())));
        }
        let (store, root) =
            object_store::parse_url_opts(&url, options).map_err(|why| OpenError::Store {
                expected: "options that the object store takes",
                found: why.to_string(),
            })?;
        Ok(Self::of(Arc::from(store), root))
    }

    pub(super) fn of(store: Arc<dyn ObjectStore>, root: Path) -> Self {
        Self { store, root }
    }

    /// Looks for an answer. An error is the store's.
    pub(super) async fn load(&self, key: &Key, intake: Intake) -> io::Result<Found> {
        let Some(found) = self.get(&self.key(key)).await? else {
            return Ok(Found::Nothing);
        };
        if found.meta.size > LONGEST_ENTRY {
            return Ok(Found::Damaged);
        }
        let text = in_time(found.bytes()).await??;
        let entry = Entry::read(key, &text);
        let place = entry.as_ref().and_then(|entry| self.body(entry));
        let (Some(entry), Some(place)) = (entry, place) else {
            return Ok(Found::Nothing);
        };
        let Some(found) = self.get(&place).await? else {
            return Ok(Found::Nothing);
        };
        match fill(found, entry, intake).await? {
            Ok(kept) => Ok(Found::Kept(kept)),
            Err(Unfit::Damaged) => {
                tracing::warn!(%place, "shared evidence is damaged and dropped");
                // the next to keep it writes both anew
                self.forget(std::slice::from_ref(key)).await?;
                self.delete(&place).await?;
                Ok(Found::Damaged)
            }
            Err(Unfit::Refused(why)) => {
                tracing::debug!(%why, "shared evidence cannot be taken in");
                Ok(Found::Nothing)
            }
        }
    }

    /// Keeps an answer; returns whether it did.
    pub(super) async fn save(&self, key: &Key, kept: &Kept) -> io::Result<bool> {
        let entry = Entry::of(key, kept);
        let Some(place) = self.body(&entry) else {
            return Ok(false);
        };
        let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES);
        let kept = kept.clone();
        let reading = spawn_blocking(move || {
            kept.replay(|piece| {
                let sent = sender.blocking_send(Bytes::copy_from_slice(piece));
                sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
            })
        });
        let mut writer = BufWriter::new(Arc::clone(&self.store), place);
        let written = async {
            while let Some(piece) = pieces.recv().await {
                in_time(writer.put(piece)).await??;
            }
            io::Result::Ok(())
        };
        let written = written.await;
        drop(pieces);
        // a body that cannot be read again is not given its name
        let read = reading.await.map_err(io::Error::other)?;
        let whole = written.and(read.map_err(|why| io::Error::other(why.to_string())));
        if let Err(why) = whole {
            let _ = in_time(writer.abort()).await;
            return Err(why);
        }
        in_time(writer.shutdown()).await??;
        let text = entry.to_text();
        in_time(self.store.put(&self.key(key), text.into())).await??;
        Ok(true)
    }

    /// Removes answers, whatever they are.
    pub(super) async fn forget(&self, keys: &[Key]) -> io::Result<()> {
        for key in keys {
            self.delete(&self.key(key)).await?;
        }
        Ok(())
    }

    async fn delete(&self, place: &Path) -> io::Result<()> {
        match in_time(self.store.delete(place)).await? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(why.into()),
        }
    }

    async fn get(&self, place: &Path) -> io::Result<Option<GetResult>> {
        match in_time(self.store.get(place)).await? {
            Ok(found) => Ok(Some(found)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(why) => Err(why.into()),
        }
    }

    fn key(&self, key: &Key) -> Path {
        self.root.clone().join("keys").join(key.as_str())
    }

    fn body(&self, entry: &Entry) -> Option<Path> {
        let name = entry.digest()?.hex();
        Some(self.root.clone().join("bodies").join(name))
    }
}

/// Takes in a body on a thread of its own: hashing and writing it are no work for those who wait for the network.
async fn fill(found: GetResult, entry: Entry, intake: Intake) -> io::Result<Result<Kept, Unfit>> {
    if found.meta.size != entry.size {
        return Ok(Err(Unfit::Damaged));
    }
    let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES);
    let taking = spawn_blocking(move || {
        let mut filling = Filling::new(intake, &entry);
        while let Some(piece) = pieces.blocking_recv() {
            filling.push(&piece)?;
        }
        filling.finish(&entry)
    });
    let mut stream = found.into_stream();
    while let Some(piece) = in_time(stream.next()).await? {
        if sender.send(piece?).await.is_err() {
            break; // it says itself why it ended
        }
    }
    drop(sender);
    taking.await.map_err(io::Error::other)
}

/// Waits no longer than it is worth.
async fn in_time<F: Future>(call: F) -> io::Result<F::Output> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the object store does not answer");
    timeout(PATIENCE, call).await.map_err(late)
}

/// For one call, or the next piece of a body.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pieces on the way between the store and the thread that takes them in.
const PIECES: usize = 8;
