// SPDX-License-Identifier: MPL-2.0
//! How operators hand on parts of their operands.

use super::{Aim, Env, Names, Trail, prepend};
use crate::apply::count;
use crate::error::Fault;
use crate::operator::{Case, Each, Operator};
use crate::template::{Expression, Node};
use crate::value::Value;

impl Trail<'_> {
    pub(super) fn operator<'e>(
        &mut self,
        operator: &'e Operator,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        match operator {
            Operator::Eval(expression) => {
                let aim = aim.step("$eval");
                self.found(&aim);
                self.expression(expression, env, path, &aim)
            }
            Operator::Find { list, each } => self.find(list, each.as_ref().ok(), env, path, aim),
            Operator::Flatten { list, deep } => self.flatten(list, *deep, env, path, aim),
            Operator::FromNow { offset, from } => {
                let aim = aim.step("$fromNow");
                self.found(&aim);
                self.node(offset, env, &[], &aim.quiet())?;
                match from {
                    Some(from) => self.node(from, env, &[], &aim.quiet()),
                    None => self.variable("now", env, &[], &aim),
                }
            }
            Operator::If {
                condition,
                then,
                otherwise,
            } => {
                self.expression(condition, env, &[], &aim.condition())?;
                let (key, branch) = if self.renderer.holds(condition, &env.scope)? {
                    ("then", then)
                } else {
                    ("else", otherwise)
                };
                self.branch(branch.as_ref(), env, path, (aim, key, "$if"))
            }
            Operator::Json(value) => {
                let aim = aim.step("$json");
                self.found(&aim);
                self.node(value, env, &[], &aim.quiet())
            }
            Operator::Let { names, body } => self.with_names(names, body.as_ref(), env, path, aim),
            Operator::Map { list, each } => match each {
                Ok(each) => self.map(list, each, env, path, aim),
                Err(error) => Err(error.clone()),
            },
            Operator::Match(cases) => self.matched(cases, env, path, aim),
            Operator::Merge { list, deep } => self.merge(list, *deep, env, path, aim),
            Operator::Reduce {
                list,
                each,
                initial,
            } => match each {
                Ok(each) => self.reduce(list, each, initial, env, aim),
                Err(error) => Err(error.clone()),
            },
            Operator::Reverse(list) => {
                let aim = aim.step("$reverse");
                let at = |wanted: usize, items: &[Value]| {
                    Some(vec![items.len().checked_sub(wanted + 1)?.to_string()])
                };
                self.moved(list, at, env, path, &aim)
            }
            Operator::Sort { list, .. } => {
                let sorted = self.renderer.apply(operator, &env.scope, aim.depth)?;
                let aim = aim.step("$sort");
                let at = |wanted: usize, items: &[Value]| {
                    let item = sorted.as_array()?.get(wanted)?;
                    let at = items.iter().position(|other| item.equals(other))?;
                    Some(vec![at.to_string()])
                };
                self.moved(list, at, env, path, &aim)
            }
            Operator::Switch { cases, default } => {
                self.switch(cases, default.as_ref(), env, path, aim)
            }
        }
    }

    /// Goes into the branch that was taken, or ends where there is none.
    fn branch<'e>(
        &mut self,
        branch: Option<&'e Node>,
        env: &Env<'e>,
        path: &[String],
        (aim, key, none): (&Aim, &str, &str),
    ) -> Result<(), Fault> {
        match branch {
            Some(branch) => self.node(branch, env, path, &aim.step(key)),
            None => {
                self.found(&aim.step(none));
                Ok(())
            }
        }
    }

    /// Goes into the operand of an operator that moves items: `place` says where in the operand an item was.
    fn moved<'e>(
        &mut self,
        list: &'e Node,
        place: impl FnOnce(usize, &[Value]) -> Option<Vec<String>>,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let Some((head, rest)) = path.split_first() else {
            return self.node(list, env, &[], aim);
        };
        let items = self.value(list, env, aim)?;
        let place = head
            .parse()
            .ok()
            .and_then(|wanted| place(wanted, items.as_array().unwrap_or_default()));
        match place {
            Some(mut place) => {
                place.extend_from_slice(rest);
                self.node(list, env, &place, aim)
            }
            None => self.node(list, env, &[], aim),
        }
    }

    fn find<'e>(
        &mut self,
        list: &'e Node,
        each: Option<&'e Each<Expression>>,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let aim = aim.step("$find");
        let items = self.value(list, env, &aim)?;
        let (Some(each), Some(items)) = (each, items.as_array()) else {
            self.found(&aim);
            return Ok(());
        };
        for (i, item) in items.iter().enumerate() {
            let index = count(i);
            let scope = env
                .scope
                .with_few([each.name(0, item), each.name(1, &index), None]);
            let inner = Env {
                scope,
                up: Some(env),
                names: Names::Each {
                    names: &each.names,
                    item: 0,
                    list,
                    step: i.to_string(),
                    is_pair: false,
                },
            };
            self.expression(&each.body, &inner, &[], &aim.condition())?;
            if self.renderer.holds(&each.body, &inner.scope)? {
                return self.node(list, env, &prepend(&[&i.to_string()], path), &aim);
            }
        }
        self.found(&aim);
        Ok(())
    }

    fn flatten<'e>(
        &mut self,
        list: &'e Node,
        deep: bool,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let (name, levels) = if deep {
            ("$flattenDeep", usize::MAX)
        } else {
            ("$flatten", 1)
        };
        let at = |mut wanted: usize, items: &[Value]| unflatten(items, levels, &mut wanted);
        self.moved(list, at, env, path, &aim.step(name))
    }

    fn with_names<'e>(
        &mut self,
        node: &'e Node,
        body: Option<&'e Node>,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let (Value::Object(names), Some(body)) = (self.value(node, env, aim)?, body) else {
            self.found(aim);
            return Ok(());
        };
        let inner = Env {
            scope: env.scope.with_map(&names),
            up: Some(env),
            names: Names::Let {
                node,
                names: &names,
            },
        };
        self.node(body, &inner, path, &aim.step("in"))
    }

    fn map<'e>(
        &mut self,
        list: &'e Node,
        each: &'e Each<Node>,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        if path.is_empty() {
            self.found(aim);
            self.node(list, env, &[], &aim.quiet())?;
        }
        let items: Vec<(String, Value, Value)> = match self.value(list, env, aim)? {
            Value::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(i, item)| (i.to_string(), item, count(i)))
                .collect(),
            // of members with one name the last counts, so it is looked at first
            Value::Object(map) => map
                .into_iter()
                .rev()
                .map(|(key, item)| {
                    let name = Value::String(key.clone());
                    let is_pair = each.names.len() == 1;
                    let item = if is_pair {
                        [("key", name.clone()), ("val", item)].into()
                    } else {
                        item
                    };
                    (key.to_string(), item, name)
                })
                .collect(),
            _ => Vec::new(),
        };
        let mut kept = 0;
        for (step, item, index) in &items {
            let is_member = matches!(index, Value::String(_));
            let scope = env
                .scope
                .with_few([each.name(0, item), each.name(1, index), None]);
            let inner = Env {
                scope,
                up: Some(env),
                names: Names::Each {
                    names: &each.names,
                    item: 0,
                    list,
                    step: step.clone(),
                    is_pair: is_member && each.names.len() == 1,
                },
            };
            let Some((head, rest)) = path.split_first() else {
                self.node(&each.body, &inner, &[], &aim.quiet())?;
                continue;
            };
            let value = self.value(&each.body, &inner, aim)?;
            if is_member && value.get(head).is_some() {
                return self.node(&each.body, &inner, path, &aim.step(&each.key));
            }
            if is_member {
                continue;
            }
            let is_kept = !value.is_deletion();
            if is_kept && head.parse() == Ok(kept) {
                return self.node(&each.body, &inner, rest, &aim.step(&each.key));
            }
            self.why_dropped(&each.body, &inner, aim)?;
            kept += usize::from(is_kept);
        }
        self.found(aim);
        Ok(())
    }

    fn matched<'e>(
        &mut self,
        cases: &'e [Case],
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let aim = aim.step("$match");
        if path.is_empty() {
            self.found(&aim);
        }
        self.case_conditions(cases, env, &aim.condition())?;
        let mut seen = 0;
        for Case { condition, body } in cases {
            if !self.renderer.holds(condition, &env.scope)? {
                continue;
            }
            let step = aim.step(&condition.source);
            match path.split_first() {
                None => self.node(body, env, &[], &step.quiet())?,
                Some((head, rest)) if head.parse() == Ok(seen) => {
                    return self.node(body, env, rest, &step);
                }
                Some(_) => seen += 1,
            }
        }
        self.found(&aim);
        Ok(())
    }

    /// Reads the conditions of all cases.
    pub(super) fn case_conditions<'e>(
        &mut self,
        cases: &'e [Case],
        env: &Env<'e>,
        aim: &Aim,
    ) -> Result<(), Fault> {
        cases
            .iter()
            .try_for_each(|case| self.expression(&case.condition, env, &[], aim))
    }

    fn switch<'e>(
        &mut self,
        cases: &'e [Case],
        default: Option<&'e Node>,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let inner = aim.step("$switch");
        for Case { condition, body } in cases {
            if self.renderer.holds(condition, &env.scope)? {
                self.expression(condition, env, &[], &aim.condition())?;
                return self.node(body, env, path, &inner.step(&condition.source));
            }
        }
        self.case_conditions(cases, env, &aim.condition())?;
        match default {
            Some(_) => self.branch(default, env, path, (&inner, "$default", "")),
            None => {
                self.found(&inner);
                Ok(())
            }
        }
    }

    fn merge<'e>(
        &mut self,
        list: &'e Node,
        deep: bool,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let inner = aim.step(if deep { "$mergeDeep" } else { "$merge" });
        let Some(head) = path.first() else {
            self.found(aim);
            return self.node(list, env, &[], &inner.quiet());
        };
        let items = self.value(list, env, aim)?;
        let items = items.as_array().unwrap_or_default();
        self.renderer
            .meter
            .burn(items.len().saturating_mul(path.len()))?;
        let winners = if deep {
            winners(items, path)
        } else {
            items
                .iter()
                .rposition(|item| item.get(head).is_some())
                .map(|at| vec![prepend(&[&at.to_string()], path)])
        };
        if let Some(winners) = winners {
            return winners
                .iter()
                .try_for_each(|place| self.node(list, env, place, &inner));
        }
        // none has it: name what is around it, and the conditions that may have kept it away
        let around = (1..path.len()).rev().filter(|_| deep).find_map(|end| {
            let (here, rest) = path.split_at(end);
            let places = self::winners(items, here)?;
            Some(places.into_iter().map(move |place| [&place, rest].concat()))
        });
        match around {
            Some(mut places) => {
                places.try_for_each(|place| self.node(list, env, &place, &inner))?
            }
            None => self.found(aim),
        }
        (0..items.len()).try_for_each(|at| {
            let place = prepend(&[&at.to_string()], path);
            self.node(list, env, &place, &inner.quiet())
        })
    }

    /// Every step may read every item, so only the operator as a whole has a place.
    fn reduce<'e>(
        &mut self,
        list: &'e Node,
        each: &'e Each<Node>,
        initial: &Value,
        env: &Env<'e>,
        aim: &Aim,
    ) -> Result<(), Fault> {
        self.found(aim);
        self.node(list, env, &[], &aim.quiet())?;
        let items = self.value(list, env, aim)?;
        let mut result = self.renderer.meter.copy(initial)?;
        for (i, item) in items.as_array().unwrap_or_default().iter().enumerate() {
            let index = count(i);
            let names = [
                each.name(0, &result),
                each.name(1, item),
                each.name(2, &index),
            ];
            let inner = Env {
                scope: env.scope.with_few(names),
                up: Some(env),
                names: Names::Each {
                    names: &each.names,
                    item: 1,
                    list,
                    step: i.to_string(),
                    is_pair: false,
                },
            };
            self.node(&each.body, &inner, &[], &aim.quiet())?;
            let value = self.value(&each.body, &inner, aim)?;
            if !value.is_deletion() {
                result = value;
            }
        }
        Ok(())
    }
}

