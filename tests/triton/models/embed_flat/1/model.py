"""Embeddings of a list of texts, whose first dimension is the list and not a batch."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        texts = serving.values(request, "input_text")
        return [serving.numbers("embedding", embedding.embed_all(texts), np.float32)]
