//! The vLLM backend. Source: its `src/model.py` and `src/utils/request.py`.
//!
//! | OpenAI | goes into | as |
//! |---|---|---|
//! | every sampling parameter, lists too | `sampling_parameters` BYTES[1] | JSON in a string; vLLM's `SamplingParams` by name |
//! | `logprobs`, `top_logprobs` | `return_logprobs` BOOL[1], and `logprobs` in `sampling_parameters` | |
//! | `response_format` | `guided_decoding` in `sampling_parameters` | JSON in that string, in a string of its own |
//! | `stream` | `stream` BOOL[1] | |
//!
//! Before 24.03 it has no `exclude_input_in_output`: the prompt stands before the text, and each event of a stream holds both, from
//! the beginning (its pull request 35). There we take the prompt away.
//!
//! `sampling_parameters` beats request parameters: where it is sent they are not looked at.

use super::{Dialect, Events, Guide, Holds, Logprobs, input};
use crate::triton::tensor::Datatype;

const BUNDLE: &str = "sampling_parameters";

pub(super) static DIALECT: Dialect = Dialect {
    name: "vLLM",
    speaks: |model| input(model, BUNDLE, Datatype::Bytes).is_some(),
    inputs: &[],
    bundle: Some(BUNDLE),
    always: &[
        // The prompt stands before the text by default.
        "exclude_input_in_output",
        "return_finish_reason",
        "return_num_input_tokens",
        "return_num_output_tokens",
    ],
    repeats_prompt_without: Some("exclude_input_in_output"),
    stream: &[("stream", Events::New)],
    rules: &[],
    logprobs: Some(Logprobs {
        flag: "return_logprobs",
        output: "logprobs",
        holds: Holds::Tables,
    }),
    guide: Some(Guide::Bundled("guided_decoding")),
    // vLLM's own default is 16.
    max_tokens: Some(super::DEFAULT_MAX_TOKENS),
    // What it says of parameters that `SamplingParams` does not know or take: the reason is in its log alone.
    riddles: &[(
        "object has no attribute 'lora_name'",
        "vLLM does not take the sampling parameters that it was given (one that it does not know, or a value out of range); its server's log names it",
    )],
};
