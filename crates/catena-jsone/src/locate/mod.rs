// SPDX-License-Identifier: MPL-2.0
//! Where a value of the output comes from: which part of the template made it, and what of the context it depends on.
//!
//! This is for explaining a difference, so it runs after rendering and apart from it. It walks from the root of the
//! template to the value that a pointer names, and renders parts with the engine itself to learn which branch was
//! taken and which object won a merge. It decides nothing: if it cannot tell, it names the innermost part that it
//! reached. Steps, depth and output have the limits of rendering.

mod expressions;
mod operators;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::context::{Context, Scope, is_identifier};
use crate::error::{Error, Fault};
use crate::limits::{Limits, Meter};
use crate::operator::Operator;
use crate::render::Renderer;
use crate::template::{Key, Node, Piece, Rendered, Template, Text};
use crate::value::{Map, Value};

/// Where a value of the output comes from.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Location {
    /// RFC 6901 pointers into the template: the innermost parts that made the value. More than one if several were
    /// merged, and the part around it if the value is not there.
    pub places: Vec<String>,
    /// What of the context the value depends on, values first.
    pub reads: Vec<Read>,
}

/// A value of the context that a template read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Read {
    /// A name of the context, and the members and items below it.
    pub path: Vec<String>,
    /// What it was read for.
    pub purpose: Purpose,
}

/// What a value of the context was read for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// It went into the output.
    Value,
    /// It chose between parts of the template.
    Condition,
}

/// Finds where values of one rendering come from. All questions together have the limits of one rendering.
///
/// # Examples
/// ```
/// use catena_jsone::locate::Locator;
/// use catena_jsone::{Context, Limits, Template, Value};
/// let limits = Limits::default();
/// let template = Value::from([(
///     "$let",
///     Value::from([("who", "${push.owner}@example.org".into())]),
/// ), ("in", Value::from([("owner", "${who}".into())]))]);
/// let template = Template::parse(&template, &limits)?;
/// let push = Value::from([("owner", "sheriff".into())]);
/// let context = Context::new("2026-01-01T00:00:00.000Z").with("push", push);
///
/// let found = Locator::new(&template, &context, &limits).locate("/owner");
/// assert_eq!(found.places, ["/in/owner"]);
/// assert_eq!(found.reads[0].path, ["push", "owner"]);
/// # Ok::<(), catena_jsone::Error>(())
/// ```
pub struct Locator<'t> {
    root: &'t Node,
    context: &'t Context,
    limits: &'t Limits,
    meter: Meter,
}

impl<'t> Locator<'t> {
    /// Returns a locator for what `template` renders to in `context`.
    #[must_use]
    pub const fn new(template: &'t Template, context: &'t Context, limits: &'t Limits) -> Self {
        Self {
            root: template.root(),
            context,
            limits,
            meter: Meter::new(limits),
        }
    }

    /// Returns where the value at an RFC 6901 pointer into the output comes from.
    #[must_use]
    pub fn locate(&self, pointer: &str) -> Location {
        let mut trail = Trail {
            renderer: Renderer {
                meter: &self.meter,
                limits: self.limits,
            },
            innermost: String::new(),
            places: Vec::new(),
            reads: IndexMap::new(),
        };
        if let Ok(scope) = self.context.scope() {
            let env = Env {
                scope,
                up: None,
                names: Names::Context(self.context.names()),
            };
            let aim = Aim {
                at: Some(String::new()),
                purpose: Purpose::Value,
                depth: 0,
            };
            // an error ends the search; what was found until then stands
            let _ = trail.node(self.root, &env, &steps(pointer), &aim);
        }
        trail.end()
    }
}

/// What is known of the value so far.
struct Trail<'m> {
    renderer: Renderer<'m>,
    /// The last part on the way to the value.
    innermost: String,
    places: Vec<String>,
    reads: IndexMap<Vec<String>, Purpose>,
}

/// Why a part is looked at, and from how deep.
struct Aim {
    /// The part's own place; none for parts that the value only depends on.
    at: Option<String>,
    purpose: Purpose,
    depth: usize,
}

/// The names at one point of the template, with where they come from.
struct Env<'e> {
    scope: Scope<'e>,
    up: Option<&'e Self>,
    names: Names<'e>,
}

enum Names<'e> {
    Context(&'e Map),
    /// The names of an `each(..)`.
    Each {
        names: &'e [Arc<str>],
        /// Which of them is the item; the others depend on nothing that is not read elsewhere.
        item: usize,
        list: &'e Node,
        /// The item's place in the list.
        step: String,
        /// Whether the item is `{key, val}`.
        is_pair: bool,
    },
    Let {
        node: &'e Node,
        names: &'e Map,
    },
}

