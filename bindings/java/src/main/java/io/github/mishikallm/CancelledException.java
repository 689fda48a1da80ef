package io.github.mishikallm;

import java.time.Duration;
import java.util.concurrent.CancellationException;

/**
 * A call that was cancelled: by {@link ChatStream#cancel()}, or by interrupting the thread that waits for it, which keeps
 * its interrupted status. The request at the server is ended too.
 */
public class CancelledException extends CancellationException implements Failure {
    private static final long serialVersionUID = 1L;

    /** What the C library told. */
    private final Reason reason;

    CancelledException(Reason reason) {
        super(reason.message());
        this.reason = reason;
    }

    /** The same, thrown where somebody waits for it. */
    CancelledException seenBy(CancellationException e) {
        CancelledException seen = new CancelledException(reason);
        seen.initCause(e);
        return seen;
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
