// SPDX-License-Identifier: MPL-2.0
//! The functions that every context has.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::context::Scope;
use crate::error::{Error, Fault};
use crate::limits::Meter;
use crate::number::{as_float, compare, float, int, integer, parse_float, to_int};
use crate::text::{is_space, write_python, write_scalar};
use crate::time::from_now;
use crate::value::Value;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Builtin {
    Abs,
    Ceil,
    Defined,
    Floor,
    FromNow,
    Join,
    Len,
    Lowercase,
    Lstrip,
    Max,
    Min,
    Number,
    Range,
    Rstrip,
    Split,
    Sqrt,
    Str,
    Strip,
    Typeof,
    Uppercase,
}

const ALL: [Builtin; 20] = [
    Builtin::Abs,
    Builtin::Ceil,
    Builtin::Defined,
    Builtin::Floor,
    Builtin::FromNow,
    Builtin::Join,
    Builtin::Len,
    Builtin::Lowercase,
    Builtin::Lstrip,
    Builtin::Max,
    Builtin::Min,
    Builtin::Number,
    Builtin::Range,
    Builtin::Rstrip,
    Builtin::Split,
    Builtin::Sqrt,
    Builtin::Str,
    Builtin::Strip,
    Builtin::Typeof,
    Builtin::Uppercase,
];

