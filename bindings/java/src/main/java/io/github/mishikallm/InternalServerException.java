package io.github.mishikallm;

/** The server failed: 500, and every other 5xx without a class of its own. */
public final class InternalServerException extends MishikaException {
    private static final long serialVersionUID = 1L;

    InternalServerException(Reason reason) {
        super(reason);
    }
}
