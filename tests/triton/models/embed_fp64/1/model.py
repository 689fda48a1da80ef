"""Embeddings in double precision."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        texts = serving.values(request, "input_text")
        vectors = embedding.embed_all(texts).astype(np.float64)
        return [serving.numbers("embedding", vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float64)]
