// SPDX-License-Identifier: MPL-2.0
//! Reads `.taskcluster.yml` and renders it (V66, V67).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use catena_jsone::{Context, Limits, Template, Value};

use super::context::EventContext;
use super::{Artifacts, Parent, Stop};
use crate::checks::{limit_exceeded, template, yaml_safe};
use crate::evidence::Miss;
use crate::model::shape::{Fields, Shape};
use crate::report::{Asserter, Note};
use crate::request::{Repo, Request};
use crate::yaml::{self, YamlErrorKind};

impl Parent<'_> {
    /// Renders the template with the event's context, for actions within bindings of their own, and returns its
    /// `tasks` (V60, V67).
    pub(super) fn render(
        &self,
        event: &EventContext,
        artifacts: &Artifacts,
    ) -> Result<Vec<Value>, Stop> {
        let request = self.template_request();
        let in_tree = self.yaml(&request, &self.template_bytes(&request)?)?;
        let (template, context) = match self.tasks_for {
            "action" | "pr-action" => self.action(event, in_tree, artifacts)?,
            _ => {
                let context = Context::new(&event.now)
                    .with("as_slugid", self.as_slugid())
                    .with_all(event.names.clone());
                (in_tree, context)
            }
        };
        let rendered = self.evaluate(&template, &context, &request)?;
        match rendered.get("tasks").and_then(Value::as_array) {
            Some(tasks) => Ok(tasks.to_vec()),
            None => {
                let finding = template::META
                    .reject("a list of tasks", "none in what the template renders to");
                Err(finding
                    .says(Asserter::VcsHost)
                    .at(&request, "/tasks")
                    .into())
            }
        }
    }

    /// Renders a template. Running out of fuel is undetermined, every other error rejects (V67).
    pub(super) fn evaluate(
        &self,
        template: &Value,
        context: &Context,
        at: &Request,
    ) -> Result<Value, Stop> {
        let limits = Limits::default();
        let rendered = Template::parse(template, &limits)
            .and_then(|template| template.render(context, &limits));
        rendered.map_err(|error| {
            let place = error.pointer.clone();
            let finding = if error.kind == catena_jsone::ErrorKind::Limit {
                limit_exceeded::META.undetermined(
                    "a template within the limits of rendering",
                    error.to_string(),
                )
            } else {
                template::META.reject("a template that renders", error.to_string())
            };
            finding
                .says(crate::checks::asserter(at))
                .at(at, place)
                .into()
        })
    }

    /// Returns the text of the template: the document itself, or the content of GitHub's answer.
    fn template_bytes(&self, request: &Request) -> Result<Bytes, Stop> {
        let limit = self.inputs.limits.parsed_bytes;
        if let Repo::Hg { .. } = self.repo {
            return self
                .evidence
                .bytes(request, limit)
                .map_err(|miss| super::missed(request, &miss));
        }
        let answer = self.host(request)?;
        let decode = || {
            let fields = Fields::of(&answer, "")?;
            let refuse = |expected| Shape::new("/content", expected, fields.get("content"));
            if fields.text("encoding")? != "base64" {
                return Err(Shape::new("/encoding", "base64", fields.get("encoding")));
            }
            let text: String = fields
                .text("content")?
                .chars()
                .filter(|c| !c.is_ascii_whitespace())
                .collect();
            BASE64_STANDARD
                .decode(text)
                .map(Bytes::from)
                .map_err(|_| refuse("base64 text"))
        };
        decode().map_err(|shape| super::missed(request, &Miss::Shape(shape)))
    }

    /// Reads YAML of a repository or a task as PyYAML does; ambiguous scalars and duplicate keys become notes (S45).
    pub(super) fn yaml(&self, request: &Request, text: &[u8]) -> Result<Value, Stop> {
        let parsed = yaml::parse(text, &yaml::Limits::default()).map_err(|error| {
            let found = error.to_string();
            let finding = match error.kind {
                YamlErrorKind::Limit => {
                    limit_exceeded::META.undetermined("YAML within the limits", found)
                }
                YamlErrorKind::Refused | YamlErrorKind::Syntax => yaml_safe::META.reject(
                    "YAML with one reading: plain tags, keys and notations",
                    found,
                ),
            };
            finding
                .says(crate::checks::asserter(request))
                .at(request, "")
        })?;
        let task = Some(self.own.id());
        let mut notes = self.notes.borrow_mut();
        for note in &parsed.notes {
            let text = format!(
                "{request}, {}: {} is {} in YAML 1.1, as here, and {} in YAML 1.2",
                note.place, note.text, note.yaml_1_1, note.yaml_1_2
            );
            notes.push(Note {
                id: "yaml-1.1",
                task,
                text,
            });
        }
        for key in &parsed.warnings {
            let text = format!(
                "{request}, {}: the key {} stands there again; the last one counts",
                key.place, key.key
            );
            notes.push(Note {
                id: "yaml-duplicate-key",
                task,
                text,
            });
        }
        Ok(parsed.root.to_value())
    }
}
