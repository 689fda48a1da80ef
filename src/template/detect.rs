//! `auto`: the family by a model's name. Cautious: a name that could be another's is nobody's.

/// The family of a model that is called so on a Triton, such as `llama-3-8b-instruct` or `Qwen2.5_7B_Instruct`; `None`
/// where the name does not tell it for sure.
pub fn detect(model: &str) -> Option<&'static str> {
    let words = words(model);
    let has = |wanted: &&str| {
        let wanted: Vec<&str> = wanted.split(' ').collect();
        words.windows(wanted.len()).any(|window| window == wanted)
    };
    if OTHERS.iter().any(has) {
        return None;
    }
    RULES
        .iter()
        .find(|rule| {
            has(&rule.words)
                && (rule.with.is_empty() || rule.with.iter().any(has))
                && !rule.without.iter().any(has)
        })
        .and_then(|rule| rule.family)
}

/// Words of models that have templates of their own, whatever they were made from, or none at all.
const OTHERS: [&str; 24] = [
    "base",
    "guard",
    "embed",
    "embedding",
    "embeddings",
    "rerank",
    "reranker",
    "reward",
    "vision",
    "vl",
    "omni",
    "audio",
    "multimodal",
    "math",
    "nemotron",
    "tulu",
    "chatqa",
    "swallow",
    "xlam",
    "functionary",
    "firefunction",
    "moe",
    "ocr",
    "prm",
];

/// The first rule that fits decides.
struct Rule {
    /// Words that stand in the name together.
    words: &'static str,
    /// One of these is there too, if there are any.
    with: &'static [&'static str],
    /// And none of these.
    without: &'static [&'static str],
    family: Option<&'static str>,
}

const fn rule(words: &'static str, family: &'static str) -> Rule {
    Rule {
        words,
        with: &[],
        without: &[],
        family: Some(family),
    }
}

/// Other models with these words are nobody's.
const fn nobody(words: &'static str) -> Rule {
    Rule {
        words,
        with: &[],
        without: &[],
        family: None,
    }
}

impl Rule {
    const fn with(mut self, with: &'static [&'static str]) -> Rule {
        self.with = with;
        self
    }

    const fn without(mut self, without: &'static [&'static str]) -> Rule {
        self.without = without;
        self
    }
}

/// Models that were made from others come before those.
const RULES: [Rule; 55] = [
    rule("r 1 distill", "deepseek-r1-distill").with(&["deepseek"]),
    rule("deepseek r 1", "deepseek-r1").without(&["0528", "zero", "qwen", "llama"]),
    rule("deepseek v 3", "deepseek-v3").without(&["v 3 1", "v 3 2", "0324"]),
    rule("deepseek v 2", "deepseek-v2")
        .with(&["chat"])
        .without(&["v 2 5", "0628", "coder"]),
    nobody("deepseek"),
    rule("openhermes", "chatml"),
    rule("hermes 2", "chatml").without(&["pro"]),
    rule("hermes 3", "chatml"),
    nobody("hermes"),
    nobody("deephermes"),
    rule("chatml", "chatml"),
    rule("tinyllama", "zephyr").with(&["chat"]),
    nobody("tinyllama"),
    rule("zephyr", "zephyr").without(&["gemma", "stablelm", "orpo"]),
    nobody("zephyr"),
    rule("vicuna", "vicuna"),
    rule("alpaca", "alpaca").without(&["llama 3", "qwen", "gemma", "mistral", "phi"]),
    nobody("alpaca"),
    rule("solar 10 7 b", "solar").with(&["instruct"]),
    rule("codellama", "llama2")
        .with(&["instruct"])
        .without(&["70 b"]),
    rule("code llama", "llama2")
        .with(&["instruct"])
        .without(&["70 b"]),
    nobody("codellama"),
    nobody("code llama"),
    rule("llama 2", "llama2").with(&["chat"]),
    rule("llama 4", "llama4"),
    nobody("llama 3 b"),
    nobody("llama 3 1 b"),
    nobody("llama 3 2 b"),
    nobody("llama 3 3 b"),
    rule("llama 3 1", "llama3.1"),
    rule("llama 3 2", "llama3.2"),
    rule("llama 3 3", "llama3.1"),
    rule("llama 3", "llama3"),
    rule("qwen 2 5", "qwen2.5"),
    rule("qwen 2", "qwen2"),
    nobody("qwen 3 5"),
    nobody("qwen 3 6"),
    nobody("qwen 3 coder"),
    rule("qwen 3", "qwen3-instruct").with(&["instruct 2507"]),
    rule("qwen 3", "qwen3-thinking").with(&["thinking 2507"]),
    rule("qwen 3", "qwen3").without(&["next", "instruct", "thinking", "asr"]),
    rule("mixtral 8 x 7 b", "mistral-v1"),
    rule("mistral nemo", "mistral-v3-tekken"),
    rule("mistral small 24 b instruct 2501", "mistral-v7"),
    rule("mistral 7 b", "mistral-v3").with(&["v 0 3"]),
    rule("mistral 7 b", "mistral-v1").with(&["v 0 1", "v 0 2"]),
    rule("gemma 3", "gemma3").without(&["gemma 3 n"]),
    rule("gemma 2", "gemma2"),
    rule("gemma 7 b", "gemma2"),
    rule("phi 3 5 mini", "phi3.5"),
    nobody("phi 3 5"),
    rule("phi 3", "phi3").without(&["small"]),
    rule("phi 4 mini", "phi4-mini").without(&["reasoning", "flash"]),
    rule("phi 4", "phi4").without(&["reasoning", "mini"]),
    rule("granite 3 3", "granite3"),
];

