"""The calls, as methods of a client; the package's functions are those of the default client."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, Literal, Mapping, Optional, Sequence, Tuple, TypeVar, Union, overload

from . import _async, _library, _request, _rows, _sync, exceptions, results
from ._async import AsyncStream
from ._call import Call
from ._rows import Rows
from ._sync import Stream
from .results import ChatCompletion, ChatCompletionChunk, EmbeddingResponse, Record, TextCompletion

if TYPE_CHECKING:
    import numpy
    from typing import Protocol

    class Dumps(Protocol):
        """pydantic's models, such as the messages of OpenAI's package."""

        def model_dump(self) -> Dict[str, Any]:
            """The fields."""

    Message = Union[Mapping[str, object], Dumps]
    Array = numpy.ndarray[Any, numpy.dtype[numpy.float32]]
    Prompt = Union[str, Sequence[str], Sequence[int], Sequence[Sequence[int]]]
    Number = Union[int, float]

T = TypeVar("T")

_chat = results.reader(ChatCompletion)
_chat_chunk = results.reader(ChatCompletionChunk)
_text = results.reader(TextCompletion)
_embeddings = results.reader(EmbeddingResponse)
_record = results.reader(Record)
_READERS: Dict[str, Any] = {"chat.completions": _chat, "completions": _text, "embeddings": _embeddings}


class Client:
    """Calls models: connections, what is known of models, and defaults for every request.

        with mishikallm.Client(api_base="http://localhost:8000", timeout=30) as client:
            client.completion("triton/llama", [{"role": "user", "content": "who are u?"}])

    The configuration is a dictionary, keywords, or both: api_base, api_key, timeout and whatever else a request may say, as the default
    for all of them, and model_list, router_settings, tls, proxy and max_reply_bytes. For any number of threads and event loops at once: make one and keep
    it. After fork() the child makes its own.

    A request's fields are keywords. None means absent. Names that are none of OpenAI's go to the model as inputs of its own.
    """

    _handle: Optional[_library.ClientHandle]

    def __init__(self, config: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        error = _library.Text()
        handle = _library.client_new(_request.encode({**(config or {}), **more}), ctypes.byref(error))
        if not handle:
            raise exceptions.from_json(error.take(), "CONFIG")
        self._handle = handle
        self._pid = os.getpid()

    def close(self) -> None:
        """Ends every call under way with ClientClosedError, at once, and refuses new ones. Any thread, any number of times."""
        if self._pid == os.getpid():
            _library.client_close(self._handle)

    async def aclose(self) -> None:
        """As close(), which does not block either."""
        self.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *raised: object) -> None:
        self.close()

    def __reduce__(self) -> Tuple[Any, ...]:
        raise TypeError("a Client holds connections and cannot be pickled or copied: make one in the other process, or use the "
                        "package's functions")

    def _call(self, operation: str, fields: Mapping[str, Any]) -> Call:
        if self._handle is not None and self._pid != os.getpid():
            raise exceptions.ClientForkedError(
                "this Client was made before fork(): make a new one in the child process", status_code=500, status="FORKED")
        return Call(self._handle, operation, _request.encode(fields), fields.get("model"))

    # Chat completions

    @overload
    def completion(self, model: str, messages: Iterable[Message], *, stream: Literal[True], api_base: Optional[str] = None,
                   api_key: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[Number] = None,
                   top_p: Optional[Number] = None, n: Optional[int] = None, stop: Union[str, Sequence[str], None] = None,
                   seed: Optional[int] = None, timeout: Optional[Number] = None, num_retries: Optional[int] = None,
                   stream_options: Optional[Mapping[str, object]] = None, extra_headers: Optional[Mapping[str, str]] = None,
                   drop_params: Optional[bool] = None, **more: Any) -> Stream[ChatCompletionChunk]: ...

    @overload
    def completion(self, model: str, messages: Iterable[Message], *, stream: Optional[Literal[False]] = None,
                   api_base: Optional[str] = None, api_key: Optional[str] = None, max_tokens: Optional[int] = None,
                   temperature: Optional[Number] = None, top_p: Optional[Number] = None, n: Optional[int] = None,
                   stop: Union[str, Sequence[str], None] = None, seed: Optional[int] = None, timeout: Optional[Number] = None,
                   num_retries: Optional[int] = None, extra_headers: Optional[Mapping[str, str]] = None,
                   drop_params: Optional[bool] = None, **more: Any) -> ChatCompletion: ...

    @overload
    def completion(self, model: str, messages: Iterable[Message], *, stream: Optional[bool],
                   **more: Any) -> Union[ChatCompletion, Stream[ChatCompletionChunk]]: ...

    def completion(self, model: str, messages: Iterable[Message], *, stream: Optional[bool] = None,
                   **more: Any) -> Union[ChatCompletion, Stream[ChatCompletionChunk]]:
        """Asks for a chat completion; with stream=True gives its chunks as they come.

        OpenAI's fields, and what says where and how to call: api_base, api_key, timeout, num_retries, fallbacks, chat_template, tokenizer,
        triton and the rest, as include/mishikallm.h tells them. Raises the errors of mishikallm.exceptions.
        """
        call = self._call("chat.completions", _fields(more, stream, model=model, messages=messages))
        if stream is True:
            return Stream(call, _chat_chunk)
        return _chat(_whole(_sync.wait(call, call.next)))

    @overload
    async def acompletion(self, model: str, messages: Iterable[Message], *, stream: Literal[True], api_base: Optional[str] = None,
                          api_key: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[Number] = None,
                          top_p: Optional[Number] = None, n: Optional[int] = None, stop: Union[str, Sequence[str], None] = None,
                          seed: Optional[int] = None, timeout: Optional[Number] = None, num_retries: Optional[int] = None,
                          stream_options: Optional[Mapping[str, object]] = None, extra_headers: Optional[Mapping[str, str]] = None,
                          drop_params: Optional[bool] = None, **more: Any) -> AsyncStream[ChatCompletionChunk]: ...

    @overload
    async def acompletion(self, model: str, messages: Iterable[Message], *, stream: Optional[Literal[False]] = None,
                          api_base: Optional[str] = None, api_key: Optional[str] = None, max_tokens: Optional[int] = None,
                          temperature: Optional[Number] = None, top_p: Optional[Number] = None, n: Optional[int] = None,
                          stop: Union[str, Sequence[str], None] = None, seed: Optional[int] = None, timeout: Optional[Number] = None,
                          num_retries: Optional[int] = None, extra_headers: Optional[Mapping[str, str]] = None,
                          drop_params: Optional[bool] = None, **more: Any) -> ChatCompletion: ...

    @overload
    async def acompletion(self, model: str, messages: Iterable[Message], *, stream: Optional[bool],
                          **more: Any) -> Union[ChatCompletion, AsyncStream[ChatCompletionChunk]]: ...

    async def acompletion(self, model: str, messages: Iterable[Message], *, stream: Optional[bool] = None,
                          **more: Any) -> Union[ChatCompletion, AsyncStream[ChatCompletionChunk]]:
        """As completion(), in an event loop: `async for` reads the chunks. Cancelling the task ends the call at the server too."""
        call = self._call("chat.completions", _fields(more, stream, model=model, messages=messages))
        if stream is True:
            return await AsyncStream.opened(call, _chat_chunk)
        return _whole(await _async.wait(call, call.next, _chat))

    # Text completions

    @overload
    def text_completion(self, prompt: Prompt, model: str, *, stream: Literal[True], api_base: Optional[str] = None,
                        api_key: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[Number] = None,
                        stop: Union[str, Sequence[str], None] = None, timeout: Optional[Number] = None,
                        stream_options: Optional[Mapping[str, object]] = None, **more: Any) -> Stream[TextCompletion]: ...

    @overload
    def text_completion(self, prompt: Prompt, model: str, *, stream: Optional[Literal[False]] = None, api_base: Optional[str] = None,
                        api_key: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[Number] = None,
                        stop: Union[str, Sequence[str], None] = None, timeout: Optional[Number] = None,
                        **more: Any) -> TextCompletion: ...

    @overload
    def text_completion(self, prompt: Prompt, model: str, *, stream: Optional[bool],
                        **more: Any) -> Union[TextCompletion, Stream[TextCompletion]]: ...

    def text_completion(self, prompt: Prompt, model: str, *, stream: Optional[bool] = None,
                        **more: Any) -> Union[TextCompletion, Stream[TextCompletion]]:
        """Asks for a text completion of a prompt, or of several; with stream=True gives its chunks as they come."""
        call = self._call("completions", _fields(more, stream, model=model, prompt=prompt))
        if stream is True:
            return Stream(call, _text)
        return _text(_whole(_sync.wait(call, call.next)))

    @overload
    async def atext_completion(self, prompt: Prompt, model: str, *, stream: Literal[True], api_base: Optional[str] = None,
                               api_key: Optional[str] = None, max_tokens: Optional[int] = None, temperature: Optional[Number] = None,
                               stop: Union[str, Sequence[str], None] = None, timeout: Optional[Number] = None,
                               stream_options: Optional[Mapping[str, object]] = None, **more: Any) -> AsyncStream[TextCompletion]: ...

    @overload
    async def atext_completion(self, prompt: Prompt, model: str, *, stream: Optional[Literal[False]] = None,
                               api_base: Optional[str] = None, api_key: Optional[str] = None, max_tokens: Optional[int] = None,
                               temperature: Optional[Number] = None, stop: Union[str, Sequence[str], None] = None,
                               timeout: Optional[Number] = None, **more: Any) -> TextCompletion: ...

    @overload
    async def atext_completion(self, prompt: Prompt, model: str, *, stream: Optional[bool],
                               **more: Any) -> Union[TextCompletion, AsyncStream[TextCompletion]]: ...

    async def atext_completion(self, prompt: Prompt, model: str, *, stream: Optional[bool] = None,
                               **more: Any) -> Union[TextCompletion, AsyncStream[TextCompletion]]:
        """As text_completion(), in an event loop."""
        call = self._call("completions", _fields(more, stream, model=model, prompt=prompt))
        if stream is True:
            return await AsyncStream.opened(call, _text)
        return _whole(await _async.wait(call, call.next, _text))

    # Embeddings

    @overload
    def embedding(self, model: str, input: Prompt, *, as_numpy: Literal[True], as_rows: Optional[Literal[False]] = None,
                  api_base: Optional[str] = None, api_key: Optional[str] = None, dimensions: Optional[int] = None,
                  timeout: Optional[Number] = None, **more: Any) -> Array: ...

    @overload
    def embedding(self, model: str, input: Prompt, *, as_rows: Literal[True], as_numpy: Optional[Literal[False]] = None,
                  api_base: Optional[str] = None, api_key: Optional[str] = None, dimensions: Optional[int] = None,
                  timeout: Optional[Number] = None, **more: Any) -> Rows: ...

    @overload
    def embedding(self, model: str, input: Prompt, *, as_numpy: Optional[Literal[False]] = None,
                  as_rows: Optional[Literal[False]] = None, api_base: Optional[str] = None, api_key: Optional[str] = None,
                  dimensions: Optional[int] = None, encoding_format: Optional[Literal["float", "base64"]] = None,
                  timeout: Optional[Number] = None, **more: Any) -> EmbeddingResponse: ...

    def embedding(self, model: str, input: Prompt, *, as_numpy: Optional[bool] = None, as_rows: Optional[bool] = None,
                  **more: Any) -> Union[EmbeddingResponse, Rows, Array]:
        """Asks for the embedding of each input.

        as_numpy=True gives a read-only float32 array, a row for each input, in the memory where the library received them. Its base is a
        mishikallm.Rows, which tells the model and the usage. as_rows=True gives those Rows, without numpy.
        """
        if as_numpy:
            _rows.module()  # before anything is sent
        call = self._call("embeddings", {**more, "model": model, "input": input})
        if not (as_numpy or as_rows):
            return _embeddings(_whole(_sync.wait(call, call.next)))
        rows = _whole(_sync.wait(call, call.rows))
        return rows.numpy() if as_numpy else rows

    @overload
    async def aembedding(self, model: str, input: Prompt, *, as_numpy: Literal[True], as_rows: Optional[Literal[False]] = None,
                         api_base: Optional[str] = None, api_key: Optional[str] = None, dimensions: Optional[int] = None,
                         timeout: Optional[Number] = None, **more: Any) -> Array: ...

    @overload
    async def aembedding(self, model: str, input: Prompt, *, as_rows: Literal[True], as_numpy: Optional[Literal[False]] = None,
                         api_base: Optional[str] = None, api_key: Optional[str] = None, dimensions: Optional[int] = None,
                         timeout: Optional[Number] = None, **more: Any) -> Rows: ...

    @overload
    async def aembedding(self, model: str, input: Prompt, *, as_numpy: Optional[Literal[False]] = None,
                         as_rows: Optional[Literal[False]] = None, api_base: Optional[str] = None, api_key: Optional[str] = None,
                         dimensions: Optional[int] = None, encoding_format: Optional[Literal["float", "base64"]] = None,
                         timeout: Optional[Number] = None, **more: Any) -> EmbeddingResponse: ...

    async def aembedding(self, model: str, input: Prompt, *, as_numpy: Optional[bool] = None, as_rows: Optional[bool] = None,
                         **more: Any) -> Union[EmbeddingResponse, Rows, Array]:
        """As embedding(), in an event loop."""
        if as_numpy:
            _rows.module()
        call = self._call("embeddings", {**more, "model": model, "input": input})
        if not (as_numpy or as_rows):
            return _whole(await _async.wait(call, call.next, _embeddings))
        made: Rows = _whole(await _async.wait(call, call.rows, _same))
        return made.numpy() if as_numpy else made

    # Everything else

    def invoke(self, operation: str, request: Optional[Mapping[str, Any]] = None, **fields: Any) -> Any:
        """Does what an operation's name says: "models", "health", "server", "infer", "model.metadata", "model.config",
        "model.statistics", "model.load", "model.unload", or those that have functions of their own.

        The request's fields are a dictionary, keywords, or both. Gives a Record, or the object of the operation's own function.
        """
        call = self._call(operation, _invoked(operation, request, fields))
        return _READERS.get(operation, _record)(_whole(_sync.wait(call, call.next)))

    async def ainvoke(self, operation: str, request: Optional[Mapping[str, Any]] = None, **fields: Any) -> Any:
        """As invoke(), in an event loop."""
        call = self._call(operation, _invoked(operation, request, fields))
        return _whole(await _async.wait(call, call.next, _READERS.get(operation, _record)))


class DefaultClient(Client):
    """The process-wide client: each request carries its api_base. It is never closed, and works on both sides of a fork()."""

    def __init__(self) -> None:
        self._handle = None  # the library's own default client
        self._pid = os.getpid()

    def _call(self, operation: str, fields: Mapping[str, Any]) -> Call:
        if self._pid != os.getpid():
            # A child of fork(), where the library's default client is the parent's.
            self._handle = _library.client_new(None, None)
            self._pid = os.getpid()
        return super()._call(operation, fields)

    def close(self) -> None:
        """Does nothing."""

    def __reduce__(self) -> Tuple[Any, ...]:
        return _default, ()


DEFAULT = DefaultClient()


def _default() -> DefaultClient:
    return DEFAULT


def _same(rows: Rows) -> Rows:
    return rows


def _whole(answer: Optional[T]) -> T:
    """The answer, of which there always is one."""
    if answer is None:
        raise exceptions.InternalServerError("the library gave no answer; this is a defect", status="PANIC")
    return answer


def _fields(more: Dict[str, Any], stream: Optional[bool], **first: Any) -> Dict[str, Any]:
    """A text comes whole unless the request says otherwise; what is no bool goes to the library, which says so."""
    messages = first.get("messages")
    if messages is not None and not isinstance(messages, (list, tuple, str, dict)) and hasattr(messages, "__iter__"):
        first["messages"] = list(messages)
    return {**more, **first, "stream": False if stream is None else stream}


def _invoked(operation: str, request: Optional[Mapping[str, Any]], fields: Dict[str, Any]) -> Dict[str, Any]:
    given = {**(request or {}), **fields}
    if operation in ("chat.completions", "completions"):
        if given.get("stream"):
            raise exceptions.BadRequestError("stream: invoke() gives whole answers; completion() and text_completion() stream",
                                             status_code=400, type="invalid_request_error", param="stream", code="400", status="ARGUMENT")
        given["stream"] = False
    return given
