"""Threads that wait for the server in place of an event loop.

Why not mishikallm_submit(), whose threads are the library's: a client has 16 of them, and a stream keeps its thread for as long as it is
open, so the 17th of several slow streams would stand still; a consumer that reads slowly would have to block its callback, and with it
one of the 16; and a callback that arrives while the interpreter ends must not touch it any more. Threads of our own take a chunk only
when it is asked for, and let any number of calls take turns. They are no slower, on two cores beside the server, callbacks with 1024
workers second: a small call 0.4 ms and 0.6 ms; 1000 calls of half a second 1.1 s and 1.4 s; 1000 streams of 10 chunks in 2 s 3.5 s
and 5.6 s; a stream of 2000 chunks that come at once 0.1 s and 0.1 s.

A thread waits for one call. There are as many as there are calls waiting, up to MOST; beyond it calls take turns, a TURN each.

Another thread starts them, the starter: threading.Thread.start() waits until the thread runs, and it would be the event loop that waits.
_thread.start_new_thread() does not, but nobody can then wait for the thread's end, and CPython may crash where one still has a few lines
to run when the interpreter goes (https://github.com/python/cpython/issues/87135).
"""

from __future__ import annotations

import atexit
import os
import queue
import threading
import time
from collections import deque
from typing import Deque, List, Optional

MOST = 512
# Milliseconds. A call that has its thread to itself still looks up now and then, whether others stand in the queue by now. A turn is so
# long that all threads together, changing calls, leave the interpreter's lock to the event loop for nine tenths of the time.
ALONE, TURN = 1000, 100
# Seconds after which a thread without work ends, and that the end of the process waits for those that had work.
IDLE, PARTING = 10.0, 2.0


class Job:
    """A piece of waiting."""

    def step(self, patience_ms: int) -> bool:
        """Waits no longer than this; True when there is no more to do. Raises nothing."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Makes step() return soon."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> None:
        """Nobody can do it: tells who waits."""
        raise NotImplementedError


class _Worker:
    __slots__ = ("job", "wake")

    def __init__(self, job: Job) -> None:
        self.job: Optional[Job] = job
        self.wake = threading.Lock()
        self.wake.acquire()


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: List[_Worker] = []
        # The last to become idle is the first to work again, so that the others can end.
        self._idle: List[_Worker] = []
        self._queue: Deque[Job] = deque()
        # Those whose threads are to be started; None ends the starter.
        self._unborn: queue.SimpleQueue[Optional[_Worker]] = queue.SimpleQueue()
        self._starter: Optional[threading.Thread] = None
        # The starter's: all that may run.
        self._threads: List[threading.Thread] = []
        self._ended = False

    def submit(self, job: Job) -> None:
        """Has a thread work on it. Does not block."""
        with self._lock:
            if self._ended:
                raise RuntimeError("the interpreter is ending: no call can begin any more")
            if self._idle:
                worker = self._idle.pop()
                worker.job = job
                worker.wake.release()
                return
            if len(self._workers) >= MOST:
                self._queue.append(job)
                return
            if self._starter is None:
                starter = threading.Thread(target=self._start, name="mishikallm-starter", daemon=True)
                starter.start()
                self._starter = starter
            worker = _Worker(job)
            self._workers.append(worker)
        self._unborn.put(worker)

    def _start(self) -> None:
        while True:
            worker = self._unborn.get()
            if worker is None:
                return
            thread = threading.Thread(target=self._work, args=(worker,), name="mishikallm", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # the system gives no more threads
                self._do_without(worker, error)
                continue
            if len(self._threads) >= MOST:
                self._threads = [each for each in self._threads if each.is_alive()]
            self._threads.append(thread)

    def _do_without(self, worker: _Worker, error: RuntimeError) -> None:
        """Its job waits for one of the threads that there are."""
        with self._lock:
            self._workers.remove(worker)
            if worker.job is not None:
                self._queue.append(worker.job)
            if self._workers:
                return
            jobs = list(self._queue)
            self._queue.clear()
        for job in jobs:
            job.fail(error)

    def _work(self, worker: _Worker) -> None:
        while True:
            job = worker.job
            if job is None:
                self._leave(worker)
                return
            done = job.step(TURN if self._queue else ALONE)
            with self._lock:
                if not done:
                    if not self._queue:
                        continue
                    self._queue.append(job)
                worker.job = job = None  # holds nothing of a call while idle
                if self._queue:
                    worker.job = self._queue.popleft()
                    continue
                if self._ended:
                    self._workers.remove(worker)
                    return
                self._idle.append(worker)
            if not worker.wake.acquire(timeout=IDLE):
                with self._lock:
                    if worker in self._idle:
                        self._idle.remove(worker)
                        self._workers.remove(worker)
                        return
                worker.wake.acquire()  # someone took it from the list this moment

    def _leave(self, worker: _Worker) -> None:
        with self._lock:
            self._workers.remove(worker)

    def end(self) -> None:
        """At the interpreter's end: cancels what is under way and waits a little, so that no thread of ours outlives it."""
        end = time.monotonic() + PARTING
        with self._lock:
            self._ended = True
            starter = self._starter
        if starter is not None:
            self._unborn.put(None)
            starter.join(PARTING)
        with self._lock:
            jobs = list(self._queue) + [worker.job for worker in self._workers if worker.job is not None]
            self._queue.clear()
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.wake.release()
        for job in jobs:
            job.cancel()
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))


_pool = _Pool()


def submit(job: Job) -> None:
    """Has one of the process's threads work on it."""
    _pool.submit(job)


def _after_fork() -> None:
    """The child has none of the threads, and must not wait for a lock that one of them held."""
    global _pool
    _pool = _Pool()


def _at_exit() -> None:
    _pool.end()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
