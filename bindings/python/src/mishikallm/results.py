"""What calls give back: OpenAI's objects, as dictionaries whose keys are attributes too.

    answer.choices[0].message.content == answer["choices"][0]["message"]["content"]

A field that OpenAI's object may have and this one lacks is None as an attribute, and absent as a key; a name that is no field is an
AttributeError. Being dictionaries, they compare, iterate, pickle, go through json.dumps(), and can be put into a request again.
"""

from __future__ import annotations

import json
from typing import (TYPE_CHECKING, Any, Callable, ClassVar, Dict, Iterable, List, Optional, Tuple, Type, TypeVar, Union, get_type_hints)

__all__ = ["ChatCompletion", "ChatCompletionChunk", "Choice", "ChoiceChunk", "ChoiceLogprobs", "Delta", "Embedding",
           "EmbeddingResponse", "FunctionCall", "Message", "Object", "Record", "TextChoice", "TextCompletion", "TokenLogprob", "ToolCall",
           "ToolCallDelta", "TopLogprob", "Usage"]

T = TypeVar("T", bound="Object")


class Object(Dict[str, Any]):
    """A JSON object with its keys as attributes."""

    __slots__ = ()
    # What the annotations say: names, and those that hold further objects. Filled in on first use.
    _known: ClassVar[Optional[Tuple[frozenset[str], Dict[str, Type[Object]]]]] = None

    def __init_subclass__(cls) -> None:
        cls._known = None

    @classmethod
    def _fields(cls) -> Tuple[frozenset[str], Dict[str, Type[Object]]]:
        if cls._known is None:
            hints = {name: hint for name, hint in get_type_hints(cls).items() if not name.startswith("_")}
            nested = {name: kind for name, kind in ((name, _object_in(hint)) for name, hint in hints.items()) if kind}
            cls._known = (frozenset(hints), nested)
        return cls._known

    @classmethod
    def _made(cls: Type[T], fields: Dict[str, Any]) -> T:
        """Of plain JSON, the objects inside it too."""
        for name, kind in cls._fields()[1].items():
            value = fields.get(name)
            if isinstance(value, dict):
                fields[name] = kind._made(value)
            elif isinstance(value, list):
                fields[name] = [kind._made(item) if isinstance(item, dict) else item for item in value]
        return cls(fields)

    # Hidden from type checkers, so that they know the declared fields only and refuse a misspelt one.
    if not TYPE_CHECKING:

        def __getattr__(self, name):
            try:
                return self[name]
            except KeyError:
                if name in type(self)._fields()[0]:
                    return None
                raise AttributeError("%s has no field %r" % (type(self).__name__, name)) from None

        def __setattr__(self, name, value):
            self[name] = value

        def __delattr__(self, name):
            try:
                del self[name]
            except KeyError:
                raise AttributeError("%s has no field %r" % (type(self).__name__, name)) from None

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *self._fields()[0], *self})

    def __repr__(self) -> str:
        return "%s(%s)" % (type(self).__name__, ", ".join("%s=%r" % field for field in self.items()))

    def copy(self: T) -> T:
        """A copy that shares the objects inside."""
        return type(self)(self)

    def model_dump(self, *, exclude_none: bool = False) -> Dict[str, Any]:
        """Plain dictionaries and lists, all the way down, of its own."""
        dumped: Dict[str, Any] = _plain(self, exclude_none)
        return dumped

    def model_dump_json(self, *, indent: Optional[int] = None, exclude_none: bool = False) -> str:
        """As JSON."""
        return json.dumps(_plain(self, exclude_none), indent=indent, ensure_ascii=False)

    def json(self) -> str:
        """As JSON."""
        return self.model_dump_json()

    def to_dict(self) -> Dict[str, Any]:
        """As model_dump()."""
        return self.model_dump()


def _plain(value: Any, exclude_none: bool) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item, exclude_none) for key, item in value.items() if not (exclude_none and item is None)}
    return [_plain(item, exclude_none) for item in value] if isinstance(value, list) else value


def _object_in(hint: Any) -> Optional[Type[Object]]:
    """The Object of X, Optional[X] and List[X]."""
    for inner in getattr(hint, "__args__", ()):
        found = _object_in(inner)
        if found:
            return found
    return hint if isinstance(hint, type) and issubclass(hint, Object) else None


