"""The C library: found, loaded, and its functions with their types.

A ctypes.CDLL call lets go of the interpreter's lock, so a call that waits for a server holds up no other thread.

What the library hands out is owned by small subclasses of c_void_p, which ctypes makes before any line of Python runs: whatever
interrupts the caller (Ctrl-C comes between any two lines), the last reference frees it. So nothing is freed while another thread is
inside the library with it, and no lock is needed for that.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_void_p
from typing import Any, Optional, Tuple

ABI_VERSION = 0

OK, DONE, TIMEOUT = 0, 1, 2
LOG_FUNCTION = CFUNCTYPE(None, c_int32, c_char_p, c_void_p)


def _load() -> ctypes.CDLL:
    """Raises ImportError with what to do about it."""
    named = os.environ.get("MISHIKALLM_LIBRARY")
    path = named or os.path.join(os.path.dirname(os.path.abspath(__file__)), "libmishikallm.so")
    try:
        library = ctypes.CDLL(path)
        abi_version = library.mishikallm_abi_version
        newest = library.mishikallm_stream_embeddings
    except (OSError, AttributeError) as error:
        if named:
            advice = "MISHIKALLM_LIBRARY names that file: name libmishikallm.so of this version, or unset it."
        elif os.path.exists(path):
            advice = "Install the package for this platform: pip install --force-reinstall mishikallm."
        else:
            advice = ("This copy of the package carries no library: install a wheel (pip install mishikallm), "
                      "or set MISHIKALLM_LIBRARY to the path of libmishikallm.so.")
        raise ImportError("mishikallm cannot load its library: %s. %s" % (error, advice)) from None
    abi_version.restype = c_uint32
    del newest
    if abi_version() != ABI_VERSION:
        raise ImportError("mishikallm needs a library with ABI %d, and %s has ABI %d: install package and library of one version."
                          % (ABI_VERSION, path, abi_version()))
    return library


_library = _load()


def _function(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_library, "mishikallm_" + name)
    function.restype = result
    function.argtypes = arguments
    return function


_string_free = _function("string_free", None, c_void_p)
_client_free = _function("client_free", None, c_void_p)
_stream_free = _function("stream_free", None, c_void_p)
_embeddings_free = _function("embeddings_free", None, c_void_p)


class Text(c_void_p):
    """A string of the library's."""

    def __del__(self, _free: Any = _string_free) -> None:
        if self.value:
            _free(self)

    def take(self) -> Optional[str]:
        """Its text; None for NULL."""
        return ctypes.string_at(self.value).decode() if self.value else None


class ClientHandle(c_void_p):
    """A client of the library's."""

    def __del__(self, _free: Any = _client_free) -> None:
        if self.value:
            _free(self)


class StreamHandle(c_void_p):
    """A call of the library's; freeing it cancels what is not over."""

    def __del__(self, _free: Any = _stream_free) -> None:
        if self.value:
            _free(self)


class RowsHandle(c_void_p):
    """Rows of numbers in the library's memory."""

    def __del__(self, _free: Any = _embeddings_free) -> None:
        if self.value:
            _free(self)


version = _function("version", c_char_p)
info = _function("info", Text)
status_name = _function("status_name", c_char_p, c_int32)
set_log = _function("set_log", c_int32, c_void_p, c_void_p, c_int32)
client_new = _function("client_new", ClientHandle, c_char_p, POINTER(Text))
client_close = _function("client_close", None, c_void_p)
stream_open = _function("stream_open", StreamHandle, c_void_p, c_char_p, c_char_p, POINTER(Text))
stream_next = _function("stream_next", Text, c_void_p, c_int32, POINTER(c_int32))
stream_cancel = _function("stream_cancel", None, c_void_p)
stream_embeddings = _function("stream_embeddings", RowsHandle, c_void_p, c_int32, POINTER(c_int32), POINTER(Text))
embeddings_info = _function("embeddings_info", Text, c_void_p)
_embeddings_data = _function("embeddings_data", c_void_p, c_void_p, POINTER(c_size_t), POINTER(c_size_t))


def embeddings_data(rows: RowsHandle) -> Tuple[int, int, int]:
    """Where the numbers are, how many rows there are, and how many numbers in each."""
    height, width = c_size_t(), c_size_t()
    address = _embeddings_data(rows, ctypes.byref(height), ctypes.byref(width))
    return address or 0, height.value, width.value


def floats_at(address: int, count: int) -> Any:
    """A ctypes array over the library's own memory."""
    return (c_float * count).from_address(address) if count else (c_float * 0)()
