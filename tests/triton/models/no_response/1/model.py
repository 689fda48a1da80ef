"""Ends without having said anything."""

import serving


class TritonPythonModel(serving.Decoupled):
    WRITES = False

    def answer(self, request, is_cancelled):
        return iter(())
