"""all-MiniLM-L6-v2, from text to embedding."""

import numpy as np

import bert
import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def initialize(self, args):
        super().initialize(args)
        self.bert = bert.Bert(bert.folder())

    def answer(self, request):
        texts = serving.values(request, "text")
        return [serving.numbers("embedding", self.bert.embed(texts), np.float32)]