class Record(Object):
    """An answer of invoke(): any keys, at any depth, as attributes."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError("the answer has no field %r; it has %s" % (name, ", ".join(self) or "none")) from None


class FunctionCall(Object):
    """What a tool is called with; arguments is JSON in a string."""

    __slots__ = ()
    name: Optional[str]
    arguments: str


class ToolCall(Object):
    """A call that the model asks for."""

    __slots__ = ()
    id: str
    type: str
    function: FunctionCall


class ToolCallDelta(Object):
    """A piece of a ToolCall: index tells which."""

    __slots__ = ()
    index: int
    id: Optional[str]
    type: Optional[str]
    function: Optional[FunctionCall]


class TopLogprob(Object):
    """A token that might have been, and its probability."""

    __slots__ = ()
    token: str
    logprob: float
    bytes: Optional[List[int]]


class TokenLogprob(TopLogprob):
    """A token, its probability, and others that might have been."""

    __slots__ = ()
    top_logprobs: List[TopLogprob]


class ChoiceLogprobs(Object):
    """The probabilities of a choice's tokens. A text completion has tokens, token_logprobs, text_offset and their like."""

    __slots__ = ()
    content: Optional[List[TokenLogprob]]
    refusal: Optional[List[TokenLogprob]]
    tokens: Optional[List[str]]
    token_logprobs: Optional[List[Optional[float]]]
    top_logprobs: Optional[List[Optional[Dict[str, float]]]]
    text_offset: Optional[List[int]]


class Message(Object):
    """What the model said; it can be put into messages as it is."""

    __slots__ = ()
    role: str
    content: Optional[str]
    reasoning_content: Optional[str]
    refusal: Optional[str]
    tool_calls: Optional[List[ToolCall]]
    function_call: Optional[FunctionCall]


class Delta(Object):
    """A piece of a Message."""

    __slots__ = ()
    role: Optional[str]
    content: Optional[str]
    reasoning_content: Optional[str]
    refusal: Optional[str]
    tool_calls: Optional[List[ToolCallDelta]]
    function_call: Optional[FunctionCall]


class Choice(Object):
    """One of the answers to a chat completion."""

    __slots__ = ()
    index: int
    message: Message
    finish_reason: str
    logprobs: Optional[ChoiceLogprobs]


class ChoiceChunk(Object):
    """A piece of a Choice; finish_reason comes with the last."""

    __slots__ = ()
    index: int
    delta: Delta
    finish_reason: Optional[str]
    logprobs: Optional[ChoiceLogprobs]


class TextChoice(Object):
    """One of the answers to a text completion, or a piece of it."""

    __slots__ = ()
    index: int
    text: str
    finish_reason: Optional[str]
    logprobs: Optional[ChoiceLogprobs]


class Usage(Object):
    """How many tokens a call took; estimated where the model does not tell."""

    __slots__ = ()
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: Optional[bool]
    prompt_tokens_details: Optional[Dict[str, Any]]
    completion_tokens_details: Optional[Dict[str, Any]]


class ChatCompletion(Object):
    """The answer of completion()."""

    __slots__ = ()
    id: str
    object: str
    created: int
    model: str
    choices: List[Choice]
    usage: Optional[Usage]
    system_fingerprint: Optional[str]
    service_tier: Optional[str]


class ChatCompletionChunk(Object):
    """What a stream of completion() gives."""

    __slots__ = ()
    id: str
    object: str
    created: int
    model: str
    choices: List[ChoiceChunk]
    usage: Optional[Usage]
    system_fingerprint: Optional[str]
    service_tier: Optional[str]


class TextCompletion(Object):
    """The answer of text_completion(), and what its stream gives."""

    __slots__ = ()
    id: str
    object: str
    created: int
    model: str
    choices: List[TextChoice]
    usage: Optional[Usage]
    system_fingerprint: Optional[str]


class Embedding(Object):
    """One row; with encoding_format="base64" embedding is a string."""

    __slots__ = ()
    index: int
    object: str
    embedding: List[float]


class EmbeddingResponse(Object):
    """The answer of embedding()."""

    __slots__ = ()
    object: str
    model: str
    data: List[Embedding]
    usage: Optional[Usage]


def reader(kind: Type[T]) -> Callable[[str], T]:
    """Makes JSON text into an object of this kind."""
    if issubclass(kind, Record):
        return lambda text: json.loads(text, object_hook=kind)
    return lambda text: kind._made(json.loads(text))


Answer = Union[ChatCompletion, TextCompletion, EmbeddingResponse, Record]
