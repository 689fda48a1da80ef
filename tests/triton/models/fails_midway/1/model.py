"""Sends two tokens, then fails: a stream that must not look finished."""

import serving


class TritonPythonModel(serving.Decoupled):
    WRITES = False

    def answer(self, request, is_cancelled):
        for text in self.paced(["Half", " an"], self.pace(serving.parameters(request)), is_cancelled):
            yield [serving.texts("text_output", [text])], False
        raise RuntimeError("fails_midway: this model fails after two tokens")
