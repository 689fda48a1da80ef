package io.github.mishikallm;

import java.time.Duration;

/** A call that failed. The subclass tells the kind; {@link #getMessage()} says what to change. */
public class MishikaException extends RuntimeException implements Failure {
    private static final long serialVersionUID = 1L;

    /** What the C library told. */
    private final Reason reason;

    MishikaException(Reason reason) {
        super(reason.message());
        this.reason = reason;
    }

    @Override
    public String status() {
        return reason.status();
    }

    @Override
    public int httpStatus() {
        return reason.httpStatus();
    }

    @Override
    public String param() {
        return reason.param();
    }

    @Override
    public String code() {
        return reason.code();
    }

    @Override
    public Duration retryAfter() {
        return reason.retryAfter();
    }
}
