// SPDX-License-Identifier: MPL-2.0
//! Chain-of-trust documents of what a task left behind (generation.md 2 and 6, R-05).
//!
//! The way is [`find`] → [`hash`](hash::hash) → [`Body`] → [`Signed::sign`] → [`Signed::write`]; [`generate`] goes all of it.
//! Nothing is written before everything is known, and all files appear whole or not at all.

mod body;
pub mod claim;
mod hash;
mod names;
mod schema;
mod tree;
mod write;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use catena_crypto::digest::Algorithm;
use catena_crypto::ed25519::KeyId;
use catena_crypto::signer::{SignError, Signer};
use rayon::{ThreadPool, ThreadPoolBuilder};

pub use body::{Body, Environment, Identity};
pub use claim::Claim;
pub use hash::{Hashed, Progress, hash};
pub use names::{BODY, Found, LEGACY, SIGNATURE};
pub use schema::SchemaError;
pub use tree::{Entry, Tree, find, find_only};
pub use write::Signed;

/// What a document is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The directory whose files are the artifacts; the document goes below it, too.
    pub artifact_dir: &'a Path,
    /// The task and its run.
    pub claim: &'a Claim,
    /// Who ran it.
    pub identity: &'a Identity,
    /// What the document says of the worker.
    pub environment: &'a Environment,
    /// The digests of each artifact; at least one.
    pub algorithms: &'a [Algorithm],
    /// How many files are hashed at once.
    pub threads: NonZeroUsize,
    /// Files of the worker's own that appear, and are listed, together with the document: names in `public/` and contents.
    pub own: &'a [(&'static str, Vec<u8>)],
    /// Whether documents that an earlier generation left behind may be replaced. Never where a script may have put
    /// them there.
    pub replace: bool,
}

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// A file, a name or the directory is not fit to be an artifact. See [`TreeError`].
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The document would break its schema (generation.md 1.2).
    #[error("the document would be malformed: {0}")]
    Schema(#[from] SchemaError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The fresh signature does not verify with the key's own public half.
    #[error(
        "the signature just made with key {key} does not verify: the device or service that holds the key is broken"
    )]
    Signature {
        /// The key.
        key: KeyId,
    },
    /// What was to be written beside the document cannot be made of it.
    #[error("{reason}")]
    Beside {
        /// What whoever makes it said.
        reason: String,
    },
    /// A file of the document could not be written.
    #[error("{}: {cause}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// Why a directory's files cannot become artifacts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// A file was written to, or replaced, while it was hashed.
    #[error("{name:?} changed while it was hashed: something still writes to it")]
    Changed {
        /// The artifact.
        name: String,
    },
    /// The system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What it said.
        cause: std::io::Error,
    },
    /// A name that is no artifact's name.
    #[error("{}: expected a file name in UTF-8 without control characters", path.display())]
    Name {
        /// Where.
        path: PathBuf,
    },
    /// A device, socket or pipe.
    #[error("{name:?}: expected a regular file or directory, found {found}")]
    Kind {
        /// The artifact.
        name: String,
        /// What it is.
        found: &'static str,
    },
    /// A symbolic link that leaves the directory, or leads nowhere.
    #[error("{name:?}: expected a link to a file in the artifact directory, found one to {target}")]
    Link {
        /// The artifact.
        name: String,
        /// Where it leads.
        target: String,
    },
    /// A name that belongs to the worker (P36).
    #[error("{name:?} exists: this name belongs to the worker, no task may write it")]
    Reserved {
        /// The artifact.
        name: String,
    },
    /// `public` is no directory, so that no document can be put there.
    #[error("\"public\": expected a directory, found {found}")]
    Folder {
        /// What it is.
        found: &'static str,
    },
}

impl TreeError {
    /// Returns whether the system is short of something, or its disk broken: no fault of the files.
    #[must_use]
    pub fn is_of_system(&self) -> bool {
        use rustix::io::Errno;
        const SHORT: [Errno; 5] = [
            Errno::AGAIN,
            Errno::IO,
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOMEM,
        ];
        match self {
            Self::Io { cause, .. } => Errno::from_io_error(cause).map_or_else(
                || cause.kind() == std::io::ErrorKind::Other,
                |found| SHORT.contains(&found),
            ),
            _ => false,
        }
    }
}

