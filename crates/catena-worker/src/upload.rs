// SPDX-License-Identifier: MPL-2.0
//! Sends what a run left behind to the queue (worker.md 8).
//!
//! Artifacts go first, several at once; then the logs; then the document, and after it its signature, so that nobody
//! finds a signature whose document does not follow. What was hashed goes up only as the very file that was hashed.
//!
//! While one step is on its way, the queue is already asked where the content of the next one goes (`Uploads::begin`).
//! Until its content is there, such an artifact is none.

use std::future::Future;
use std::io::{self, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catena_crypto::digest::{Digest, Hasher};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use futures::future::join;
use futures::{FutureExt as _, StreamExt as _};
use tempfile::{SpooledData, SpooledTempFile};
use tokio::time::Instant;

use crate::content::{self, Content};
use crate::generate::{BODY, Hashed, SIGNATURE, Signed, Tree};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::queue::{Body, Created, Payload, QueueError, Retry, Storage};
use crate::script::Held;
use crate::session::Session;
use crate::status;
use crate::task::{LOGS, OWN};

/// What is sent, and how.
#[derive(Debug)]
pub struct Uploads<'a> {
    /// The run.
    pub session: &'a Session,
    /// The files; `None`: only what is given as bytes.
    pub tree: Option<Arc<Tree>>,
    /// Those that the document lists, by name.
    pub hashed: &'a [Hashed],
    /// The document.
    pub signed: Option<&'a Signed>,
    /// When artifacts may be deleted.
    pub expires: &'a str,
    /// Where they are stored.
    pub storage: Storage,
    /// A directory for what is packed on the way.
    pub scratch: &'a Path,
    /// The longest time of one upload.
    pub timeout: Duration,
    /// How uploads are repeated.
    pub retry: Retry,
    /// The worker's log.
    pub log: &'a Log,
    /// What is counted.
    pub metrics: &'a Metrics,
    /// Logs that could not be put among the files: their names, and what is in them.
    pub held: Vec<(&'static str, Text)>,
}

/// Why an artifact did not arrive.
#[derive(Debug)]
enum Failure {
    /// The file is not there any more, or changed.
    Local(String),
    Queue(QueueError),
}

impl From<QueueError> for Failure {
    fn from(why: QueueError) -> Self {
        Self::Queue(why)
    }
}

/// One artifact.
#[derive(Clone, Debug)]
struct Item {
    name: String,
    content: Source,
}

/// One artifact that the queue may know already.
struct Begun {
    item: Item,
    ready: Result<Ready, Failure>,
    since: Instant,
}

/// Its content, and where it goes; the object service is asked later.
struct Ready {
    body: Body,
    created: Option<Created>,
}

/// Where the content of an artifact is.
#[derive(Clone, Debug)]
enum Source {
    Bytes(Arc<[u8]>),
    Held(Text),
    Tree,
}

/// The text of a log that is no file.
#[derive(Clone, Debug)]
pub enum Text {
    /// The log of the script.
    Script(Held),
    /// That of the verification.
    Chain(Arc<str>),
}

impl Uploads<'_> {
    /// Sends everything; returns the worst status (worker.md 8.5). A conflict loses the claim.
    pub async fn run(&self) -> i32 {
        let (logs, others) = self.items();
        let (mut worst, logs) = join(self.all(others), self.begin_all(self.late(logs))).await;
        let mut step = self.finish_all(logs).boxed();
        for document in documents(self.signed) {
            let begun = async {
                match worst {
                    status::SUCCESS => Some(self.begin(document).await),
                    _ => None,
                }
            };
            let (done, begun) = join(step, begun).await;
            worst = status::worst(worst, done);
            let begun = begun.filter(|_| worst == status::SUCCESS);
            step = self.finish_all(begun.into_iter().collect()).boxed();
        }
        status::worst(worst, step.await)
    }

    /// Sends the logs only.
    pub async fn logs(&self) -> i32 {
        self.all(self.late(self.items().0)).await
    }

    /// The logs; one that is held takes the place of its file.
    fn late(&self, mut logs: Vec<Item>) -> Vec<Item> {
        for (name, text) in &self.held {
            logs.retain(|item| item.name != *name);
            logs.push(Item {
                name: (*name).to_owned(),
                content: Source::Held(text.clone()),
            });
        }
        logs
    }

    /// The logs among the files, and the others.
    fn items(&self) -> (Vec<Item>, Vec<Item>) {
        let entries = self.tree.iter().flat_map(|tree| &tree.entries);
        // a file of such a name is the worker's, or none (P36)
        let fit =
            |name: &str| !OWN.contains(&name) || self.listed(name).is_some_and(Hashed::is_own);
        let items = entries.filter(|entry| fit(&entry.name)).map(|entry| Item {
            name: entry.name.clone(),
            content: Source::Tree,
        });
        items.partition(|item| LOGS.contains(&item.name.as_str()))
    }

    async fn all(&self, items: Vec<Item>) -> i32 {
        let uploads = items.into_iter().map(|item| async move {
            let begun = self.begin(item).await;
            self.one(begun).await
        });
        self.worst_of(uploads).await
    }

    async fn begin_all(&self, items: Vec<Item>) -> Vec<Begun> {
        futures::future::join_all(items.into_iter().map(|item| self.begin(item))).await
    }

    async fn finish_all(&self, begun: Vec<Begun>) -> i32 {
        self.worst_of(begun.into_iter().map(|begun| self.one(begun)))
            .await
    }

    async fn worst_of(&self, uploads: impl Iterator<Item = impl Future<Output = i32>>) -> i32 {
        futures::stream::iter(uploads)
            .buffer_unordered(PARALLEL)
            .fold(status::SUCCESS, async |worst, one| {
                status::worst(worst, one)
            })
            .await
    }

    /// Sends one artifact, with as many attempts as are allowed.
    async fn one(&self, begun: Begun) -> i32 {
        let Begun { item, ready, since } = begun;
        let name = &item.name;
        let mut ready = Some(ready).filter(|_| since.elapsed() < FRESH);
        let mut failed = 0;
        loop {
            let ready = match ready.take() {
                Some(ready) => ready,
                None => self.ready(&item).await,
            };
            let why = match self.attempt(&item, ready).await {
                Ok(bytes) => {
                    self.log.info(&format!("{name}: uploaded"));
                    self.metrics.uploaded(Some(bytes));
                    return status::SUCCESS;
                }
                Err(Failure::Local(why)) => return self.absent(name, &why).await,
                Err(Failure::Queue(why)) => why,
            };
            failed += 1;
            let pause = match why.may_pass() {
                true => self.retry.pause(failed),
                false => None,
            };
            let Some(pause) = pause else {
                self.log.error(&format!("{name}: not uploaded: {why}"));
                self.metrics.uploaded(None);
                return self.give_up(&why);
            };
            let seconds = pause.as_secs_f64();
            self.log
                .warn(&format!("{name}: again in {seconds:.1} s: {why}"));
            tokio::time::sleep(pause).await;
        }
    }

    fn give_up(&self, why: &QueueError) -> i32 {
        match why {
            QueueError::Transient { status: None, .. } => status::INTERMITTENT_TASK,
            QueueError::Transient { .. } => status::RESOURCE_UNAVAILABLE,
            QueueError::Conflict { .. } => {
                self.session.lose();
                status::INTERNAL_ERROR
            }
            _ => status::INTERNAL_ERROR,
        }
    }

    /// Says in the queue that a file that was there cannot be read.
    async fn absent(&self, name: &str, why: &str) -> i32 {
        self.log.error(&format!("{name}: {why}"));
        self.metrics.uploaded(None);
        let Session { task, run, .. } = *self.session;
        let reason = "file-not-readable-on-worker";
        let call = || {
            let queue = &self.session.queue;
            queue.create_error(task, run, name, reason, why, self.expires)
        };
        if let Err(why) = self.session.queue.again(call).await {
            self.log.warn(&format!("{name}: {why}"));
        }
        status::INTERNAL_ERROR
    }

    /// Opens the content of an artifact, and asks the queue where it goes.
    async fn begin(&self, item: Item) -> Begun {
        Begun {
            ready: self.ready(&item).await,
            item,
            since: Instant::now(),
        }
    }

    async fn ready(&self, item: &Item) -> Result<Ready, Failure> {
        let body = self.body(item).await.map_err(Failure::Local)?;
        let created = match self.storage {
            Storage::Object => None,
            Storage::S3 => {
                let Session { task, run, .. } = *self.session;
                let queue = &self.session.queue;
                let (name, expires, mime) = (&item.name, self.expires, body.mime);
                let call = || queue.create_s3(task, run, name, mime, expires);
                Some(queue.again(call).await?)
            }
        };
        Ok(Ready { body, created })
    }

    /// Tries once; returns the bytes that went over the wire.
    async fn attempt(&self, item: &Item, ready: Result<Ready, Failure>) -> Result<u64, Failure> {
        let Ready { body, created } = ready?;
        let length = body.length;
        let Session { task, run, .. } = *self.session;
        let queue = &self.session.queue;
        match created {
            Some(created) => queue.put(&created, body, self.timeout).await?,
            None => {
                let (name, expires) = (&item.name, self.expires);
                queue
                    .upload_object(task, run, name, expires, body, self.timeout)
                    .await?;
            }
        }
        Ok(length)
    }

    /// What the document says of an artifact.
    fn listed(&self, name: &str) -> Option<&Hashed> {
        let listed = self
            .hashed
            .binary_search_by(|hashed| hashed.name.as_str().cmp(name));
        self.hashed.get(listed.ok()?)
    }

    /// Opens the content of an artifact, and packs it if its type says so.
    async fn body(&self, item: &Item) -> Result<Body, String> {
        let Content { mime, gzip } = content::of(&item.name);
        let gzip = gzip && self.storage == Storage::S3;
        let opening = Opening {
            item: item.clone(),
            tree: self.tree.clone(),
            hashed: self.listed(&item.name).cloned(),
            scratch: self.scratch.to_owned(),
            gzip,
        };
        let opened = tokio::task::spawn_blocking(move || opening.open()).await;
        let (content, length) = opened.map_err(|why| why.to_string())??;
        Ok(Body {
            content,
            length,
            mime,
            gzip,
        })
    }
}

