// SPDX-License-Identifier: MPL-2.0
//! Where a difference between the rebuilt and the runtime definition comes from: the place in the template, the values
//! that went into it and who asserts them, and the innocent cause that it looks like. This decides nothing.

use catena_jsone::locate::{self, Locator};
use catena_jsone::{Context, Limits, Value};

use super::matching::Nearest;
use super::names::{LONGEST_NAME, Names, Origin, pointer};
use super::template::Rendering;
use super::{Parent, action::Hook};
use crate::checks::{exact_types, rebuild_mismatch};
use crate::compare::{self, is_void};
use crate::model::shape::describe;
use crate::patterns::Clue;
use crate::report::{Asserter, Difference, Finding, Flow, Pattern, Purpose};

/// Values of the context that one difference lists. A field of a real template depends on some five.
const FLOWS: usize = 16;

impl Parent<'_> {
    /// Returns a finding for each difference, the most telling first.
    pub(super) fn explain(
        &self,
        rendering: &Rendering,
        nearest: &Nearest,
        runtime: &Value,
    ) -> Vec<Finding> {
        let (limits, context) = (Limits::default(), rendering.context());
        let hook = rendering.hook.as_deref();
        let hook_context = hook.map(|hook| hook.rendering.context());
        let search = Search {
            rendering,
            locator: Locator::new(&rendering.template, &context, &limits),
            hook: hook
                .zip(hook_context.as_ref())
                .map(|(hook, context)| HookSearch::new(hook, context, &limits)),
        };
        let mut told: Vec<_> = nearest
            .exact
            .iter()
            .map(|difference| {
                let told = search.difference(nearest, difference);
                let clue = Clue {
                    pointer: &difference.pointer,
                    expected: nearest.rebuilt.pointer(&difference.pointer),
                    found: runtime.pointer(&difference.pointer),
                    flows: &told.flows,
                };
                let pattern = clue.pattern();
                (told, pattern)
            })
            .collect();
        told.sort_by_key(|(difference, pattern)| (pattern.is_some(), rank(&difference.pointer)));
        told.truncate(self.inputs.limits.differences);
        told.into_iter()
            .zip(0..)
            .map(|((difference, pattern), nth)| self.finding(nearest, difference, pattern, nth))
            .collect()
    }

    fn finding(
        &self,
        nearest: &Nearest,
        difference: Difference,
        pattern: Option<Pattern>,
        nth: u8,
    ) -> Finding {
        let Difference {
            pointer,
            rebuilt,
            runtime,
            template,
            ..
        } = &difference;
        let expected = format!("{pointer} = {rebuilt}, as the template renders");
        let differs = |other: &compare::Difference| other.pointer == *pointer;
        let finding = if nearest.values.iter().any(differs) {
            rebuild_mismatch::META
                .reject(expected, runtime)
                .says(Asserter::Task(self.own.id()))
        } else {
            exact_types::finding(self.own.id(), expected, runtime.clone())
        };
        let template = template.clone();
        finding
            .task(self.own.id())
            .says(Asserter::VcsHost)
            .at(&self.template_request(), template)
            .differs(difference)
            .pattern(pattern)
            .nth(nth)
            .build()
    }
}

/// Returns how little a field tells: what gives rights first, then what runs, then what only names things.
fn rank(pointer: &str) -> usize {
    const FIELDS: [&str; 9] = [
        "/scopes",
        "/taskQueueId",
        "/payload",
        "/routes",
        "/dependencies",
        "/extra",
        "/metadata",
        "/tags",
        "/schedulerId",
    ];
    FIELDS
        .iter()
        .position(|field| pointer.starts_with(field))
        .unwrap_or(FIELDS.len())
}

/// What it takes to find where fields come from.
struct Search<'r> {
    rendering: &'r Rendering,
    locator: Locator<'r>,
    hook: Option<HookSearch<'r>>,
}

struct HookSearch<'r> {
    hook: &'r Hook,
    locator: Locator<'r>,
}

impl<'r> HookSearch<'r> {
    const fn new(hook: &'r Hook, context: &'r Context, limits: &'r Limits) -> Self {
        Self {
            hook,
            locator: Locator::new(&hook.rendering.template, context, limits),
        }
    }
}

impl Search<'_> {
    fn difference(&self, nearest: &Nearest, difference: &compare::Difference) -> Difference {
        let compare::Difference {
            pointer,
            left,
            right,
        } = difference;
        let mut template = None;
        let mut flows = Vec::new();
        let task = format!("/tasks/{}", nearest.at);
        let rendered = self.rendering.output.pointer(&task);
        for place in rendered_places(rendered.unwrap_or(&Value::Null), pointer, right) {
            let found = self.locator.locate(&format!("{task}{place}"));
            template = template.or_else(|| found.places.into_iter().next());
            for read in &found.reads {
                self.flows(read, &mut flows);
            }
        }
        flows.sort_by_key(|flow| flow.purpose == Purpose::Condition);
        flows.truncate(FLOWS);
        let template = template.unwrap_or_default();
        let in_tree = template.strip_prefix(self.rendering.prefix);
        Difference {
            pointer: pointer.clone(),
            template: in_tree.unwrap_or_default().to_owned(),
            rebuilt: left.clone(),
            runtime: right.clone(),
            flows,
        }
    }

    /// Adds what a template read. What an action's template read of `payload` is followed into the hook's.
    fn flows(&self, read: &locate::Read, flows: &mut Vec<Flow>) {
        match (&self.hook, read.path.split_first()) {
            (Some(search), Some((name, rest))) if name == "payload" => {
                search.flows(read, rest, flows);
            }
            _ => add(&self.rendering.names, &read.path, read.purpose, flows),
        }
    }
}

