package io.github.mishikallm.internal;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The C functions over JNA, for Java before 22. Methods are mapped directly and take nothing but numbers, which is the
 * cheapest way that JNA has.
 */
final class Jna implements Native {
    /** The declarations; pointers and {@code size_t} are {@code long}, as on every 64-bit system. */
    private static final class C {
        static native int mishikallm_abi_version();

        static native long mishikallm_version();

        static native long mishikallm_info();

        static native long mishikallm_status_name(int status);

        static native void mishikallm_string_free(long string);

        static native long mishikallm_client_new(long config, long outError);

        static native void mishikallm_client_close(long client);

        static native void mishikallm_client_free(long client);

        static native long mishikallm_stream_open(long client, long operation, long request, long outError);

        static native long mishikallm_stream_next(long stream, int timeoutMs, long outStatus);

        static native long mishikallm_stream_embeddings(long stream, int timeoutMs, long outStatus, long outError);

        static native void mishikallm_stream_cancel(long stream);

        static native void mishikallm_stream_free(long stream);

        static native long mishikallm_embeddings_data(long embeddings, long outRows, long outColumns);

        static native long mishikallm_embeddings_info(long embeddings);

        static native void mishikallm_embeddings_free(long embeddings);
    }

    /** What is needed of the C library. */
    private static final class Libc {
        static native long strlen(long string);
    }

    Jna(Path library) {
        com.sun.jna.Native.register(Libc.class, NativeLibrary.getProcess());
        com.sun.jna.Native.register(C.class, NativeLibrary.getInstance(library.toString()));
    }

    /** Memory for one call; freed with it. */
    private static final class Memory implements AutoCloseable {
        private final long address;
        private final Pointer pointer;
        private int used;

        /** Room for two results of eight bytes each, then for the texts. */
        Memory(byte[]... texts) {
            long size = 16;
            for (byte[] text : texts) {
                size += text == null ? 0 : text.length;
            }
            address = com.sun.jna.Native.malloc(size);
            if (address == 0) {
                throw new OutOfMemoryError(size + " bytes of native memory");
            }
            pointer = new Pointer(address);
            pointer.setLong(0, 0);
            pointer.setLong(8, 0);
            used = 16;
        }

        long put(byte[] text) {
            if (text == null) {
                return 0;
            }
            long at = address + used;
            pointer.write(used, text, 0, text.length);
            used += text.length;
            return at;
        }

        long first() {
            return address;
        }

        long second() {
            return address + 8;
        }

        long firstLong() {
            return pointer.getLong(0);
        }

        long secondLong() {
            return pointer.getLong(8);
        }

        int firstInt() {
            return pointer.getInt(0);
        }

        @Override
        public void close() {
            com.sun.jna.Native.free(address);
        }
    }

    private static byte[] bytes(long text) {
        return new Pointer(text).getByteArray(0, Math.toIntExact(Libc.strlen(text)));
    }

    private static byte[] taken(long text) {
        if (text == 0) {
            return null;
        }
        try {
            return bytes(text);
        } finally {
            C.mishikallm_string_free(text);
        }
    }

    private static String name(long text) {
        return new String(bytes(text), StandardCharsets.UTF_8);
    }

    @Override
    public String name() {
        return "jna";
    }

    @Override
    public int abiVersion() {
        return C.mishikallm_abi_version();
    }

    @Override
    public String version() {
        return name(C.mishikallm_version());
    }

    @Override
    public byte[] info() {
        return taken(C.mishikallm_info());
    }

    @Override
    public String statusName(int status) {
        return name(C.mishikallm_status_name(status));
    }

    @Override
    public Opened clientNew(byte[] config) {
        try (Memory memory = new Memory(config)) {
            long client = C.mishikallm_client_new(memory.put(config), memory.first());
            return new Opened(client, taken(memory.firstLong()));
        }
    }

    @Override
    public void clientClose(long client) {
        C.mishikallm_client_close(client);
    }

    @Override
    public void clientFree(long client) {
        C.mishikallm_client_free(client);
    }

    @Override
    public Opened streamOpen(long client, byte[] operation, byte[] request) {
        try (Memory memory = new Memory(operation, request)) {
            long stream = C.mishikallm_stream_open(
                    client, memory.put(operation), memory.put(request), memory.first());
            return new Opened(stream, taken(memory.firstLong()));
        }
    }

    @Override
    public Next streamNext(long stream, int timeoutMs) {
        try (Memory memory = new Memory()) {
            byte[] text = taken(C.mishikallm_stream_next(stream, timeoutMs, memory.first()));
            return new Next(memory.firstInt(), text);
        }
    }

    @Override
    public Rows streamEmbeddings(long stream, int timeoutMs) {
        try (Memory memory = new Memory()) {
            long made = C.mishikallm_stream_embeddings(stream, timeoutMs, memory.first(), memory.second());
            int status = memory.firstInt();
            byte[] error = taken(memory.secondLong());
            if (made == 0) {
                return new Rows(status, error, null, 0, 0, null);
            }
            try {
                long data = C.mishikallm_embeddings_data(made, memory.first(), memory.second());
                long rows = memory.firstLong();
                long columns = memory.secondLong();
                float[] numbers = new float[Native.length(rows, columns)];
                if (numbers.length > 0) {
                    new Pointer(data).read(0, numbers, 0, numbers.length);
                }
                byte[] info = taken(C.mishikallm_embeddings_info(made));
                return new Rows(status, null, numbers, Math.toIntExact(rows), Math.toIntExact(columns), info);
            } finally {
                C.mishikallm_embeddings_free(made);
            }
        }
    }

    @Override
    public void streamCancel(long stream) {
        C.mishikallm_stream_cancel(stream);
    }

    @Override
    public void streamFree(long stream) {
        C.mishikallm_stream_free(stream);
    }
}
