package io.github.mishikallm;

/** The server cannot be reached: its name, the connection, TLS. */
public final class ConnectionException extends MishikaException {
    private static final long serialVersionUID = 1L;

    ConnectionException(Reason reason) {
        super(reason);
    }
}
