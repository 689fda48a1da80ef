"""The share of the query's words that stand in a document."""

import numpy as np

import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        pairs = zip(serving.values(request, "query"), serving.values(request, "document"), strict=True)
        scores = [[len(set(query.split()) & set(document.split())) / len(query.split())] for query, document in pairs]
        return [serving.numbers("score", scores, np.float32)]
