// SPDX-License-Identifier: MPL-2.0
//! Sends what a run left behind to the queue (worker.md 8).
//!
//! Artifacts go first, several at once; then the logs; then the document, and after it its signature, so that nobody
//! finds a signature whose document does not follow. What was hashed goes up only as the very file that was hashed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use catena_crypto::digest::{Digest, Hasher};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use futures::StreamExt as _;

use crate::content::{self, Content};
use crate::generate::{BODY, Hashed, SIGNATURE, Signed, Tree};
use crate::log::Log;
use crate::metrics::Metrics;
use crate::queue::{Body, QueueError, Retry, Storage};
use crate::script::Held;
use crate::session::Session;
use crate::status;
use crate::task::LOGS;

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
    /// The log of the script, if it could not be put among the files.
    pub held: Option<Held>,
}

/// Uploads at once.
const PARALLEL: usize = 10;

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

/// Where the content of an artifact is.
#[derive(Clone, Debug)]
enum Source {
    Bytes(Arc<[u8]>),
    Held(Held),
    Tree,
}

impl Uploads<'_> {
    /// Sends everything; returns the worst status (worker.md 8.5). A conflict loses the claim.
    pub async fn run(&self) -> i32 {
        let (logs, others) = self.items();
        let mut worst = self.all(others).await;
        worst = status::worst(worst, self.late(logs).await);
        for item in documents(self.signed) {
            if worst != status::SUCCESS {
                break;
            }
            worst = status::worst(worst, self.one(&item).await);
        }
        worst
    }

    /// Sends the logs only.
    pub async fn logs(&self) -> i32 {
        self.late(self.items().0).await
    }

    /// Sends the logs; one that is held takes the place of its file.
    async fn late(&self, mut logs: Vec<Item>) -> i32 {
        if let Some(held) = &self.held {
            let [_, name] = LOGS;
            logs.retain(|item| item.name != name);
            logs.push(Item {
                name: name.to_owned(),
                content: Source::Held(held.clone()),
            });
        }
        self.all(logs).await
    }

    /// The logs among the files, and the others.
    fn items(&self) -> (Vec<Item>, Vec<Item>) {
        let entries = self.tree.iter().flat_map(|tree| &tree.entries);
        let items = entries.map(|entry| Item {
            name: entry.name.clone(),
            content: Source::Tree,
        });
        items.partition(|item| LOGS.contains(&item.name.as_str()))
    }

    async fn all(&self, items: Vec<Item>) -> i32 {
        let uploads = futures::stream::iter(items)
            .map(|item| async move { self.one(&item).await })
            .buffer_unordered(PARALLEL);
        uploads
            .fold(status::SUCCESS, |worst, one| async move {
                status::worst(worst, one)
            })
            .await
    }

    /// Sends one artifact, with as many attempts as are allowed.
    async fn one(&self, item: &Item) -> i32 {
        let name = &item.name;
        let mut failed = 0;
        loop {
            let why = match self.attempt(item).await {
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

    /// Tries once; returns the bytes that went over the wire.
    async fn attempt(&self, item: &Item) -> Result<u64, Failure> {
        let body = self.body(item).await.map_err(Failure::Local)?;
        let length = body.length;
        let Session { task, run, .. } = *self.session;
        let queue = &self.session.queue;
        let (name, expires) = (&item.name, self.expires);
        match self.storage {
            Storage::Object => {
                queue
                    .upload_object(task, run, name, expires, body, self.timeout)
                    .await?;
            }
            Storage::S3 => {
                let mime = body.mime;
                let created = queue
                    .again(|| queue.create_s3(task, run, name, mime, expires))
                    .await?;
                queue.put(&created, body, self.timeout).await?;
            }
        }
        Ok(length)
    }

    /// Opens the content of an artifact, and packs it if its type says so.
    async fn body(&self, item: &Item) -> Result<Body, String> {
        let Content { mime, gzip } = content::of(&item.name);
        let gzip = gzip && self.storage == Storage::S3;
        let listed = self
            .hashed
            .binary_search_by(|hashed| hashed.name.cmp(&item.name));
        let hashed = listed.ok().and_then(|at| self.hashed.get(at));
        let opening = Opening {
            item: item.clone(),
            tree: self.tree.clone(),
            hashed: hashed.cloned(),
            scratch: self.scratch.to_owned(),
            gzip,
        };
        let opened = tokio::task::spawn_blocking(move || opening.open()).await;
        let file = opened.map_err(|why| why.to_string())??;
        let length = file.metadata().map_err(|why| why.to_string())?.len();
        Ok(Body {
            file,
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
    fn open(self) -> Result<File, String> {
        let shown = |why: io::Error| why.to_string();
        let plain = match (&self.item.content, &self.tree) {
            (Source::Bytes(bytes), _) => self.spool(&mut &bytes[..]).map_err(shown)?,
            (Source::Held(held), _) => self.spool(&mut held.reader()).map_err(shown)?,
            (Source::Tree, None) => return Err("no such file".to_owned()),
            (Source::Tree, Some(tree)) => match &self.hashed {
                Some(hashed) if !hashed.is_own() => hashed.reopen(tree),
                _ => tree.open(&self.item.name),
            }
            .map_err(|why| why.to_string())?,
        };
        if !self.gzip {
            return Ok(plain);
        }
        let mut packer = GzEncoder::new(plain, Compression::default());
        let packed = self.spool(&mut packer).map_err(shown)?;
        let digest = self
            .hashed
            .as_ref()
            .and_then(|hashed| hashed.digests.first());
        if let Some(digest) = digest {
            unpacks_to(&packed, digest)?;
        }
        Ok(packed)
    }

    /// Copies into a file without a name, and goes back to its beginning.
    fn spool(&self, content: &mut dyn io::Read) -> io::Result<File> {
        let mut file = tempfile::tempfile_in(&self.scratch)?;
        io::copy(content, &mut file)?;
        file.rewind()?;
        Ok(file)
    }
}

/// Checks that readers will get what was signed (generation.md 6.4).
fn unpacks_to(packed: &File, digest: &Digest) -> Result<(), String> {
    let broken = |why: io::Error| format!("the packed file cannot be unpacked: {why}");
    let mut reader = GzDecoder::new(packed);
    let mut hasher = Hasher::new(digest.algorithm());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).map_err(broken)?;
        if count == 0 {
            break;
        }
        hasher.update(buffer.get(..count).unwrap_or_default());
    }
    let mut again = packed;
    again.rewind().map_err(broken)?;
    let found = hasher.finish();
    match found == *digest {
        true => Ok(()),
        false => Err(format!(
            "expected the packed file to unpack to {digest}, found {found}"
        )),
    }
}
