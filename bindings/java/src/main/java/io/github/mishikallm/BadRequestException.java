package io.github.mishikallm;

/** The request or the configuration is wrong: 400, and every other 4xx without a class of its own. */
public final class BadRequestException extends MishikaException {
    private static final long serialVersionUID = 1L;

    BadRequestException(Reason reason) {
        super(reason);
    }
}
