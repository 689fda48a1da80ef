"""One call of the library: opened, waited for, cancelled."""

from __future__ import annotations

import ctypes
import os
from ctypes import c_int32
from typing import Any, Optional, Tuple

from . import _library, exceptions
from ._rows import Rows


class Call:
    """A call that any thread may cancel, whichever thread waits for it.

    It is one of the library's streams, also where the answer comes whole. Nothing is sent before the first next(). It holds the client's
    handle, whose end would end it: a Client that is dropped ends when the last of its calls does.
    """

    __slots__ = ("_client", "_operation", "_request", "_handle", "_cancelled", "_pid", "model", "__weakref__")

    def __init__(self, client: Optional[_library.ClientHandle], operation: str, request: bytes, model: Any) -> None:
        self._client = client
        self._operation = operation.encode()
        self._request: Optional[bytes] = request
        self._handle: Optional[_library.StreamHandle] = None
        self._cancelled = False
        self._pid = os.getpid()
        self.model = model if isinstance(model, str) else None

    def open(self) -> None:
        """Raises what is wrong with the request. It reads templates and tokenizers the first time, which takes a moment."""
        if self._request is None:
            return
        if b"\0" in self._operation:
            raise exceptions.from_json('{"error":{"message":"operation: holds a NUL character","status":400}}', "ARGUMENT")
        error = _library.Text()
        handle = _library.stream_open(self._client, self._operation, self._request, ctypes.byref(error))
        if not handle:
            raise exceptions.from_json(error.take(), None, self.model)
        self._request = None  # it may be large
        self._handle = handle
        if self._cancelled:  # by another thread, which did not see the handle yet
            _library.stream_cancel(handle)

    def next(self, timeout_ms: int) -> Tuple[int, Optional[str]]:
        """(OK, the next chunk or the whole answer), (DONE, None) or (TIMEOUT, None). Raises the call's error."""
        status = c_int32()
        text = _library.stream_next(self._handle, timeout_ms, ctypes.byref(status)).take()
        if status.value < 0:
            raise self._error(text, status.value)
        return status.value, text

    def rows(self, timeout_ms: int) -> Tuple[int, Optional[Rows]]:
        """The same for embeddings as numbers."""
        status, error = c_int32(), _library.Text()
        handle = _library.stream_embeddings(self._handle, timeout_ms, ctypes.byref(status), ctypes.byref(error))
        if status.value < 0:
            raise self._error(error.take(), status.value)
        return status.value, Rows(handle) if handle else None

    def cancel(self) -> None:
        """Ends it at once, and the request at the server. Any thread, any number of times."""
        self._cancelled = True
        handle = self._handle
        # In a child of fork() the connection is the parent's: freeing the handle is all there is to do.
        if handle is not None and self._pid == os.getpid():
            _library.stream_cancel(handle)

    def _error(self, text: Optional[str], status: int) -> exceptions.APIError:
        return exceptions.from_json(text, _library.status_name(status).decode(), self.model)