fn documents(signed: Option<&Signed>) -> Vec<Item> {
    let Some(signed) = signed else {
        return Vec::new();
    };
    let item = |name: &str, bytes: &[u8]| Item {
        name: name.to_owned(),
        content: Source::Bytes(bytes.into()),
    };
    let signature = signed.signature.as_ref();
    let signature = signature.map(|(bytes, _)| item(SIGNATURE, bytes));
    std::iter::once(item(BODY, &signed.body))
        .chain(signature)
        .collect()
}

/// What is needed to open an artifact, away from the threads that talk.
struct Opening {
    item: Item,
    tree: Option<Arc<Tree>>,
    hashed: Option<Hashed>,
    scratch: std::path::PathBuf,
    gzip: bool,
}

impl Opening {
    /// Returns the content as it is sent, and its length.
    fn open(self) -> Result<(Payload, u64), String> {
        let shown = |why: io::Error| why.to_string();
        match (&self.item.content, &self.tree) {
            (Source::Bytes(bytes), _) => self.pack(&mut &bytes[..]),
            (Source::Held(Text::Script(held)), _) => self.pack(&mut held.reader()),
            (Source::Held(Text::Chain(text)), _) => self.pack(&mut text.as_bytes()),
            (Source::Tree, None) => Err("no such file".to_owned()),
            (Source::Tree, Some(tree)) => {
                let opened = match &self.hashed {
                    Some(hashed) if !hashed.is_own() => hashed.reopen(tree),
                    _ => tree.open(&self.item.name),
                };
                let mut file = opened.map_err(|why| why.to_string())?;
                let length = file.metadata().map_err(shown)?.len();
                match self.gzip || length < SMALL {
                    true => self.pack(&mut file),
                    false => Ok((Payload::File(file, self.digest().cloned()), length)),
                }
            }
        }
    }

