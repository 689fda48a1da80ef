package io.github.mishikallm;

import java.time.Duration;

/**
 * What every failure tells, beside its message. Both {@link MishikaException} and {@link CancelledException} have it.
 * No message holds a key, a header's value or a prompt, unless the server's own words repeat it.
 */
public interface Failure {
    /**
     * What happened, in words for the person who has to change something.
     *
     * @return the message
     */
    String getMessage();

    /**
     * The C library's status by name, such as {@code "ARGUMENT"} or {@code "SERVER"}.
     *
     * @return the name, without its prefix
     */
    String status();

    /**
     * The HTTP status that says the same; the server's own where it answered.
     *
     * @return such as 400
     */
    int httpStatus();

    /**
     * The field at fault.
     *
     * @return its name; null where none is
     */
    String param();

    /**
     * OpenAI's error code.
     *
     * @return such as {@code "400"}
     */
    String code();

    /**
     * How long the server asks to wait before the next try.
     *
     * @return null where it does not say
     */
    Duration retryAfter();
}
