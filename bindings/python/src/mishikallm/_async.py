"""Waiting in an event loop, which is never blocked: threads of _pool wait, and the loop is told."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Callable, Deque, Generic, List, Optional, Tuple, TypeVar

from . import _library, _pool
from ._call import Call
from .exceptions import APIError, RequestCancelledError

T = TypeVar("T")

# The most chunks that are taken at once, if so many are there already: a change of threads for each would cost more than the chunk.
BATCH = 32


class _Job(_pool.Job, Generic[T]):
    """Has `work` done on a thread, and a future told of it."""

    __slots__ = ("_call", "_work", "_loop", "_future")

    def __init__(self, call: Call, work: Callable[[int], Tuple[bool, Optional[T]]]) -> None:
        self._call = call
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[Optional[T]] = self._loop.create_future()

    async def wait(self) -> Optional[T]:
        """Whatever ends the waiting early, a task's cancel or a time-out or the loop's end, ends the call."""
        try:
            _pool.submit(self)
            return await self._future
        except BaseException:
            self._call.cancel()
            if not self._loop.is_closed():
                self._future.cancel()
            raise

    def step(self, patience_ms: int) -> bool:
        value: Optional[T] = None
        error: Optional[BaseException] = None
        try:
            self._call.open()
            done, value = self._work(patience_ms)
            if not done:
                return False
        except BaseException as raised:  # whatever it is, who waits has to be told
            error = raised
        self._tell(value, error)
        return True

    def cancel(self) -> None:
        self._call.cancel()

    def fail(self, error: BaseException) -> None:
        self._tell(None, error)

    def _tell(self, value: Optional[T], error: Optional[BaseException]) -> None:
        try:
            self._loop.call_soon_threadsafe(_tell, self._future, value, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._call.cancel()


def _tell(future: asyncio.Future[Any], value: Any, error: Optional[BaseException]) -> None:
    if future.done():  # cancelled meanwhile
        return
    if error is None:
        future.set_result(value)
    elif isinstance(error, StopIteration):
        future.set_exception(RuntimeError("a call raised StopIteration"))
    else:
        future.set_exception(error)


async def wait(call: Call, take: Callable[[int], Tuple[int, Optional[Any]]], read: Callable[[Any], T]) -> Optional[T]:
    """What `read` makes of the one value that `take` gives."""

    def work(patience_ms: int) -> Tuple[bool, Optional[T]]:
        status, value = take(patience_ms)
        return status != _library.TIMEOUT, read(value) if value is not None else None

    return await _Job(call, work).wait()


class AsyncStream(Generic[T]):
    """Chunks, as they come: an asynchronous iterator, and an asynchronous context manager that ends the call.

    Closing it, leaving its async with block, dropping the last reference to it, or cancelling the task that waits for a chunk ends the
    call at once, and the model's work. An answer that was cut short ends with an error, never as if it were whole. No chunk is read
    before it is asked for, but those that have arrived with it.
    """

    def __init__(self, call: Call, read: Callable[[str], T]) -> None:
        self._call = call
        self._read = read
        self._ready: Deque[T] = deque()
        self._over = self._closed = self._waiting = False
        self._error: Optional[BaseException] = None

    @classmethod
    async def opened(cls, call: Call, read: Callable[[str], T]) -> AsyncStream[T]:
        """Waits for the first chunk, so that what is wrong with the call is raised here, as with OpenAI's client."""
        stream = cls(call, read)
        await stream._fill()
        return stream

    async def _fill(self) -> None:
        if self._waiting:
            raise RuntimeError("another task is waiting for this stream's next chunk: one at a time")
        self._waiting = True
        try:
            batch = await _Job(self._call, _puller(self._call, self._read)).wait()
        finally:
            self._waiting = False
        if batch is not None:
            chunks, self._over, self._error = batch
            self._ready.extend(chunks)

    def __aiter__(self) -> AsyncStream[T]:
        return self

    async def __anext__(self) -> T:
        while True:
            if self._closed and not self._over:
                raise RequestCancelledError("the stream was closed before its end", status="CANCELLED", model=self._call.model)
            if self._ready:
                return self._ready.popleft()
            if self._error is not None:
                raise self._error
            if self._over:
                raise StopAsyncIteration
            await self._fill()

    async def close(self) -> None:
        """Ends the call. Any task, any number of times."""
        self._closed = True
        self._call.cancel()

    aclose = close  # for contextlib.aclosing()

    async def __aenter__(self) -> AsyncStream[T]:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    def __del__(self) -> None:
        call: Optional[Call] = getattr(self, "_call", None)
        if call is not None:
            call.cancel()


_Batch = Tuple[List[T], bool, Optional[BaseException]]


def _puller(call: Call, read: Callable[[str], T]) -> Callable[[int], Tuple[bool, Optional[_Batch[T]]]]:
    """Takes the next chunk, and what has come with it. It holds nothing of the stream: that nobody holds it any more is to be noticed."""

    def work(patience_ms: int) -> Tuple[bool, Optional[_Batch[T]]]:
        status, text = call.next(patience_ms)
        if status == _library.TIMEOUT:
            return False, None
        chunks: List[T] = []
        try:
            while text is not None:
                chunks.append(read(text))
                if len(chunks) == BATCH:
                    break
                status, text = call.next(0)
        except APIError as error:
            return True, (chunks, False, error)  # after the chunks that came before it
        return True, (chunks, status == _library.DONE, None)

    return work
