package io.github.mishikallm.internal;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The C functions over java.lang.foreign, for Java 22 and later. The class is made once, so its handles are constants
 * to the compiler.
 */
@SuppressWarnings("restricted")
final class Ffm implements Native {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final SymbolLookup LIBRARY = SymbolLookup.libraryLookup(Library.path(), Arena.global());

    private static final MethodHandle STRLEN = LINKER.downcallHandle(
            LINKER.defaultLookup().find("strlen").orElseThrow(), FunctionDescriptor.of(JAVA_LONG, ADDRESS));
    private static final MethodHandle ABI_VERSION_OF = function("abi_version", JAVA_INT);
    private static final MethodHandle VERSION = function("version", ADDRESS);
    private static final MethodHandle INFO = function("info", ADDRESS);
    private static final MethodHandle STATUS_NAME = function("status_name", ADDRESS, JAVA_INT);
    private static final MethodHandle STRING_FREE = function("string_free", null, ADDRESS);
    private static final MethodHandle CLIENT_NEW = function("client_new", ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle CLIENT_CLOSE = function("client_close", null, ADDRESS);
    private static final MethodHandle CLIENT_FREE = function("client_free", null, ADDRESS);
    private static final MethodHandle STREAM_OPEN =
            function("stream_open", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle STREAM_NEXT = function("stream_next", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
    private static final MethodHandle STREAM_EMBEDDINGS =
            function("stream_embeddings", ADDRESS, ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle STREAM_CANCEL = function("stream_cancel", null, ADDRESS);
    private static final MethodHandle STREAM_FREE = function("stream_free", null, ADDRESS);
    private static final MethodHandle EMBEDDINGS_DATA =
            function("embeddings_data", ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    private static final MethodHandle EMBEDDINGS_INFO = function("embeddings_info", ADDRESS, ADDRESS);
    private static final MethodHandle EMBEDDINGS_FREE = function("embeddings_free", null, ADDRESS);

    /** {@code library} is what {@link Library#path()} gives; both ways to call C are made alike. */
    Ffm(Path library) {
        assert library.equals(Library.path());
    }

    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... parameters) {
        MemorySegment symbol = LIBRARY.find("mishikallm_" + name)
                .orElseThrow(() -> new UnsatisfiedLinkError("it has no function mishikallm_" + name));
        return LINKER.downcallHandle(symbol, result == null
                ? FunctionDescriptor.ofVoid(parameters)
                : FunctionDescriptor.of(result, parameters));
    }

    /** C functions throw nothing; what a handle throws is a defect, or the machine's. */
    private static RuntimeException unexpected(Throwable thrown) {
        if (thrown instanceof Error error) {
            throw error;
        }
        return thrown instanceof RuntimeException e ? e : new IllegalStateException(thrown);
    }

    private static void giveUp(MethodHandle function, MemorySegment handle) {
        try {
            function.invokeExact(handle);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    private static MemorySegment text(Arena arena, byte[] text) {
        return text == null ? MemorySegment.NULL : arena.allocateFrom(JAVA_BYTE, text);
    }

    private static byte[] bytes(MemorySegment text) throws Throwable {
        return text.reinterpret((long) STRLEN.invokeExact(text)).toArray(JAVA_BYTE);
    }

    private static byte[] taken(MemorySegment text) throws Throwable {
        if (text.address() == 0) {
            return null;
        }
        try {
            return bytes(text);
        } finally {
            STRING_FREE.invokeExact(text);
        }
    }

    @Override
    public String name() {
        return "ffm";
    }

    @Override
    public int abiVersion() {
        try {
            return (int) ABI_VERSION_OF.invokeExact();
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public String version() {
        try {
            return new String(bytes((MemorySegment) VERSION.invokeExact()), StandardCharsets.UTF_8);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public byte[] info() {
        try {
            return taken((MemorySegment) INFO.invokeExact());
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public String statusName(int status) {
        try {
            return new String(bytes((MemorySegment) STATUS_NAME.invokeExact(status)), StandardCharsets.UTF_8);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public Opened clientNew(byte[] config) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ADDRESS);
            MemorySegment client = (MemorySegment) CLIENT_NEW.invokeExact(text(arena, config), error);
            return new Opened(client.address(), taken(error.get(ADDRESS, 0)));
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public void clientClose(long client) {
        giveUp(CLIENT_CLOSE, MemorySegment.ofAddress(client));
    }

    @Override
    public void clientFree(long client) {
        giveUp(CLIENT_FREE, MemorySegment.ofAddress(client));
    }

    @Override
    public Opened streamOpen(long client, byte[] operation, byte[] request) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ADDRESS);
            MemorySegment stream = (MemorySegment) STREAM_OPEN.invokeExact(
                    MemorySegment.ofAddress(client), text(arena, operation), text(arena, request), error);
            return new Opened(stream.address(), taken(error.get(ADDRESS, 0)));
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public Next streamNext(long stream, int timeoutMs) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(JAVA_INT);
            byte[] text = taken((MemorySegment) STREAM_NEXT.invokeExact(
                    MemorySegment.ofAddress(stream), timeoutMs, status));
            return new Next(status.get(JAVA_INT, 0), text);
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public Rows streamEmbeddings(long stream, int timeoutMs) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment status = arena.allocate(JAVA_INT);
            MemorySegment error = arena.allocate(ADDRESS);
            MemorySegment made = (MemorySegment) STREAM_EMBEDDINGS.invokeExact(
                    MemorySegment.ofAddress(stream), timeoutMs, status, error);
            if (made.address() == 0) {
                return new Rows(status.get(JAVA_INT, 0), taken(error.get(ADDRESS, 0)), null, 0, 0, null);
            }
            try {
                MemorySegment rows = arena.allocate(JAVA_LONG);
                MemorySegment columns = arena.allocate(JAVA_LONG);
                MemorySegment data = (MemorySegment) EMBEDDINGS_DATA.invokeExact(made, rows, columns);
                int height = Math.toIntExact(rows.get(JAVA_LONG, 0));
                int width = Math.toIntExact(columns.get(JAVA_LONG, 0));
                float[] numbers = new float[Native.length(height, width)];
                MemorySegment.copy(data.reinterpret(4L * numbers.length), JAVA_FLOAT, 0, numbers, 0, numbers.length);
                byte[] info = taken((MemorySegment) EMBEDDINGS_INFO.invokeExact(made));
                return new Rows(status.get(JAVA_INT, 0), null, numbers, height, width, info);
            } finally {
                EMBEDDINGS_FREE.invokeExact(made);
            }
        } catch (Throwable thrown) {
            throw unexpected(thrown);
        }
    }

    @Override
    public void streamCancel(long stream) {
        giveUp(STREAM_CANCEL, MemorySegment.ofAddress(stream));
    }

    @Override
    public void streamFree(long stream) {
        giveUp(STREAM_FREE, MemorySegment.ofAddress(stream));
    }
}
