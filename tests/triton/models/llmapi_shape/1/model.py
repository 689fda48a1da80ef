"""The shape of TensorRT-LLM's LLM-API model, after its source.

When streaming, each response holds the whole text so far, not what is new. Reasons are texts, "None" while there is
none. The prompt comes back before the text unless `sampling_param_exclude_input_from_output` is true; that this is not
so when streaming is an assumption.
"""

import numpy as np

import serving
from language import Sampling


class TritonPythonModel(serving.Decoupled):

    def answer(self, request, is_cancelled):
        try:
            yield from self.generate(request, is_cancelled)
        except serving.Cancelled:
            raise
        except Exception as error:
            raise RuntimeError(f"Error generating request: {error}") from error

    def generate(self, request, is_cancelled):
        given = lambda name, default=None: serving.value(request, name, default)
        sampled = [given(f"sampling_param_{name}") for name in ("temperature", "top_k", "top_p")]
        temperature, top_k, top_p = sampled
        greedy = sampled == [None, None, None] or temperature == 0 or top_k == 1
        sampling = Sampling(max_tokens=given("sampling_param_max_tokens", 32),
                            temperature=0.0 if greedy else 1.0 if temperature is None else temperature,
                            top_k=top_k or 0, top_p=top_p or 1.0, seed=given("sampling_param_seed", 0),
                            stop=serving.values(request, "sampling_param_stop"))
        prompt = serving.required(request, "text_input")

        def outputs(text, piece):
            yield serving.texts("text_output", [text])
            if given("return_finish_reason"):
                yield serving.texts("finish_reason", [str(piece.finish_reason)])
            if given("return_stop_reason"):
                yield serving.texts("stop_reason", [str(piece.stop_reason)])
            if given("return_cumulative_logprob"):
                yield serving.numbers("cumulative_logprob", [total], np.float32)

        stream = given("streaming", False)
        text = "" if stream or given("sampling_param_exclude_input_from_output", False) else prompt
        total = 0.0
        for piece in self.write(prompt, sampling, self.pace(serving.parameters(request)), is_cancelled):
            text += piece.text
            total += piece.logprob
            if stream or piece.finish_reason:
                yield list(outputs(text, piece)), piece.finish_reason is not None
