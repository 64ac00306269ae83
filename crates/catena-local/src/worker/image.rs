// SPDX-License-Identifier: MPL-2.0
//! The image of a docker-worker task. No container is made of it; it is fetched and hashed, because the document says which
//! image the task ran in (generation.md 5).

use std::io::Read as _;

use catena_core::model::ids::{ArtifactName, TaskId};
use catena_crypto::digest::{Algorithm, Digest};
use flate2::read::MultiGzDecoder;

use super::payload::Image;
use crate::client::{Client, ClientError};

/// What the document says of an image.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ImageDigests {
    /// Of the image itself: the archive, unpacked.
    pub(super) image: String,
    /// Of the artifact, for task and indexed images.
    pub(super) artifact: Option<String>,
}

/// Fetches an image and hashes it; a text for the task's log when there is none.
pub(super) async fn fetch(client: &Client, image: &Image) -> Result<ImageDigests, String> {
    match image {
        Image::Artifact { task, path } => of_task(client, *task, path).await,
        Image::Indexed { namespace, path } => {
            let found = client.find_task(namespace).await;
            let task = found.map_err(|why| format!("image: index {namespace:?}: {why}"))?;
            of_task(client, task, path).await
        }
        // without a registry at hand the name stands for what it names
        Image::Name(name) => Ok(ImageDigests {
            image: match name.split_once("@sha256:") {
                Some((_, hex)) if hex.len() == 64 => hex.to_owned(),
                _ => sha256(name.as_bytes()),
            },
            artifact: None,
        }),
    }
}

async fn of_task(
    client: &Client,
    task: TaskId,
    path: &ArtifactName,
) -> Result<ImageDigests, String> {
    let bytes = client
        .artifact(task, None, path.as_str(), MOST_BYTES)
        .await
        .map_err(|why: ClientError| format!("image: {path} of {task}: {why}"))?;
    let artifact = sha256(&bytes);
    let image = match bytes.as_slice() {
        [0x1f, 0x8b, ..] => {
            sha256(&unpack(&bytes).map_err(|why| format!("image: {path} of {task}: {why}"))?)
        }
        _ => artifact.clone(),
    };
    Ok(ImageDigests {
        image,
        artifact: Some(artifact),
    })
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let mut out = Vec::new();
    let mut reader = MultiGzDecoder::new(bytes).take(most);
    reader
        .read_to_end(&mut out)
        .map_err(|why| format!("broken gzip: {why}"))?;
    Ok(out)
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    Digest::of(Algorithm::Sha256, bytes).hex()
}

/// The most bytes of an image, packed or not: it is held in memory.
const MOST_BYTES: usize = 256 << 20;
