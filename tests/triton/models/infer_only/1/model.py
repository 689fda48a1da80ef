"""A text model for infer only; see ../config.pbtxt. The score is the mean log probability of the tokens."""

import numpy as np

import serving
from language import Sampling


class TritonPythonModel(serving.Batched):

    def answer(self, request):
        sampling = Sampling(max_tokens=serving.value(request, "max_tokens", 64),
                            temperature=serving.value(request, "temperature", 0.0))
        text, pieces = self.complete(request, serving.required(request, "prompt"), sampling)
        score = sum(piece.logprob for piece in pieces) / len(pieces)
        return [serving.numbers("score", [score], np.float32), serving.texts("completion", [text])]
