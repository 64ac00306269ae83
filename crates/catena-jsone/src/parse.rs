// SPDX-License-Identifier: MPL-2.0
//! Parses expressions by precedence climbing, in linear time.
//!
//! It accepts exactly what the reference accepts, oddities included: unary operators bind tighter than `.`, `[` and
//! `(`; a missing operand is an error only when it is evaluated (`${true || }` is true); `a[1 2]` is `a[1]`.
//! Chains of operators and of accesses are flat, so that evaluation recurses only where the text nests.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::error::{Error, Fault, excerpt};
use crate::token::{Token, Tokens};
use crate::value::Value;

/// An expression and the byte offset that its errors point at.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A value and what is done to it, in turn.
    Access(Box<Node>, Vec<(usize, Step)>),
    /// Operators of one precedence, applied from left to right.
    Chain(Box<Node>, Vec<(usize, Operator, Node)>),
    List(Vec<Node>),
    Literal(Box<Value>),
    /// An operand that is not there.
    Missing,
    Not(Box<Node>),
    Object(Box<IndexMap<Arc<str>, Node>>),
    Power {
        base: Box<Node>,
        exponent: Box<Node>,
    },
    /// Unary plus or minus.
    Sign {
        negative: bool,
        operand: Box<Node>,
    },
    Variable(Arc<str>),
}

#[derive(Debug)]
pub(crate) enum Step {
    Call(Vec<Node>),
    Index {
        interval: bool,
        left: Option<Box<Node>>,
        right: Option<Box<Node>>,
    },
    Member(Arc<str>),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Operator {
    Add,
    And,
    Divide,
    Equal,
    In,
    Less,
    LessEqual,
    More,
    MoreEqual,
    Multiply,
    Or,
    Subtract,
    Unequal,
}

/// Parses the whole of `source`.
pub(crate) fn parse(source: &str, depth: usize) -> Result<Node, Fault> {
    let (node, rest) = Parser::start(source, 0, depth)?.finish()?;
    match rest {
        None => Ok(node),
        Some(token) => Err(unexpected(token, AFTER_EXPRESSION)),
    }
}

/// Parses the expression of an interpolation that begins at `offset`; returns it and the offset of its `}`.
pub(crate) fn parse_interpolation(
    source: &str,
    offset: usize,
    depth: usize,
) -> Result<(Node, usize), Fault> {
    let (node, rest) = Parser::start(source, offset, depth)?.finish()?;
    match rest {
        Some(token) if token.kind == "}" => Ok((node, token.start)),
        Some(token) => Err(unexpected(token, AFTER_EXPRESSION)),
        None => Err(Error::syntax("unterminated ${..} expression").at(offset)),
    }
}

const AFTER_EXPRESSION: &str = "!=, &&, (, *, **, +, -, ., /, <, <=, ==, >, >=, [, in, ||";
const BEFORE_EXPRESSION: &str = "!, (, +, -, [, false, identifier, null, number, string, true, {";

fn unexpected(token: Token<'_>, expected: &str) -> Fault {
    let found = excerpt(token.text);
    Error::syntax(format!("Found: {found} token, expected one of: {expected}")).at(token.start)
}

struct Parser<'s> {
    source: &'s str,
    tokens: Tokens<'s>,
    current: Option<Token<'s>>,
    depth_left: usize,
}

impl<'s> Parser<'s> {
    fn start(source: &'s str, offset: usize, depth_left: usize) -> Result<Self, Fault> {
        let mut tokens = Tokens::new(source, offset);
        let current = tokens.next()?;
        let parser = Self {
            source,
            tokens,
            current,
            depth_left,
        };
        if current.is_some() {
            Ok(parser)
        } else {
            Err(parser.ended())
        }
    }

    fn finish(mut self) -> Result<(Node, Option<Token<'s>>), Fault> {
        let node = self.binary(0)?;
        Ok((node, self.current))
    }

    fn ended(&self) -> Fault {
        Error::syntax("Unexpected end of input").at(self.source.len())
    }

