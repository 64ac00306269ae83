// SPDX-License-Identifier: MPL-2.0
//! The image that a task ran in, and who built it: the one fact that no worker writes down in whole.
//!
//! Nothing is decided here: that image and builder belong together is the check `image-link`. A builder is named only
//! where both documents are signed and agree.

use std::fmt::Display;

use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::Value;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Inputs;
use super::chain::{Chain, Object};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Image, ImageBuilder};

/// What a name keeps in a path: unreserved characters (RFC 3986) and the slashes that the queue takes as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// How long texts of tasks may be in a report.
const LONGEST: usize = 300;

/// Returns the image of a docker-worker link whose document is signed and whose definition names an image.
pub(super) fn image(inputs: &Inputs, chain: &Chain<'_>, object: &Object<'_>) -> Option<Image> {
    if object.worker != Some(WorkerImplementation::DockerWorker) {
        return None;
    }
    let document = object.cot.as_ref()?.document().fields().ok()?;
    let environment = document.object("environment").ok();
    let said = |name: &str| {
        let text = environment.as_ref()?.text(name).ok()?;
        Some(text.chars().take(LONGEST).collect::<String>())
    };
    let archive = said("imageArtifactHash")
        .and_then(|hash| Digest::parse(Algorithm::Sha256, hash.strip_prefix("sha256:")?));
    let image = object.known()?.value().pointer("/payload/image")?;
    let member = |name: &str| image.get(name).and_then(Value::as_str);
    let (kind, name) = match (image.as_str(), member("type")) {
        (Some(name), _) => ("docker-image", Some(name)),
        (None, Some("docker-image")) => ("docker-image", member("name")),
        (None, Some("task-image")) => ("task-image", None),
        (None, Some("indexed-image")) => ("indexed-image", member("namespace")),
        _ => return None,
    };
    let builder = match (kind, &archive) {
        ("task-image", Some(archive)) => {
            builder(inputs, chain, member("taskId")?, member("path")?, archive)
        }
        _ => None,
    };
    Some(Image {
        kind,
        name: name.map(|name| name.chars().take(LONGEST).collect()),
        id: said("imageHash"),
        artifact_sha256: archive.map(|archive| archive.hex()),
        builder,
    })
}

fn builder(
    inputs: &Inputs,
    chain: &Chain<'_>,
    task: &str,
    path: &str,
    archive: &Digest,
) -> Option<ImageBuilder> {
    let made = chain.get(task.parse().ok()?)?.cot.as_ref()?;
    let signed = made
        .digests(path, &[Algorithm::Sha256, Algorithm::Sha512])
        .ok()?;
    (signed.get(&Algorithm::Sha256) == Some(archive)).then(|| ImageBuilder {
        task: made.task(),
        run: made.run(),
        artifact: path.to_owned(),
        url: url(&inputs.settings.root_url, &made.task(), made.run().0, path),
    })
}

/// Returns the address of an artifact of a run, which never comes to mean another artifact.
fn url(root: &impl Display, task: &impl Display, run: u32, name: &str) -> String {
    let root = root.to_string();
    let root = root.trim_end_matches('/');
    let name = utf8_percent_encode(name, ESCAPED);
    format!("{root}/api/queue/v1/task/{task}/runs/{run}/artifacts/{name}")
}
