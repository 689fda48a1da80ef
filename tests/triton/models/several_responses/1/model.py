"""Sends three responses, whether a stream was asked for or not; generate wants exactly one."""

import serving


class TritonPythonModel(serving.Decoupled):
    WRITES = False

    def answer(self, request, is_cancelled):
        for text in self.paced(["One", ", two", ", three"], self.pace(serving.parameters(request)), is_cancelled):
            yield [serving.texts("text_output", [text])], False
