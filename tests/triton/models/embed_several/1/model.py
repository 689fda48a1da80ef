"""Several outputs, of which exactly one can be the embedding, and it is not the first."""

import numpy as np

import embedding
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        texts = serving.values(request, "input_text")
        return [serving.numbers("token_count", [[len(text.split())] for text in texts], np.int32),
                serving.numbers("sentence_embedding", embedding.embed_all(texts), np.float32)]
