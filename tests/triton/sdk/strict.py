"""JSON held to the client's types: every field is there, of the right type, and none is unknown.

The client itself is lenient: it takes what a server sends, and says nothing of a wrong type.
"""

import copy
import json
from typing import Literal, Optional

import pydantic
from openai import types
from openai.types import chat

# What we add to OpenAI's objects; its own clients pass it on.
OURS = {"reasoning_content", "estimated"}


class TextChoice(types.CompletionChoice):
    """Of a stream: OpenAI's reference and servers have a null until the end, which the client's type forgets."""
    finish_reason: Optional[types.CompletionChoice.model_fields["finish_reason"].annotation] = None


class TextChunk(types.Completion):
    choices: list[TextChoice]


class Base64Row(types.Embedding):
    embedding: str


class Base64Rows(types.CreateEmbeddingResponse):
    data: list[Base64Row]


class ErrorDetail(pydantic.BaseModel):
    """OpenAI's reference, "Error codes"; the client has no type for it."""
    model_config = pydantic.ConfigDict(extra="allow")
    message: str
    type: str
    param: Optional[str]
    code: Optional[str]


class LibrarysDetail(ErrorDetail):
    """What HTTP says beside the JSON."""
    status: int
    retry_after: Optional[float] = None


class Error(pydantic.BaseModel):
    """The library's."""
    model_config = pydantic.ConfigDict(extra="allow")
    error: LibrarysDetail


class HttpError(pydantic.BaseModel):
    """The proxy's."""
    model_config = pydantic.ConfigDict(extra="allow")
    error: ErrorDetail


class Model(types.Model):
    """With what Triton knows beside it."""
    versions: list[str]


class Models(pydantic.BaseModel):
    """The library's."""
    model_config = pydantic.ConfigDict(extra="allow")
    object: Literal["list"]
    data: list[Model]


class HttpModels(pydantic.BaseModel):
    """The proxy's."""
    model_config = pydantic.ConfigDict(extra="allow")
    object: Literal["list"]
    data: list[types.Model]


CHAT, CHAT_CHUNK, TEXT, TEXT_CHUNK = chat.ChatCompletion, chat.ChatCompletionChunk, types.Completion, TextChunk
FLOATS, BASE64 = types.CreateEmbeddingResponse, Base64Rows


class Wrong(Exception):
    """A text is not as the type says."""


def read(kind, text):
    """The text as an object of a type of the client, or `Wrong`."""
    try:
        value = kind.model_validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        raise Wrong("%s: %s\n%s" % (kind.__name__, error, text)) from None
    unknown = set(strangers(value)) - OURS
    if unknown:
        raise Wrong("%s has no %s\n%s" % (kind.__name__, ", ".join(sorted(unknown)), text))
    return value


def strangers(value):
    """The names of fields that their types do not know."""
    if isinstance(value, pydantic.BaseModel):
        yield from value.model_extra or {}
        for name in value.model_fields_set:
            yield from strangers(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strangers(item)


def mistakes(text):
    """(what was done, text) for each field and each element: once of a wrong type, once under a wrong name."""
    whole = json.loads(text)
    for path in paths(whole):
        *way, last = path
        if last in OURS:
            continue
        broken = copy.deepcopy(whole)
        place = broken
        for step in way:
            place = place[step]
        value = place[last]
        place[last] = wrong(value)
        yield "%s of a wrong type" % (path,), json.dumps(broken)
        if isinstance(last, str) and "top_logprobs" not in way[-2:-1]:  # there any text is a key
            del place[last]
            place[last + "_"] = value
            yield "%s under a wrong name" % (path,), json.dumps(broken)


def wrong(value):
    """Another type, such as a careless server has: a number for a text, a text for a number."""
    if isinstance(value, str):
        return 5
    if isinstance(value, (int, float)):
        return str(value)
    return {"wrong": 1} if value is None else "wrong"


def paths(value):
    """The ways to every part of a JSON value; of a long list of numbers only the first and the last."""
    steps = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if len(steps) > 8 and all(isinstance(value[step], (int, float)) for step in steps):
        steps = [steps[0], steps[-1]]
    for step in steps:
        yield (step,)
        for rest in paths(value[step]):
            yield (step, *rest)
