//! What a caller asks for, under OpenAI's names, as values that the model's backend understands.

use super::Ask;
use crate::limits;
use crate::triton::dialect::{Dialect, Rule};
use crate::triton::model::Model;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The parameters of a request, each under OpenAI's name or, where OpenAI has none, its own.
pub(super) fn values<'a>(
    ask: &'a Ask,
    dialect: &Dialect,
    model: &Model,
) -> Vec<(&'a str, Cow<'a, Value>)> {
    let generation = &*ask.generation;
    // Room for what is added here.
    let mut values = Values(Vec::with_capacity(generation.params.len() + 4));
    let params = generation.params.iter();
    let params = params.map(|(key, value)| (key.as_str(), Cow::Borrowed(value)));
    values.0.extend(params);
    if let Some(n) = generation.max_tokens {
        values.set("max_tokens", json!(n));
    }
    if !generation.stop.is_empty() {
        values.set("stop", json!(generation.stop));
    }
    let takes = |key: &str| dialect.input_for(model, key).is_some();
    // A flag of that name is no seed that chance could give.
    let takes_seed = dialect
        .input_for(model, "seed")
        .is_some_and(|input| input.datatype.is_integer());
    for rule in dialect.rules {
        match rule {
            Rule::GreedyByTopK if takes("top_k") && values.number("temperature") == Some(0.0) => {
                values.remove("temperature");
                values.set("top_k", json!(1));
            }
            Rule::TopPBesideTemperature if takes("top_p") => {
                // Of several choices without a word about chance, each would be the same.
                let samples = values.has("temperature") || generation.n > 1;
                if samples && !values.has("top_k") && !values.has("top_p") {
                    values.set("top_p", json!(1.0));
                }
            }
            Rule::SeedByChance if takes_seed => {
                let samples = ["temperature", "top_p", "top_k"]
                    .iter()
                    .any(|key| values.has(key));
                if samples && values.number("top_k") != Some(1.0) && !values.has("seed") {
                    values.set("seed", json!(generation.chance));
                }
            }
            _ => {}
        }
    }
    if generation.n > 1 {
        // Each choice starts from a seed of its own, so that none is another's twin.
        let first = match values.get("seed") {
            // Checked to be whole, however it was written.
            Some(seed) => whole(seed),
            None if takes_seed => Some(generation.chance.into()),
            None => None,
        };
        if let Some(first) = first {
            values.set("seed", seed_of(first, ask.choice));
        }
    }
    values.0
}

fn whole(seed: &Value) -> Option<i128> {
    let integer = seed
        .as_i64()
        .map(i128::from)
        .or(seed.as_u64().map(i128::from));
    integer.or_else(|| seed.as_f64().map(|seed| seed as i128))
}

/// The seed of a choice: the first one's, and those that follow it. The last seven bits count, and the others stay as they are: no
/// seed leaves the range of its datatype.
fn seed_of(first: i128, choice: usize) -> Value {
    let many = limits::CHOICES as i128;
    let low = first.rem_euclid(many);
    let seed = first - low + (low + choice as i128) % many;
    u64::try_from(seed).map_or_else(|_| json!(seed as i64), |seed| json!(seed))
}

struct Values<'a>(Vec<(&'a str, Cow<'a, Value>)>);

