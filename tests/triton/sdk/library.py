"""libmishikallm by ctypes, and behind OpenAI's client: the client's HTTP requests become calls of the library."""

import ctypes
import json

import httpx2

DONE = 1


class Library:
    """The C functions, as `include/mishikallm.h` has them, on the default client."""

    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        pointer, text, status = ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int32)
        for name, result, arguments in (
                ("string_free", None, [pointer]),
                ("invoke", pointer, [pointer, text, text, status]),
                ("stream_open", pointer, [pointer, text, text, ctypes.POINTER(pointer)]),
                ("stream_next", pointer, [pointer, ctypes.c_int32, status]),
                ("stream_free", None, [pointer])):
            function = getattr(self.lib, "mishikallm_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def text(self, pointer):
        """A string that was given to us."""
        text = ctypes.string_at(pointer).decode("utf-8")
        self.string_free(pointer)
        return text

    def whole(self, operation, request):
        """One answer: its JSON, and whether it is one, and no error."""
        status = ctypes.c_int32()
        answer = self.invoke(None, operation.encode(), json.dumps(request).encode(), status)
        return self.text(answer), status.value == 0

    def stream(self, operation, request):
        """Chunks, and the error that the stream ended with, if it did."""
        error = ctypes.c_void_p()
        stream = self.stream_open(None, operation.encode(), json.dumps(request).encode(), error)
        if stream is None:
            yield self.text(error.value)
            return
        try:
            status = ctypes.c_int32()
            while status.value == 0:
                chunk = self.stream_next(stream, -1, status)
                if chunk is not None:
                    yield self.text(chunk)
            assert status.value == DONE or status.value < 0, status.value
        finally:
            self.stream_free(stream)


class Transport(httpx2.BaseTransport):
    """What a server would be that speaks OpenAI's HTTP with the library's JSON. Keeps the texts that went through."""

    OPERATIONS = {"/v1/chat/completions": "chat.completions", "/v1/completions": "completions",
                  "/v1/embeddings": "embeddings", "/v1/models": "models"}

    def __init__(self, library, api_base):
        self.library, self.api_base = library, api_base
        self.texts = []

    def handle_request(self, request):
        operation = self.OPERATIONS[request.url.path]
        asked = dict(json.loads(request.read() or "{}"), api_base=self.api_base)
        if asked.get("stream"):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"},
                                   content=self.events(operation, asked))
        text, is_answer = self.library.whole(operation, asked)
        self.texts.append(text)
        status = 200 if is_answer else json.loads(text)["error"]["status"]
        return httpx2.Response(status, headers={"content-type": "application/json"}, content=text)

    def events(self, operation, asked):
        for text in self.library.stream(operation, asked):
            self.texts.append(text)
            yield b"data: " + text.encode() + b"\n\n"
        yield b"data: [DONE]\n\n"
