// SPDX-License-Identifier: MPL-2.0
//! The value that templates, contexts and documents are made of.
//!
//! It differs from the usual JSON value in three ways that the chain of trust needs: integers are
//! exact (RULINGS P23), object members keep the order of the document (V62 takes the *first* push),
//! and a value may be a [`Function`] (JSON-e contexts) or [`Foreign`](Value::Foreign): something
//! that YAML 1.1 can write and JSON cannot, such as a date (V106).

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::builtins::Builtin;
use crate::limits::Meter;
use crate::operate;

/// The members of an object, in document order.
pub type Map = IndexMap<Arc<str>, Value>;

/// A JSON value with exact integers, and what YAML and JSON-e contexts add to it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// A list.
    Array(Vec<Self>),
    /// `true` or `false`.
    Bool(bool),
    /// A finite number written with a fraction or an exponent.
    Float(f64),
    /// A value of YAML that has no JSON form; holds the kind ("date", "binary", "integer key" …).
    ///
    /// It renders to itself, equals nothing (not even itself), and using it in an expression is an error.
    Foreign(&'static str),
    /// A function of a JSON-e context. It equals only itself and cannot be rendered.
    Function(Function),
    /// An integer. Documents hold at most 64 bits; arithmetic is checked in 128.
    Int(i128),
    /// `null`.
    #[default]
    Null,
    /// An object.
    Object(Map),
    /// A string.
    String(Arc<str>),
}

/// A function that a JSON-e expression can call.
#[derive(Clone)]
pub struct Function {
    name: &'static str,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Builtin(Builtin),
    /// What a template leaves where a value is to be dropped. The reference uses a class object for it, which
    /// counts as a function wherever it escapes (`typeof`, the final check for uncalled functions).
    Deletion,
    Given(Arc<FunctionBody>),
}

type FunctionBody = dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync;

impl Function {
    /// Returns a function with the name that error messages show. `Err` becomes a render error.
    pub fn new(
        name: &'static str,
        call: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            body: Body::Given(Arc::new(call)),
        }
    }

    /// Returns the name given at construction.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Calls the function.
    ///
    /// # Errors
    /// The text that the function gives when the arguments do not suit it.
    pub fn call(&self, arguments: &[Value]) -> Result<Value, String> {
        match &self.body {
            Body::Given(call) => call(arguments),
            Body::Builtin(_) | Body::Deletion => Err(format!(
                "{} can only be called from an expression",
                self.name
            )),
        }
    }

    pub(crate) const fn builtin(builtin: Builtin) -> Self {
        Self {
            name: builtin.name(),
            body: Body::Builtin(builtin),
        }
    }

    /// Returns whether both are one function.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.body, &other.body) {
            (Body::Builtin(left), Body::Builtin(right)) => left == right,
            (Body::Deletion, Body::Deletion) => true,
            (Body::Given(left), Body::Given(right)) => Arc::ptr_eq(left, right),
            _ => false,
        }
    }

    pub(crate) const fn as_builtin(&self) -> Option<Builtin> {
        match self.body {
            Body::Builtin(builtin) => Some(builtin),
            _ => None,
        }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.name)
    }
}

impl Value {
    /// Returns the member `key` of an object; `None` for any other value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object().and_then(|map| map.get(key))
    }

    /// Returns the value that an RFC 6901 JSON pointer names.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer
            .strip_prefix('/')?
            .split('/')
            .try_fold(self, |value, part| match value {
                Self::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
                Self::Object(map) if part.contains('~') => {
                    map.get(part.replace("~1", "/").replace("~0", "~").as_str())
                }
                Self::Object(map) => map.get(part),
                _ => None,
            })
    }

    /// Returns the text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the integer; `None` for floats, whatever their value.
    #[must_use]
    pub const fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the items of a list.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the members of an object.
    #[must_use]
    pub const fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// Returns whether the value is `null`.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns whether Python would take the value as true: everything but `null`, `false`, zero and empty text,
    /// lists and objects (verification.md, "truthy").
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Array(items) => !items.is_empty(),
            Self::Bool(flag) => *flag,
            Self::Float(number) => *number != 0.0,
            Self::Foreign(_) | Self::Function(_) => true,
            Self::Int(number) => *number != 0,
            Self::Null => false,
            Self::Object(map) => !map.is_empty(),
            Self::String(text) => !text.is_empty(),
        }
    }

    /// Returns whether Python would call the two values equal: `true` is `1`, `1` is `1.0` (compared exactly), the
    /// order of object members does not count. Foreign values equal nothing.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        operate::equal(self, other, &Meter::unlimited()).unwrap_or(false)
    }

    /// Returns the mark of a value that is to be dropped from the list or object around it.
    pub(crate) const fn deletion() -> Self {
        Self::Function(Function {
            name: "deletion marker",
            body: Body::Deletion,
        })
    }

    /// Returns whether the value is [`Value::deletion`].
    pub(crate) const fn is_deletion(&self) -> bool {
        matches!(
            self,
            Self::Function(Function {
                body: Body::Deletion,
                ..
            })
        )
    }

    /// Returns the name of the value's type as JSON-e and our findings print it.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Array(_) => "array",
            Self::Bool(_) => "boolean",
            Self::Float(_) | Self::Int(_) => "number",
            Self::Foreign(kind) => kind,
            Self::Function(_) => "function",
            Self::Null => "null",
            Self::Object(_) => "object",
            Self::String(_) => "string",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number.into())
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Object(map)
    }
}

impl<K: Into<Arc<str>>, const N: usize> From<[(K, Self); N]> for Value {
    fn from(members: [(K, Self); N]) -> Self {
        Self::Object(
            members
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        )
    }
}
