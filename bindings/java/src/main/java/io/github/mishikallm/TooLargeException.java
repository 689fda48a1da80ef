package io.github.mishikallm;

/** The request is larger than is taken: 413. */
public final class TooLargeException extends MishikaException {
    private static final long serialVersionUID = 1L;

    TooLargeException(Reason reason) {
        super(reason);
    }
}
