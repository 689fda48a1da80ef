package io.github.mishikallm;

/** The server has no such model or path: 404. */
public final class NotFoundException extends MishikaException {
    private static final long serialVersionUID = 1L;

    NotFoundException(Reason reason) {
        super(reason);
    }
}
