package io.github.mishikallm.internal;

/**
 * The C functions, as this binding calls them. Handles are addresses; texts are bytes of UTF-8, ended by a NUL on the
 * way in and without it on the way out. Nothing here keeps a handle valid: {@link Handle} does.
 */
public interface Native {
    /** The version of the ABI that these declarations were written for. */
    int ABI_VERSION = 0;

    /** {@code MISHIKALLM_OK}. */
    int OK = 0;
    /** {@code MISHIKALLM_DONE}. */
    int DONE = 1;
    /** {@code MISHIKALLM_TIMEOUT}. */
    int TIMEOUT = 2;

    /** A handle, or 0 and an error's JSON. */
    record Opened(long handle, byte[] error) {}

    /** A status and what came with it: a chunk's JSON, an error's, or null. */
    record Next(int status, byte[] text) {}

    /** A status and what came with it: numbers and their maker, an error's JSON, or nothing. */
    record Rows(int status, byte[] error, float[] numbers, int rows, int columns, byte[] info) {}

    /** What these functions are called through: {@code "jna"} or {@code "ffm"}. */
    String name();

    /** {@code mishikallm_abi_version()}. */
    int abiVersion();

    /** {@code mishikallm_version()}. */
    String version();

    /** {@code mishikallm_info()}. */
    byte[] info();

    /** {@code mishikallm_status_name()}. */
    String statusName(int status);

    /** {@code mishikallm_client_new()}. */
    Opened clientNew(byte[] config);

    /** {@code mishikallm_client_close()}. */
    void clientClose(long client);

    /** {@code mishikallm_client_free()}. */
    void clientFree(long client);

    /** {@code mishikallm_stream_open()}. */
    Opened streamOpen(long client, byte[] operation, byte[] request);

    /** {@code mishikallm_stream_next()}. */
    Next streamNext(long stream, int timeoutMs);

    /** {@code mishikallm_stream_embeddings()}, the numbers copied and the C object freed. */
    Rows streamEmbeddings(long stream, int timeoutMs);

    /** {@code mishikallm_stream_cancel()}. */
    void streamCancel(long stream);

    /** {@code mishikallm_stream_free()}. */
    void streamFree(long stream);

    /** How many numbers there are; says so where a Java array cannot hold them. */
    static int length(long rows, long columns) {
        long numbers = Math.multiplyExact(rows, columns);
        if (numbers > Integer.MAX_VALUE - 8) {
            throw new IllegalStateException(
                    numbers + " numbers do not fit in a Java array: ask for fewer inputs at once");
        }
        return (int) numbers;
    }
}
