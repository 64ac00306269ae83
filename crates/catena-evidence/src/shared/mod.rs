// SPDX-License-Identifier: MPL-2.0
//! Evidence that the tasks of a worker share, so that it is fetched once (P22, `docs/adr/0014-shared-evidence-is-no-source-of-trust.md`).
//!
//! What is kept here is trusted no more than the network: each verification checks the bytes against signatures and signed
//! digests again, as it does with what it fetches. Only answers that such a check covers are shared, see [`Key::of`]. A body
//! is used only if it has the digest under which it was kept; what is damaged is dropped and fetched anew.
//!
//! Nothing here can fail a request. Without a cache, or with a broken one, evidence is fetched.

mod disk;
mod entry;
mod flight;
mod memory;
#[cfg(feature = "object-store")]
mod objects;

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use self::disk::Disk;
pub(crate) use self::entry::Key;
use self::entry::Place;
use self::flight::{Flights, State};
use self::memory::Memory;
#[cfg(feature = "object-store")]
use self::objects::Objects;
use crate::spool::{Intake, Kept};

/// Evidence that several sources share: in a directory, or in an object store.
#[derive(Debug)]
pub struct SharedCache {
    shelf: Shelf,
    memory: Memory,
    flights: Flights,
    trouble: Mutex<Trouble>,
}

/// Where it lies.
#[derive(Debug)]
enum Shelf {
    Disk(Arc<Disk>),
    #[cfg(feature = "object-store")]
    Objects(Objects),
}

/// What the place said when it failed.
#[derive(Debug, Default)]
struct Trouble {
    until: Option<Instant>,
    news: Option<String>,
}

/// What was found under a name.
#[derive(Debug)]
enum Found {
    /// Something that was not what was kept; it is gone now.
    Damaged,
    /// The very body that was kept.
    Kept(Kept),
    /// Nothing.
    Nothing,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The host was asked.
    Fetched,
    /// It was asked before, by somebody.
    Shared,
}

/// What sharing was worth to one source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SharedUse {
    /// Bytes of the answers that were there.
    pub bytes: u64,
    /// Answers that were there.
    pub hits: u64,
    /// Answers that might have been there and were not.
    pub misses: u64,
}

/// Why the place for shared evidence cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory.
    #[error(transparent)]
    Directory(#[from] io::Error),
    /// The object store.
    #[error("expected {expected}, found {found:?}")]
    Store {
        /// What is due.
        expected: &'static str,
        /// What was given, or what is wrong with it.
        found: String,
    },
}

impl SharedCache {
    /// Opens or makes a cache of at most `most` bytes in a directory that only its owner may enter.
    ///
    /// # Errors
    /// It cannot be made, is another's, or somebody else may enter it.
    pub fn open(dir: &Path, most: u64) -> Result<Self, OpenError> {
        Ok(Self::on(Shelf::Disk(Arc::new(Disk::open(dir, most)?))))
    }

