"""Embeddings that the model itself makes as long as it is asked to."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        length = serving.value(request, "dimensions", embedding.DIMENSIONS)
        texts = serving.values(request, "input_text")
        return [serving.numbers("embedding", embedding.embed_all(texts, length), np.float32)]