    /// Returns the class of the current token.
    fn kind(&self) -> Option<&'static str> {
        self.current.map(|token| token.kind)
    }

    fn at(&self) -> usize {
        self.current.map_or(self.source.len(), |token| token.start)
    }

    fn advance(&mut self) -> Result<Token<'s>, Fault> {
        let token = self.current.ok_or_else(|| self.ended())?;
        self.current = self.tokens.next()?;
        Ok(token)
    }

    fn expect(&mut self, kind: &str) -> Result<Token<'s>, Fault> {
        match self.current {
            Some(token) if token.kind != kind => Err(unexpected(token, kind)),
            _ => self.advance(),
        }
    }

    /// Returns the error for a hole where the reference insists on an expression.
    fn hole(&self) -> Fault {
        self.current.map_or_else(
            || self.ended(),
            |token| unexpected(token, BEFORE_EXPRESSION),
        )
    }

    fn required(&mut self) -> Result<Node, Fault> {
        let node = self.binary(0)?;
        if matches!(node.kind, Kind::Missing) {
            Err(self.hole())
        } else {
            Ok(node)
        }
    }

    /// Parses operators of precedence `min` and above. All recursion of the parser goes through here or `unary`.
    fn binary(&mut self, min: u8) -> Result<Node, Fault> {
        self.enter()?;
        let mut left = self.power()?;
        let mut level_of_left = u8::MAX;
        while let Some((operator, level)) = self.kind().and_then(operator)
            && level >= min
        {
            let at = self.advance()?.start;
            let link = (at, operator, self.binary(level + 1)?);
            if level != level_of_left {
                left = Node {
                    kind: Kind::Chain(Box::new(left), Vec::new()),
                    at,
                };
                level_of_left = level;
            }
            if let Kind::Chain(_, links) = &mut left.kind {
                links.push(link);
            }
        }
        self.depth_left += 1;
        Ok(left)
    }

    fn enter(&mut self) -> Result<(), Fault> {
        match self.depth_left.checked_sub(1) {
            Some(left) => self.depth_left = left,
            None => return Err(Error::limit("expression is nested too deep").at(self.at())),
        }
        Ok(())
    }

    /// Parses `**`, which groups from the right.
    fn power(&mut self) -> Result<Node, Fault> {
        let base = self.access()?;
        if self.kind() != Some("**") {
            return Ok(base);
        }
        let at = self.advance()?.start;
        let exponent = Box::new(self.binary(POWER)?);
        Ok(Node {
            kind: Kind::Power {
                base: Box::new(base),
                exponent,
            },
            at,
        })
    }

    fn access(&mut self) -> Result<Node, Fault> {
        let node = self.unit()?;
        let mut steps = Vec::new();
        loop {
            let at = self.at();
            let step = match self.kind() {
                Some(".") => {
                    self.advance()?;
                    Step::Member(self.expect("identifier")?.text.into())
                }
                Some("[") => self.index()?,
                Some("(") => Step::Call(self.arguments()?),
                _ if steps.is_empty() => return Ok(node),
                _ => {
                    return Ok(Node {
                        at: node.at,
                        kind: Kind::Access(Box::new(node), steps),
                    });
                }
            };
            steps.push((at, step));
        }
    }

    fn unit(&mut self) -> Result<Node, Fault> {
        let token = self.current.ok_or_else(|| self.ended())?;
        let kind = match token.kind {
            "(" => return self.parentheses(),
            "[" => self.list()?,
            "{" => self.object()?,
            "!" | "+" | "-" => self.unary(token.kind)?,
            kind => match literal(kind, token)? {
                Some(literal) => {
                    self.advance()?;
                    literal
                }
                None => Kind::Missing,
            },
        };
        Ok(Node {
            kind,
            at: token.start,
        })
    }

    fn parentheses(&mut self) -> Result<Node, Fault> {
        self.advance()?;
        let node = self.required()?;
        self.expect(")")?;
        Ok(node)
    }

    fn unary(&mut self, sign: &str) -> Result<Kind, Fault> {
        self.enter()?;
        self.advance()?;
        let operand = Box::new(self.unit()?);
        self.depth_left += 1;
        Ok(match sign {
            "!" => Kind::Not(operand),
            _ => Kind::Sign {
                negative: sign == "-",
                operand,
            },
        })
    }

    fn arguments(&mut self) -> Result<Vec<Node>, Fault> {
        self.expect("(")?;
        let mut arguments = Vec::new();
        if self.kind() != Some(")") {
            arguments.push(self.binary(0)?);
            while self.kind() == Some(",") {
                if arguments
                    .last()
                    .is_some_and(|node| matches!(node.kind, Kind::Missing))
                {
                    return Err(self.hole());
                }
                self.advance()?;
                arguments.push(self.binary(0)?);
            }
        }
        self.expect(")")?;
        Ok(arguments)
    }

    fn list(&mut self) -> Result<Kind, Fault> {
        self.expect("[")?;
        let mut items = Vec::new();
        if self.kind() != Some("]") {
            items.push(self.binary(0)?);
            while self.kind() == Some(",") {
                if items
                    .last()
                    .is_some_and(|node| matches!(node.kind, Kind::Missing))
                {
                    return Err(self.hole());
                }
                self.advance()?;
                items.push(self.required()?);
            }
        }
        self.expect("]")?; // fails after a hole, which only another token leaves
        Ok(Kind::List(items))
    }

    fn object(&mut self) -> Result<Kind, Fault> {
        self.expect("{")?;
        let mut members = IndexMap::new();
        while let Some(token) = self
            .current
            .filter(|token| matches!(token.kind, "string" | "identifier"))
        {
            self.advance()?;
            self.expect(":")?;
            let key = if token.kind == "string" {
                unquote(token.text)
            } else {
                token.text
            };
            members.insert(key.into(), self.required()?);
            if self.kind() == Some("}") {
                break;
            }
            self.expect(",")?;
        }
        self.expect("}")?;
        Ok(Kind::Object(Box::new(members)))
    }

    /// Parses `[left]`, `[left:right]` with either side optional, and the reference's `[left right]`.
    fn index(&mut self) -> Result<Step, Fault> {
        self.expect("[")?;
        let mut left = None;
        let mut right = None;
        match self.kind() {
            None => return Err(self.ended()),
            Some("]") => return Err(self.hole()),
            Some(":") => {}
            Some(_) => left = Some(Box::new(self.binary(0)?)),
        }
        let interval = self.kind() == Some(":");
        if interval {
            self.advance()?;
        }
        if self.kind() != Some("]") {
            let node = if interval {
                self.required()?
            } else {
                self.binary(0)?
            };
            right = Some(Box::new(node));
        }
        self.expect("]")?;
        Ok(Step::Index {
            interval,
            left,
            right,
        })
    }
}

