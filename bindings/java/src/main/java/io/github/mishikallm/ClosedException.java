package io.github.mishikallm;

/** The client, or the stream, was closed. */
public final class ClosedException extends MishikaException {
    private static final long serialVersionUID = 1L;

    ClosedException(Reason reason) {
        super(reason);
    }
}