/// Returns where in a list the item is that flattening puts at position `wanted`.
fn unflatten(items: &[Value], levels: usize, wanted: &mut usize) -> Option<Vec<String>> {
    for (i, item) in items.iter().enumerate() {
        match item {
            Value::Array(inner) if levels > 0 => {
                if let Some(place) = unflatten(inner, levels - 1, wanted) {
                    return Some(prepend(&[&i.to_string()], &place));
                }
            }
            _ if *wanted == 0 => return Some(vec![i.to_string()]),
            _ => *wanted -= 1,
        }
    }
    None
}

/// Returns which parts of which objects a deep merge puts at `path`; none if it puts nothing there.
fn winners(items: &[Value], path: &[String]) -> Option<Vec<Vec<String>>> {
    let mut level: Vec<(Vec<String>, &Value)> = items
        .iter()
        .enumerate()
        .map(|(i, item)| (vec![i.to_string()], item))
        .collect();
    for step in path {
        level = match level.last() {
            Some((_, Value::Array(_))) => appended(&level, step),
            _ => merged(&level, step),
        };
    }
    (!level.is_empty()).then(|| level.into_iter().map(|(place, _)| place).collect())
}

/// Returns the members `step` of merged objects: objects and lists join their like, everything else replaces.
fn merged<'v>(level: &[(Vec<String>, &'v Value)], step: &str) -> Vec<(Vec<String>, &'v Value)> {
    let mut next: Vec<(Vec<String>, &Value)> = Vec::new();
    for (place, value) in level {
        let Some(inner) = value.get(step) else {
            continue;
        };
        let joins = next.last().is_some_and(|(_, last)| {
            matches!(
                (last, inner),
                (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_))
            )
        });
        if !joins {
            next.clear();
        }
        next.push((below(place, step), inner));
    }
    next
}

/// Returns the item `step` of lists that were appended to each other.
fn appended<'v>(level: &[(Vec<String>, &'v Value)], step: &str) -> Vec<(Vec<String>, &'v Value)> {
    let Ok(mut wanted) = step.parse::<usize>() else {
        return Vec::new();
    };
    for (place, value) in level {
        let items = value.as_array().unwrap_or_default();
        if let Some(item) = items.get(wanted) {
            return vec![(below(place, &wanted.to_string()), item)];
        }
        wanted -= items.len();
    }
    Vec::new()
}

fn below(place: &[String], step: &str) -> Vec<String> {
    let mut place = place.to_vec();
    place.push(step.to_owned());
    place
}
