package io.github.mishikallm.internal;

import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Finds libmishikallm and loads it, once in a process, by java.lang.foreign where that is there and else by JNA.
 */
public final class Library {
    /** Names a library to take instead of the jar's. */
    static final String LIBRARY_PROPERTY = "mishikallm.library";
    /** The same for a whole process tree. */
    static final String LIBRARY_VARIABLE = "MISHIKALLM_LIBRARY";
    /** {@code ffm} or {@code jna}, to have that one and no other. */
    static final String BACKEND_PROPERTY = "mishikallm.backend";

    private static volatile Native loaded;
    private static UnsatisfiedLinkError failure;
    private static Path path;

    private Library() {}

    /**
     * The C functions; loads the library at the first call.
     *
     * @throws UnsatisfiedLinkError if it cannot be loaded, at every call; the message says what to do
     */
    public static Native get() {
        Native there = loaded;
        return there != null ? there : loadOnce();
    }

    private static synchronized Native loadOnce() {
        if (failure != null) {
            throw unsatisfied(failure.getMessage(), failure);
        }
        if (loaded == null) {
            try {
                loaded = load();
            } catch (UnsatisfiedLinkError e) {
                failure = e;
                throw e;
            }
        }
        return loaded;
    }

    /** Where the library lies while it is being loaded. */
    static Path path() {
        return path;
    }

    private static Native load() {
        Class<?> foreign = foreign();
        Path named = named();
        if (named != null) {
            return load(named, foreign);
        }
        // Only this user can read or write the folder, and nothing is left of it: what is mapped needs no name.
        Path folder = null;
        Path unpacked = null;
        try {
            folder = Files.createTempDirectory("mishikallm-");
            unpacked = folder.resolve("libmishikallm.so");
            unpack(unpacked);
            return load(unpacked, foreign);
        } catch (IOException e) {
            throw unsatisfied("cannot unpack libmishikallm to " + (folder == null
                    ? System.getProperty("java.io.tmpdir") : folder) + " (-Djava.io.tmpdir=FOLDER names another): " + e, e);
        } finally {
            delete(unpacked);
            delete(folder);
        }
    }

    private static Path named() {
        String name = System.getProperty(LIBRARY_PROPERTY);
        String from = "the system property " + LIBRARY_PROPERTY;
        if (name == null || name.isEmpty()) {
            name = System.getenv(LIBRARY_VARIABLE);
            from = "the environment's " + LIBRARY_VARIABLE;
        }
        if (name == null || name.isEmpty()) {
            return null;
        }
        Path library = Path.of(name).toAbsolutePath();
        if (!Files.isRegularFile(library)) {
            throw unsatisfied(library + ": no such file (" + from + " names it)", null);
        }
        return library;
    }

    private static void unpack(Path to) throws IOException {
        String resource = "/natives/" + platform() + "/libmishikallm.so";
        try (InputStream in = Library.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw unsatisfied("this jar has no libmishikallm for " + platform() + ": build it there, and name it by -D"
                        + LIBRARY_PROPERTY + "=/path/to/libmishikallm.so or by " + LIBRARY_VARIABLE, null);
            }
            Files.copy(in, to);
        }
    }

    private static String platform() {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        String machine = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
        return system.replace(' ', '-') + "-" + (machine.equals("amd64") ? "x86_64" : machine);
    }

    private static void delete(Path file) {
        if (file != null) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException left) {
                file.toFile().deleteOnExit();
            }
        }
    }

    private static Native load(Path library, Class<?> foreign) {
        path = library;
        Native made;
        try {
            made = foreign == null ? new Jna(library) : foreign(foreign, library);
        } catch (UnsatisfiedLinkError | IllegalArgumentException e) {
            // A noexec folder for temporary files, another libc, or an older library: the loader's words tell which.
            throw unsatisfied("cannot load " + library + " (-D" + LIBRARY_PROPERTY + "=PATH names another, "
                    + "-Djava.io.tmpdir=FOLDER another place to unpack it): " + e.getMessage(), e);
        }
        if (made.abiVersion() != Native.ABI_VERSION) {
            throw unsatisfied(library + " has the ABI " + made.abiVersion() + ", this jar needs "
                    + Native.ABI_VERSION, null);
        }
        return made;
    }

    /** The class over java.lang.foreign; null where JNA is to be taken. */
    private static Class<?> foreign() {
        String wanted = System.getProperty(BACKEND_PROPERTY, "");
        if (wanted.equals("jna")) {
            return null;
        }
        if (!wanted.isEmpty() && !wanted.equals("ffm")) {
            throw unsatisfied("the system property " + BACKEND_PROPERTY + ": expected ffm or jna, got " + wanted, null);
        }
        try {
            // Only a jar that Java 22 or later reads has it: it is compiled by such a Java, for such a Java.
            return Class.forName(Library.class.getPackageName() + ".Ffm", false, Library.class.getClassLoader());
        } catch (ClassNotFoundException | UnsupportedClassVersionError e) {
            if (wanted.isEmpty()) {
                return null;
            }
            throw unsatisfied("the system property " + BACKEND_PROPERTY + "=ffm: it takes Java 22 or later (this is "
                    + Runtime.version().feature() + ") and a jar that was built by such a Java", e);
        }
    }

    private static Native foreign(Class<?> foreign, Path library) {
        try {
            return (Native) foreign.getDeclaredConstructor(Path.class).newInstance(library);
        } catch (InvocationTargetException e) {
            throw asError(e.getCause());
        } catch (ExceptionInInitializerError e) {
            throw asError(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Error asError(Throwable thrown) {
        return thrown instanceof Error error ? error : unsatisfied(thrown.getMessage(), thrown);
    }

    private static UnsatisfiedLinkError unsatisfied(String message, Throwable cause) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(message);
        error.initCause(cause);
        return error;
    }
}