impl HookSearch<'_> {
    fn flows(&self, read: &locate::Read, rest: &[String], flows: &mut Vec<Flow>) {
        let found = self.locator.locate(&pointer(rest));
        let names = &self.hook.rendering.names;
        for inner in &found.reads {
            let purpose = inner.purpose.max(read.purpose);
            add(names, &inner.path, purpose, flows);
        }
        if found.reads.is_empty() {
            let place = found.places.first().map_or("", String::as_str);
            let origin = Origin::new(
                &self.hook.origin.request,
                format!("{}{place}", self.hook.origin.pointer),
            );
            let value = self.hook.rendering.output.pointer(&pointer(rest));
            push(flow(&read.path, value, &origin, read.purpose), flows);
        }
    }
}

/// Adds a value of the context; for one whose parts have origins of their own, the parts.
fn add(names: &Names, path: &[String], purpose: locate::Purpose, flows: &mut Vec<Flow>) {
    let mut paths = names.below(path);
    if paths.is_empty() {
        paths.push(path.to_vec());
    }
    for path in paths.iter().take(FLOWS) {
        let origin = names.origin(path);
        push(flow(path, names.value(path), &origin, purpose), flows);
    }
}

fn push(flow: Flow, flows: &mut Vec<Flow>) {
    if !flows.iter().any(|known| known.name == flow.name) {
        flows.push(flow);
    }
}

fn flow(path: &[String], value: Option<&Value>, origin: &Origin, purpose: locate::Purpose) -> Flow {
    Flow {
        name: path.join(".").chars().take(LONGEST_NAME).collect(),
        value: describe(value),
        asserter: origin.asserter(),
        source: origin.evidence(),
        purpose: match purpose {
            locate::Purpose::Condition => Purpose::Condition,
            locate::Purpose::Value => Purpose::Value,
        },
    }
}

/// Returns where in a rendered task a field of the compared one stands. Comparing has dropped what is empty, and made
/// one worker pool of two members.
fn rendered_places(rendered: &Value, pointer: &str, runtime: &str) -> Vec<String> {
    if pointer == "/taskQueueId" && rendered.get("taskQueueId").is_none() {
        let half = |key| rendered.get(key).and_then(Value::as_str);
        let (provisioner, worker) = (half("provisionerId"), half("workerType"));
        let differs = |(key, half): (&str, Option<&str>)| {
            let is_in = half.is_some_and(|half| {
                runtime
                    .trim_matches('"')
                    .split('/')
                    .any(|other| other == half)
            });
            (!is_in).then(|| format!("/{key}"))
        };
        return [("provisionerId", provisioner), ("workerType", worker)]
            .into_iter()
            .filter_map(differs)
            .collect();
    }
    let (mut place, mut value) = (String::new(), Some(rendered));
    for step in pointer.split('/').skip(1) {
        let mut step = step.to_owned();
        if let Some(Value::Array(items)) = value {
            let wanted = step.parse::<usize>().ok();
            let mut kept = (0..items.len()).filter(|at| !items.get(*at).is_some_and(is_void));
            if let Some(at) = wanted.and_then(|wanted| kept.nth(wanted)) {
                step = at.to_string();
            }
        }
        value = value.and_then(|value| value.pointer(&format!("/{step}")));
        place = format!("{place}/{step}");
    }
    vec![place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Reading, parse};

    #[test]
    fn places_count_what_comparing_dropped_v69b() {
        let rendered = parse(
            br#"{"routes": ["", null, {}, "a"], "x": [[], {"y/z": 1}], "provisionerId": "p", "workerType": "w"}"#,
            Reading::Strict,
        )
        .unwrap();
        let places = |pointer, runtime| rendered_places(&rendered, pointer, runtime);
        assert_eq!(places("/routes/1", ""), ["/routes/3"]);
        assert_eq!(places("/routes/0", ""), ["/routes/0"]);
        assert_eq!(places("/routes/5", ""), ["/routes/5"]);
        assert_eq!(places("/x/0/y~1z", ""), ["/x/1/y~1z"]);
        assert_eq!(places("/taskQueueId", "\"p/v\""), ["/workerType"]);
        assert_eq!(
            places("/taskQueueId", "\"q/v\""),
            ["/provisionerId", "/workerType"]
        );
    }

    #[test]
    fn rights_come_first() {
        let mut fields = [
            "/tags/a",
            "/created",
            "/payload/env/A",
            "/scopes/0",
            "/metadata/owner",
        ];
        fields.sort_by_key(|field| rank(field));
        assert_eq!(
            fields.map(|f| &f[1..4]),
            ["sco", "pay", "met", "tag", "cre"]
        );
    }
}
