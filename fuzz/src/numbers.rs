//! The numbers of a tensor, found in another way than the library does.

use mishikallm::triton::tensor::{Datatype, half_to_bytes, numbers_from_bytes};
use serde_json::Value;

/// All numbers of nested lists, in their order; `None` where something else stands among them.
pub fn flatten(value: &Value) -> Option<Vec<f64>> {
    let mut numbers = Vec::new();
    push(value, &mut numbers).then_some(numbers)
}

fn push(value: &Value, numbers: &mut Vec<f64>) -> bool {
    match value {
        Value::Number(n) => numbers.extend(n.as_f64()),
        Value::Bool(b) => numbers.push(f64::from(*b)),
        Value::Array(items) => return items.iter().all(|item| push(item, numbers)),
        _ => return false,
    }
    true
}

/// Whether a number is still one as this kind of float: none becomes infinite.
pub fn fit(datatype: Datatype, value: &Value) -> bool {
    let Some(number) = value.as_f64() else {
        return false;
    };
    match datatype {
        Datatype::Fp64 => number.is_finite(),
        Datatype::Fp32 => (number as f32).is_finite(),
        half => {
            let numbers = numbers_from_bytes(half, &half_to_bytes(half, number));
            numbers.is_some_and(|n| n.first_not_finite().is_none())
        }
    }
}
