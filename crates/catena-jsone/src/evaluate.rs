// SPDX-License-Identifier: MPL-2.0
//! Evaluates expressions. Values of the context are borrowed, not copied: `event.a.b` costs three look-ups.
//!
//! Recursion is bounded by the parser's depth limit; each function here handles one kind of node, which
//! keeps the frames of the recursion small.

use std::borrow::Cow;

use crate::context::Scope;
use crate::error::{Error, Fault, excerpt};
use crate::limits::{Limits, Meter};
use crate::number::{float, int, integer, power};
use crate::operate::{binary, number_operands};
use crate::parse::{Kind, Node, Operator, Step};
use crate::text::write_python;
use crate::value::{Map, Value};

type Outcome<'a> = Result<Cow<'a, Value>, Fault>;

/// Evaluates expressions in one scope.
pub(crate) struct Evaluator<'s, 'a> {
    pub(crate) scope: &'s Scope<'a>,
    pub(crate) meter: &'s Meter,
}

impl<'a> Evaluator<'_, 'a> {
    /// Returns the value of an expression. The error's column is a byte offset.
    pub(crate) fn evaluate(&self, node: &'a Node) -> Outcome<'a> {
        self.meter.burn(1)?;
        match &node.kind {
            Kind::Access(value, steps) => self.access(value, steps),
            Kind::Chain(first, links) => self.chain(first, links),
            Kind::List(items) => self.list(items),
            Kind::Literal(value) => Ok(Cow::Borrowed(&**value)),
            Kind::Missing => Err(Error::syntax("expected an expression")),
            Kind::Not(operand) => self.truth(operand).map(|truth| owned(Value::Bool(!truth))),
            Kind::Object(members) => self.object(members),
            Kind::Power { base, exponent } => self.power(base, exponent),
            Kind::Sign { negative, operand } => self.sign(*negative, operand),
            Kind::Variable(name) => self.variable(name),
        }
        .map_err(|error| error.at(node.at))
    }

    fn variable(&self, name: &str) -> Outcome<'a> {
        self.scope
            .lookup(name, self.meter)?
            .ok_or_else(|| Error::interpreter(format!("unknown context value {}", excerpt(name))))
    }

    /// Returns whether the value of an expression counts as true.
    pub(crate) fn truth(&self, node: &'a Node) -> Result<bool, Fault> {
        truth(&*self.evaluate(node)?).map_err(|error| error.at(node.at))
    }

    fn chain(&self, first: &'a Node, links: &'a [(usize, Operator, Node)]) -> Outcome<'a> {
        let mut value = self.evaluate(first)?;
        for (at, operator, operand) in links {
            value = owned(
                self.link(&value, *operator, operand)
                    .map_err(|error| error.at(*at))?,
            );
        }
        Ok(value)
    }

    fn link(&self, left: &Value, operator: Operator, right: &'a Node) -> Result<Value, Fault> {
        self.meter.burn(1)?;
        match operator {
            Operator::And => Ok(Value::Bool(truth(left)? && self.truth(right)?)),
            Operator::Or => Ok(Value::Bool(truth(left)? || self.truth(right)?)),
            _ => binary(operator, left, &*self.evaluate(right)?, self.meter),
        }
    }

    fn power(&self, base: &'a Node, exponent: &'a Node) -> Outcome<'a> {
        let exponent = self.evaluate(exponent)?;
        let base = self.evaluate(base)?;
        number_operands("**", &exponent, &base)?;
        power(&base, &exponent).map(owned)
    }

    fn sign(&self, negative: bool, operand: &'a Node) -> Outcome<'a> {
        match (&*self.evaluate(operand)?, negative) {
            (Value::Int(number), true) => int(number.checked_neg()).map(owned),
            (Value::Float(number), true) => float(-number).map(owned),
            (Value::Int(number), false) => Ok(owned(Value::Int(*number))),
            (Value::Float(number), false) => Ok(owned(Value::Float(*number))),
            (_, true) => Err(Error::interpreter("unary - expects number")),
            (_, false) => Err(Error::interpreter("unary + expects number")),
        }
    }

    fn list(&self, nodes: &'a [Node]) -> Outcome<'a> {
        self.meter.grow(1 + nodes.len(), 0)?;
        let items = nodes
            .iter()
            .map(|node| self.owned(node))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(owned(items.into()))
    }

    fn object(&self, members: &'a indexmap::IndexMap<std::sync::Arc<str>, Node>) -> Outcome<'a> {
        let mut map = Map::with_capacity(members.len());
        for (key, node) in members {
            self.meter.grow(1, key.len())?;
            map.insert(key.clone(), self.owned(node)?);
        }
        Ok(owned(map.into()))
    }

    fn owned(&self, node: &'a Node) -> Result<Value, Fault> {
        self.meter.own(self.evaluate(node)?)
    }

    fn access(&self, node: &'a Node, steps: &'a [(usize, Step)]) -> Outcome<'a> {
        let mut value = self.evaluate(node)?;
        for (at, step) in steps {
            self.meter.burn(1)?;
            value = match step {
                Step::Call(arguments) => self.call(&value, arguments),
                Step::Index {
                    interval,
                    left,
                    right,
                } => self.index(value, *interval, left.as_deref(), right.as_deref()),
                Step::Member(name) => {
                    self.meter.burn_text(name.len())?;
                    member(value, name)
                }
            }
            .map_err(|error| error.at(*at))?;
        }
        Ok(value)
    }

    fn call(&self, function: &Value, nodes: &'a [Node]) -> Outcome<'a> {
        let Value::Function(function) = function else {
            return Err(Error::interpreter(format!(
                "{} is not callable",
                describe(function)
            )));
        };
        let arguments = nodes
            .iter()
            .map(|node| self.evaluate(node))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(builtin) = function.as_builtin() {
            return builtin.call(&arguments, self.scope, self.meter).map(owned);
        }
        let arguments = arguments
            .into_iter()
            .map(|value| self.meter.own(value))
            .collect::<Result<Vec<_>, _>>()?;
        let result = function.call(&arguments).map_err(Error::builtin)?;
        self.meter.charge(&result, 0)?;
        Ok(owned(result))
    }

    fn index(
        &self,
        value: Cow<'a, Value>,
        interval: bool,
        left: Option<&'a Node>,
        right: Option<&'a Node>,
    ) -> Outcome<'a> {
        let left = left.map(|node| self.evaluate(node)).transpose()?;
        let right = right.map(|node| self.evaluate(node)).transpose()?;
        match (&*value, left.as_deref()) {
            (Value::Array(_) | Value::String(_), left) if interval => {
                self.slice(&value, left, right.as_deref()).map(owned)
            }
            (Value::Array(_), Some(index)) => item(value, index),
            (Value::String(text), Some(index)) => self.character(text, index).map(owned),
            (Value::Object(_), Some(Value::String(key))) => {
                self.meter.burn_text(key.len())?;
                Ok(found(value, key).unwrap_or(NULL))
            }
            (Value::Object(_), _) => Err(Error::interpreter("object keys must be strings")),
            _ => Err(Error::interpreter(
                "infix: \"[..]\" expects object, array, or string",
            )),
        }
    }

    fn character(&self, text: &str, index: &Value) -> Result<Value, Fault> {
        self.meter.burn_text(text.len())?;
        let place = place(index, text.chars().count())?;
        let c = text.chars().nth(place).ok_or_else(out_of_bounds)?;
        self.meter.text(c.to_string())
    }

    fn slice(
        &self,
        value: &Value,
        left: Option<&Value>,
        right: Option<&Value>,
    ) -> Result<Value, Fault> {
        match value {
            Value::Array(items) => {
                let (start, length) = bounds(left, right, items.len())?;
                let part = items.iter().skip(start).take(length);
                self.meter.grow(1, 0)?;
                Ok(part
                    .map(|item| self.meter.copy(item))
                    .collect::<Result<Vec<_>, _>>()?
                    .into())
            }
            Value::String(text) => {
                self.meter.burn_text(text.len())?;
                let (start, length) = bounds(left, right, text.chars().count())?;
                self.meter
                    .text(text.chars().skip(start).take(length).collect::<String>())
            }
            _ => Ok(Value::Null), // the caller hands over nothing else
        }
    }
}

const NULL: Cow<'_, Value> = Cow::Owned(Value::Null);

const fn owned<'a>(value: Value) -> Cow<'a, Value> {
    Cow::Owned(value)
}

/// Returns whether a value counts as true; a foreign value is no operand.
pub(crate) fn truth(value: &Value) -> Result<bool, Fault> {
    match value {
        Value::Foreign(kind) => Err(Error::interpreter(format!(
            "{kind} is neither true nor false"
        ))),
        _ => Ok(value.is_truthy()),
    }
}

fn member<'a>(value: Cow<'a, Value>, name: &str) -> Outcome<'a> {
    if !matches!(*value, Value::Object(_)) {
        return Err(Error::interpreter("infix: . expects objects"));
    }
    found(value, name)
        .ok_or_else(|| Error::interpreter(format!("object has no property \"{}\"", excerpt(name))))
}

