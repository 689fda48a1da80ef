//! Any other model: it is given the inputs that it declares, under OpenAI's names or those of a backend that it borrows from.

use super::{Dialect, Events};

pub(super) static DIALECT: Dialect = Dialect {
    name: "general",
    speaks: |_| true,
    inputs: &[
        (
            "max_tokens",
            &["max_new_tokens", "max_output_tokens", "request_output_len"],
        ),
        ("top_p", &["runtime_top_p"]),
        ("top_k", &["runtime_top_k"]),
        ("seed", &["random_seed"]),
        ("min_tokens", &["min_length"]),
        ("stop", &["stop_words", "stop_sequences"]),
    ],
    bundle: None,
    always: &[
        "exclude_input_in_output",
        "return_finish_reason",
        "return_num_input_tokens",
        "return_num_output_tokens",
    ],
    repeats_prompt_without: None,
    stream: &[("stream", Events::New), ("streaming", Events::New)],
    rules: &[],
    logprobs: None,
    guide: None,
    max_tokens: None,
    riddles: &[],
};