    /// Opens a cache in an object store: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`. `options`
    /// are those of the store, such as `aws_region`. Nobody is asked yet.
    ///
    /// # Errors
    /// The address or an option cannot be used, or this build has no object stores.
    pub fn open_store(
        address: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, OpenError> {
        #[cfg(feature = "object-store")]
        return Ok(Self::on(Shelf::Objects(Objects::open(address, options)?)));
        #[cfg(not(feature = "object-store"))]
        {
            drop(options.into_iter());
            Err(OpenError::Store {
                expected: "a build with the feature object-store",
                found: catena_core::policy::mask_userinfo(address),
            })
        }
    }

    /// Returns what an operator should know, once: the place failed and is left alone for a while.
    pub fn news(&self) -> Option<String> {
        self.trouble().news.take()
    }

    const fn on(shelf: Shelf) -> Self {
        Self {
            shelf,
            memory: Memory::new(),
            flights: Flights::new(),
            trouble: Mutex::new(Trouble {
                until: None,
                news: None,
            }),
        }
    }

    /// Returns an answer, which is fetched if it is not there. Of several that want the same at once, one fetches.
    pub(crate) async fn through<F, E>(
        &self,
        key: &Key,
        intake: impl Fn() -> Intake,
        fetch: impl FnOnce() -> F,
    ) -> Result<(Kept, Origin), E>
    where
        F: Future<Output = Result<Kept, E>>,
    {
        if self.is_left_alone() {
            return fetch().await.map(fetched);
        }
        if let Some(kept) = self.load(key, intake()).await {
            return Ok((kept, Origin::Shared));
        }
        let seat = self.flights.join(key);
        let mut state = seat.flight.lock().await;
        // whoever had the turn before us may have kept it, even if we came too late to see that
        if *state != State::Failed {
            if *state == State::Landed {
                drop(state);
                let found = self.load(key, intake()).await;
                return match found {
                    Some(kept) => Ok((kept, Origin::Shared)),
                    None => fetch().await.map(fetched),
                };
            }
            if let Some(kept) = self.load(key, intake()).await {
                *state = State::Landed;
                return Ok((kept, Origin::Shared));
            }
            let result = fetch().await;
            let saved = match &result {
                Ok(kept) => self.save(key, kept).await,
                Err(_) => false,
            };
            *state = if saved { State::Landed } else { State::Failed };
            return result.map(fetched);
        }
        drop(state);
        let kept = fetch().await?;
        self.save(key, &kept).await;
        Ok(fetched(kept))
    }

    /// Removes answers, whatever they are: something that they were part of came to no good end.
    pub(crate) async fn forget(&self, keys: Vec<Key>) {
        self.memory.forget(&keys);
        if self.is_left_alone() {
            return;
        }
        match &self.shelf {
            Shelf::Disk(disk) => {
                let disk = Arc::clone(disk);
                let _ = spawn_blocking(move || disk.forget(&keys)).await;
            }
            #[cfg(feature = "object-store")]
            Shelf::Objects(objects) => {
                if let Err(why) = objects.forget(&keys).await {
                    self.leave_alone(&why);
                }
            }
        }
    }

    async fn load(&self, key: &Key, intake: Intake) -> Option<Kept> {
        let found = match &self.shelf {
            _ if key.place == Place::Memory => self.memory.load(key),
            Shelf::Disk(disk) => {
                let (disk, key) = (Arc::clone(disk), key.clone());
                spawn_blocking(move || disk.load(&key, intake)).await.ok()?
            }
            #[cfg(feature = "object-store")]
            Shelf::Objects(objects) => match objects.load(key, intake).await {
                Ok(found) => found,
                Err(why) => {
                    self.leave_alone(&why);
                    Found::Nothing
                }
            },
        };
        match found {
            Found::Kept(kept) => Some(kept),
            Found::Damaged | Found::Nothing => None,
        }
    }

    /// Keeps an answer; returns whether others can read it now.
    async fn save(&self, key: &Key, kept: &Kept) -> bool {
        if key.place == Place::Memory {
            return self.memory.save(key, kept);
        }
        if self.is_left_alone() {
            return false;
        }
        let saved = match &self.shelf {
            Shelf::Disk(disk) => {
                let (disk, key, kept) = (Arc::clone(disk), key.clone(), kept.clone());
                let saved = spawn_blocking(move || disk.save(&key, &kept)).await;
                saved.unwrap_or_else(|why| Err(io::Error::other(why)))
            }
            #[cfg(feature = "object-store")]
            Shelf::Objects(objects) => objects.save(key, kept).await,
        };
        saved.unwrap_or_else(|why| {
            self.leave_alone(&why);
            false
        })
    }

    /// Notes that the place failed: it is not used for a while, and nobody waits for it.
    fn leave_alone(&self, why: &impl Display) {
        let mut trouble = self.trouble();
        let now = Instant::now();
        if trouble.until.is_none_or(|until| until <= now) {
            trouble.until = Some(now + PAUSE);
            let minutes = PAUSE.as_secs() / 60;
            trouble.news = Some(format!(
                "shared evidence is not used for {minutes} minutes, everything is fetched: {why}"
            ));
        }
    }

    fn is_left_alone(&self) -> bool {
        let until = self.trouble().until;
        until.is_some_and(|until| until > Instant::now())
    }

    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn fetched(kept: Kept) -> (Kept, Origin) {
    (kept, Origin::Fetched)
}

/// Long enough for somebody to make room, or for a store to come back.
const PAUSE: Duration = Duration::from_mins(10);
