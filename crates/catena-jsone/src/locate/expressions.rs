// SPDX-License-Identifier: MPL-2.0
//! What expressions read.

use super::{Aim, Env, Trail};
use crate::error::Fault;
use crate::evaluate::{Evaluator, truth};
use crate::parse::{Kind, Node, Operator, Step};
use crate::template::Expression;
use crate::value::Value;

impl Trail<'_> {
    /// Reads an expression, of whose value only the part at `path` matters.
    pub(super) fn expression<'e>(
        &mut self,
        expression: &'e Expression,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        match &expression.parsed {
            Ok(node) => self.operand(node, env, path, aim),
            Err(error) => Err(error.clone()),
        }
    }

    /// Reads a part of an expression.
    pub(super) fn operand<'e>(
        &mut self,
        node: &'e Node,
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        self.enter(aim)?;
        let aim = &aim.quiet();
        match &node.kind {
            Kind::Access(base, steps) => self.access(base, steps, env, path, aim),
            Kind::Chain(first, links) => self.chain(first, links, env, aim),
            Kind::List(items) => {
                let wanted = path
                    .split_first()
                    .and_then(|(head, rest)| Some((items.get(head.parse::<usize>().ok()?)?, rest)));
                match wanted {
                    Some((item, rest)) => self.operand(item, env, rest, aim),
                    None => self.operands(items, env, aim),
                }
            }
            Kind::Literal(_) | Kind::Missing => Ok(()),
            Kind::Not(operand) | Kind::Sign { operand, .. } => self.operand(operand, env, &[], aim),
            Kind::Object(members) => match path
                .split_first()
                .and_then(|(head, rest)| Some((members.get(head.as_str())?, rest)))
            {
                Some((member, rest)) => self.operand(member, env, rest, aim),
                None => self.operands(members.values(), env, aim),
            },
            Kind::Power { base, exponent } => self.operands([&**base, &**exponent], env, aim),
            Kind::Variable(name) => self.variable(name, env, path, aim),
        }
    }

    fn operands<'e>(
        &mut self,
        nodes: impl IntoIterator<Item = &'e Node>,
        env: &Env<'e>,
        aim: &Aim,
    ) -> Result<(), Fault> {
        nodes
            .into_iter()
            .try_for_each(|node| self.operand(node, env, &[], aim))
    }

    /// Reads the operands that were needed: `&&` and `||` may end early.
    fn chain<'e>(
        &mut self,
        first: &'e Node,
        links: &'e [(usize, Operator, Node)],
        env: &Env<'e>,
        aim: &Aim,
    ) -> Result<(), Fault> {
        self.operand(first, env, &[], aim)?;
        let mut so_far = None;
        for (_, operator, operand) in links {
            if let Operator::And | Operator::Or = operator {
                let left = match so_far {
                    Some(left) => left,
                    None => self.truth(first, env)?,
                };
                if left == (*operator == Operator::Or) {
                    so_far = Some(left);
                    continue;
                }
                so_far = Some(self.truth(operand, env)?);
            }
            self.operand(operand, env, &[], aim)?;
        }
        Ok(())
    }

    fn truth<'e>(&self, node: &'e Node, env: &Env<'e>) -> Result<bool, Fault> {
        truth(&*self.evaluate(node, env)?)
    }

    fn evaluate<'e>(
        &self,
        node: &'e Node,
        env: &Env<'e>,
    ) -> Result<std::borrow::Cow<'e, Value>, Fault> {
        Evaluator {
            scope: &env.scope,
            meter: self.renderer.meter,
        }
        .evaluate(node)
    }

    fn access<'e>(
        &mut self,
        base: &'e Node,
        steps: &'e [(usize, Step)],
        env: &Env<'e>,
        path: &[String],
        aim: &Aim,
    ) -> Result<(), Fault> {
        let (mut way, mut others) = (Vec::new(), Vec::new());
        let mut followed = true; // calls and slices make a new value
        for (_, step) in steps {
            let key = match step {
                Step::Call(arguments) => {
                    others.extend(arguments);
                    None
                }
                Step::Index {
                    interval,
                    left,
                    right,
                } => {
                    others.extend([left, right].into_iter().flatten().map(|node| &**node));
                    match left {
                        Some(left) if !interval && followed => self.member(left, env)?,
                        _ => None,
                    }
                }
                Step::Member(name) => Some(name.to_string()),
            };
            match key {
                Some(key) if followed => way.push(key),
                _ => followed = false,
            }
        }
        if followed {
            way.extend_from_slice(path);
        }
        self.operand(base, env, &way, aim)?;
        self.called(base, steps, env, aim)?;
        self.operands(others, env, aim)
    }

    /// Returns the member or item that an index names; none for one that counts from the end.
    fn member<'e>(&self, index: &'e Node, env: &Env<'e>) -> Result<Option<String>, Fault> {
        Ok(match &*self.evaluate(index, env)? {
            Value::Int(number) if *number >= 0 => Some(number.to_string()),
            Value::String(text) => Some(text.to_string()),
            _ => None,
        })
    }

    /// Reads what builtins look up by themselves.
    fn called(
        &mut self,
        base: &Node,
        steps: &[(usize, Step)],
        env: &Env<'_>,
        aim: &Aim,
    ) -> Result<(), Fault> {
        let (Kind::Variable(name), Some((_, Step::Call(arguments)))) = (&base.kind, steps.first())
        else {
            return Ok(());
        };
        match (&**name, arguments.as_slice()) {
            ("fromNow", [_]) => self.variable("now", env, &[], aim),
            ("defined", [name]) => match &name.kind {
                Kind::Literal(value) => {
                    self.variable(value.as_str().unwrap_or_default(), env, &[], aim)
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
