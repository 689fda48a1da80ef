"""A vector for each word of a text; shorter texts of a batch are padded with a large one."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        texts = [text.split() or [""] for text in serving.values(request, "text")]
        vectors = np.full((len(texts), max(map(len, texts)), embedding.DIMENSIONS), 1e6, dtype=np.float32)
        for row, words in zip(vectors, texts):
            row[:len(words)] = embedding.embed_all(words)
        return [serving.numbers("token_embeddings", vectors, np.float32)]
