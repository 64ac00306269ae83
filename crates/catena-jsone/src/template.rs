// SPDX-License-Identifier: MPL-2.0
//! Templates, parsed once.
//!
//! JSON-e is lazy: a mistake in a part that is never rendered is no error. So mistakes are kept in the
//! parsed template and raised when they are reached; only nesting beyond the limit fails at once.

use std::sync::Arc;

use crate::context::{Context, is_identifier};
use crate::error::{Error, ErrorKind, Fault};
use crate::limits::{Limits, Meter};
use crate::operator::Operator;
use crate::parse;
use crate::render::Renderer;
use crate::value::{Map, Value};

/// A template, ready to be rendered any number of times.
///
/// # Examples
/// ```
/// use catena_jsone::{Context, Limits, Template, Value};
/// let limits = Limits::default();
/// let template = Template::parse(
///     &Value::from([("$map", Value::from([("$eval", "pushes".into())])), ("each(p)", "r${p.rev}".into())]),
///     &limits,
/// )?;
/// let pushes = Value::from(vec![Value::from([("rev", Value::Int(7))])]);
/// let context = Context::new("2026-01-01T00:00:00.000Z").with("pushes", pushes);
/// assert!(template.render(&context, &limits)?.equals(&vec!["r7".into()].into()));
/// # Ok::<(), catena_jsone::Error>(())
/// ```
#[derive(Debug)]
pub struct Template {
    root: Node,
}

/// A part of a template.
#[derive(Debug)]
pub(crate) enum Node {
    /// A mistake, raised when it is reached.
    Invalid(Fault),
    List(Vec<Self>),
    /// A part without expressions.
    Literal(Box<Literal>),
    Object(Vec<(Key, Self)>),
    Operator(Box<Operator>),
    Text(Text),
}

/// A value that renders to itself, and what copying it costs.
#[derive(Debug)]
pub(crate) struct Literal {
    pub(crate) value: Value,
    pub(crate) nodes: usize,
    pub(crate) text: usize,
}

/// The name of an object's member; `raw` is how the template writes it.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) raw: Arc<str>,
    pub(crate) rendered: Rendered,
}

#[derive(Debug)]
pub(crate) enum Rendered {
    Invalid(Fault),
    Plain(Arc<str>),
    Text(Text),
}

/// Text with interpolations.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) source: Arc<str>,
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Debug)]
pub(crate) enum Piece {
    /// An expression, and where its text ends.
    Expression(parse::Node, std::ops::Range<usize>),
    Invalid(Fault),
    Plain(String),
}

/// A string that is one expression.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) source: Arc<str>,
    pub(crate) parsed: Result<parse::Node, Fault>,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// When the template is nested deeper than the limit. Everything else is raised by [`Self::render`], and only
    /// in parts that are reached.
    pub fn parse(value: &Value, limits: &Limits) -> Result<Self, Error> {
        match Node::parse(value, limits, 0) {
            Ok(root) => Ok(Self { root }),
            Err(error) => Err(*error),
        }
    }

    pub(crate) const fn root(&self) -> &Node {
        &self.root
    }

    /// Renders the template.
    ///
    /// # Errors
    /// Whatever the reference takes for an error, and [`ErrorKind::Limit`].
    pub fn render(&self, context: &Context, limits: &Limits) -> Result<Value, Error> {
        self.render_boxed(context, limits).map_err(|error| *error)
    }

    fn render_boxed(&self, context: &Context, limits: &Limits) -> Result<Value, Fault> {
        let meter = Meter::new(limits);
        let scope = context.scope()?;
        let renderer = Renderer {
            meter: &meter,
            limits,
        };
        let value = meter.own(renderer.render(&self.root, &scope, 0)?)?;
        if value.is_deletion() {
            return Ok(Value::Null);
        }
        renderer.refuse_functions(&value)?;
        Ok(value)
    }
}

impl Node {
    /// Parses one part. The only errors are limits.
    pub(crate) fn parse(value: &Value, limits: &Limits, depth: usize) -> Result<Self, Fault> {
        match value {
            Value::Array(items) => {
                check_depth(depth, limits)?;
                let nodes = items.iter().enumerate().map(|(i, item)| {
                    Self::parse(item, limits, depth + 1).map_err(|error| error.within(i))
                });
                nodes.collect::<Result<Vec<_>, _>>().map(list)
            }
            // the reference fails on a mapping with keys that are no strings
            Value::Foreign(kind) if kind.ends_with("key") => Ok(Self::Invalid(Error::template(
                format!("object has a member with {kind}"),
            ))),
            Value::Object(map) => {
                check_depth(depth, limits)?;
                match Operator::parse(map, limits, depth) {
                    Some(Ok(operator)) => Ok(Self::Operator(operator)),
                    Some(Err(error)) if error.kind == ErrorKind::Limit => Err(error),
                    Some(Err(error)) => Ok(Self::Invalid(error)),
                    None => object(map, limits, depth),
                }
            }
            Value::String(text) => {
                Ok(Text::parse(text, limits).map_or_else(|| literal(value.clone()), Self::Text))
            }
            _ => Ok(literal(value.clone())),
        }
    }
}

