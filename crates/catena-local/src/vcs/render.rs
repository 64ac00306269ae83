// SPDX-License-Identifier: MPL-2.0
//! Renders `.taskcluster.yml`, version 1, to task definitions.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use catena_core::model::ids::TaskId;
use catena_core::{json, yaml};
use catena_jsone::{Context, Function, Limits, Template, Value as Jsone, to_json};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::deliver::Task;
use super::event::Occasion;

/// Returns the tasks that a template renders to, completed with what the integration adds: ids, the group, the scheduler and
/// times. The error is for whoever wrote the template.
pub(crate) fn tasks(template: &[u8], occasion: &Occasion, seed: &str) -> Result<Vec<Task>, String> {
    let parsed = yaml::parse(template, &yaml::Limits::default()).map_err(|why| why.to_string())?;
    match parsed.root.get("version") {
        Some(yaml::Node::Int(1)) => {}
        other => return Err(format!("expected version: 1, found {other:?}")),
    }
    let limits = Limits::default();
    let template =
        Template::parse(&parsed.root.to_value(), &limits).map_err(|why| why.to_string())?;
    let slugs = Slugs {
        prefix: Arc::from(format!("{seed}\n{}\n", occasion.identity)),
    };
    let context = context(occasion, &slugs)?;
    let rendered = template
        .render(&context, &limits)
        .map_err(|why| why.to_string())?;
    let Some(list) = rendered.get("tasks").and_then(Jsone::as_array) else {
        return Err("expected a list of tasks, found none in what it renders to".to_owned());
    };
    let mut definitions = Vec::new();
    for task in list {
        match serde_json::from_str(&to_json(task)) {
            Ok(Value::Object(definition)) => definitions.push(definition),
            _ => {
                return Err(format!(
                    "expected an object for each task, found {}",
                    to_json(task)
                ));
            }
        }
    }
    complete(definitions, occasion, &slugs)
}

fn context(occasion: &Occasion, slugs: &Slugs) -> Result<Context, String> {
    let own = slugs.clone();
    let slug = Function::new("as_slugid", move |arguments| match arguments {
        [label] => match label.as_str() {
            Some(label) => Ok(own.of(label)?.as_str().into()),
            None => Err("as_slugid takes a string".to_owned()),
        },
        _ => Err("as_slugid takes one argument".to_owned()),
    });
    let text = Value::Object(occasion.context.clone()).to_string();
    let members =
        json::parse(text.as_bytes(), json::Reading::Strict).map_err(|why| why.to_string())?;
    let members = members.as_object().cloned().unwrap_or_default();
    let context = Context::new(&time(occasion.time))
        .with("as_slugid", Jsone::Function(slug))
        .with("tasks_for", occasion.tasks_for.into())
        .with_all(members);
    if occasion.tasks_for == "hg-push" {
        return Ok(context.with("ownTaskId", slugs.of("decision")?.as_str().into()));
    }
    Ok(context)
}

/// Fills in what a definition leaves out. A single task that names no id of its own has the id of its group, as decision tasks do.
fn complete(
    definitions: Vec<Map<String, Value>>,
    occasion: &Occasion,
    slugs: &Slugs,
) -> Result<Vec<Task>, String> {
    let alone = definitions.len() == 1;
    let group = slugs.of("decision")?;
    let mut out = Vec::new();
    for (at, mut definition) in definitions.into_iter().enumerate() {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let named = match definition.remove("taskId") {
            None => None,
            Some(id) => Some(text(Some(&id)).ok_or("expected a string as taskId")?),
        };
        let of_group = text(definition.get("taskGroupId")).filter(|_| alone);
        let id = match named.or(of_group) {
            Some(id) => id.parse().map_err(|why| format!("taskId: {why}"))?,
            None if alone => group,
            None => slugs.of(&format!("\ntask {at}"))?,
        };
        let day = SignedDuration::from_hours(24);
        let deadline = occasion.time.saturating_add(day).unwrap_or(occasion.time);
        for (key, value) in [
            ("taskGroupId", group.as_str().to_owned()),
            ("schedulerId", occasion.scheduler.to_owned()),
            ("created", time(occasion.time)),
            ("deadline", time(deadline)),
        ] {
            definition.entry(key).or_insert_with(|| value.into());
        }
        out.push(Task { id, definition });
    }
    Ok(out)
}

/// Makes task ids: one for each label, the same whenever the event is rendered again.
#[derive(Clone)]
struct Slugs {
    prefix: Arc<str>,
}

impl Slugs {
    fn of(&self, label: &str) -> Result<TaskId, String> {
        let digest = Sha256::new()
            .chain_update(self.prefix.as_bytes())
            .chain_update(label)
            .finalize();
        let mut bytes = [0_u8; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = from;
        }
        // the bits of a version 4 UUID, and none that would make it begin with a dash
        bytes[0] &= 0x7f;
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        URL_SAFE_NO_PAD
            .encode(bytes)
            .parse()
            .map_err(|why| format!("a task id: {why}"))
    }
}

/// The time as the services write it.
fn time(time: Timestamp) -> String {
    format!("{time:.3}")
}