/// A document that was written, and what it lists.
#[derive(Debug)]
pub struct Generated {
    /// Document and signature.
    pub signed: Signed,
    /// What the document lists, by name.
    pub artifacts: Vec<Hashed>,
    /// Links to directories, which are not followed: no file behind them is an artifact by way of them.
    pub skipped: Vec<String>,
}

/// Generates, signs and writes the document of a run.
///
/// Without a signer no signature is written (`sign_chain_of_trust: false`).
///
/// # Errors
/// [`GenerateError`]; then nothing was written.
pub fn generate(
    inputs: &Inputs<'_>,
    signer: Option<&dyn Signer>,
    progress: &(dyn Progress + Sync),
) -> Result<Generated, GenerateError> {
    generate_beside(inputs, signer, progress, None)
}

/// Makes the signed text of the GPG era from a document, or says why it cannot.
pub type Beside<'a> = &'a dyn Fn(&[u8]) -> Result<String, String>;

/// Generates, signs and writes the document of a run, and what `beside` makes of it as [`LEGACY`]: all or nothing.
///
/// # Errors
/// [`GenerateError`]; then nothing was written.
pub fn generate_beside(
    inputs: &Inputs<'_>,
    signer: Option<&dyn Signer>,
    progress: &(dyn Progress + Sync),
    beside: Option<Beside<'_>>,
) -> Result<Generated, GenerateError> {
    let found = if inputs.replace {
        Found::Ours
    } else {
        Found::Refused
    };
    let pool = pool(inputs)?;
    let mut tree = pool.install(|| find(inputs.artifact_dir, found))?;
    let own = |name: &str| inputs.own.iter().any(|(own, _)| *own == name);
    if let Some(entry) = tree
        .entries
        .iter()
        .find(|entry| own(&entry.name) && !inputs.replace)
    {
        let name = entry.name.clone();
        return Err(TreeError::Reserved { name }.into());
    }
    tree.entries.retain(|entry| !own(&entry.name));
    let mut artifacts = pool.install(|| hash(&tree, inputs.algorithms, progress))?;
    let own = inputs.own.iter();
    artifacts.extend(own.map(|(name, bytes)| hash::hash_bytes(name, bytes, inputs.algorithms)));
    artifacts.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let document = Body::new(
        inputs.claim,
        inputs.identity,
        inputs.environment,
        signer.map(|signer| signer.public_key().id()),
        &artifacts,
    );
    document.check()?;
    let sign = || -> Result<(Signed, Option<String>), GenerateError> {
        let body = document.to_text().into_bytes();
        // it may not be possible, and nobody should touch a token for nothing
        let text = beside.map(|beside| beside(&body)).transpose();
        let text = text.map_err(|reason| GenerateError::Beside { reason })?;
        Ok((Signed::sign(body, signer)?, text))
    };
    let look = || hash::unchanged(&tree, inputs.own, &artifacts);
    let (signed, text) = match signer.is_none_or(|signer| signer.is_prompt()) {
        true => at_once(&pool, sign, look)?,
        // it may take minutes, in which files change
        false => {
            let signed = sign()?;
            pool.install(look)?;
            signed
        }
    };
    let mut files: Vec<_> = inputs
        .own
        .iter()
        .map(|(name, bytes)| (*name, Some(bytes.as_slice())))
        .collect();
    match &text {
        Some(text) => files.push((LEGACY, Some(text.as_bytes()))),
        // the signed text of an earlier generation says something else
        None if inputs.replace => files.push((LEGACY, None)),
        None => {}
    }
    files.extend(signed.files());
    write::publish(&tree.dir, inputs.artifact_dir, &files, found)?;
    Ok(Generated {
        signed,
        artifacts,
        skipped: tree.skipped,
    })
}

/// The threads of a generation, all started now: they find each a core of its own.
fn pool(inputs: &Inputs<'_>) -> Result<ThreadPool, TreeError> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(inputs.threads.get())
        .build();
    pool.map_err(|cause| TreeError::Io {
        path: inputs.artifact_dir.to_owned(),
        cause: std::io::Error::other(cause),
    })
}

/// Signs and looks at the files again at the same time.
fn at_once<T>(
    pool: &ThreadPool,
    sign: impl FnOnce() -> Result<T, GenerateError>,
    look: impl FnOnce() -> Result<(), TreeError> + Send,
) -> Result<T, GenerateError> {
    let mut unchanged = Ok(());
    let signed = pool.in_place_scope(|scope| {
        scope.spawn(|_| unchanged = look());
        sign()
    });
    unchanged?;
    signed
}
