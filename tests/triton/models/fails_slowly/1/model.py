"""Thinks for three seconds, or for the request parameter `delay_ms`, then fails: for deadlines and cooldowns."""

import serving


class TritonPythonModel(serving.Batched):
    WRITES = False
    DELAY_MS = 3000

    def answer(self, request):
        self.closing.wait(self.pace(serving.parameters(request)).seconds)
        raise RuntimeError("fails_slowly: this model fails after a while")
