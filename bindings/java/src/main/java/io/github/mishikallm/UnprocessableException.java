package io.github.mishikallm;

/** The server cannot process the request: 422. */
public final class UnprocessableException extends MishikaException {
    private static final long serialVersionUID = 1L;

    UnprocessableException(Reason reason) {
        super(reason);
    }
}
