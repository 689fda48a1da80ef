package io.github.mishikallm;

/** A time-out ran out: 408. The message says which, and after how long. */
public final class DeadlineException extends MishikaException {
    private static final long serialVersionUID = 1L;

    DeadlineException(Reason reason) {
        super(reason);
    }
}
