// SPDX-License-Identifier: MPL-2.0
//! What the operators of templates do.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::context::{Scope, is_identifier};
use crate::error::{Error, Fault};
use crate::operator::{Case, Each, Operator};
use crate::render::{Outcome, Renderer};
use crate::template::{Expression, Node};
use crate::text::to_sorted_json;
use crate::time::from_now;
use crate::value::{Map, Value};

impl Renderer<'_> {
    pub(crate) fn apply<'a>(
        &self,
        operator: &'a Operator,
        scope: &Scope<'a>,
        depth: usize,
    ) -> Outcome<'a> {
        match operator {
            Operator::Eval(expression) => self
                .evaluate(expression, scope)
                .map_err(|error| error.within("$eval")),
            Operator::Find { list, each } => self.find(list, each, scope, depth).map(Cow::Owned),
            Operator::Flatten { list, deep } => {
                self.flatten(list, *deep, scope, depth).map(Cow::Owned)
            }
            Operator::FromNow { offset, from } => self
                .move_time(offset, from.as_ref(), scope, depth)
                .map(Cow::Owned),
            Operator::If {
                condition,
                then,
                otherwise,
            } => {
                let holds = self
                    .holds(condition, scope)
                    .map_err(|error| error.within("$if"))?;
                let (key, branch) = if holds {
                    ("then", then)
                } else {
                    ("else", otherwise)
                };
                branch
                    .as_ref()
                    .map_or(Ok(Cow::Owned(Value::deletion())), |branch| {
                        self.render(branch, scope, depth)
                            .map_err(|error| error.within(key))
                    })
            }
            Operator::Json(value) => self.json(value, scope, depth).map(Cow::Owned),
            Operator::Let { names, body } => self
                .with_names(names, body.as_ref(), scope, depth)
                .map(Cow::Owned),
            Operator::Map { list, each } => self.map(list, each, scope, depth).map(Cow::Owned),
            Operator::Match(cases) => self
                .true_cases("$match", cases, scope, depth)
                .map(|values| Cow::Owned(values.into())),
            Operator::Merge { list, deep } => self.merge(list, *deep, scope, depth).map(Cow::Owned),
            Operator::Reduce {
                list,
                each,
                initial,
            } => self
                .reduce(list, each, initial, scope, depth)
                .map(Cow::Owned),
            Operator::Reverse(list) => {
                let message = "$reverse value must evaluate to an array of objects";
                let mut items = self.items("$reverse", list, message, scope, depth)?;
                items.reverse();
                Ok(Cow::Owned(items.into()))
            }
            Operator::Sort { list, by } => self.sort(list, by, scope, depth).map(Cow::Owned),
            Operator::Switch { cases, default } => self
                .switch(cases, default.as_ref(), scope, depth)
                .map(Cow::Owned),
        }
    }

    /// Renders the operand of the operator `name`.
    fn operand<'a>(
        &self,
        name: &str,
        node: &'a Node,
        scope: &Scope<'a>,
        depth: usize,
    ) -> Outcome<'a> {
        self.render(node, scope, depth)
            .map_err(|error| error.within(name))
    }

    /// Renders an operand that has to be a list, to items of its own.
    fn items(
        &self,
        name: &str,
        node: &Node,
        message: &str,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Value>, Fault> {
        match self.operand(name, node, scope, depth)? {
            Cow::Owned(Value::Array(items)) => Ok(items),
            Cow::Borrowed(Value::Array(items)) => {
                items.iter().map(|item| self.meter.copy(item)).collect()
            }
            _ => Err(Error::template(message)),
        }
    }

    fn find(
        &self,
        list: &Node,
        each: &Result<Each<Expression>, Fault>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let list = self.operand("$find", list, scope, depth)?;
        let items = list
            .as_array()
            .ok_or_else(|| Error::template("$find value must evaluate to an array"))?;
        let each = each.as_ref().map_err(Clone::clone)?;
        for (i, item) in items.iter().enumerate() {
            let index = count(i);
            let inner = scope.with_few([each.name(0, item), each.name(1, &index), None]);
            if self
                .holds(&each.body, &inner)
                .map_err(|error| error.within(&each.key))?
            {
                // the reference renders what it found, although it is data already
                self.meter.charge(item, 0)?;
                let template = Node::parse(item, self.limits, depth).map_err(in_data)?;
                return self.render_owned(&template, &inner, depth).map_err(in_data);
            }
        }
        Ok(Value::deletion())
    }

    fn flatten(
        &self,
        list: &Node,
        deep: bool,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let (name, message) = if deep {
            (
                "$flattenDeep",
                "$flattenDeep value must evaluate to an array",
            )
        } else {
            ("$flatten", "$flatten value must evaluate to an array")
        };
        let items = self.items(name, list, message, scope, depth)?;
        let mut flat = Vec::with_capacity(items.len());
        self.flatten_into(items, if deep { usize::MAX } else { 1 }, &mut flat)?;
        Ok(flat.into())
    }

    fn flatten_into(
        &self,
        items: Vec<Value>,
        levels: usize,
        flat: &mut Vec<Value>,
    ) -> Result<(), Fault> {
        self.meter.burn(items.len())?;
        for item in items {
            match item {
                Value::Array(inner) if levels > 0 => self.flatten_into(inner, levels - 1, flat)?,
                item => flat.push(item),
            }
        }
        Ok(())
    }

    fn move_time(
        &self,
        offset: &Node,
        from: Option<&Node>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let offset = self.operand("$fromNow", offset, scope, depth)?;
        let reference = match from {
            Some(from) => Some(self.operand("from", from, scope, depth)?),
            None => scope.lookup("now", self.meter)?,
        };
        let offset = offset
            .as_str()
            .ok_or_else(|| Error::template("$fromNow expects a string"))?;
        let reference = reference.as_deref().and_then(Value::as_str);
        self.meter
            .burn_text(offset.len() + reference.map_or(0, str::len))?;
        self.meter.text(from_now(offset, reference)?)
    }

    fn json(&self, node: &Node, scope: &Scope<'_>, depth: usize) -> Result<Value, Fault> {
        let value = self.operand("$json", node, scope, depth)?;
        self.refuse_functions(&value)?;
        self.meter.text(to_sorted_json(&value, self.meter)?)
    }

    fn with_names(
        &self,
        names: &Node,
        body: Option<&Node>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let names = self.operand("$let", names, scope, depth)?;
        let Value::Object(names) = &*names else {
            return Err(Error::template("$let value must be an object"));
        };
        if !names.keys().all(|name| is_identifier(name)) {
            return Err(Error::template(
                "top level keys of $let must follow /[a-zA-Z_][a-zA-Z0-9_]*/",
            ));
        }
        let body = body.ok_or_else(|| Error::template("$let operator requires an `in` clause"))?;
        self.render_owned(body, &scope.with_map(names), depth)
            .map_err(|error| error.within("in"))
    }

    fn map(
        &self,
        list: &Node,
        each: &Result<Each<Node>, Fault>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let list = self.operand("$map", list, scope, depth)?;
        let each = match &*list {
            Value::Array(_) | Value::Object(_) => each.as_ref().map_err(Clone::clone)?,
            _ => {
                return Err(Error::template(
                    "$map value must evaluate to an array or object",
                ));
            }
        };
        if let Value::Object(members) = &*list {
            return self.map_object(members, each, scope, depth);
        }
        let mut mapped = Vec::new();
        for (i, item) in list.as_array().unwrap_or_default().iter().enumerate() {
            let value = self.map_one(each, item, &count(i), scope, depth)?;
            if !value.is_deletion() {
                mapped.push(value);
            }
        }
        Ok(mapped.into())
    }

    fn map_object(
        &self,
        members: &Map,
        each: &Each<Node>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let mut merged = Map::new();
        for (key, item) in members {
            let mut value = self.meter.text(key.clone())?;
            value = if each.names.len() > 1 {
                self.map_one(each, item, &value, scope, depth)?
            } else {
                let member = [("key", value), ("val", self.meter.copy(item)?)].into();
                self.map_one(each, &member, &Value::Null, scope, depth)?
            };
            match value {
                Value::Object(value) => merged.extend(value),
                value if value.is_deletion() => {}
                _ => {
                    let message = format!(
                        "$map on objects expects {} to evaluate to an object",
                        each.key
                    );
                    return Err(Error::template(message));
                }
            }
        }
        Ok(merged.into())
    }

    fn map_one(
        &self,
        each: &Each<Node>,
        value: &Value,
        index: &Value,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let inner = scope.with_few([each.name(0, value), each.name(1, index), None]);
        self.render_owned(&each.body, &inner, depth)
            .map_err(|error| error.within(&each.key))
    }

    fn true_cases(
        &self,
        name: &str,
        cases: &[Case],
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Vec<Value>, Fault> {
        self.meter.grow(1, 0)?;
        let mut values = Vec::new();
        for Case { condition, body } in cases {
            let within = |error: Fault| error.within(&condition.source).within(name);
            if self.holds(condition, scope).map_err(within)? {
                values.push(self.render_owned(body, scope, depth + 1).map_err(within)?);
            }
        }
        Ok(values)
    }

    fn switch(
        &self,
        cases: &[Case],
        default: Option<&Node>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let mut values = self.true_cases("$switch", cases, scope, depth)?;
        match (values.pop(), default) {
            (Some(value), _) if values.is_empty() => Ok(value),
            (Some(_), _) => Err(Error::template(
                "$switch can only have one truthy condition",
            )),
            (None, Some(default)) => self
                .render_owned(default, scope, depth + 1)
                .map_err(|error| error.within("$default").within("$switch")),
            (None, None) => Ok(Value::deletion()),
        }
    }

    fn merge(
        &self,
        list: &Node,
        deep: bool,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let (name, message) = if deep {
            (
                "$mergeDeep",
                "$mergeDeep value must evaluate to an array of objects",
            )
        } else {
            (
                "$merge",
                "$merge value must evaluate to an array of objects",
            )
        };
        let mut merged = Map::new();
        let items = self.items(name, list, message, scope, depth)?;
        if !items.iter().all(|item| matches!(item, Value::Object(_))) {
            return Err(Error::template(message));
        }
        for item in items {
            let Value::Object(item) = item else { continue };
            self.meter.burn(item.len())?;
            if deep {
                self.merge_deep(&mut merged, item)?;
            } else {
                merged.extend(item);
            }
        }
        Ok(merged.into())
    }

    fn merge_deep(&self, into: &mut Map, from: Map) -> Result<(), Fault> {
        self.meter.burn(from.len())?;
        for (key, value) in from {
            match (into.get_mut(&key), value) {
                (Some(Value::Array(left)), Value::Array(right)) => {
                    self.meter.burn(right.len())?;
                    left.extend(right);
                }
                (Some(Value::Object(left)), Value::Object(right)) => {
                    self.merge_deep(left, right)?
                }
                (Some(left), right) => *left = right,
                (None, value) => {
                    into.insert(key, value);
                }
            }
        }
        Ok(())
    }

    fn reduce(
        &self,
        list: &Node,
        each: &Result<Each<Node>, Fault>,
        initial: &Value,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let list = self.operand("$reduce", list, scope, depth)?;
        let items = list
            .as_array()
            .ok_or_else(|| Error::template("$reduce value must evaluate to an array"))?;
        let each = each.as_ref().map_err(Clone::clone)?;
        let mut result = self.meter.copy(initial)?;
        for (i, item) in items.iter().enumerate() {
            let index = count(i);
            let names = [
                each.name(0, &result),
                each.name(1, item),
                each.name(2, &index),
            ];
            let inner = scope.with_few(names);
            let value = self
                .render_owned(&each.body, &inner, depth)
                .map_err(|error| error.within(&each.key))?;
            if !value.is_deletion() {
                result = value;
            }
        }
        Ok(result)
    }

    fn sort(
        &self,
        list: &Node,
        by: &Result<Option<Each<Expression>>, Fault>,
        scope: &Scope<'_>,
        depth: usize,
    ) -> Result<Value, Fault> {
        let items = self.items("$sort", list, NOT_ONE_TYPE, scope, depth)?;
        let rounds = items
            .len()
            .checked_ilog2()
            .and_then(|log| usize::try_from(log).ok())
            .unwrap_or(0)
            + 1;
        self.meter.burn(items.len().saturating_mul(rounds))?;
        let keys = match by.as_ref().map_err(Clone::clone)? {
            None => items.iter().map(SortKey::new).collect::<Option<Vec<_>>>(),
            Some(by) => {
                let key = |item: &Value| {
                    let inner = scope.with_few([by.name(0, item), None, None]);
                    let key = self
                        .evaluate(&by.body, &inner)
                        .map_err(|error| error.within(&by.key))?;
                    Ok(SortKey::new(&key))
                };
                items.iter().map(key).collect::<Result<_, Fault>>()?
            }
        };
        let keys = keys.filter(|keys| SortKey::have_one_type(keys));
        let keys = keys.ok_or_else(|| Error::template(NOT_ONE_TYPE))?;
        let text = keys.iter().map(SortKey::length).sum::<usize>();
        self.meter.burn_text(text.saturating_mul(rounds))?;
        let mut pairs: Vec<_> = keys.into_iter().zip(items).collect();
        pairs.sort_by(|(left, _), (right, _)| left.order(right));
        Ok(pairs
            .into_iter()
            .map(|(_, item)| item)
            .collect::<Vec<_>>()
            .into())
    }
}

const NOT_ONE_TYPE: &str = "$sorted values to be sorted must have the same type";

/// What `$sort` compares.
enum SortKey {
    Bool(bool),
    Float(f64),
    Int(i128),
    Text(std::sync::Arc<str>),
}

impl SortKey {
    fn new(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(flag) => Self::Bool(*flag),
            Value::Float(number) => Self::Float(*number),
            Value::Int(number) => Self::Int(*number),
            Value::String(text) => Self::Text(text.clone()),
            _ => return None,
        })
    }

    /// Returns whether the keys can be sorted. Like in Python, booleans count as integers, but not the first one.
    fn have_one_type(keys: &[Self]) -> bool {
        match keys.first() {
            None => true,
            Some(Self::Bool(_)) => false,
            Some(Self::Float(_)) => keys.iter().all(|key| matches!(key, Self::Float(_))),
            Some(Self::Int(_)) => keys
                .iter()
                .all(|key| matches!(key, Self::Bool(_) | Self::Int(_))),
            Some(Self::Text(_)) => keys.iter().all(|key| matches!(key, Self::Text(_))),
        }
    }

    fn length(&self) -> usize {
        if let Self::Text(text) = self {
            text.len()
        } else {
            0
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Float(left), Self::Float(right)) => {
                left.partial_cmp(right).unwrap_or(Ordering::Equal)
            }
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => self.integer().cmp(&other.integer()),
        }
    }

    fn integer(&self) -> i128 {
        match self {
            Self::Bool(flag) => i128::from(*flag),
            Self::Int(number) => *number,
            Self::Float(_) | Self::Text(_) => 0,
        }
    }
}

impl<T> Each<T> {
    /// Returns the `i`-th name with its value, if there is such a name.
    pub(crate) fn name<'a>(&'a self, i: usize, value: &'a Value) -> Option<(&'a str, &'a Value)> {
        self.names.get(i).map(|name| (&**name, value))
    }
}

/// Returns a position as a value.
pub(crate) fn count(i: usize) -> Value {
    Value::Int(i128::try_from(i).unwrap_or(i128::MAX))
}

/// Places an error that happened in data: the template's own pointer ends at `$find`.
fn in_data(mut error: Fault) -> Fault {
    error.pointer = String::new();
    error.column = None;
    error.within("$find")
}