fn found<'a>(value: Cow<'a, Value>, key: &str) -> Option<Cow<'a, Value>> {
    match value {
        Cow::Borrowed(value) => value.get(key).map(Cow::Borrowed),
        Cow::Owned(Value::Object(mut map)) => map.swap_remove(key).map(owned),
        Cow::Owned(_) => None,
    }
}

fn item<'a>(value: Cow<'a, Value>, index: &Value) -> Outcome<'a> {
    let place = place(index, value.as_array().map_or(0, <[_]>::len))?;
    match value {
        Cow::Borrowed(value) => value
            .as_array()
            .and_then(|items| items.get(place))
            .map(Cow::Borrowed),
        Cow::Owned(Value::Array(mut items)) if place < items.len() => {
            Some(owned(items.swap_remove(place)))
        }
        Cow::Owned(_) => None,
    }
    .ok_or_else(out_of_bounds)
}

fn out_of_bounds() -> Fault {
    Error::interpreter("index out of bounds")
}

/// Returns the position that an index names; negative ones count from the end, booleans are 0 and 1.
fn place(index: &Value, length: usize) -> Result<usize, Fault> {
    let index = integer(index).ok_or_else(|| {
        Error::interpreter("should only use integers to access arrays or strings")
    })?;
    usize::try_from(from_start(index, length)).map_err(|_| out_of_bounds())
}

