// SPDX-License-Identifier: MPL-2.0
//! Renders parsed templates: lists, objects and text; operators are in `apply`.

use std::borrow::Cow;
use std::sync::Arc;

use crate::context::Scope;
use crate::error::{Error, Fault, excerpt};
use crate::evaluate::{Evaluator, truth};
use crate::limits::{Limits, Meter};
use crate::parse;
use crate::template::{Expression, Key, Node, Piece, Rendered, Text};
use crate::text::{LONGEST_NUMBER, write_scalar};
use crate::value::{Map, Value};

pub(crate) type Outcome<'a> = Result<Cow<'a, Value>, Fault>;

pub(crate) struct Renderer<'m> {
    pub(crate) meter: &'m Meter,
    pub(crate) limits: &'m Limits,
}

impl Renderer<'_> {
    /// Renders one part. The result may be the mark of a deletion.
    ///
    /// `depth` counts the parts around this one: `$find` renders data, so the parsed template's depth is no bound.
    pub(crate) fn render<'a>(
        &self,
        node: &'a Node,
        scope: &Scope<'a>,
        depth: usize,
    ) -> Outcome<'a> {
        self.meter.burn(1)?;
        if depth > self.limits.depth {
            return Err(Error::limit("template is nested too deep"));
        }
        match node {
            Node::Invalid(error) => Err(error.clone()),
            Node::List(nodes) => self.list(nodes, scope, depth + 1).map(Cow::Owned),
            Node::Literal(literal) => Ok(Cow::Borrowed(&literal.value)),
            Node::Object(members) => self.object(members, scope, depth + 1).map(Cow::Owned),
            Node::Operator(operator) => self.apply(operator, scope, depth + 1),
            Node::Text(text) => self
                .text(text, scope)
                .map(|text| Cow::Owned(Value::String(text))),
        }
    }

    /// Renders one part to a value of its own.
    pub(crate) fn render_owned(
        &self,
        node: &Node,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        match node {
            Node::Literal(literal) => {
                self.meter.grow(literal.nodes, literal.text)?;
                Ok(literal.value.clone())
            }
            _ => self.meter.own(self.render(node, scope, depth)?),
        }
    }

    fn list(&self, nodes: &[Node], scope: &Scope<'_>, depth: usize) -> Result<Value, Fault> {
        self.meter.grow(1, 0)?;
        let mut items = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            let item = self
                .render_owned(node, scope, depth)
                .map_err(|error| error.within(i))?;
            if !item.is_deletion() {
                items.push(item);
            }
        }
        Ok(items.into())
    }

    fn object(
        &self,
        members: &[(Key, Node)],
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        self.meter.grow(1, 0)?;
        let mut map = Map::with_capacity(members.len());
        for (key, node) in members {
            let within = |error: Fault| error.within(&key.raw);
            let name = self.key(&key.rendered, scope).map_err(within)?;
            let value = self.render_owned(node, scope, depth).map_err(within)?;
            if !value.is_deletion() {
                self.meter.grow(0, name.len())?;
                map.insert(name, value);
            }
        }
        Ok(map.into())
    }

    pub(crate) fn key(&self, key: &Rendered, scope: &Scope<'_>) -> Result<Arc<str>, Fault> {
        match key {
            Rendered::Invalid(error) => Err(error.clone()),
            Rendered::Plain(key) => Ok(key.clone()),
            Rendered::Text(text) => self.text(text, scope),
        }
    }

    fn text(&self, text: &Text, scope: &Scope<'_>) -> Result<Arc<str>, Fault> {
        let mut out = String::new();
        for piece in &text.pieces {
            match piece {
                Piece::Plain(plain) => {
                    self.meter.grow(0, plain.len())?;
                    out.push_str(plain);
                }
                Piece::Expression(node, place) => {
                    let evaluator = Evaluator {
                        scope,
                        meter: self.meter,
                    };
                    let value = evaluator
                        .evaluate(node)
                        .map_err(|error| error.in_text(&text.source))?;
                    self.interpolate(&value, &mut out).map_err(|mut error| {
                        let source = text.source.get(place.clone()).unwrap_or_default();
                        error.message = error.message.replace("{}", &excerpt(source));
                        error.at(place.start).in_text(&text.source)
                    })?;
                }
                Piece::Invalid(error) => return Err(error.clone().in_text(&text.source)),
            }
        }
        self.meter.grow(1, 0)?;
        Ok(out.into())
    }

    /// Adds a value to text. `{}` in an error's message stands for the expression.
    fn interpolate(&self, value: &Value, out: &mut String) -> Result<(), Fault> {
        match value {
            Value::Array(_) | Value::Object(_) => Err(Error::template(
                "interpolation of '{}' produced an array or object",
            )),
            Value::Null => Ok(()),
            Value::String(text) => {
                self.meter.grow(0, text.len())?;
                out.push_str(text);
                Ok(())
            }
            _ => {
                self.meter.grow(0, LONGEST_NUMBER)?;
                write_scalar(value, out).map_err(|_| {
                    let found = value.type_name();
                    Error::template(format!("interpolation of '{{}}' produced a {found}"))
                })
            }
        }
    }

    /// Evaluates a string that is one expression.
    pub(crate) fn evaluate<'a>(
        &self,
        expression: &'a Expression,
        scope: &Scope<'a>,
    ) -> Outcome<'a> {
        let parsed = parsed(expression)?;
        Evaluator {
            scope,
            meter: self.meter,
        }
        .evaluate(parsed)
        .map_err(|error| error.in_text(&expression.source))
    }

    /// Evaluates a condition.
    pub(crate) fn holds<'a>(
        &self,
        expression: &'a Expression,
        scope: &Scope<'a>,
    ) -> Result<bool, Fault> {
        truth(&*self.evaluate(expression, scope)?)
    }

    /// Refuses a value that holds a function, or the mark of a deletion that nothing acted on.
    pub(crate) fn refuse_functions(&self, value: &Value) -> Result<(), Fault> {
        self.meter.burn(1)?;
        match value {
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.refuse_functions(item)),
            Value::Function(_) => Err(Error::template(
                "evaluated template contained uncalled functions",
            )),
            Value::Object(map) => map
                .values()
                .try_for_each(|item| self.refuse_functions(item)),
            _ => Ok(()),
        }
    }
}

fn parsed(expression: &Expression) -> Result<&parse::Node, Fault> {
    expression
        .parsed
        .as_ref()
        .map_err(|error| error.clone().in_text(&expression.source))
}
