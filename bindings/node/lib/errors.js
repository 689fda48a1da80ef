'use strict';
// The library's errors as classes, under the names that OpenAI's SDK for Node has where it has them.

/** What failed, and why: the base of all errors of this package. */
class MishikaError extends Error {
  /** @param {{status?: number, code?: string, param?: string, type?: string, retryAfter?: number, cStatus?: string}} about */
  constructor(message, about = {}, options = undefined) {
    super(message, options);
    this.status = about.status ?? null;
    this.code = about.code ?? null;
    this.param = about.param ?? null;
    this.type = about.type ?? null;
    this.retryAfter = about.retryAfter ?? null;
    this.cStatus = about.cStatus ?? null;
  }
}

class BadRequestError extends MishikaError {}
class AuthenticationError extends MishikaError {}
class PermissionDeniedError extends MishikaError {}
class NotFoundError extends MishikaError {}
class RequestTooLargeError extends MishikaError {}
class UnprocessableEntityError extends MishikaError {}
class RateLimitError extends MishikaError {}
class InternalServerError extends MishikaError {}
class BadGatewayError extends InternalServerError {}
class ServiceUnavailableError extends InternalServerError {}
class APIConnectionError extends MishikaError {}
class APIConnectionTimeoutError extends APIConnectionError {}
class ClientClosedError extends MishikaError {}

const classes = {
  MishikaError, BadRequestError, AuthenticationError, PermissionDeniedError, NotFoundError, RequestTooLargeError,
  UnprocessableEntityError, RateLimitError, InternalServerError, BadGatewayError, ServiceUnavailableError,
  APIConnectionError, APIConnectionTimeoutError, ClientClosedError,
};
for (const [name, kind] of Object.entries(classes)) {
  Object.defineProperty(kind.prototype, 'name', { value: name, configurable: true, writable: true });
}

const BY_C_STATUS = {
  CONNECT: APIConnectionError, DEADLINE: APIConnectionTimeoutError, PROTOCOL: BadGatewayError,
  CLOSED: ClientClosedError, UNAVAILABLE: ServiceUnavailableError,
};

const BY_HTTP_STATUS = {
  401: AuthenticationError, 403: PermissionDeniedError, 404: NotFoundError, 408: APIConnectionTimeoutError,
  413: RequestTooLargeError, 422: UnprocessableEntityError, 429: RateLimitError, 502: BadGatewayError,
  503: ServiceUnavailableError,
};

/** An error JSON of the library's as an error to throw. */
function fromJson(json, cStatus) {
  const { message, status, code, param, type, retry_after: retryAfter } = JSON.parse(json).error;
  const kind = BY_C_STATUS[cStatus] ?? BY_HTTP_STATUS[status] ?? (status >= 500 ? InternalServerError : BadRequestError);
  return new kind(message, { status, code, param, type, retryAfter, cStatus });
}

// Where the library refuses a call outright it gives the JSON alone, whose HTTP status tells the C status.
const REFUSED = { 413: 'LIMIT', 429: 'BUSY', 499: 'CLOSED', 500: 'PANIC', 503: 'UNAVAILABLE' };

/** The error of a call, or of a client (`wrong` is CONFIG then), that the library would not begin. */
function refused(json, wrong = 'ARGUMENT') {
  return fromJson(json, REFUSED[JSON.parse(json).error.status] ?? wrong);
}

/** A mistake that shows before the library is asked. */
function badRequest(param, message, cause) {
  const about = { status: 400, code: '400', param, type: 'invalid_request_error', cStatus: 'ARGUMENT' };
  return new BadRequestError(message, about, cause && { cause });
}

/** An answer that cannot be handed over; the library says the same of one that is longer than max_reply_bytes. */
function tooLarge(message) {
  return new BadGatewayError(message, { status: 502, code: '502', type: 'internal_server_error', cStatus: 'LIMIT' });
}

module.exports = { classes, fromJson, refused, badRequest, tooLarge };
