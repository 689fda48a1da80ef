"""What the test models share: reading requests, making responses, and the loops that answer with tokens.

Triton gives a decoupled model a sender for each request and lets it answer whenever it likes, any number of times. A
model here answers each request on a thread of its own, so that one long answer does not hold up the next request.
"""

import json
import threading
import time
from typing import NamedTuple

import numpy as np
import triton_python_backend_utils as pb_utils

import language

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL


def values(request, name):
    """Everything in an optional input tensor, flat; strings as str."""
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    if tensor is None:
        return []
    flat = tensor.as_numpy().reshape(-1).tolist()
    return [value.decode("utf-8") if isinstance(value, bytes) else value for value in flat]


def value(request, name, default=None):
    """The first element of an optional input tensor."""
    found = values(request, name)
    return found[0] if found else default


def required(request, name):
    """Triton counts a request's inputs but does not look which they are, so that this one may be missing."""
    found = values(request, name)
    if not found:
        raise ValueError(f"input '{name}' is missing")
    return found[0]


def parameters(request):
    """The request's parameters: in generate's JSON, every key that is not an input."""
    return json.loads(request.parameters() or "{}")


def texts(name, strings, shape=None):
    """A STRING tensor."""
    array = np.array([string.encode("utf-8") for string in strings], dtype=np.object_)
    return pb_utils.Tensor(name, array if shape is None else array.reshape(shape))


def numbers(name, array, dtype):
    return pb_utils.Tensor(name, np.asarray(array, dtype=dtype))


def failure(message, code=None):
    error = pb_utils.TritonError(message) if code is None else pb_utils.TritonError(message, code)
    return pb_utils.InferenceResponse(output_tensors=[], error=error)


class Cancelled(Exception):
    """The client went away."""


class Pace(NamedTuple):
    """How a test wants its request treated."""

    seconds: float  # for each token
    label: str  # stands in the log's line about a cancel, so that a test finds its own


class Model:
    """What every model has: its name, its pace, the language model if it writes."""

    WRITES = True
    DELAY_MS = 0

    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.name = args["model_name"]
        self.delay_ms = int(config["parameters"].get("delay_ms", {}).get("string_value", self.DELAY_MS))
        self.closing = threading.Event()
        self.language = language.load() if self.WRITES else None

    def pace(self, given):
        """`given` holds the request's parameters, of which `delay_ms` and `label` are for tests."""
        return Pace(float(given.get("delay_ms", self.delay_ms)) / 1000, given.get("label", ""))

    def paced(self, steps, pace, is_cancelled):
        """The steps of a generation, at the model's pace. Looks for cancellation between them, as engines do."""
        for count, step in enumerate(steps):
            if self.closing.wait(pace.seconds):
                raise RuntimeError("the model is being unloaded")
            if is_cancelled():
                self.log_cancelled(count, pace.label)
                raise Cancelled()
            yield step

    def write(self, prompt, sampling, pace, is_cancelled):
        return self.paced(self.language.generate(prompt, sampling), pace, is_cancelled)

    def log_cancelled(self, count, label):
        """Tests read this line in the server's log: that the model stopped, and how soon."""
        whose = f" ({label})" if label else ""
        pb_utils.Logger.log_info(f"{self.name}: cancelled after {count} tokens at {time.time():.3f}{whose}")

    def finalize(self):
        self.closing.set()


class Batched(Model):
    """A model that is not decoupled: one response for each request, all of them when `execute` returns."""

    def execute(self, requests):
        return [self.respond(request) for request in requests]

    def respond(self, request):
        try:
            return pb_utils.InferenceResponse(output_tensors=self.answer(request))
        except Cancelled:
            return failure("Request was cancelled", pb_utils.TritonError.CANCELLED)
        except Exception as error:
            return failure(str(error))

    def complete(self, request, prompt, sampling):
        """The whole continuation at once, and its pieces."""
        pace = self.pace(parameters(request))
        pieces = list(self.write(prompt, sampling, pace, request.is_cancelled))
        return "".join(piece.text for piece in pieces), pieces


class Decoupled(Model):
    """A model that sends any number of responses.

    `answer(request, is_cancelled)` is a generator of (output tensors, whether this is the last response); what it
    raises is sent as an error.
    """

    DELAY_MS = 10

    def initialize(self, args):
        super().initialize(args)
        self.threads = set()

    def execute(self, requests):
        for request in requests:
            thread = threading.Thread(target=self.send, args=(request, request.get_response_sender()))
            self.threads.add(thread)
            thread.start()

    def send(self, request, sender):
        try:
            for outputs, last in self.answer(request, sender.is_cancelled):
                sender.send(pb_utils.InferenceResponse(output_tensors=outputs), flags=FINAL if last else 0)
                if last:
                    return
            sender.send(flags=FINAL)
        except Cancelled:
            sender.send(failure("Request was cancelled", pb_utils.TritonError.CANCELLED), flags=FINAL)
        except Exception as error:
            sender.send(failure(str(error)), flags=FINAL)
        finally:
            self.threads.discard(threading.current_thread())

    def finalize(self):
        super().finalize()
        for thread in list(self.threads):
            thread.join()
