// SPDX-License-Identifier: MPL-2.0
//! `image-link` (V76, S9): the task ran in the image that its docker-image link made.
//!
//! Stops: A build in an image that nobody's docker-image task built.

use catena_crypto::digest::{Algorithm, Digest};
use catena_jsone::Value;

use super::{Applied, Cx, image_algorithm};
use crate::model::cot::EntryError;
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::link::{Bound, Link};
use crate::model::shape::{Fields, Shape};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check, Finding, FindingBuilder};
use crate::request::Request;
use crate::walk::Object;

/// The check's declaration.
pub const META: Check = Check {
    id: "image-link",
    rules: &["V76", "S9"],
    title: "the task ran in the image that its docker-image link made",
    attack: "A build in an image that nobody's docker-image task built.",
    help: "Compare payload.image, extra.chainOfTrust.inputs and environment.imageArtifactHash of the task.",
    rank: 85,
    implies: &["recorded-task", "graph-match"],
};

pub(crate) fn run(cx: &Cx<'_>, object: &Object<'_>) -> Applied {
    let Some(definition) = object.known() else {
        return Applied::Blocked;
    };
    if !runs_in_image(object) {
        return Applied::No;
    }
    let image = definition.value().pointer("/payload/image");
    let Some(image) =
        image.filter(|image| image.get("type").and_then(Value::as_str) == Some("task-image"))
    else {
        return Applied::No;
    };
    match inspect(cx, object, definition, image) {
        Ok(None) => Applied::Blocked,
        Ok(Some(findings)) => Applied::Ran(findings),
        Err(shape) => Applied::found(Some(cx.shape(object, &shape))),
    }
}

/// Returns whether the checks of images look at the object: docker-worker, links only (V76).
pub(super) fn runs_in_image(object: &Object<'_>) -> bool {
    object.is_link && object.worker == Some(WorkerImplementation::DockerWorker)
}

/// Finds both signed documents and compares them; `None` while one is missing.
fn inspect(
    cx: &Cx<'_>,
    object: &Object<'_>,
    definition: &Definition,
    image: &Value,
) -> Result<Option<Vec<Finding>>, Shape> {
    let image = Fields::of(image, "/payload/image")?;
    let (builder, path) = (image.text("taskId")?, image.text("path")?);
    let inputs = definition.inputs()?;
    let input = inputs.iter().find(|(name, _)| *name == "docker-image");
    let input = input.map(|(_, task)| task);
    if input.map(TaskId::as_str) != Some(builder) {
        let found = input.map_or_else(|| "no such input".to_owned(), ToString::to_string);
        let expected = format!("the input docker-image to be payload.image.taskId {builder:.60}");
        let request = Request::Definition { task: object.id };
        let finding = META.reject(expected, found).says(Asserter::Task(object.id));
        let pointer = "/extra/chainOfTrust/inputs/docker-image";
        return Ok(Some(vec![
            finding.task(object.id).at(&request, pointer).build(),
        ]));
    }
    let link = input.and_then(|task| cx.chain.get(*task));
    let (Some(ran), Some(made)) = (&object.cot, link.and_then(|link| link.cot.as_ref())) else {
        return Ok(None);
    };
    let allowed: Vec<_> = cx
        .inputs
        .settings
        .valid_hash_algorithms
        .iter()
        .copied()
        .collect();
    let finding = same_image(ran, made, path, &allowed).err();
    Ok(Some(
        finding
            .into_iter()
            .map(|finding| finding.task(object.id).build())
            .collect(),
    ))
}

/// Compares the image that a task ran in, as its worker signed, with what the image's builder signed (V76).
fn same_image(
    ran: &Link<Bound>,
    made: &Link<Bound>,
    path: &str,
    allowed: &[Algorithm],
) -> Result<(), Box<FindingBuilder>> {
    let own = Request::CotBody {
        task: ran.task(),
        run: ran.run(),
    };
    let refuse = |check: &'static Check, expected: String, found: String| {
        let finding = check
            .reject(expected, found)
            .says(Asserter::SignedCot(ran.task()));
        Box::new(finding.at(&own, "/environment/imageArtifactHash"))
    };
    let environment = ran
        .document()
        .fields()
        .and_then(|fields| fields.object("environment"));
    let hash = environment.and_then(|environment| environment.text("imageArtifactHash"));
    let hash = hash.map_err(|shape| refuse(&META, shape.expected.to_owned(), shape.found))?;
    let (algorithm, digest) = hash
        .split_once(':')
        .ok_or_else(|| refuse(&META, "ALGORITHM:DIGEST".into(), format!("{hash:.150?}")))?;
    let algorithm = algorithm
        .parse::<Algorithm>()
        .ok()
        .filter(|known| allowed.contains(known))
        .ok_or_else(|| {
            refuse(
                &image_algorithm::META,
                format!("one of {allowed:?}"),
                format!("{hash:.60?}"),
            )
        })?;
    let digest = Digest::parse(algorithm, digest).ok_or_else(|| {
        let digits = algorithm.len() * 2;
        refuse(
            &image_algorithm::META,
            format!("{digits} lower-case hex digits"),
            format!("{hash:.150?}"),
        )
    })?;
    let builder = Request::CotBody {
        task: made.task(),
        run: made.run(),
    };
    let signed = made.digests(path, allowed);
    let expected = match &signed {
        Ok(signed) if signed.get(&algorithm) == Some(&digest) => return Ok(()),
        Ok(signed) => match signed.get(&algorithm) {
            Some(signed) => format!(
                "the image {path:.200} with {signed}, as {} signed it",
                made.task()
            ),
            None => format!(
                "{algorithm} of {path:.200} in the document of {}",
                made.task()
            ),
        },
        Err(
            EntryError::Algorithm(_)
            | EntryError::Digest(..)
            | EntryError::Empty
            | EntryError::Foreign(_),
        ) => {
            let expected = format!(
                "{path:.200} with digests of allowed algorithms in the document of {}",
                made.task()
            );
            return Err(refuse(&image_algorithm::META, expected, "others".into()));
        }
        Err(_) => format!(
            "{algorithm} of {path:.200} in the document of {}",
            made.task()
        ),
    };
    let finding = META.reject(expected, format!("{digest}, in which the task ran"));
    let finding = finding
        .says(Asserter::SignedCot(ran.task()))
        .says(Asserter::SignedCot(made.task()));
    Err(Box::new(finding.at(&builder, "/artifacts")))
}
