"""A language model with plain inputs; see ../config.pbtxt. Trained on corpus.txt when it loads."""

import numpy as np

import serving
from language import Sampling, tokens


class TritonPythonModel(serving.Decoupled):

    def answer(self, request, is_cancelled):
        given = lambda name, default: serving.value(request, name, default)
        prompt = serving.required(request, "text_input")
        sampling = Sampling(max_tokens=given("max_tokens", 64), temperature=given("temperature", 0.0),
                            seed=given("seed", None), stop=serving.values(request, "stop_words"),
                            ignore_eos=serving.parameters(request).get("ignore_eos", False))

        def outputs(text, reason, count):
            yield serving.texts("text_output", [text])
            if given("return_finish_reason", False):
                yield serving.texts("finish_reason", [str(reason)])
            if given("return_num_input_tokens", False):
                yield serving.numbers("num_input_tokens", [len(tokens(prompt))], np.uint32)
            if given("return_num_output_tokens", False):
                yield serving.numbers("num_output_tokens", [count], np.uint32)

        pieces = self.write(prompt, sampling, self.pace(serving.parameters(request)), is_cancelled)
        if given("stream", False):
            for piece in pieces:
                yield list(outputs(piece.text, piece.finish_reason, 1)), piece.finish_reason is not None
        else:
            pieces = list(pieces)
            text = "".join(piece.text for piece in pieces)
            yield list(outputs(text, pieces[-1].finish_reason, len(pieces))), True