fn check_depth(depth: usize, limits: &Limits) -> Result<(), Fault> {
    if depth < limits.depth {
        Ok(())
    } else {
        Err(Error::limit("template is nested too deep"))
    }
}

fn literal(value: Value) -> Node {
    let text = value.as_str().map_or(0, str::len);
    Node::Literal(Box::new(Literal {
        value,
        nodes: 1,
        text,
    }))
}

fn list(nodes: Vec<Node>) -> Node {
    if !nodes.iter().all(|node| matches!(node, Node::Literal(_))) {
        return Node::List(nodes);
    }
    let mut whole = Box::new(Literal {
        value: Value::Null,
        nodes: 1,
        text: 0,
    });
    let items = nodes
        .into_iter()
        .filter_map(|node| whole.absorb(node))
        .collect();
    whole.value = Value::Array(items);
    Node::Literal(whole)
}

fn object(map: &Map, limits: &Limits, depth: usize) -> Result<Node, Fault> {
    let mut members = Vec::with_capacity(map.len());
    for (key, value) in map {
        let value = Node::parse(value, limits, depth + 1).map_err(|error| error.within(key))?;
        members.push((
            Key {
                raw: key.clone(),
                rendered: Rendered::parse(key, limits),
            },
            value,
        ));
    }
    Ok(merge_literals(members))
}

/// Returns an object; a literal if all its members are.
fn merge_literals(members: Vec<(Key, Node)>) -> Node {
    let is_literal = |(key, node): &(Key, Node)| {
        matches!(
            (&key.rendered, node),
            (Rendered::Plain(_), Node::Literal(_))
        )
    };
    if !members.iter().all(is_literal) {
        return Node::Object(members);
    }
    let mut whole = Box::new(Literal {
        value: Value::Null,
        nodes: 1,
        text: 0,
    });
    let mut literals = Map::with_capacity(members.len());
    for (key, node) in members {
        if let (Rendered::Plain(key), Some(value)) = (key.rendered, whole.absorb(node)) {
            whole.text += key.len();
            literals.insert(key, value);
        }
    }
    whole.value = Value::Object(literals);
    Node::Literal(whole)
}

impl Literal {
    /// Adds the cost of a literal inside of this one and returns its value.
    fn absorb(&mut self, node: Node) -> Option<Value> {
        let Node::Literal(inner) = node else {
            return None;
        };
        self.nodes += inner.nodes;
        self.text += inner.text;
        Some(inner.value)
    }
}

impl Rendered {
    fn parse(key: &Arc<str>, limits: &Limits) -> Self {
        if key.starts_with("$$") {
            return Self::Plain(key.get(1..).unwrap_or_default().into());
        }
        if key.strip_prefix('$').is_some_and(is_identifier) {
            return Self::Invalid(Error::template(
                "$<identifier> is reserved; use $$<identifier>",
            ));
        }
        Text::parse(key, limits).map_or_else(|| Self::Plain(key.clone()), Self::Text)
    }
}

impl Text {
    /// Returns the text taken apart; `None` if there is nothing to interpolate.
    fn parse(source: &Arc<str>, limits: &Limits) -> Option<Self> {
        let mut start = source.find("${")?;
        let mut done = 0;
        let mut plain = String::new();
        let mut pieces = Vec::new();
        loop {
            plain.push_str(source.get(done..start).unwrap_or_default());
            let inner = start + "${".len();
            if plain.ends_with('$') && start > done {
                plain.push('{'); // `$${` stands for `${`
                done = inner;
            } else {
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(std::mem::take(&mut plain)));
                }
                match parse::parse_interpolation(source, inner, limits.expression_depth) {
                    Ok((node, end)) => {
                        pieces.push(Piece::Expression(node, inner..end));
                        done = end + 1;
                    }
                    Err(error) => {
                        pieces.push(Piece::Invalid(error));
                        break;
                    }
                }
            }
            let rest = source.get(done..).unwrap_or_default();
            match rest.find("${") {
                Some(next) => start = done + next,
                None => {
                    plain.push_str(rest);
                    break;
                }
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Some(Self {
            source: source.clone(),
            pieces,
        })
    }
}

impl Expression {
    pub(crate) fn parse(source: &Arc<str>, limits: &Limits) -> Self {
        let parsed = parse::parse(source, limits.expression_depth);
        Self {
            source: source.clone(),
            parsed,
        }
    }

    /// Parses a string; anything else is an expression that fails with `message`.
    pub(crate) fn of(value: &Value, limits: &Limits, message: &str) -> Self {
        match value {
            Value::String(source) => Self::parse(source, limits),
            _ => Self {
                source: "".into(),
                parsed: Err(Error::template(message)),
            },
        }
    }
}
