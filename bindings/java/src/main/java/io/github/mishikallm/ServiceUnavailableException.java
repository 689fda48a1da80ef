package io.github.mishikallm;

/** The server, or every deployment of the model, is unavailable: 503. */
public final class ServiceUnavailableException extends MishikaException {
    private static final long serialVersionUID = 1L;

    ServiceUnavailableException(Reason reason) {
        super(reason);
    }
}
