package io.github.mishikallm;

/** The answer was cut short, or is not what Triton sends: 502. */
public final class BadGatewayException extends MishikaException {
    private static final long serialVersionUID = 1L;

    BadGatewayException(Reason reason) {
        super(reason);
    }
}
