"""The errors of a call, under the names that users of OpenAI's Python package catch.

All of them are APIError. Each tells the message, the HTTP status that says the same (status_code), the field at fault (param), OpenAI's
code and type, what the server's Retry-After asked for in seconds (retry_after), and the C library's status by its name (status).
"""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, Tuple, Type

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APITimeoutError",
    "AuthenticationError",
    "BadGatewayError",
    "BadRequestError",
    "ClientClosedError",
    "ClientForkedError",
    "ConflictError",
    "ContextWindowExceededError",
    "InternalServerError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RequestCancelledError",
    "RequestTooLargeError",
    "ServiceUnavailableError",
    "Timeout",
    "UnprocessableEntityError",
    "UnsupportedParamsError",
]


class APIError(Exception):
    """A call failed. Every error of this package is one."""

    message: str
    #: The HTTP status that says the same, whether or not a server sent it.
    status_code: int = 500
    #: OpenAI's word for the kind of error, such as "invalid_request_error".
    type: Optional[str] = None
    #: The request's field that is at fault.
    param: Optional[str] = None
    #: OpenAI's code; the HTTP status as text where there is no better one.
    code: Optional[str] = None
    #: Seconds that the server asked to wait.
    retry_after: Optional[float] = None
    #: The C library's status, such as "SERVER" or "DEADLINE".
    status: Optional[str] = None
    #: The whole error object.
    body: Optional[Dict[str, Any]] = None
    model: Optional[str] = None
    llm_provider: str = "triton"

    def __init__(self, message: str, llm_provider: str = "triton", model: Optional[str] = None, *,
                 status_code: Optional[int] = None, type: Optional[str] = None, param: Optional[str] = None,
                 code: Optional[str] = None, retry_after: Optional[float] = None, status: Optional[str] = None,
                 body: Optional[Dict[str, Any]] = None) -> None:
        super().__init__(message)
        self.message = message
        self.llm_provider = llm_provider
        self.model = model
        if status_code is not None:
            self.status_code = status_code
        self.type = type
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.status = status
        self.body = body

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickled with all that it tells, for other processes."""
        return _again, (self.__class__, self.message), dict(self.__dict__)


def _again(kind: Type[APIError], message: str) -> APIError:
    return kind(message)


class BadRequestError(APIError):
    """The request, or the client's configuration, is wrong; any 4xx that has no class of its own."""

    status_code = 400


class UnsupportedParamsError(BadRequestError):
    """The model cannot do what a parameter asks for; drop_params=True leaves such parameters out."""


class ContextWindowExceededError(BadRequestError):
    """The server says that the prompt is longer than the model takes."""


class AuthenticationError(APIError):
    """401: the key is missing or wrong."""

    status_code = 401


class PermissionDeniedError(APIError):
    """403: the key may not do this."""

    status_code = 403


class NotFoundError(APIError):
    """404: no such model, version or path."""

    status_code = 404


class Timeout(APIError):
    """A time-out ran out, or the server answered 408."""

    status_code = 408


#: OpenAI's name for the same.
APITimeoutError = Timeout


class ConflictError(BadRequestError):
    """409."""

    status_code = 409


class RequestTooLargeError(APIError):
    """413: the request is larger than the library or the server takes."""

    status_code = 413


class UnprocessableEntityError(APIError):
    """422."""

    status_code = 422


class RateLimitError(APIError):
    """429: too many requests; retry_after may tell how long to wait."""

    status_code = 429


class InternalServerError(APIError):
    """500 and any 5xx that has no class of its own: the model or the server failed."""

    status_code = 500


class BadGatewayError(APIError):
    """502: the server's answer cannot be used."""

    status_code = 502


class APIResponseValidationError(BadGatewayError):
    """The server's answer was cut short, or is not what Triton sends."""


class ServiceUnavailableError(APIError):
    """503: the server cannot take the call now."""

    status_code = 503


class APIConnectionError(APIError):
    """The server cannot be reached: its name, the connection, TLS."""

    status_code = 503


class RequestCancelledError(APIError):
    """The call was closed by another thread or task. The task that is cancelled itself gets asyncio.CancelledError."""

    status_code = 499


class ClientClosedError(APIError):
    """The client was closed, before the call or during it."""

    status_code = 499


class ClientForkedError(APIError):
    """The client was made before fork() and used in the child; make it in the child."""

    status_code = 500


_BY_STATUS: Dict[str, Type[APIError]] = {
    "ARGUMENT": BadRequestError,
    "BUSY": BadRequestError,
    "CONFIG": BadRequestError,
    "CONNECT": APIConnectionError,
    "DEADLINE": Timeout,
    "PROTOCOL": APIResponseValidationError,
    "CANCELLED": RequestCancelledError,
    "CLOSED": ClientClosedError,
    "FORKED": ClientForkedError,
    "PANIC": InternalServerError,
    "UNAVAILABLE": ServiceUnavailableError,
}
_BY_HTTP: Dict[int, Type[APIError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: Timeout,
    409: ConflictError,
    413: RequestTooLargeError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
}
# How vLLM and TensorRT-LLM say that a prompt is too long.
_TOO_LONG = ("maximum context length", "context length is only", "maximum model length", "longer than the model's context",
             "exceeds maximum input length", "exceeds the maximum input length", "prompt is too long",
             "exceeds max_seq_len", "exceeds the max_seq_len", "context window")


def _guessed_status(http: int) -> str:
    """Where the library tells no status: a call that could not begin."""
    return {400: "ARGUMENT", 413: "LIMIT", 429: "BUSY", 499: "CLOSED"}.get(http, "PANIC")


def from_json(text: Optional[str], status: Optional[str], model: Optional[str] = None) -> APIError:
    """The error of an error JSON and, where it is known, the C status's name."""
    body: Dict[str, Any] = json.loads(text)["error"] if text else {"message": "the call failed", "status": 500}
    http: int = body["status"]
    status = status or _guessed_status(http)
    message: str = body["message"]
    kind = _BY_STATUS.get(status) or _BY_HTTP.get(http) or (BadRequestError if 400 <= http < 500 else InternalServerError)
    if status == "ARGUMENT" and _is_unsupported(message):
        kind = UnsupportedParamsError
    elif status == "SERVER" and http in (400, 413, 422, 500) and any(words in message.lower() for words in _TOO_LONG):
        kind = ContextWindowExceededError
    return kind(message, model=model, status_code=http, type=body.get("type"), param=body.get("param"), code=body.get("code"),
                retry_after=body.get("retry_after"), status=status, body=body)


def _is_unsupported(message: str) -> bool:
    return "set drop_params to true" in message
