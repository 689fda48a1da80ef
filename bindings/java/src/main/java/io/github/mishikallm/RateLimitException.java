package io.github.mishikallm;

/** Too many requests: 429. {@link #retryAfter()} tells when to come back, where the server says. */
public final class RateLimitException extends MishikaException {
    private static final long serialVersionUID = 1L;

    RateLimitException(Reason reason) {
        super(reason);
    }
}
