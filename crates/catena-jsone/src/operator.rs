// SPDX-License-Identifier: MPL-2.0
//! The operators of templates, taken apart: `{$if: .., then: .., else: ..}` and so on.

use std::sync::Arc;

use crate::context::{by_name, each_names};
use crate::error::{Error, Fault, excerpt};
use crate::limits::Limits;
use crate::template::{Expression, Node};
use crate::value::{Map, Value};

#[derive(Debug)]
pub(crate) enum Operator {
    Eval(Expression),
    Find {
        list: Node,
        each: Result<Each<Expression>, Fault>,
    },
    Flatten {
        list: Node,
        deep: bool,
    },
    FromNow {
        offset: Node,
        from: Option<Node>,
    },
    If {
        condition: Expression,
        then: Option<Node>,
        otherwise: Option<Node>,
    },
    Json(Node),
    Let {
        names: Node,
        body: Option<Node>,
    },
    Map {
        list: Node,
        each: Result<Each<Node>, Fault>,
    },
    /// The cases in order of their conditions.
    Match(Vec<Case>),
    Merge {
        list: Node,
        deep: bool,
    },
    /// `initial` is not a template: it is taken as it stands.
    Reduce {
        list: Node,
        each: Result<Each<Node>, Fault>,
        initial: Value,
    },
    Reverse(Node),
    Sort {
        list: Node,
        by: Result<Option<Each<Expression>>, Fault>,
    },
    Switch {
        cases: Vec<Case>,
        default: Option<Node>,
    },
}

/// What is done for each item: the names it gets, and the body under the key `key`.
#[derive(Debug)]
pub(crate) struct Each<T> {
    pub(crate) key: Arc<str>,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) body: T,
}

/// A condition and what it guards.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) condition: Expression,
    pub(crate) body: Node,
}

const NAMES: [&str; 16] = [
    "$eval",
    "$find",
    "$flatten",
    "$flattenDeep",
    "$fromNow",
    "$if",
    "$json",
    "$let",
    "$map",
    "$match",
    "$merge",
    "$mergeDeep",
    "$reduce",
    "$reverse",
    "$sort",
    "$switch",
];

impl Operator {
    /// Returns the operator that an object is; `None` if it is an ordinary object.
    pub(crate) fn parse(
        map: &Map,
        limits: &Limits,
        depth: usize,
    ) -> Option<Result<Box<Self>, Fault>> {
        let mut names = map
            .keys()
            .filter_map(|key| NAMES.into_iter().find(|name| **key == **name));
        let name = names.next()?;
        if names.next().is_some() {
            return Some(Err(Error::template("only one operator allowed")));
        }
        let value = map.get(name)?;
        Some(
            Parts {
                map,
                name,
                value,
                limits,
                depth: depth + 1,
            }
            .parse(),
        )
    }
}

/// The members of an object that is an operator.
struct Parts<'v> {
    map: &'v Map,
    name: &'static str,
    value: &'v Value,
    limits: &'v Limits,
    depth: usize,
}

