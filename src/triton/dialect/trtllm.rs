//! TensorRT-LLM's `ensemble` and `tensorrt_llm_bls`. Source: the backend's model configurations and its `docs/model_config.md`,
//! releases 0.5 to 1.0: `random_seed` became `seed` and `min_length` became `min_tokens` in 2025.
//!
//! | OpenAI | input | datatype |
//! |---|---|---|
//! | `max_tokens` | `max_tokens`, required | INT32[1] |
//! | `temperature`, `top_p`, penalties | the same | FP32[1] |
//! | `top_k` | the same | INT32[1] |
//! | `seed` | `seed`, `random_seed` | UINT64[1] |
//! | `min_tokens` | `min_tokens`, `min_length` | INT32[1] |
//! | `stop` | `stop_words` | BYTES[-1] |
//! | `logprobs` | `return_log_probs` | BOOL[1] → `output_log_probs` FP32 |
//! | `response_format` | `guided_decoding_guide_type`, `guided_decoding_guide` | BYTES[1] |
//!
//! It samples only where `top_k` or `top_p` is given, divides by the temperature, and starts each request with one fixed seed.

use super::{Dialect, Events, Guide, Holds, Logprobs, Rule, input};
use crate::triton::tensor::Datatype;

pub(super) static DIALECT: Dialect = Dialect {
    name: "TensorRT-LLM",
    speaks: |model| {
        let has = |names: &[&str]| names.iter().any(|name| model.input(name).is_some());
        model
            .input("max_tokens")
            .is_some_and(|t| t.datatype.is_integer())
            && input(model, "text_input", Datatype::Bytes).is_some()
            && has(&["bad_words", "stop_words"])
            && has(&["end_id", "pad_id", "beam_width", "exclude_input_in_output"])
    },
    inputs: &[
        ("seed", &["seed", "random_seed"]),
        ("min_tokens", &["min_tokens", "min_length"]),
        ("stop", &["stop_words"]),
    ],
    bundle: None,
    always: &[
        "exclude_input_in_output",
        "return_num_input_tokens",
        "return_num_output_tokens",
    ],
    repeats_prompt_without: None,
    stream: &[("stream", Events::New)],
    rules: &[
        Rule::GreedyByTopK,
        Rule::TopPBesideTemperature,
        Rule::SeedByChance,
    ],
    logprobs: Some(Logprobs {
        flag: "return_log_probs",
        output: "output_log_probs",
        holds: Holds::Numbers,
    }),
    guide: Some(Guide::Inputs(
        "guided_decoding_guide_type",
        "guided_decoding_guide",
    )),
    max_tokens: None,
    riddles: &[],
};
