// SPDX-License-Identifier: MPL-2.0
//! How much a template may ask for, and the meter that counts it.
//!
//! Templates come from repositories that an attacker may write to: a few bytes can ask for exponential
//! work. All work that grows with data is charged *before* it is done.

use std::borrow::Cow;
use std::cell::Cell;

use crate::error::{Error, Fault};
use crate::value::Value;

/// What parsing and rendering may use. Reaching a limit is an error of kind
/// [`Limit`](crate::ErrorKind::Limit), never a panic or an abort.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Steps: one for each node that is rendered, evaluated, compared or copied, and for each 32 bytes of text.
    /// 10 million take about a second; a decision task's template needs some 10,000.
    pub fuel: u64,
    /// Levels of lists and objects in the template. 128 is what our readers let a document have; with it,
    /// rendering fits a thread's usual stack of 2 MiB. Values that rendering builds may be twice as deep.
    pub depth: usize,
    /// Levels of an expression (parentheses, brackets, operands of operators). The reference ends at just
    /// under 100 pairs of parentheses.
    pub expression_depth: usize,
    /// Bytes of all values that rendering makes, intermediate ones included: text, and 64 for each value.
    /// 64 MiB hold a hundred copies of a large push event; a task definition is limited to 1 MiB.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000,
            depth: 128,
            expression_depth: 96,
            output_bytes: 64 << 20,
        }
    }
}

/// What one rendering has left.
pub(crate) struct Meter {
    fuel: Cell<u64>,
    bytes: Cell<u64>,
    value_depth: usize,
}

const TEXT_PER_STEP: usize = 32; // text is handled by memcpy and memchr: far cheaper than a node
const NODE_BYTES: usize = 64; // about the size of a `Value`

impl Meter {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self {
            fuel: Cell::new(limits.fuel),
            bytes: Cell::new(limits.output_bytes),
            value_depth: limits.depth.saturating_mul(2),
        }
    }

    /// Returns a meter for work whose size the caller answers for.
    pub(crate) const fn unlimited() -> Self {
        Self {
            fuel: Cell::new(u64::MAX),
            bytes: Cell::new(u64::MAX),
            value_depth: usize::MAX,
        }
    }

    /// Pays for `steps` steps.
    pub(crate) fn burn(&self, steps: usize) -> Result<(), Fault> {
        take(&self.fuel, steps).ok_or_else(|| Error::limit("template needs too many steps"))
    }

    /// Pays for reading `bytes` bytes of text.
    pub(crate) fn burn_text(&self, bytes: usize) -> Result<(), Fault> {
        self.burn(1 + bytes / TEXT_PER_STEP)
    }

    /// Pays for making `nodes` values that hold `text` bytes of text.
    pub(crate) fn grow(&self, nodes: usize, text: usize) -> Result<(), Fault> {
        self.burn(nodes.saturating_add(text / TEXT_PER_STEP))?;
        take(
            &self.bytes,
            nodes.saturating_mul(NODE_BYTES).saturating_add(text),
        )
        .ok_or_else(|| Error::limit("template makes too much output"))
    }

    /// Returns a copy of `value`, paid for.
    pub(crate) fn copy(&self, value: &Value) -> Result<Value, Fault> {
        self.charge(value, 0)?;
        Ok(value.clone())
    }

    /// Returns the value itself, or a copy of a borrowed one.
    pub(crate) fn own(&self, value: Cow<'_, Value>) -> Result<Value, Fault> {
        match value {
            Cow::Borrowed(value) => self.copy(value),
            Cow::Owned(value) => Ok(value),
        }
    }

    /// Pays for a value of `text` as if it had been made here.
    pub(crate) fn text(
        &self,
        text: impl Into<std::sync::Arc<str>> + AsRef<str>,
    ) -> Result<Value, Fault> {
        self.grow(1, text.as_ref().len())?;
        Ok(Value::String(text.into()))
    }

    /// Pays for a whole value; also bounds its depth, so that later walks over it cannot exhaust the stack.
    pub(crate) fn charge(&self, value: &Value, depth: usize) -> Result<(), Fault> {
        match value {
            Value::Array(items) => {
                self.check_depth(depth)?;
                self.grow(1, 0)?;
                items
                    .iter()
                    .try_for_each(|item| self.charge(item, depth + 1))
            }
            Value::Object(map) => {
                self.check_depth(depth)?;
                self.grow(1, map.keys().map(|key| key.len()).sum())?;
                map.values()
                    .try_for_each(|item| self.charge(item, depth + 1))
            }
            Value::String(text) => self.grow(1, text.len()),
            _ => self.grow(1, 0),
        }
    }

    fn check_depth(&self, depth: usize) -> Result<(), Fault> {
        if depth < self.value_depth {
            Ok(())
        } else {
            Err(Error::limit("value is nested too deep"))
        }
    }
}

fn take(left: &Cell<u64>, amount: usize) -> Option<()> {
    left.set(left.get().checked_sub(u64::try_from(amount).ok()?)?);
    Some(())
}
