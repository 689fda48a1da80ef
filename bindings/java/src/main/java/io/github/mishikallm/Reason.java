package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.internal.Library;
import java.io.Serializable;
import java.time.Duration;

/**
 * Why a call failed, and which exception says so.
 *
 * @param message    for the person who has to change something
 * @param status     the C status by name
 * @param httpStatus the HTTP status that says the same
 * @param param      the field at fault, or null
 * @param code       OpenAI's code, or null
 * @param retryAfter what the server asks for, or null
 */
record Reason(String message, String status, int httpStatus, String param, String code, Duration retryAfter)
        implements Serializable {

    /** What C tells with a negative status. */
    static RuntimeException of(int status, byte[] json) {
        return read(Library.get().statusName(status), json).exception();
    }

    /** What C tells where it gives no handle, and so no status: the HTTP status has to do. */
    static RuntimeException refused(String badRequest, byte[] json) {
        Reason reason = read(badRequest, json);
        String status = switch (reason.httpStatus) {
            case 413 -> "LIMIT";
            case 499 -> "CLOSED";
            case 500 -> "PANIC";
            default -> badRequest;
        };
        return reason.with(status).exception();
    }

    /** What this binding itself refuses. */
    static RuntimeException argument(String param, String message) {
        return new Reason(param + ": " + message, "ARGUMENT", 400, param, "400", null).exception();
    }

    /** As C says it. */
    static RuntimeException closed(String what) {
        return new Reason("the " + what + " was closed", "CLOSED", 499, null, "499", null).exception();
    }

    /** By the caller's own doing. */
    static CancelledException cancelled(String message) {
        return new CancelledException(new Reason(message, "CANCELLED", 499, null, "499", null));
    }

    /** Somebody else holds what the caller wants. */
    static RuntimeException busy(String message, String code) {
        return new Reason(message, "BUSY", 429, null, code, null).exception();
    }

    private Reason with(String status) {
        return new Reason(message, status, httpStatus, param, code, retryAfter);
    }

    private static Reason read(String status, byte[] json) {
        JsonNode error = Json.read(json).path("error");
        JsonNode after = error.path("retry_after");
        return new Reason(error.path("message").asText(), status, error.path("status").asInt(),
                error.path("param").textValue(), error.path("code").textValue(),
                after.isNumber() ? Seconds.of(after.doubleValue()) : null);
    }

    RuntimeException exception() {
        switch (status) {
            case "CANCELLED":
                return new CancelledException(this);
            case "CLOSED":
                return new ClosedException(this);
            case "CONNECT":
                return new ConnectionException(this);
            case "DEADLINE":
                return new DeadlineException(this);
            case "PROTOCOL":
                return new BadGatewayException(this);
            case "UNAVAILABLE":
                return new ServiceUnavailableException(this);
            default:
                return byHttpStatus();
        }
    }

    private MishikaException byHttpStatus() {
        return switch (httpStatus) {
            case 401 -> new AuthenticationException(this);
            case 403 -> new PermissionDeniedException(this);
            case 404 -> new NotFoundException(this);
            case 408 -> new DeadlineException(this);
            case 413 -> new TooLargeException(this);
            case 422 -> new UnprocessableException(this);
            case 429 -> new RateLimitException(this);
            case 502 -> new BadGatewayException(this);
            case 503 -> new ServiceUnavailableException(this);
            default -> httpStatus >= 500 ? new InternalServerException(this) : new BadRequestException(this);
        };
    }
}
