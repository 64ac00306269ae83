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
        let url =
            Url::parse(address).map_err(|_| wrong(catena_core::policy::mask_userinfo(address)))?;
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use catena_core::model::ids::RunId;
    use catena_core::request::Request;
    use object_store::PutPayload;
    use object_store::memory::InMemory;

    use super::super::{Origin, SharedCache, Shelf};
    use super::*;
    use crate::Spool;
    use crate::spool::Form;

    fn cache() -> (Arc<InMemory>, SharedCache) {
        let store = Arc::new(InMemory::new());
        let shelf: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&store);
        let objects = Objects::of(shelf, Path::from("a/b"));
        (store, SharedCache::on(Shelf::Objects(objects)))
    }

    fn key(target: &str) -> Key {
        let request = Request::TaskGraph {
            task: "YyxNNh7mTAmwDhB4Itm0jg".parse().unwrap(),
            run: RunId(0),
        };
        Key::of(&request, target).unwrap()
    }

    /// Asks for what the host has as `body`.
    async fn ask(cache: &SharedCache, target: &str, body: &Bytes) -> (Vec<u8>, Origin) {
        let spool = Spool::in_memory();
        let origin = Arc::from(target);
        let fetch = || async {
            let kept = spool.whole(Form::Stored, body.clone(), &origin).unwrap();
            Ok::<_, Infallible>(kept)
        };
        let intake = || spool.intake(Form::Stored, 1 << 30, &origin);
        let (kept, origin) = cache.through(&key(target), intake, fetch).await.unwrap();
        let mut found = Vec::new();
        kept.replay(|piece| {
            found.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
        (found, origin)
    }

    async fn names(store: &InMemory) -> Vec<Path> {
        let listed = store.list(None).map(|object| object.unwrap().location);
        let mut names: Vec<_> = listed.collect().await;
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_kept_comes_back_whatever_its_size() {
        let (store, cache) = cache();
        // the last is sent in parts
        for size in [0, 1, 300_000, 12 << 20] {
            let body = Bytes::from(vec![7; size]);
            let target = format!("https://h/{size}");
            let first = ask(&cache, &target, &body).await;
            assert!(first == (body.to_vec(), Origin::Fetched), "{size}");
            let other = Bytes::from_static(b"another answer");
            let second = ask(&cache, &target, &other).await;
            assert!(second == (body.to_vec(), Origin::Shared), "{size}");
        }
        let names = names(&store).await;
        assert_eq!(names.len(), 8);
        assert!(names.iter().all(|name| name.as_ref().starts_with("a/b/")));
    }

    /// Each object in turn: cut, changed, or another's.
    #[tokio::test]
    async fn damage_is_dropped_p22() {
        let (store, cache) = cache();
        let body = Bytes::from_static(b"as it was");
        ask(&cache, "https://h/other", &Bytes::from_static(b"another")).await;
        let others = names(&store).await;
        ask(&cache, "https://h/x", &body).await;
        for name in names(&store).await {
            let folder = name.parts().nth(2).unwrap();
            let mut twin = others
                .iter()
                .filter(|other| other.parts().nth(2).unwrap() == folder);
            let twin = store.get(twin.next().unwrap()).await.unwrap();
            let twin = twin.bytes().await.unwrap();
            if others.contains(&name) {
                continue;
            }
            let whole = store.get(&name).await.unwrap().bytes().await.unwrap();
            let mut changed = whole.to_vec();
            changed[3] ^= 1;
            for damaged in [whole.slice(1..), changed.into(), twin, Bytes::new()] {
                let damaged = PutPayload::from(damaged);
                store.put(&name, damaged).await.unwrap();
                let found = ask(&cache, "https://h/x", &body).await;
                assert_eq!(found, (body.to_vec(), Origin::Fetched), "{name}");
                let found = ask(&cache, "https://h/x", &body).await;
                assert_eq!(found, (body.to_vec(), Origin::Shared), "{name}");
            }
        }
        assert_eq!(cache.news(), None);
        cache.forget(vec![key("https://h/x")]).await;
        let found = ask(&cache, "https://h/x", &body).await;
        assert_eq!(found.1, Origin::Fetched);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_does_not_answer_is_left_alone() {
        let options = [
            ("aws_endpoint", "http://127.0.0.1:9"),
            ("aws_allow_http", "true"),
            ("aws_access_key_id", "id"),
            ("aws_secret_access_key", "secret"),
            ("aws_region", "nowhere"),
        ];
        let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let cache = SharedCache::open_store("s3://bucket/prefix", options).unwrap();
        let body = Bytes::from_static(b"as it was");
        for turn in 0..2 {
            let found = ask(&cache, "https://h/x", &body).await;
            assert_eq!(found, (body.to_vec(), Origin::Fetched));
            let news = cache.news();
            assert_eq!(news.is_some(), turn == 0, "{news:?}");
            assert!(!news.unwrap_or_default().contains("secret"));
        }
    }

    #[test]
    fn addresses_are_of_object_stores() {
        let open = |address: &str| SharedCache::open_store(address, []);
        for address in ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a"] {
            assert!(open(address).is_ok(), "{address}");
        }
        for address in [
            "/var/cache",
            "file:///var/cache",
            "memory:///",
            "http://h/b",
            "s3://id:secret@bucket/a",
        ] {
            let why = open(address).unwrap_err().to_string();
            assert!(why.contains("expected s3://"), "{why}");
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
