// SPDX-License-Identifier: MPL-2.0
//! The operators of templates, taken apart: `{$if: .., then: .., else: ..}` and so on.

use std::sync::Arc;

use crate::context::{by_name, each_names};
use crate::error::{Error, excerpt};
use crate::limits::Limits;
use crate::template::{Expression, Node};
use crate::value::{Map, Value};

#[derive(Debug)]
pub(crate) enum Operator {
    Eval(Expression),
    Find {
        list: Node,
        each: Result<Each<Expression>, Error>,
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
        each: Result<Each<Node>, Error>,
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
        each: Result<Each<Node>, Error>,
        initial: Value,
    },
    Reverse(Node),
    Sort {
        list: Node,
        by: Result<Option<Each<Expression>>, Error>,
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
    pub(crate) fn parse(map: &Map, limits: &Limits, depth: usize) -> Option<Result<Self, Error>> {
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
    fn parse(&self) -> Result<Operator, Error> {
        self.check_members()?;
        Ok(match self.name {
            "$eval" => Operator::Eval(self.condition("$eval must be given a string expression")),
            "$find" => Operator::Find {
                list: self.operand()?,
                each: self
                    .each(1, 2, |body| Ok(self.expression(body)))?
                    .and_then(|each| {
                        let Each { key, names, body } = each;
                        let body = body.ok_or_else(|| {
                            Error::template("each can evaluate string expressions only")
                        })?;
                        Ok(Each { key, names, body })
                    }),
            },
            "$flatten" | "$flattenDeep" => Operator::Flatten {
                list: self.operand()?,
                deep: self.name == "$flattenDeep",
            },
            "$fromNow" => Operator::FromNow {
                offset: self.operand()?,
                from: self.member("from")?,
            },
            "$if" => Operator::If {
                condition: self.condition("$if must be given a string expression"),
                then: self.member("then")?,
                otherwise: self.member("else")?,
            },
            "$json" => Operator::Json(self.operand()?),
            "$let" if self.value.as_object().is_some() => Operator::Let {
                names: self.operand()?,
                body: self.member("in")?,
            },
            "$let" => return Err(Error::template("$let value must be an object")),
            "$map" => Operator::Map {
                list: self.operand()?,
                each: self.each(1, 2, |body| Node::parse(body, self.limits, self.depth))?,
            },
            "$match" => Operator::Match(self.cases()?),
            "$merge" | "$mergeDeep" => Operator::Merge {
                list: self.operand()?,
                deep: self.name == "$mergeDeep",
            },
            "$reduce" => Operator::Reduce {
                list: self.operand()?,
                each: self.each(2, 3, |body| Node::parse(body, self.limits, self.depth))?,
                initial: self.initial()?,
            },
            "$reverse" => Operator::Reverse(self.operand()?),
            "$sort" => Operator::Sort {
                list: self.operand()?,
                by: self.by(),
            },
            _ => Operator::Switch {
                cases: self.cases()?,
                default: self.default_case()?,
            },
        })
    }

    /// Refuses members that the operator does not have. Like the reference's pattern, which anchors only its last
    /// alternative, it lets a longer name pass if it begins with one of the others.
    fn check_members(&self) -> Result<(), Error> {
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

    fn operand(&self) -> Result<Node, Error> {
        Node::parse(self.value, self.limits, self.depth).map_err(|error| error.within(self.name))
    }

    fn member(&self, key: &str) -> Result<Option<Node>, Error> {
        self.map
            .get(key)
            .map(|value| {
                Node::parse(value, self.limits, self.depth).map_err(|error| error.within(key))
            })
            .transpose()
    }

    /// Returns `initial`, which is no template, but bound by the depth of one.
    fn initial(&self) -> Result<Value, Error> {
        self.member("initial")?;
        Ok(self.map.get("initial").cloned().unwrap_or_default())
    }

    fn expression(&self, value: &Value) -> Option<Expression> {
        match value {
            Value::String(source) => Some(Expression::parse(source, self.limits)),
            _ => None,
        }
    }

    fn condition(&self, message: &str) -> Expression {
        Expression::of(self.value, self.limits, message)
    }

    /// Returns the `each(..)` with its body. The outer error is a limit; the inner one is raised only after the list
    /// was rendered.
    fn each<T>(
        &self,
        min: usize,
        max: usize,
        parse: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Result<Each<T>, Error>, Error> {
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

    fn by(&self) -> Result<Option<Each<Expression>>, Error> {
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
    fn cases(&self) -> Result<Vec<Case>, Error> {
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

    fn default_case(&self) -> Result<Option<Node>, Error> {
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