    /// Packs the content, if it is to be, and checks that readers will get what was signed.
    fn pack(&self, content: &mut dyn io::Read) -> Result<(Payload, u64), String> {
        let shown = |why: io::Error| why.to_string();
        let mut packed = match self.gzip {
            true => self.spool(&mut GzEncoder::new(content, Compression::default())),
            false => self.spool(content),
        }
        .map_err(shown)?;
        if let Some(digest) = self.digest() {
            match self.gzip {
                true => holds(&mut GzDecoder::new(&mut packed), digest)?,
                false => holds(&mut packed, digest)?,
            }
        }
        let length = packed.seek(io::SeekFrom::End(0)).map_err(shown)?;
        packed.rewind().map_err(shown)?;
        let content = match packed.into_inner() {
            SpooledData::InMemory(bytes) => Payload::Memory(bytes.into_inner().into()),
            // without a name: nobody else writes to it
            SpooledData::OnDisk(file) => Payload::File(file, None),
        };
        Ok((content, length))
    }

    /// What readers must get.
    fn digest(&self) -> Option<&Digest> {
        self.hashed.as_ref()?.digests.first()
    }

    /// Copies into memory, or into a file without a name if it is large, and goes back to its beginning.
    fn spool(&self, content: &mut dyn io::Read) -> io::Result<SpooledTempFile> {
        let most = usize::try_from(SMALL).unwrap_or(usize::MAX);
        let mut spooled = tempfile::spooled_tempfile_in(most, &self.scratch);
        io::copy(content, &mut spooled)?;
        spooled.rewind()?;
        Ok(spooled)
    }
}

/// Checks that readers will get what was signed (generation.md 6.4).
fn holds(reader: &mut dyn io::Read, digest: &Digest) -> Result<(), String> {
    let broken = |why: io::Error| format!("what is to be sent cannot be read: {why}");
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).map_err(broken)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    let found = hasher.finish();
    match found == *digest {
        true => Ok(()),
        false => Err(format!(
            "expected content with {digest}, found {found}: something still writes to the file"
        )),
    }
}

/// Uploads at once.
const PARALLEL: usize = 10;
/// What is shorter is sent from memory.
const SMALL: u64 = 32 << 10;
/// How long a place for content may wait to be used; the queue signs it for three quarters of an hour.
const FRESH: Duration = Duration::from_mins(15);