impl Parts<'_> {
    /// Each kind has a function of its own: that keeps the frames of the recursion small.
    fn parse(&self) -> Result<Box<Operator>, Fault> {
        self.check_members()?;
        let deep = self.name.ends_with("Deep");
        match self.name {
            "$eval" => Ok(Box::new(Operator::Eval(self.condition()))),
            "$find" => self.find(),
            "$flatten" | "$flattenDeep" => {
                self.with_operand(|list| Ok(Operator::Flatten { list, deep }))
            }
            "$fromNow" => self.with_operand(|offset| {
                Ok(Operator::FromNow {
                    offset,
                    from: self.member("from")?,
                })
            }),
            "$if" => self.if_else(),
            "$json" => self.with_operand(|value| Ok(Operator::Json(value))),
            "$let" if self.value.as_object().is_none() => {
                Err(Error::template("$let value must be an object"))
            }
            "$let" => self.with_operand(|names| {
                Ok(Operator::Let {
                    names,
                    body: self.member("in")?,
                })
            }),
            "$map" => self.map(),
            "$match" => Ok(Box::new(Operator::Match(self.cases()?))),
            "$merge" | "$mergeDeep" => self.with_operand(|list| Ok(Operator::Merge { list, deep })),
            "$reduce" => self.reduce(),
            "$reverse" => self.with_operand(|list| Ok(Operator::Reverse(list))),
            "$sort" => self.with_operand(|list| {
                Ok(Operator::Sort {
                    list,
                    by: self.by(),
                })
            }),
            _ => self.switch(),
        }
    }

    fn with_operand(
        &self,
        make: impl FnOnce(Node) -> Result<Operator, Fault>,
    ) -> Result<Box<Operator>, Fault> {
        let operand = self.operand()?;
        make(operand).map(Box::new)
    }

    fn find(&self) -> Result<Box<Operator>, Fault> {
        let list = self.operand()?;
        let each = self.each(1, 2, |body| Ok(self.expression(body)))?;
        let each = each.and_then(|Each { key, names, body }| match body {
            Some(body) => Ok(Each { key, names, body }),
            None => Err(Error::template("each can evaluate string expressions only")),
        });
        Ok(Box::new(Operator::Find { list, each }))
    }

    fn if_else(&self) -> Result<Box<Operator>, Fault> {
        let then = self.member("then")?;
        let otherwise = self.member("else")?;
        Ok(Box::new(Operator::If {
            condition: self.condition(),
            then,
            otherwise,
        }))
    }

    fn map(&self) -> Result<Box<Operator>, Fault> {
        let list = self.operand()?;
        let each = self.each(1, 2, |body| Node::parse(body, self.limits, self.depth))?;
        Ok(Box::new(Operator::Map { list, each }))
    }

    fn reduce(&self) -> Result<Box<Operator>, Fault> {
        let list = self.operand()?;
        let each = self.each(2, 3, |body| Node::parse(body, self.limits, self.depth))?;
        Ok(Box::new(Operator::Reduce {
            list,
            each,
            initial: self.initial()?,
        }))
    }

    fn switch(&self) -> Result<Box<Operator>, Fault> {
        let cases = self.cases()?;
        Ok(Box::new(Operator::Switch {
            cases,
            default: self.default_case()?,
        }))
    }

    /// Refuses members that the operator does not have. Like the reference's pattern, which anchors only its last
    /// alternative, it lets a longer name pass if it begins with one of the others.
    fn check_members(&self) -> Result<(), Fault> {
        let name = self.name;
        let mut unknown: Vec<&str> = self
            .map
            .keys()
            .map(|key| &**key)
            .filter(|key| !self.knows(key))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        unknown.sort_unstable();
        Err(Error::template(format!(
            "{name} has undefined properties: {}",
            excerpt(&unknown.join(" "))
        )))
    }

    fn knows(&self, key: &str) -> bool {
        let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| key.starts_with(prefix));
        match self.name {
            name @ ("$find" | "$map") => begins(&[name]) || each_names(key, 1, 2).is_some(),
            name @ "$fromNow" => begins(&[name]) || is_word(key, "from"),
            name @ "$if" => begins(&[name, "then"]) || is_word(key, "else"),
            name @ "$let" => begins(&[name]) || is_word(key, "in"),
            name @ "$reduce" => begins(&[name, "initial"]) || each_names(key, 2, 3).is_some(),
            name @ "$sort" => begins(&[name]) || by_name(key).is_some(),
            name => is_word(key, name),
        }
    }

    fn operand(&self) -> Result<Node, Fault> {
        Node::parse(self.value, self.limits, self.depth).map_err(|error| error.within(self.name))
    }

    fn member(&self, key: &str) -> Result<Option<Node>, Fault> {
        self.map
            .get(key)
            .map(|value| {
                Node::parse(value, self.limits, self.depth).map_err(|error| error.within(key))
            })
            .transpose()
    }

    /// Returns `initial`, which is no template, but bound by the depth of one.
    fn initial(&self) -> Result<Value, Fault> {
        self.member("initial")?;
        Ok(self.map.get("initial").cloned().unwrap_or_default())
    }

    fn expression(&self, value: &Value) -> Option<Expression> {
        match value {
            Value::String(source) => Some(Expression::parse(source, self.limits)),
            _ => None,
        }
    }

    /// Returns the operator's value, which has to be an expression.
    fn condition(&self) -> Expression {
        let message = format!("{} must be given a string expression", self.name);
        Expression::of(self.value, self.limits, &message)
    }

    /// Returns the `each(..)` with its body. The outer error is a limit; the inner one is raised only after the list
    /// was rendered.
    fn each<T>(
        &self,
        min: usize,
        max: usize,
        parse: impl Fn(&Value) -> Result<T, Fault>,
    ) -> Result<Result<Each<T>, Fault>, Fault> {
        if self.name == "$reduce" && self.map.len() != 3 {
            return Ok(Err(Error::template(
                "$reduce must have exactly three properties",
            )));
        }
        if self.name == "$reduce" && !self.map.contains_key("initial") {
            return Ok(Err(Error::template("$reduce requires initial")));
        }
        let mut found = self
            .map
            .iter()
            .filter_map(|(key, body)| Some((key, each_names(key, min, max)?, body)));
        match (found.next(), found.next()) {
            (Some((key, names, body)), None) => {
                let body = parse(body).map_err(|error| error.within(key))?;
                Ok(Ok(Each {
                    key: key.clone(),
                    names,
                    body,
                }))
            }
            _ => Ok(Err(Error::template(match self.name {
                "$reduce" => "$reduce requires each(..)".to_owned(),
                name => format!("{name} requires exactly one other property, each(..)"),
            }))),
        }
    }

    fn by(&self) -> Result<Option<Each<Expression>>, Fault> {
        let mut found = self
            .map
            .iter()
            .filter_map(|(key, body)| Some((key, by_name(key)?, body)));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((key, name, body)), None) => {
                let body =
                    Expression::of(body, self.limits, "by can evaluate string expressions only");
                Ok(Some(Each {
                    key: key.clone(),
                    names: vec![name],
                    body,
                }))
            }
            _ => Err(Error::template("only one by(..) is allowed")),
        }
    }

    /// Returns the cases of `$match`, in the order of their conditions, or of `$switch`, in theirs.
    fn cases(&self) -> Result<Vec<Case>, Fault> {
        let name = self.name;
        let Value::Object(cases) = self.value else {
            return Err(Error::template(format!("{name} can evaluate objects only")));
        };
        let mut cases: Vec<_> = cases
            .iter()
            .filter(|(key, _)| name == "$match" || &***key != "$default")
            .collect();
        if name == "$match" {
            cases.sort_unstable_by_key(|(key, _)| *key);
        }
        cases
            .into_iter()
            .map(|(key, body)| {
                let body = Node::parse(body, self.limits, self.depth + 1)
                    .map_err(|error| error.within(key).within(name))?;
                Ok(Case {
                    condition: Expression::parse(key, self.limits),
                    body,
                })
            })
            .collect()
    }

    fn default_case(&self) -> Result<Option<Node>, Fault> {
        self.value
            .get("$default")
            .map(|body| Node::parse(body, self.limits, self.depth + 1))
            .transpose()
            .map_err(|error| error.within("$default").within(self.name))
    }
}

/// Returns whether `key` is `word`; a line feed may follow.
fn is_word(key: &str, word: &str) -> bool {
    key.strip_suffix('\n').unwrap_or(key) == word
}