impl Aim {
    /// Returns the aim for a part one step below.
    fn step(&self, step: &str) -> Self {
        Self {
            at: self.at.as_deref().map(|at| join(at, step)),
            purpose: self.purpose,
            depth: self.depth + 1,
        }
    }

    /// Returns the aim for a part that the value depends on.
    const fn quiet(&self) -> Self {
        Self {
            at: None,
            purpose: self.purpose,
            depth: self.depth + 1,
        }
    }

    /// Returns the aim for a condition.
    const fn condition(&self) -> Self {
        Self {
            at: None,
            purpose: Purpose::Condition,
            depth: self.depth + 1,
        }
    }
}

impl Trail<'_> {
    fn end(mut self) -> Location {
        if self.places.is_empty() {
            self.places.push(self.innermost);
        }
        let mut reads: Vec<_> = self
            .reads
            .into_iter()
            .map(|(path, purpose)| Read { path, purpose })
            .collect();
        reads.sort_by_key(|read| read.purpose);
        Location {
            places: self.places,
            reads,
        }
    }

    /// Pays for a step, and refuses to go deeper than rendering may.
    fn enter(&self, aim: &Aim) -> Result<(), Fault> {
        self.renderer.meter.burn(1)?;
        if aim.depth > self.renderer.limits.depth {
            return Err(Error::limit(
                "the template's names depend on too many others",
            ));
        }
        Ok(())
    }

    /// Notes that a part made the value.
    fn found(&mut self, aim: &Aim) {
        if let Some(at) = aim.at.as_ref().filter(|at| !self.places.contains(at)) {
            self.places.push(at.clone());
        }
    }

    /// Follows `path`, which leads from what `node` renders to towards the value.
    fn node<'e>(
        &mut self,
        node: &'e Node,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        self.enter(aim)?;
        if let Some(at) = &aim.at {
            self.renderer.meter.burn_text(at.len())?;
            self.innermost.clone_from(at);
        }
        match node {
            Node::Invalid(_) => self.found(aim),
            Node::List(nodes) => self.list(nodes, env, path, aim)?,
            Node::Literal(literal) => self.literal(&literal.value, path, aim),
            Node::Object(members) => self.object(members, env, path, aim)?,
            Node::Operator(operator) => self.operator(operator, env, path, aim)?,
            Node::Text(text) => {
                self.found(aim);
                self.text(text, env, aim)?;
            }
        }
        Ok(())
    }

    fn literal(&mut self, value: &Value, path: &[String], aim: &Aim) {
        let Some(mut at) = aim.at.clone() else { return };
        let mut value = value;
        for step in path {
            let Some(inner) = child(value, step) else {
                break;
            };
            at = match value {
                Value::Object(_) => join(&at, &written(step)),
                _ => join(&at, step),
            };
            value = inner;
        }
        self.places.push(at);
    }

    fn list<'e>(
        &mut self,
        nodes: &'e [Node],
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let Some((head, rest)) = path.split_first() else {
            self.found(aim);
            return nodes
                .iter()
                .try_for_each(|node| self.node(node, env, &[], &aim.quiet()));
        };
        let wanted = head.parse::<usize>().ok();
        let mut kept = 0;
        for (i, node) in nodes.iter().enumerate() {
            let is_kept = !self.is_dropped(node, env, aim)?;
            if is_kept && wanted == Some(kept) {
                return self.node(node, env, rest, &aim.step(&i.to_string()));
            }
            self.why_dropped(node, env, aim)?;
            kept += usize::from(is_kept);
        }
        self.found(aim);
        Ok(())
    }

    fn object<'e>(
        &mut self,
        members: &'e [(Key, Node)],
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let Some((head, rest)) = path.split_first() else {
            self.found(aim);
            return members.iter().try_for_each(|(key, node)| {
                self.key(key, env, aim)?;
                self.node(node, env, &[], &aim.quiet())
            });
        };
        let mut dropped = None;
        // of members with one name the last counts
        for (key, node) in members.iter().rev() {
            if *self.renderer.key(&key.rendered, &env.scope)? != **head {
                continue;
            }
            if self.is_dropped(node, env, aim)? {
                dropped = dropped.or(Some((key, node)));
                continue;
            }
            self.key(key, env, aim)?;
            return self.node(node, env, rest, &aim.step(&key.raw));
        }
        match dropped {
            Some((key, node)) => self.node(node, env, rest, &aim.step(&key.raw)),
            None => {
                self.found(aim);
                Ok(())
            }
        }
    }

    fn key<'e>(&mut self, key: &'e Key, env: &Env<'e>, aim: &Aim) -> Result<(), Fault> {
        match &key.rendered {
            Rendered::Text(text) => self.text(text, env, aim),
            Rendered::Invalid(_) | Rendered::Plain(_) => Ok(()),
        }
    }

    fn text<'e>(&mut self, text: &'e Text, env: &Env<'e>, aim: &Aim) -> Result<(), Fault> {
        text.pieces.iter().try_for_each(|piece| match piece {
            Piece::Expression(node, _) => self.operand(node, env, &[], &aim.quiet()),
            Piece::Invalid(_) | Piece::Plain(_) => Ok(()),
        })
    }

    /// Returns whether a part renders to nothing. Only operators do.
    fn is_dropped(&self, node: &Node, env: &Env<'_>, aim: &Aim) -> Result<bool, Fault> {
        Ok(matches!(node, Node::Operator(_)) && self.value(node, env, aim)?.is_deletion())
    }

    /// Reads the conditions that decide whether a part renders to nothing: they move the items behind it.
    fn why_dropped<'e>(&mut self, node: &'e Node, env: &Env<'e>, aim: &Aim) -> Result<(), Fault> {
        let aim = &aim.condition();
        match node {
            Node::Operator(operator) => match &**operator {
                Operator::If { condition, .. } => self.expression(condition, env, &[], aim),
                Operator::Switch { cases, .. } => self.case_conditions(cases, env, aim),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Renders a part with the engine.
    fn value(&self, node: &Node, env: &Env<'_>, aim: &Aim) -> Result<Value, Fault> {
        self.renderer.render_owned(node, &env.scope, aim.depth)
    }

    /// Follows a name to what it stands for.
    fn variable(
        &mut self,
        name: &str,
        env: &Env<'_>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let mut env = env;
        loop {
            self.renderer.meter.burn_text(name.len())?;
            match (&env.names, env.up) {
                (Names::Context(names), _) => return self.read(names, name, path, aim),
                (Names::Let { node, names }, Some(up)) if names.contains_key(name) => {
                    let path = prepend(&[name], path);
                    return self.node(node, up, &path, &aim.quiet());
                }
                (Names::Each { names, .. }, Some(up)) if names.iter().any(|n| **n == *name) => {
                    return self.item(name, env, up, path, aim);
                }
                (_, Some(up)) => env = up,
                (_, None) => return Ok(()), // only the context's has none around it
            }
        }
    }

    /// Follows a name of an `each(..)` into the list.
    fn item(
        &mut self,
        name: &str,
        env: &Env<'_>,
        up: &Env<'_>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let Names::Each {
            names,
            item,
            list,
            step,
            is_pair,
        } = &env.names
        else {
            return Ok(());
        };
        // later names hide earlier ones
        if names.iter().rposition(|known| **known == *name) != Some(*item) {
            return Ok(());
        }
        let rest = match path.split_first() {
            Some((head, rest)) if *is_pair => {
                if head != "val" {
                    return Ok(()); // the key, which is no value of the context
                }
                rest
            }
            _ => path,
        };
        self.node(list, up, &prepend(&[step], rest), &aim.quiet())
    }

    /// Notes that a value of the context was read: as much of `path` as there is.
    fn read(&mut self, names: &Map, name: &str, path: &[String], aim: &Aim) -> Result<(), Fault> {
        let Some(mut value) = names.get(name) else {
            return Ok(()); // a builtin, or asked for by `defined`
        };
        let mut full = vec![name.to_owned()];
        for step in path {
            let Some(inner) = child(value, step) else {
                break;
            };
            full.push(step.clone());
            value = inner;
        }
        self.renderer
            .meter
            .grow(full.len(), full.iter().map(String::len).sum())?;
        let known = self.reads.entry(full).or_insert(aim.purpose);
        *known = (*known).min(aim.purpose);
        Ok(())
    }
}

/// Returns the steps of an RFC 6901 pointer.
fn steps(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn join(at: &str, step: &str) -> String {
    format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"))
}

fn prepend(first: &[&str], rest: &[String]) -> Vec<String> {
    let first = first.iter().map(|step| (*step).to_owned());
    first.chain(rest.iter().cloned()).collect()
}

/// Returns how a template writes the name of a member.
fn written(name: &str) -> String {
    match name.strip_prefix('$') {
        Some(rest) if rest.starts_with('$') || is_identifier(rest) => format!("${name}"),
        _ => name.to_owned(),
    }
}

fn child<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(map) => map.get(step),
        _ => None,
    }
}