/// Counts an index from the start; negative ones count from the end.
fn from_start(index: i128, length: usize) -> i128 {
    if index < 0 {
        index.saturating_add(wide(length))
    } else {
        index
    }
}

fn wide(length: usize) -> i128 {
    i128::try_from(length).unwrap_or(i128::MAX)
}

/// Returns start and length of an interval; null stands for the end of the list, like an absent side.
fn bounds(
    left: Option<&Value>,
    right: Option<&Value>,
    length: usize,
) -> Result<(usize, usize), Fault> {
    let side = |side: Option<&Value>, absent: usize| -> Result<usize, Fault> {
        match side {
            None | Some(Value::Null) => Ok(absent),
            Some(value) => {
                let index = integer(value).ok_or_else(|| {
                    Error::interpreter("cannot perform interval access with non-integers")
                })?;
                let index = from_start(index, length).clamp(0, wide(length));
                Ok(usize::try_from(index).unwrap_or(length))
            }
        }
    };
    let (start, end) = (side(left, 0)?, side(right, length)?);
    Ok((start, end.saturating_sub(start)))
}

/// Returns a value as a message shows it; large ones by their type.
fn describe(value: &Value) -> String {
    let mut text = String::new();
    let short = Meter::new(&Limits {
        output_bytes: 4096,
        ..Limits::default()
    });
    match write_python(value, &short, &mut text) {
        Ok(()) => excerpt(&text),
        Err(_) => value.type_name().to_owned(),
    }
}
