// SPDX-License-Identifier: MPL-2.0
//! `image-link` (V76, S9): the task ran in the image that its docker-image link made.
//!
//! Stops: A build in an image that nobody's docker-image task built.

use catena_jsone::Value;

use super::{Applied, Cx, image_algorithm};
use crate::model::definition::Definition;
use crate::model::ids::TaskId;
use crate::model::shape::{Fields, Shape};
use crate::model::task_type::WorkerImplementation;
use crate::report::{Asserter, Check, Finding};
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
    if !object.is_link || object.worker != Some(WorkerImplementation::DockerWorker) {
        return Applied::No;
    }
    let image = definition
        .payload()
        .ok()
        .and_then(|payload| payload.get("image"));
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

fn inspect(
    cx: &Cx<'_>,
    object: &Object<'_>,
    definition: &Definition,
    image: &Value,
) -> Result<Option<Vec<Finding>>, Shape> {
    let image = Fields::of(image, "/payload/image")?;
    let (builder, path) = (image.text("taskId")?, image.text("path")?);
    let reject = |expected: String, found: String, request: &Request, pointer: &str| {
        META.reject(expected, found)
            .task(object.id)
            .says(Asserter::Task(object.id))
            .at(request, pointer)
            .build()
    };
    let queue = Request::Definition { task: object.id };
    let inputs = definition.inputs()?;
    let input = inputs
        .iter()
        .find(|(name, _)| *name == "docker-image")
        .map(|(_, task)| task);
    if input.map(TaskId::as_str) != Some(builder) {
        let found = input.map_or_else(|| "no such input".to_owned(), ToString::to_string);
        let expected = format!("the input docker-image to be payload.image.taskId {builder:.60}");
        return Ok(Some(vec![reject(
            expected,
            found,
            &queue,
            "/extra/chainOfTrust/inputs/docker-image",
        )]));
    }
    let Some(cot) = &object.cot else {
        return Ok(None);
    };
    let Some(link) = input.and_then(|task| cx.chain.get(*task)) else {
        return Ok(None);
    };
    let Some(made) = &link.cot else {
        return Ok(None);
    };
    let own = Request::CotBody {
        task: object.id,
        run: cot.run(),
    };
    let pointer = "/environment/imageArtifactHash";
    let ran = match cot
        .document()
        .fields()
        .and_then(|fields| fields.object("environment")?.text("imageArtifactHash"))
    {
        Ok(ran) => ran,
        Err(shape) => {
            return Ok(Some(vec![reject(
                shape.expected.to_owned(),
                shape.found,
                &own,
                pointer,
            )]));
        }
    };
    let Some((algorithm, digest)) = ran.split_once(':') else {
        return Ok(Some(vec![reject(
            "ALGORITHM:DIGEST".into(),
            format!("{ran:.150?}"),
            &own,
            pointer,
        )]));
    };
    let allowed = &cx.inputs.settings.valid_hash_algorithms;
    if !algorithm
        .parse()
        .is_ok_and(|algorithm| allowed.contains(&algorithm))
    {
        let finding = image_algorithm::META
            .reject(format!("one of {allowed:?}"), format!("{algorithm:.60?}"))
            .task(object.id)
            .says(Asserter::SignedCot(object.id))
            .at(&own, pointer);
        return Ok(Some(vec![finding.build()]));
    }
    let artifacts = made.document().fields()?.object("artifacts");
    let signed = artifacts.and_then(|artifacts| artifacts.object(path)?.text(algorithm));
    if signed.as_ref().ok() == Some(&digest) {
        return Ok(Some(Vec::new()));
    }
    let builder = Request::CotBody {
        task: link.id,
        run: made.run(),
    };
    let expected = match signed {
        Ok(signed) => format!(
            "the image {path:.200} with {algorithm} {signed:.150}, as {} signed it",
            link.id
        ),
        Err(_) => format!("{algorithm} of {path:.200} in the document of {}", link.id),
    };
    Ok(Some(vec![reject(
        expected,
        format!("{digest:.150}, in which the task ran"),
        &builder,
        "/artifacts",
    )]))
}
