package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.internal.Library;

/** The library that is loaded. */
public final class MishikaLLM {
    private MishikaLLM() {}

    /**
     * The C library's version.
     *
     * @return such as {@code "0.1.0"}
     * @throws UnsatisfiedLinkError if the C library cannot be loaded; the message says what to do
     */
    public static String version() {
        return Library.get().version();
    }

    /**
     * What the C library can do: features, operations, limits.
     *
     * @return an object
     */
    public static JsonNode info() {
        return Json.read(Library.get().info());
    }

    /**
     * What C is called through.
     *
     * @return {@code "ffm"} (java.lang.foreign) or {@code "jna"}
     */
    public static String backend() {
        return Library.get().name();
    }
}
