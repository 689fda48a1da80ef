"""Fails at once."""

import serving


class TritonPythonModel(serving.Batched):
    WRITES = False

    def answer(self, request):
        raise RuntimeError("fails_before: this model always fails")
