// SPDX-License-Identifier: MPL-2.0
//! Reads `.taskcluster.yml` and renders it (V66, V67).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use catena_jsone::{Context, ErrorKind, Limits, Map, Template, Value};

use super::action::Hook;
use super::names::Names;
use super::{Artifacts, Parent, Stop};
use crate::checks::{limit_exceeded, template, yaml_safe};
use crate::evidence::Miss;
use crate::model::shape::{Fields, Shape};
use crate::report::{Asserter, Note};
use crate::request::{Repo, Request};
use crate::yaml::{self, YamlErrorKind};

/// A template, what it was rendered with, and what came out: all that is needed to explain the output.
#[derive(Debug)]
pub(super) struct Rendering {
    pub(super) template: Template,
    pub(super) names: Names,
    pub(super) output: Value,
    /// The pointer of the in-tree template within `template`: actions wrap it (V68.6).
    pub(super) prefix: &'static str,
    /// What made `payload`, for actions.
    pub(super) hook: Option<Box<Hook>>,
}

impl Rendering {
    /// Returns the context that the names make.
    pub(super) fn context(&self) -> Context {
        context(&self.names)
    }

    /// Returns the tasks of the output.
    pub(super) fn tasks(&self) -> Option<&[Value]> {
        self.output.get("tasks")?.as_array()
    }
}

fn context(names: &Names) -> Context {
    Context::new("").with_all(names.values().clone())
}

/// Renders a template with the values of its names, within the limits of rendering, and returns it parsed, with what
/// came out (V67).
///
/// # Errors
/// It does not render, or not within the limits.
pub(crate) fn render(
    template: &Value,
    names: &Map,
) -> Result<(Template, Value), catena_jsone::Error> {
    let limits = Limits::default();
    let template = Template::parse(template, &limits)?;
    let output = template.render(&Context::new("").with_all(names.clone()), &limits)?;
    Ok((template, output))
}

/// Returns what an error of rendering means.
fn refuse(error: &catena_jsone::Error, at: &Request) -> Stop {
    let finding = if error.kind == ErrorKind::Limit {
        limit_exceeded::META.undetermined(
            "a template within the limits of rendering",
            error.to_string(),
        )
    } else {
        template::META.reject("a template that renders", error.to_string())
    };
    finding
        .says(crate::checks::asserter(at))
        .at(at, error.pointer.clone())
        .into()
}

impl Parent<'_> {
    /// Renders the template with the event's context, for actions within bindings of their own; its output has `tasks`
    /// (V60, V67).
    pub(super) fn render(&self, event: &Names, artifacts: &Artifacts) -> Result<Rendering, Stop> {
        let request = self.template_request();
        let in_tree = self.yaml(&request, &self.template_bytes(&request)?)?;
        let rendering = match self.tasks_for {
            "action" | "pr-action" => self.render_action(event, in_tree, artifacts)?,
            _ => self.evaluate(&in_tree, event.clone(), &request)?,
        };
        if rendering.tasks().is_none() {
            let finding =
                template::META.reject("a list of tasks", "none in what the template renders to");
            return Err(finding
                .says(Asserter::VcsHost)
                .at(&request, "/tasks")
                .into());
        }
        Ok(rendering)
    }

    /// Renders a template. Running out of fuel is undetermined, every other error rejects (V67).
    pub(super) fn evaluate(
        &self,
        template: &Value,
        names: Names,
        at: &Request,
    ) -> Result<Rendering, Stop> {
        match render(template, names.values()) {
            Ok((template, output)) => Ok(Rendering {
                template,
                names,
                output,
                prefix: "",
                hook: None,
            }),
            Err(error) => Err(refuse(&error, at)),
        }
    }

    /// Returns the text of the template: the document itself, or the content of GitHub's answer.
    fn template_bytes(&self, request: &Request) -> Result<Bytes, Stop> {
        let limit = self.inputs.limits.parsed_bytes;
        if let Repo::Hg { .. } | Repo::Hosted(_) = self.repo {
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
