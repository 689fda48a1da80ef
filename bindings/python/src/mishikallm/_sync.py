"""Waiting on the caller's own thread."""

from __future__ import annotations

import threading
from typing import Callable, Generic, Optional, Tuple, TypeVar

from . import _library
from ._call import Call
from .exceptions import APIError, RequestCancelledError

T = TypeVar("T")

# Python runs signal handlers on the main thread, and only between two of its own instructions: there a call comes back for a moment
# every so many milliseconds, and Ctrl-C ends it.
PATIENCE = 50


def wait(call: Call, take: Callable[[int], Tuple[int, Optional[T]]]) -> Optional[T]:
    """What `take` gives, however long that takes; None when there is no more. Whatever interrupts it cancels the call."""
    try:
        call.open()
        patience = PATIENCE if threading.current_thread() is threading.main_thread() else -1
        while True:
            status, value = take(patience)
            if status != _library.TIMEOUT:
                return value
    except APIError:
        raise  # the call is over; or it is another thread's that waits for its next chunk, and goes on
    except BaseException:
        call.cancel()
        raise


class Stream(Generic[T]):
    """Chunks, as they come: an iterator, and a context manager that ends the call.

    Closing it, leaving its with block, or dropping the last reference to it ends the call at once, and the model's work. An answer that
    was cut short ends with an error, never as if it were whole. One thread at a time reads; any thread may close it.
    """

    def __init__(self, call: Call, read: Callable[[str], T]) -> None:
        """Waits for the first chunk, so that what is wrong with the call is raised here, as with OpenAI's client."""
        self._call = call
        self._read = read
        self._over = self._closed = False
        self._first: Optional[T] = self._take()

    def _take(self) -> Optional[T]:
        text = wait(self._call, self._call.next)
        if text is None:
            self._over = True
            return None
        return self._read(text)

    def __iter__(self) -> Stream[T]:
        return self

    def __next__(self) -> T:
        if self._closed and not self._over:
            raise RequestCancelledError("the stream was closed before its end", status="CANCELLED", model=self._call.model)
        chunk, self._first = self._first, None
        if chunk is None and not self._over:
            chunk = self._take()
        if chunk is None:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Ends the call. Any thread, any number of times."""
        self._closed = True
        self._call.cancel()

    def __enter__(self) -> Stream[T]:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __del__(self) -> None:
        call: Optional[Call] = getattr(self, "_call", None)
        if call is not None:
            call.cancel()
