// SPDX-License-Identifier: MPL-2.0
//! The names that expressions can use.

use std::borrow::Cow;
use std::sync::Arc;

use crate::builtins::Builtin;
use crate::error::{Error, Fault};
use crate::limits::Meter;
use crate::text::is_space;
use crate::value::{Function, Map, Value};

/// Names and their values, functions included. They hide builtins of the same name.
///
/// # Examples
/// ```
/// use catena_jsone::{Context, Function, Limits, Template, Value};
/// let context = Context::new("2026-01-01T00:00:00.000Z")
///     .with("level", Value::Int(3))
///     .with("as_slugid", Value::Function(Function::new("as_slugid", |_| Ok("eIbCqZ".into()))));
/// let limits = Limits::default();
/// let template = Template::parse(&"${as_slugid('x')}-l${level} ${fromNow('1 day')}".into(), &limits)?;
/// assert_eq!(
///     template.render(&context, &limits)?.as_str(),
///     Some("eIbCqZ-l3 2026-01-02T00:00:00.000Z"),
/// );
/// # Ok::<(), catena_jsone::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    names: Map,
    valid: bool,
}

impl Context {
    /// Returns a context with the builtins and `now`, the time that `now` and `fromNow` give.
    ///
    /// The text is not judged here: like the reference, `fromNow` reads `YYYY-MM-DDTHH:MM:SS.fZ` only and is an error
    /// for anything else, while `${now}` prints any text.
    #[must_use]
    pub fn new(now: &str) -> Self {
        Self {
            names: Map::from([("now".into(), now.into())]),
            valid: true,
        }
    }

    /// Returns the context with one name added or replaced. A name that is no identifier makes rendering fail.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, value: Value) -> Self {
        let name = name.into();
        self.valid &= is_identifier(&name);
        self.names.insert(name, value);
        self
    }

    /// Returns the context with the members of an object added.
    #[must_use]
    pub fn with_all(self, members: Map) -> Self {
        members
            .into_iter()
            .fold(self, |context, (name, value)| context.with(name, value))
    }

    pub(crate) const fn names(&self) -> &Map {
        &self.names
    }

    pub(crate) fn scope(&self) -> Result<Scope<'_>, Fault> {
        if self.valid {
            Ok(Scope {
                parent: None,
                names: Names::Map(&self.names),
                level: 0,
            })
        } else {
            Err(Error::template(
                "top level keys of context must follow /[a-zA-Z_][a-zA-Z0-9_]*/",
            ))
        }
    }
}

/// The names visible at one point of a template: those of the operators around it, then those of the context.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    parent: Option<&'a Self>,
    names: Names<'a>,
    /// How many scopes are around this one.
    level: usize,
}

#[derive(Clone, Copy)]
enum Names<'a> {
    Map(&'a Map),
    Few([Option<(&'a str, &'a Value)>; 3]),
}

impl<'a> Scope<'a> {
    /// Returns a scope with the names of a `$let`.
    pub(crate) const fn with_map(&'a self, names: &'a Map) -> Self {
        Self {
            parent: Some(self),
            names: Names::Map(names),
            level: self.level + 1,
        }
    }

    /// Returns a scope with the names of an `each(..)` or `by(..)`; later ones hide earlier ones.
    pub(crate) const fn with_few(&'a self, names: [Option<(&'a str, &'a Value)>; 3]) -> Self {
        Self {
            parent: Some(self),
            names: Names::Few(names),
            level: self.level + 1,
        }
    }

    /// Returns the value of a name; pays for asking every scope.
    pub(crate) fn lookup(
        &self,
        name: &str,
        meter: &Meter,
    ) -> Result<Option<Cow<'a, Value>>, Fault> {
        meter.burn_text(name.len().saturating_mul(self.level))?;
        meter.burn(self.level)?;
        Ok(self.find(name))
    }

    fn find(&self, name: &str) -> Option<Cow<'a, Value>> {
        let mut scope = *self;
        loop {
            let found = match scope.names {
                Names::Map(map) => map.get(name),
                Names::Few(few) => few
                    .into_iter()
                    .flatten()
                    .rev()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value),
            };
            match (found, scope.parent) {
                (Some(value), _) => return Some(Cow::Borrowed(value)),
                (None, Some(parent)) => scope = *parent,
                (None, None) => {
                    let builtin = Builtin::from_name(name)?;
                    return Some(Cow::Owned(Value::Function(Function::builtin(builtin))));
                }
            }
        }
    }
}

/// Returns whether the reference takes `text` for an identifier: a line feed may follow it.
pub(crate) fn is_identifier(text: &str) -> bool {
    let text = text.strip_suffix('\n').unwrap_or(text);
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the names of `each(a, b)`, if there are between `min` and `max` of them and all are identifiers.
pub(crate) fn each_names(key: &str, min: usize, max: usize) -> Option<Vec<Arc<str>>> {
    names_of(key.strip_prefix("each(")?, min, max)
}

/// Returns the name of `by(a)`.
pub(crate) fn by_name(key: &str) -> Option<Arc<str>> {
    names_of(key.strip_prefix("by(")?, 1, 1)?.pop()
}

fn names_of(list: &str, min: usize, max: usize) -> Option<Vec<Arc<str>>> {
    let line = list.strip_suffix('\n').unwrap_or(list);
    let mut names: Vec<Arc<str>> = line
        .strip_suffix(')')?
        .split(',')
        .enumerate()
        // blanks may stand after a comma only
        .map(|(i, name)| {
            if i == 0 {
                name
            } else {
                name.trim_start_matches(is_space)
            }
        })
        .map(|name| (is_identifier(name) && !name.ends_with('\n')).then(|| name.into()))
        .collect::<Option<_>>()?;
    if line.len() < list.len() {
        // the reference lets a line feed follow, then cuts that off instead of the parenthesis
        let last = names.pop()?;
        names.push(format!("{last})").into());
    }
    (min..=max).contains(&names.len()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_each_follow_the_reference_s_patterns() {
        for (text, expected) in [
            ("a_1", true),
            ("_", true),
            ("a\n", true),
            ("1a", false),
            ("", false),
            ("é", false),
        ] {
            assert_eq!(is_identifier(text), expected, "{text}");
        }
        assert_eq!(each_names("each(x, \ty)", 1, 2).unwrap().len(), 2);
        for key in [
            "each()",
            "each(x )",
            "each( x)",
            "each(x,y ,z)",
            "each(x,y,z)",
            "each(x",
            "each(x\n)",
        ] {
            assert!(each_names(key, 1, 2).is_none(), "{key}");
        }
    }

    #[test]
    fn inner_names_hide_outer_ones_and_names_hide_builtins() {
        let context = Context::new("").with("len", Value::Int(1));
        let outer = context.scope().unwrap();
        let (one, two) = (Value::Int(10), Value::Int(20));
        let inner = outer.with_few([Some(("x", &one)), Some(("x", &two)), None]);
        assert_eq!(inner.find("x").unwrap().as_int(), Some(20));
        assert_eq!(inner.find("len").unwrap().as_int(), Some(1));
        assert!(inner.find("min").is_some() && inner.find("y").is_none());
    }
}
