"""The library's log in Python's logging, under the name "mishikallm"."""

from __future__ import annotations

import atexit
import logging
import os
from typing import Any, Dict, Optional, Union

from . import _library

logger = logging.getLogger("mishikallm")

_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}
_NAMES: Dict[str, int] = {"error": 1, "warning": 2, "warn": 2, "info": 3, "debug": 4}


def set_log(level: Union[str, int, None]) -> None:
    """Has the library log into logging.getLogger("mishikallm"), for the whole process.

    The level is "error", "warning", "info" or "debug" (a line for each request), one of logging's numbers, or None: nothing any more.
    Where the lines go is logging's matter, as with any logger: logging.basicConfig() shows them. No line holds a key, a header's value or
    a prompt. The environment variable MISHIKALLM_LOG does the same when the package is imported.
    """
    if level is None:
        number = 0
    elif isinstance(level, str):
        if level.lower() not in _NAMES:
            raise ValueError('level: expected "error", "warning", "info", "debug" or None, got %r' % level)
        number = _NAMES[level.lower()]
    else:
        # The most that logging's number lets through.
        number = max((ours for ours, theirs in _LEVELS.items() if theirs >= level), default=0)
    status = _library.set_log(_callback if number else None, None, number)
    if status != _library.OK:
        raise RuntimeError("the log cannot be changed by a handler of its own lines")
    logger.setLevel(_LEVELS[number] if number else logging.NOTSET)


def _write(level: int, message: bytes, userdata: Any) -> None:
    logger.log(_LEVELS.get(level, logging.DEBUG), "%s", message.decode("utf-8", "replace"))


_callback = _library.LOG_FUNCTION(_write)

def _at_exit() -> None:
    """Returns when no thread is in _write any more, and none will be: the interpreter is about to go."""
    _library.set_log(None, None, 0)


atexit.register(_at_exit)
_from_environment: Optional[str] = os.environ.get("MISHIKALLM_LOG")
if _from_environment:
    set_log(_from_environment)