/// The name's words in small letters; letters and digits are words apart, as `qwen2.5` and `qwen-2-5` are one. A date or
/// another long number stays whole.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in name.chars() {
        let class = if c.is_ascii_digit() {
            Some(true)
        } else if c.is_ascii_alphabetic() {
            Some(false)
        } else {
            None
        };
        if class.is_some() {
            match words.last_mut() {
                Some(word) if last == class => word.push(c.to_ascii_lowercase()),
                _ => words.push(c.to_ascii_lowercase().to_string()),
            }
        }
        last = class;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::detect;
    use crate::template::family;

    #[test]
    fn names_of_models_tell_their_family() {
        for (model, family) in [
            ("llama-3-8b-instruct", "llama3"),
            ("llama3", "llama3"),
            ("Meta-Llama-3-70B-Instruct-fp8", "llama3"),
            ("Meta-Llama-3.1-70B-Instruct", "llama3.1"),
            ("llama_3_1_8b", "llama3.1"),
            ("llama-3.2-1b-instruct", "llama3.2"),
            ("Llama-3.3-70B-Instruct-AWQ", "llama3.1"),
            ("Llama-4-Scout-17B-16E-Instruct", "llama4"),
            ("llama-2-7b-chat-hf", "llama2"),
            ("llama2_13b_chat", "llama2"),
            ("CodeLlama-7b-Instruct", "llama2"),
            ("qwen2.5-7b", "qwen2.5"),
            ("Qwen2.5-Coder-32B-Instruct", "qwen2.5"),
            ("qwen2-1.5b-instruct", "qwen2"),
            ("Qwen3-0.6B", "qwen3"),
            ("qwen3_32b_fp8", "qwen3"),
            ("Qwen3-4B-Instruct-2507", "qwen3-instruct"),
            ("Qwen3-235B-A22B-Thinking-2507", "qwen3-thinking"),
            ("mistral_7b_instruct_v0.3", "mistral-v3"),
            ("Mistral-7B-Instruct-v0.2", "mistral-v1"),
            ("mixtral-8x7b-instruct", "mistral-v1"),
            ("Mistral-Nemo-Instruct-2407", "mistral-v3-tekken"),
            ("Mistral-Small-24B-Instruct-2501", "mistral-v7"),
            ("gemma-2-9b-it", "gemma2"),
            ("gemma-7b-it", "gemma2"),
            ("gemma-3-27b-it", "gemma3"),
            ("phi-3-mini", "phi3"),
            ("Phi-3.5-mini-instruct", "phi3.5"),
            ("phi-4", "phi4"),
            ("phi4_mini_instruct", "phi4-mini"),
            ("deepseek-r1", "deepseek-r1"),
            ("deepseek-r1-distill-llama-8b", "deepseek-r1-distill"),
            ("DeepSeek-R1-Distill-Qwen-32B", "deepseek-r1-distill"),
            ("deepseek_v3", "deepseek-v3"),
            ("DeepSeek-V2-Lite-Chat", "deepseek-v2"),
            ("zephyr-7b-beta", "zephyr"),
            ("TinyLlama-1.1B-Chat-v1.0", "zephyr"),
            ("vicuna-13b-v1.5", "vicuna"),
            ("OpenHermes-2.5-Mistral-7B", "chatml"),
            ("Hermes-3-Llama-3.1-8B", "chatml"),
            ("SOLAR-10.7B-Instruct-v1.0", "solar"),
            ("granite-3.3-8b-instruct", "granite3"),
        ] {
            assert_eq!(detect(model), Some(family), "{model}");
            assert!(family::find(family).is_some(), "{family}");
        }
    }

    #[test]
    fn a_name_that_does_not_tell_is_nobodys() {
        for model in [
            "",
            "ensemble",
            "tensorrt_llm_bls",
            "tiny_llm",
            "llama",
            "my_model",
            "mistral",
            "gpt-4",
            "Llama-3-8B-base",
            "Llama-Guard-3-8B",
            "Llama-3.2-11B-Vision-Instruct",
            "llama-2-7b",
            "Llama-3.1-Nemotron-70B-Instruct",
            "llama-3b",
            "Qwen2.5-VL-7B",
            "Qwen3-Embedding-8B",
            "Qwen3-Coder-30B-A3B-Instruct",
            "Qwen3.5-4B",
            "qwen2.5-math-7b",
            "DeepSeek-R1-0528-Qwen3-8B",
            "DeepSeek-V3.1",
            "deepseek-coder-6.7b",
            "DeepHermes-3-Llama-3-8B",
            "gemma-3n-e4b",
            "Phi-4-reasoning",
            "Phi-3-small-8k-instruct",
            "stablelm-zephyr-3b",
            "Mixtral-8x22B-Instruct-v0.1",
            "e5",
            "minilm",
        ] {
            assert_eq!(detect(model), None, "{model}");
        }
    }
}
