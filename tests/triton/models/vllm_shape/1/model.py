"""The vLLM backend's shape, after its source, down to its defaults and to what it says of wrong parameters.

The prompt comes back before the text unless `exclude_input_in_output` is true or the answer is streamed; optional
outputs come only if asked for; what is sampled comes from `sampling_parameters`, or else from the request's parameters.
"""

import json
from itertools import zip_longest

import numpy as np

import guided
import serving
from language import Sampling, tokens

# vLLM's SamplingParams takes these and no others, by name; lora_name is the backend's own.
KNOWN = {"allowed_token_ids", "bad_words", "best_of", "detokenize", "extra_args", "frequency_penalty",
         "guided_decoding", "ignore_eos", "include_stop_str_in_output", "logit_bias", "logits_processors", "logprobs",
         "lora_name", "max_tokens", "min_p", "min_tokens", "n", "output_kind", "presence_penalty", "prompt_logprobs",
         "repetition_penalty", "seed", "skip_special_tokens", "spaces_between_special_tokens", "stop",
         "stop_token_ids", "structured_outputs", "temperature", "top_k", "top_p", "truncate_prompt_tokens"}
OURS = {"delay_ms", "label"}


def sampling_of(given):
    unknown = sorted(set(given) - KNOWN - OURS)
    if unknown:
        raise TypeError(f"Unexpected keyword argument '{unknown[0]}'")
    if int(given.get("n", 1)) < 1:
        raise ValueError(f"n must be at least 1, got {given['n']}.")
    stop = given.get("stop", [])
    return Sampling(max_tokens=int(given.get("max_tokens", 16)), min_tokens=int(given.get("min_tokens", 0)),
                    temperature=float(given.get("temperature", 1.0)), top_p=float(given.get("top_p", 1.0)),
                    top_k=max(0, int(given.get("top_k", 0))), seed=given.get("seed"),
                    stop=[stop] if isinstance(stop, str) else stop, bad_words=given.get("bad_words") or [],
                    keep_stop=bool(given.get("include_stop_str_in_output", False)),
                    ignore_eos=bool(given.get("ignore_eos", False)), guide=guided.of_vllm(given)).check()


class TritonPythonModel(serving.Decoupled):

    def answer(self, request, is_cancelled):
        given = serving.value(request, "sampling_parameters")
        given = {name: value for name, value in
                 (serving.parameters(request) if given is None else json.loads(given)).items() if value is not None}
        if given.get("lora_name") is not None:
            raise ValueError("LoRA feature is not enabled.")
        try:
            yield from self.generate(request, given, is_cancelled)
        except serving.Cancelled:
            raise
        except Exception as error:
            raise RuntimeError(f"Error generating stream: {error}") from error

    def generate(self, request, given, is_cancelled):
        prompt = serving.required(request, "text_input")
        if serving.value(request, "embedding_request") is not None:
            raise ValueError(f"Model {self.name} does not support 'embed' request")
        stream = serving.value(request, "stream", False)
        exclude = serving.value(request, "exclude_input_in_output")
        if stream and exclude is False:
            raise ValueError("When streaming, `exclude_input_in_output` = False is not allowed.")
        try:
            sampling = sampling_of(given)
        except Exception as error:
            # The backend logs what was wrong, goes on without parameters, and trips over that.
            serving.pb_utils.Logger.log_error(
                f"[vllm] Was trying to create `TritonSamplingParams`, but got exception: {error}")
            raise AttributeError("'NoneType' object has no attribute 'lora_name'") from error

        asked = {name: serving.value(request, f"return_{name}", False) for name in
                 ("finish_reason", "cumulative_logprob", "logprobs", "num_input_tokens", "num_output_tokens")}
        total = [0.0] * int(given.get("n", 1))

        def outputs(sequences, before=""):
            """`sequences` holds the new pieces of each of the `n` answers."""
            yield serving.texts("text_output", [before + "".join(p.text for p in pieces) for pieces in sequences])
            if asked["finish_reason"]:
                yield serving.texts("finish_reason", [str(reasons[at]) for at in range(len(sequences))])
            if asked["cumulative_logprob"]:
                # Without `logprobs` vLLM has no sum: None, which becomes NaN in an FP32 tensor.
                yield serving.numbers("cumulative_logprob", total if "logprobs" in given else [np.nan] * len(total),
                                      np.float32)
            if asked["logprobs"]:
                yield serving.texts("logprobs", [self.logprobs(pieces, given.get("logprobs")) for pieces in sequences])
            if asked["num_input_tokens"]:
                yield serving.numbers("num_input_tokens", len(tokens(prompt)), np.uint32)
            if asked["num_output_tokens"]:
                yield serving.numbers("num_output_tokens", [len(pieces) for pieces in sequences], np.uint32)

        everything = [[] for _ in total]
        reasons = [None for _ in total]
        answers = [self.language.generate(prompt, sampling._replace(
            seed=None if sampling.seed is None else sampling.seed + at)) for at in range(len(total))]
        pace = self.pace({**serving.parameters(request), **given})
        for step in self.paced(zip_longest(*answers), pace, is_cancelled):
            for at, piece in enumerate(step):
                if piece is not None:
                    everything[at].append(piece)
                    reasons[at] = piece.finish_reason
                    total[at] += piece.logprob
            if stream:
                yield list(outputs([[piece] if piece else [] for piece in step])), None not in reasons
        if not stream:
            yield list(outputs(everything, before="" if exclude else prompt)), True

    def logprobs(self, pieces, wanted):
        """JSON: for each new token, the one that was chosen and then the likeliest `wanted`, by token id."""
        if wanted is None:
            return "null"
        found = []
        for piece in pieces:
            ranked = list(enumerate(piece.logprobs.items(), 1))
            ranked.sort(key=lambda entry: entry[1][0] != piece.token)
            found.append({str(self.language.ids[token]): {"logprob": logprob, "rank": rank, "decoded_token": token}
                          for rank, (token, logprob) in ranked if rank <= wanted or token == piece.token})
        return json.dumps(found)
