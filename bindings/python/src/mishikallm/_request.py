"""A request's fields as the library's JSON."""

from __future__ import annotations

import dataclasses
import enum
import json
import os
from typing import Any, Dict, Mapping, Optional

from .exceptions import BadRequestError


def encode(fields: Mapping[str, Any]) -> bytes:
    """None means absent, as in OpenAI's client. Raises BadRequestError for what JSON cannot hold."""
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return _encoder.encode(given).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong(given, error) from error


def _plain(value: Any) -> Any:
    """What json.dumps() does not know: pydantic's models, dataclasses, mappings, numpy's arrays and numbers, paths, enums."""
    schema = getattr(value, "model_json_schema", None)
    if isinstance(value, type) and callable(schema):
        # A pydantic class as response_format, as OpenAI's parse() takes it.
        return {"type": "json_schema", "json_schema": {"name": value.__name__, "schema": schema(), "strict": True}}
    for method in ("model_dump", "to_dict", "dict", "tolist"):
        dump = getattr(value, method, None)
        if callable(dump) and not isinstance(value, type):
            return dump()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (set, frozenset, range)) or hasattr(value, "__next__"):
        return list(value)
    raise TypeError("JSON cannot hold a value of the type %s" % type(value).__name__)


_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _wrong(fields: Dict[str, Any], error: Exception) -> BadRequestError:
    """Says which field it is. No value is repeated: it may be a key or a prompt."""
    param: Optional[str] = None
    for name, value in fields.items():
        try:
            _encoder.encode({name: value}).encode()
        except (TypeError, ValueError, RecursionError):
            param = str(name)
            break
    if isinstance(error, UnicodeEncodeError):
        what = "a string holds half of a surrogate pair, which is no text"
    elif isinstance(error, RecursionError):
        what = "it is nested too deeply, or holds itself"
    elif "float values" in str(error):
        what = 'NaN and infinities are no JSON; infer takes them as the strings "NaN", "Infinity" and "-Infinity"'
    else:
        what = str(error)
    return BadRequestError("%s: %s" % (param or "the request", what), status_code=400, type="invalid_request_error", param=param,
                           code="400", status="ARGUMENT")
