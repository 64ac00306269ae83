// SPDX-License-Identifier: MPL-2.0
//! What the operators of expressions do to two values.

use crate::error::{Error, Fault};
use crate::limits::Meter;
use crate::number::{as_float, compare, divide, float, int};
use crate::parse::Operator;
use crate::value::Value;

/// Applies any binary operator but `&&` and `||`.
pub(crate) fn binary(
    operator: Operator,
    left: &Value,
    right: &Value,
    meter: &Meter,
) -> Result<Value, Fault> {
    match operator {
        Operator::Add => add(left, right, meter),
        Operator::Divide | Operator::Multiply | Operator::Subtract => {
            arithmetic(operator, left, right)
        }
        Operator::Equal => equal(left, right, meter).map(Value::Bool),
        Operator::Unequal => equal(left, right, meter).map(|equal| Value::Bool(!equal)),
        Operator::In => contains(left, right, meter).map(Value::Bool),
        Operator::Less | Operator::LessEqual | Operator::More | Operator::MoreEqual => {
            order(operator, left, right, meter).map(Value::Bool)
        }
        Operator::And | Operator::Or => Ok(Value::Bool(false)), // decided by the caller, without the right side
    }
}

fn add(left: &Value, right: &Value, meter: &Meter) -> Result<Value, Fault> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            meter.grow(1, left.len() + right.len())?;
            Ok([&**left, &**right].concat().into())
        }
        (Value::Int(left), Value::Int(right)) => int(left.checked_add(*right)),
        (Value::Float(_) | Value::Int(_), Value::Float(_) | Value::Int(_)) => {
            float(as_float(left) + as_float(right))
        }
        _ => Err(expected("+", "numbers/strings")),
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    let symbol = operator.symbol();
    let (a, b) = number_operands(symbol, left, right)?;
    match (operator, left, right) {
        (Operator::Divide, _, _) if b == 0.0 => Err(Error::interpreter("division by zero")),
        (Operator::Divide, Value::Int(left), Value::Int(right)) => float(divide(*left, *right)),
        (Operator::Divide, _, _) => float(a / b),
        (Operator::Multiply, Value::Int(left), Value::Int(right)) => int(left.checked_mul(*right)),
        (Operator::Multiply, _, _) => float(a * b),
        (_, Value::Int(left), Value::Int(right)) => int(left.checked_sub(*right)),
        _ => float(a - b),
    }
}

/// Returns both operands as floats; an error if one is not a number.
pub(crate) fn number_operands(
    symbol: &str,
    left: &Value,
    right: &Value,
) -> Result<(f64, f64), Fault> {
    let number = |value| matches!(value, &(Value::Float(_) | Value::Int(_)));
    if number(left) && number(right) {
        Ok((as_float(left), as_float(right)))
    } else {
        Err(expected(symbol, "number"))
    }
}

/// Compares by size. Only values of one type have an order: `1 < 1.5` is an error in the reference too.
fn order(operator: Operator, left: &Value, right: &Value, meter: &Meter) -> Result<bool, Fault> {
    let ordering = match (left, right) {
        (Value::String(left), Value::String(right)) => {
            meter.burn_text(left.len().min(right.len()))?;
            Some(left.cmp(right))
        }
        (Value::Int(_), Value::Int(_)) | (Value::Float(_), Value::Float(_)) => compare(left, right),
        _ => None,
    };
    let ordering = ordering.ok_or_else(|| expected(operator.symbol(), "numbers/strings"))?;
    Ok(match operator {
        Operator::Less => ordering.is_lt(),
        Operator::LessEqual => ordering.is_le(),
        Operator::More => ordering.is_gt(),
        _ => ordering.is_ge(),
    })
}

fn contains(left: &Value, right: &Value, meter: &Meter) -> Result<bool, Fault> {
    match (right, left) {
        (Value::Object(map), Value::String(key)) => {
            meter.burn_text(key.len())?;
            Ok(map.contains_key(&**key))
        }
        (Value::Object(_), _) => Err(expected("in-object", "string on left side")),
        (Value::String(text), Value::String(part)) => {
            meter.burn_text(text.len() + part.len())?;
            Ok(text.contains(&**part))
        }
        (Value::String(_), _) => Err(expected("in-string", "string on left side")),
        (Value::Array(items), _) => {
            for item in items {
                if equal(left, item, meter)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => Err(expected("in", "Array, string, or object on right side")),
    }
}

/// Returns whether Python would call the values equal.
///
/// Comparing a foreign value is an error: whether it is equal is not ours to say.
pub(crate) fn equal(left: &Value, right: &Value, meter: &Meter) -> Result<bool, Fault> {
    meter.burn(1)?;
    Ok(match (left, right) {
        (Value::Foreign(kind), _) | (_, Value::Foreign(kind)) => {
            return Err(Error::interpreter(format!("{kind} cannot be compared")));
        }
        (Value::Function(left), Value::Function(right)) => left.is(right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && all(left.iter().zip(right), |(a, b)| equal(a, b, meter))?
        }
        (Value::Null, Value::Null) => true,
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && all(left, |(key, a)| {
                    meter.burn_text(key.len())?;
                    right.get(key).map_or(Ok(false), |b| equal(a, b, meter))
                })?
        }
        (Value::String(left), Value::String(right)) => {
            meter.burn_text(left.len().min(right.len()))?;
            left == right
        }
        _ => compare(left, right).is_some_and(std::cmp::Ordering::is_eq),
    })
}

fn all<T>(
    items: impl IntoIterator<Item = T>,
    mut test: impl FnMut(T) -> Result<bool, Fault>,
) -> Result<bool, Fault> {
    for item in items {
        if !test(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn expected(operator: &str, operands: &str) -> Fault {
    Error::interpreter(format!(
        "infix: {operator} expects {operands} {operator} {operands}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_python_s() {
        let same = |left: &Value, right: &Value| left.equals(right);
        let date = Value::Foreign("date");
        assert!(same(&Value::Bool(true), &Value::Int(1)));
        assert!(same(
            &vec![Value::Int(2)].into(),
            &vec![Value::Float(2.0)].into()
        ));
        let one = Value::from([("a", Value::Int(1)), ("b", Value::Null)]);
        let two = Value::from([("b", Value::Null), ("a", Value::Float(1.0))]);
        assert!(same(&one, &two));
        assert!(!same(&Value::Null, &Value::Bool(false)));
        assert!(!same(&"1".into(), &Value::Int(1)));
        assert!(
            !same(&date, &date) && !same(&vec![date.clone()].into(), &vec![date.clone()].into())
        );
    }

    #[test]
    fn integers_never_wrap() {
        let meter = Meter::unlimited();
        let max = Value::Int(i128::MAX);
        for operator in [Operator::Add, Operator::Multiply] {
            assert!(binary(operator, &max, &max, &meter).is_err());
        }
        assert!(binary(Operator::Subtract, &Value::Int(i128::MIN), &max, &meter).is_err());
    }
}