impl<'a> Values<'a> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(k, _)| *k == key).map(|(_, v)| &**v)
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| *k != key);
    }

    fn set(&mut self, key: &'a str, value: Value) {
        self.remove(key);
        self.0.push((key, Cow::Owned(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;
    use crate::json;
    use crate::openai::Operation;
    use crate::openai::generation::Generation;
    use crate::triton::dialect;
    use crate::triton::model::tests::model;
    use std::sync::Arc;

    const TRTLLM: &str = "text_input:BYTES[1] max_tokens:INT32[1] bad_words:BYTES[-1]? stop_words:BYTES[-1]? end_id:INT32[1]? \
        top_k:INT32[1]? top_p:FP32[1]? temperature:FP32[1]? random_seed:UINT64[1]?";

    /// What a request becomes for a model with these inputs; choice number `choice` of it.
    fn becomes(inputs: &str, request: Value, choice: usize) -> Value {
        let model = model(inputs, "text_output:BYTES[-1]", 0, false);
        let fields = json::object("request_json", &request.to_string()).unwrap();
        let generation = Generation {
            chance: 77,
            ..Generation::take(fields, &Options::default(), Operation::Text).unwrap()
        };
        let ask = Ask {
            choice,
            ..Ask::new("", Arc::new(generation))
        };
        let values = values(&ask, dialect::of(&model, None), &model);
        let owned = |(key, value): (&str, Cow<'_, Value>)| (key.to_owned(), value.into_owned());
        Value::Object(values.into_iter().map(owned).collect())
    }

    #[test]
    fn temperature_zero_is_the_one_likeliest_token() {
        assert_eq!(
            becomes(TRTLLM, json!({"temperature": 0}), 0),
            json!({"top_k": 1})
        );
        assert_eq!(
            becomes(
                TRTLLM,
                json!({"temperature": 0.0, "top_k": 40, "seed": 3}),
                0
            ),
            json!({"top_k": 1, "seed": 3})
        );
        // vLLM knows what 0 means.
        let vllm = "text_input:BYTES[1] sampling_parameters:BYTES[1]?";
        assert_eq!(
            becomes(vllm, json!({"temperature": 0}), 0),
            json!({"temperature": 0})
        );
    }

    #[test]
    fn a_temperature_takes_effect_and_chance_gives_the_seed() {
        assert_eq!(
            becomes(TRTLLM, json!({"temperature": 0.7}), 0),
            json!({"temperature": 0.7, "top_p": 1.0, "seed": 77})
        );
        assert_eq!(
            becomes(
                TRTLLM,
                json!({"temperature": 0.7, "top_k": 5, "seed": 1}),
                0
            ),
            json!({"temperature": 0.7, "top_k": 5, "seed": 1})
        );
        assert_eq!(becomes(TRTLLM, json!({}), 0), json!({}));
    }

    #[test]
    fn each_choice_has_a_seed_of_its_own() {
        assert_eq!(
            becomes(TRTLLM, json!({"n": 3}), 2),
            json!({"top_p": 1.0, "seed": 79})
        );
        let vllm = "text_input:BYTES[1] sampling_parameters:BYTES[1]?";
        assert_eq!(
            becomes(vllm, json!({"n": 2, "seed": 5}), 1),
            json!({"seed": 6})
        );
        // Without one vLLM throws its dice anew for each request.
        assert_eq!(becomes(vllm, json!({"n": 2}), 1), json!({}));
        assert_eq!(
            becomes("text_input:BYTES[1] seed:INT32[1]?", json!({"n": 2}), 1),
            json!({"seed": 78})
        );
    }

    #[test]
    fn no_choices_seed_leaves_its_datatypes_range() {
        let any = "text_input:BYTES[1] seed:UINT64[1]?";
        for first in [0, 127, 255, i32::MAX as u64, i64::MAX as u64, u64::MAX] {
            let seeds: Vec<u64> = (0..128)
                .map(|choice| {
                    becomes(any, json!({"n": 128, "seed": first}), choice)["seed"]
                        .as_u64()
                        .unwrap()
                })
                .collect();
            assert_eq!(seeds[0], first);
            assert!(seeds.iter().all(|seed| seed >> 7 == first >> 7), "{first}");
            let different: std::collections::HashSet<&u64> = seeds.iter().collect();
            assert_eq!(different.len(), 128);
        }
        assert_eq!(
            becomes(any, json!({"n": 2, "seed": i64::MIN}), 1)["seed"],
            json!(i64::MIN + 1)
        );
    }

    #[test]
    fn chance_gives_no_seed_to_a_flag() {
        assert_eq!(
            becomes("text_input:BYTES[1] seed:BOOL[1]?", json!({"n": 2}), 1),
            json!({})
        );
    }
}
