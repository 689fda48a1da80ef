package io.github.mishikallm;

/** The server wants another key: 401. */
public final class AuthenticationException extends MishikaException {
    private static final long serialVersionUID = 1L;

    AuthenticationException(Reason reason) {
        super(reason);
    }
}
