package io.github.mishikallm;

/** The server does not allow this: 403. */
public final class PermissionDeniedException extends MishikaException {
    private static final long serialVersionUID = 1L;

    PermissionDeniedException(Reason reason) {
        super(reason);
    }
}