impl Builtin {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ALL.into_iter().find(|builtin| builtin.name() == name)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Ceil => "ceil",
            Self::Defined => "defined",
            Self::Floor => "floor",
            Self::FromNow => "fromNow",
            Self::Join => "join",
            Self::Len => "len",
            Self::Lowercase => "lowercase",
            Self::Lstrip => "lstrip",
            Self::Max => "max",
            Self::Min => "min",
            Self::Number => "number",
            Self::Range => "range",
            Self::Rstrip => "rstrip",
            Self::Split => "split",
            Self::Sqrt => "sqrt",
            Self::Str => "str",
            Self::Strip => "strip",
            Self::Typeof => "typeof",
            Self::Uppercase => "uppercase",
        }
    }

    /// Calls the function.
    pub(crate) fn call(
        self,
        arguments: &[Cow<'_, Value>],
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<Value, Fault> {
        meter.burn(1 + arguments.len())?;
        if arguments.is_empty()
            && matches!(self, Self::FromNow | Self::Max | Self::Min | Self::Number)
        {
            let message = format!("{}: expected at least 1 arguments", self.refuse().message);
            return Err(Error::builtin(message));
        }
        let arguments: Vec<&Value> = arguments.iter().map(AsRef::as_ref).collect();
        let text = |make: fn(&str) -> Cow<'_, str>| match *arguments {
            [Value::String(text)] => {
                meter.burn_text(text.len())?;
                meter.text(make(text).into_owned())
            }
            _ => Err(self.refuse()),
        };
        match self {
            Self::Abs => self.number(
                &arguments,
                |number| int(number.checked_abs()),
                |n| float(n.abs()),
            ),
            Self::Ceil => self.number(&arguments, |n| int(Some(n)), |n| int(to_int(n.ceil()))),
            Self::Floor => self.number(&arguments, |n| int(Some(n)), |n| int(to_int(n.floor()))),
            // a negative number has no root but NaN, which is refused
            Self::Sqrt => self.number(
                &arguments,
                |n| float(as_float(&Value::Int(n)).sqrt()),
                |n| float(n.sqrt()),
            ),
            Self::Defined => match *arguments {
                [Value::String(name)] => Ok(Value::Bool(scope.lookup(name, meter)?.is_some())),
                _ => Err(self.refuse()),
            },
            Self::FromNow => self.move_time(&arguments, scope, meter),
            Self::Join => self.join(&arguments, meter),
            Self::Len => match *arguments {
                [Value::String(text)] => {
                    meter.burn_text(text.len())?;
                    length(text.chars().count())
                }
                [Value::Array(items)] => length(items.len()),
                _ => Err(self.refuse()),
            },
            Self::Lowercase => text(|text| text.to_lowercase().into()),
            Self::Uppercase => text(|text| text.to_uppercase().into()),
            Self::Strip => text(|text| text.trim_matches(is_space).into()),
            Self::Lstrip => text(|text| text.trim_start_matches(is_space).into()),
            Self::Rstrip => text(|text| text.trim_end_matches(is_space).into()),
            Self::Max => self.extreme(&arguments, Ordering::Greater),
            Self::Min => self.extreme(&arguments, Ordering::Less),
            Self::Number => match *arguments {
                [Value::String(text)] => {
                    meter.burn_text(text.len())?;
                    float(parse_float(text).ok_or_else(|| self.refuse())?)
                }
                _ => Err(self.refuse()),
            },
            Self::Range => self.range(&arguments, meter),
            Self::Split => self.split(&arguments, meter),
            Self::Str => match *arguments {
                [value] => {
                    let mut out = String::new();
                    write_scalar(value, &mut out).map_err(|_| self.refuse())?;
                    meter.text(out)
                }
                _ => Err(self.refuse()),
            },
            Self::Typeof => match *arguments {
                [Value::Foreign(_)] => Err(self.refuse()),
                [value] => Ok(value.type_name().into()),
                _ => Err(self.refuse()),
            },
        }
    }

    fn refuse(self) -> Fault {
        Error::builtin(format!("invalid arguments to builtin: {}", self.name()))
    }

    fn number(
        self,
        arguments: &[&Value],
        of_int: impl Fn(i128) -> Result<Value, Fault>,
        of_float: impl Fn(f64) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        match *arguments {
            [Value::Int(number)] => of_int(*number),
            [Value::Float(number)] => of_float(*number),
            _ => Err(self.refuse()),
        }
    }

    /// Returns the first smallest or largest. One number alone is an error in the reference.
    fn extreme(self, arguments: &[&Value], wanted: Ordering) -> Result<Value, Fault> {
        let number = |value: &&Value| matches!(value, Value::Float(_) | Value::Int(_));
        let best = arguments.iter().copied().reduce(|best, value| {
            if compare(value, best) == Some(wanted) {
                value
            } else {
                best
            }
        });
        match best {
            Some(best) if arguments.len() > 1 && arguments.iter().all(number) => Ok(best.clone()),
            _ => Err(self.refuse()),
        }
    }

    fn range(self, arguments: &[&Value], meter: &Meter) -> Result<Value, Fault> {
        let one = Value::Int(1);
        let (start, stop, step) = match *arguments {
            [start, stop] => (start, stop, &one),
            [start, stop, step] => (start, stop, step),
            _ => return Err(self.refuse()),
        };
        let all = integer(start).zip(integer(stop)).zip(integer(step));
        let Some(((mut next, stop), step)) = all.filter(|(_, step)| *step != 0) else {
            return Err(self.refuse());
        };
        let mut items = Vec::new();
        while if step > 0 { next < stop } else { next > stop } {
            meter.grow(1, 0)?;
            items.push(Value::Int(next));
            let Some(following) = next.checked_add(step) else {
                break;
            };
            next = following;
        }
        Ok(items.into())
    }

    fn join(self, arguments: &[&Value], meter: &Meter) -> Result<Value, Fault> {
        let [
            Value::Array(items),
            separator @ (Value::String(_) | Value::Float(_) | Value::Int(_)),
        ] = *arguments
        else {
            return Err(self.refuse());
        };
        let mut out = String::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                write_python(separator, meter, &mut out)?;
            }
            write_python(item, meter, &mut out)?;
        }
        meter.text(out)
    }

    fn split(self, arguments: &[&Value], meter: &Meter) -> Result<Value, Fault> {
        let [
            Value::String(text),
            separator @ (Value::String(_) | Value::Float(_) | Value::Int(_)),
        ] = *arguments
        else {
            return Err(self.refuse());
        };
        let mut items = Vec::new();
        let mut push = |piece: &str| meter.text(piece).map(|piece| items.push(piece));
        if separator.is_truthy() {
            let mut by = String::new();
            write_scalar(separator, &mut by)?;
            meter.burn_text(text.len() + by.len())?;
            text.split(by.as_str()).try_for_each(&mut push)?;
        } else {
            let mut buffer = [0; 4];
            text.chars()
                .try_for_each(|c| push(c.encode_utf8(&mut buffer)))?;
        }
        Ok(items.into())
    }

    fn move_time(
        self,
        arguments: &[&Value],
        scope: &Scope<'_>,
        meter: &Meter,
    ) -> Result<Value, Fault> {
        let (offset, reference) = match *arguments {
            [Value::String(offset)] => (offset, None),
            [Value::String(offset), Value::String(reference)] => {
                (offset, Some(&**reference).filter(|text| !text.is_empty()))
            }
            _ => return Err(self.refuse()),
        };
        meter.burn_text(offset.len() + reference.map_or(0, str::len))?;
        let now = scope.lookup("now", meter)?;
        let reference = reference.or_else(|| now.as_deref()?.as_str());
        Ok(from_now(offset, reference)?.into())
    }
}

fn length(length: usize) -> Result<Value, Fault> {
    int(i128::try_from(length).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_found_by_its_name() {
        for builtin in ALL {
            assert_eq!(Builtin::from_name(builtin.name()), Some(builtin));
        }
        assert_eq!(Builtin::from_name("eval"), None);
    }
}
