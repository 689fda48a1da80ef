"""A language model that can only be stopped by hanging up; see ../config.pbtxt."""

import serving
from language import Sampling


class TritonPythonModel(serving.Decoupled):

    def answer(self, request, is_cancelled):
        given = serving.parameters(request)
        sampling = Sampling(max_tokens=serving.value(request, "max_tokens", 64))
        for piece in self.write(serving.required(request, "text_input"), sampling, self.pace(given), is_cancelled):
            yield [serving.texts("text_output", [piece.text])], piece.finish_reason is not None
