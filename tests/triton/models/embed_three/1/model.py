"""Embeddings of the shape [n, 1, d]."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        texts = serving.values(request, "input_text")
        return [serving.numbers("embedding", embedding.embed_all(texts)[:, None, :], np.float32)]
