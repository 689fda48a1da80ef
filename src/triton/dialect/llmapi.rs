//! TensorRT-LLM's LLM-API model. Source: `triton_backend/all_models/llmapi` of TensorRT-LLM.
//!
//! | OpenAI | input | datatype |
//! |---|---|---|
//! | `max_tokens`, `top_k` | `sampling_param_max_tokens`, `sampling_param_top_k` | INT32[1] |
//! | `temperature`, `top_p`, penalties | `sampling_param_…` | FP32[1] |
//! | `seed` | `sampling_param_seed` | UINT64[1] |
//! | `stop` | `sampling_param_stop` | BYTES[-1] |
//! | `stream` | `streaming` | BOOL[1]; each event holds all of the text so far |

use super::{Dialect, Events, Rule};

pub(super) static DIALECT: Dialect = Dialect {
    name: "TensorRT-LLM LLM-API",
    speaks: |model| {
        let mut inputs = model.inputs.iter();
        inputs.any(|t| t.name.starts_with("sampling_param_"))
    },
    inputs: &[
        ("max_tokens", &["sampling_param_max_tokens"]),
        ("temperature", &["sampling_param_temperature"]),
        ("top_p", &["sampling_param_top_p"]),
        ("top_k", &["sampling_param_top_k"]),
        ("min_p", &["sampling_param_min_p"]),
        ("seed", &["sampling_param_seed"]),
        ("presence_penalty", &["sampling_param_presence_penalty"]),
        ("frequency_penalty", &["sampling_param_frequency_penalty"]),
        ("repetition_penalty", &["sampling_param_repetition_penalty"]),
        ("length_penalty", &["sampling_param_length_penalty"]),
        ("min_tokens", &["sampling_param_min_tokens"]),
        ("stop", &["sampling_param_stop"]),
    ],
    bundle: None,
    always: &[
        "sampling_param_exclude_input_from_output",
        "return_finish_reason",
    ],
    repeats_prompt_without: None,
    stream: &[("streaming", Events::SoFar)],
    rules: &[Rule::GreedyByTopK, Rule::SeedByChance],
    logprobs: None,
    guide: None,
    max_tokens: None,
    riddles: &[],
};
