/** What failed, and why: the base of all errors of this package. An abort is none of them: it is the signal's reason. */
export class MishikaError extends Error {
  /** The HTTP status that says the same. */
  readonly status: number | null;
  /** OpenAI's code, such as "queue_full"; else the HTTP status as a string. */
  readonly code: string | null;
  /** The request's field that is at fault. */
  readonly param: string | null;
  /** OpenAI's type, such as "invalid_request_error". */
  readonly type: string | null;
  /** Seconds, where the server said how long to wait. */
  readonly retryAfter: number | null;
  /** The C library's status, such as "DEADLINE". */
  readonly cStatus: string | null;
}

/** 400, and every other 4xx; a wrong request or configuration. */
export class BadRequestError extends MishikaError {}
/** 401. */
export class AuthenticationError extends MishikaError {}
/** 403. */
export class PermissionDeniedError extends MishikaError {}
/** 404. */
export class NotFoundError extends MishikaError {}
/** 413: a size limit was passed. */
export class RequestTooLargeError extends MishikaError {}
/** 422. */
export class UnprocessableEntityError extends MishikaError {}
/** 429, from the server or because the client has as many calls as it takes ("queue_full"). */
export class RateLimitError extends MishikaError {}
/** 500, and every other 5xx. */
export class InternalServerError extends MishikaError {}
/** 502: the answer was cut short, or is not what Triton sends. */
export class BadGatewayError extends InternalServerError {}
/** 503. */
export class ServiceUnavailableError extends InternalServerError {}
/** The server cannot be reached. */
export class APIConnectionError extends MishikaError {}
/** A time-out ran out. */
export class APIConnectionTimeoutError extends APIConnectionError {}
/** The client was closed. */
export class ClientClosedError extends MishikaError {}
