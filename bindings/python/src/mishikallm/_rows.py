"""Embeddings as numbers, where the library received them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from . import _library
from .results import Usage

if TYPE_CHECKING:
    import numpy


class Rows:
    """Rows of 32-bit floats in the library's memory, which is freed with the last of the views of it.

    Read-only: the library may have handed out the same numbers to others. numpy.asarray(rows) copies nothing; without numpy each row is
    a memoryview of floats.
    """

    __slots__ = ("_handle", "_address", "shape", "model", "usage", "__weakref__")

    def __init__(self, handle: _library.RowsHandle) -> None:
        self._handle = handle
        self._address, height, width = _library.embeddings_data(handle)
        #: The number of rows, and of numbers in each.
        self.shape: Tuple[int, int] = (height, width)
        told: Dict[str, Any] = json.loads(_library.embeddings_info(handle).take() or "{}")
        #: The model that made them, and what they took.
        self.model: str = told.get("model", "")
        self.usage: Usage = Usage._made(told.get("usage") or {})

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int) -> memoryview[float]:
        """One row, without copying it."""
        return self.view()[index]

    def __iter__(self) -> Iterator[memoryview[float]]:
        return iter(self.view())

    def __repr__(self) -> str:
        return "<mishikallm.Rows: %d rows of %d numbers by %s>" % (*self.shape, self.model)

    def view(self) -> List[memoryview[float]]:
        """The rows, each a read-only memoryview of floats over the same memory."""
        height, width = self.shape
        array = _library.floats_at(self._address, height * width)
        array.rows = self  # a memoryview holds the array, and the array us
        flat = memoryview(array).toreadonly().cast("B").cast("f")
        return [flat[row * width:(row + 1) * width] for row in range(height)]

    def tolist(self) -> List[List[float]]:
        """The numbers as lists."""
        return [list(row) for row in self]

    @property
    def __array_interface__(self) -> Dict[str, Any]:
        """numpy's protocol for memory that is there already."""
        if 0 in self.shape:
            return {"version": 3, "shape": self.shape, "typestr": "<f4", "data": b""}
        return {"version": 3, "shape": self.shape, "typestr": "<f4", "data": (self._address, True)}

    def numpy(self) -> numpy.ndarray[Any, numpy.dtype[numpy.float32]]:
        """A read-only float32 array over the same memory; its base is these rows."""
        return module().asarray(self)  # type: ignore[no-any-return]


def module() -> Any:
    """numpy, or an ImportError that says what to do."""
    try:
        import numpy
    except ImportError as error:
        raise ImportError("as_numpy=True needs numpy: pip install numpy. Without it, as_rows=True gives the same numbers "
                          "as memoryviews.") from error
    return numpy
