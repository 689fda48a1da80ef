"""Embeddings that take their time together. A request whose parameters name a `label` waits until so many requests of that label
as `together` says are worked on at once, and fails when that does not come about."""

import fcntl
import tempfile
import time
from pathlib import Path

import numpy as np

import embedding
import serving


class Running:
    """How many requests of a label are worked on, now and at most, by all instances, each of which is a process of its own."""

    def __init__(self, label):
        self.path = Path(tempfile.gettempdir()) / f"embed_slow_{label}"

    def change(self, by):
        """Gives the most so far; the last to leave takes the file away."""
        with self.path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            now, most = map(int, file.read().split() or (0, 0))
            now, most = now + by, max(now + by, most)
            file.truncate(0)
            file.write(f"{now} {most}")
            if now == 0:
                self.path.unlink()
            return most


class TritonPythonModel(serving.Batched):
    WRITES = False
    PATIENCE = 5  # seconds

    def answer(self, request):
        given = serving.parameters(request)
        if "label" in given:
            self.meet(Running(given["label"]), int(given["together"]))
        texts = serving.values(request, "input_text")
        return [serving.numbers("embedding", embedding.embed_all(texts), np.float32)]

    def meet(self, running, together):
        most = running.change(+1)
        end = time.monotonic() + self.PATIENCE
        while most < together and time.monotonic() < end:
            time.sleep(0.005)
            most = running.change(0)
        running.change(-1)
        if most < together:
            raise ValueError(f"{most} at once, not {together}")