/// Returns a literal or variable; `None` if the token cannot begin an expression.
fn literal(kind: &str, token: Token<'_>) -> Result<Option<Kind>, Fault> {
    let value = match kind {
        "identifier" => return Ok(Some(Kind::Variable(token.text.into()))),
        "number" => number(token)?,
        "string" => unquote(token.text).into(),
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => return Ok(None),
    };
    Ok(Some(Kind::Literal(Box::new(value))))
}

fn number(token: Token<'_>) -> Result<Value, Fault> {
    let too_large = || Error::limit("number is too large").at(token.start);
    if token.text.contains('.') {
        let number: f64 = token.text.parse().map_err(|_| too_large())?;
        return if number.is_finite() {
            Ok(Value::Float(number))
        } else {
            Err(too_large())
        };
    }
    token.text.parse().map(Value::Int).map_err(|_| too_large())
}

fn unquote(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1))
        .unwrap_or_default()
}

const POWER: u8 = 7;

/// Returns a binary operator and its precedence.
fn operator(kind: &str) -> Option<(Operator, u8)> {
    Some(match kind {
        "||" => (Operator::Or, 0),
        "&&" => (Operator::And, 1),
        "in" => (Operator::In, 2),
        "==" => (Operator::Equal, 3),
        "!=" => (Operator::Unequal, 3),
        "<" => (Operator::Less, 4),
        ">" => (Operator::More, 4),
        "<=" => (Operator::LessEqual, 4),
        ">=" => (Operator::MoreEqual, 4),
        "+" => (Operator::Add, 5),
        "-" => (Operator::Subtract, 5),
        "*" => (Operator::Multiply, 6),
        "/" => (Operator::Divide, 6),
        _ => return None,
    })
}

impl Operator {
    /// Returns the operator as it is written.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::And => "&&",
            Self::Divide => "/",
            Self::Equal => "==",
            Self::In => "in",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::More => ">",
            Self::MoreEqual => ">=",
            Self::Multiply => "*",
            Self::Or => "||",
            Self::Subtract => "-",
            Self::Unequal => "!=",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn deep_expressions_are_refused_and_long_ones_are_flat() {
        let deep = |text: &str| format!("{}1", text.repeat(100_000));
        for opening in [
            "(",
            "[",
            "-",
            "!",
            "f(",
            "a[",
            "{a:",
            "2**",
            "1+(",
            "a||b&&c==d<e+f*(",
        ] {
            let error = parse(&deep(opening), 96).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Limit, "{opening}");
        }
        let long = deep("1+");
        let Kind::Chain(_, links) = parse(&long, 96).unwrap().kind else {
            panic!("not a chain")
        };
        assert_eq!(links.len(), 100_000);
        assert!(parse(&format!("a{}", ".b[0]".repeat(100_000)), 96).is_ok());
    }

    #[test]
    fn power_groups_from_the_right_and_the_rest_from_the_left() {
        assert!(
            matches!(parse("2**3**2", 9).unwrap().kind, Kind::Power { exponent, .. }
            if matches!(exponent.kind, Kind::Power { .. }))
        );
        let Kind::Chain(first, links) = parse("1*2+3+4", 9).unwrap().kind else {
            panic!("not a chain")
        };
        assert!(matches!(first.kind, Kind::Chain(..)));
        assert_eq!(links.len(), 2);
    }

    #[test]
    fn interpolation_ends_at_its_brace() {
        let source = "x ${ {a: '}'}.a } '";
        assert_eq!(parse_interpolation(source, 4, 9).unwrap().1, 16);
    }
}
