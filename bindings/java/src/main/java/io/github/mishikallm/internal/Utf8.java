package io.github.mishikallm.internal;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Java's strings as C's: real UTF-8, ended by a NUL. What C cannot be given is refused, not changed. */
public final class Utf8 {
    private Utf8() {}

    /**
     * The text's bytes and a NUL.
     *
     * @throws IllegalArgumentException if the text holds U+0000 or half of a surrogate pair
     */
    public static byte[] terminated(String text) {
        int nul = text.indexOf('\0');
        if (nul >= 0) {
            throw new IllegalArgumentException("U+0000 at index " + nul + " would end the text there: leave it out, or "
                    + "write it as \\u0000 inside a string of the JSON");
        }
        // getBytes() would put a question mark where a half stands alone.
        int half = loneSurrogate(text);
        if (half >= 0) {
            throw new IllegalArgumentException(String.format("U+%04X at index %d is half of a surrogate pair, which "
                    + "UTF-8 cannot carry: the text was cut within a character", (int) text.charAt(half), half));
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return Arrays.copyOf(bytes, bytes.length + 1);
    }

    /** Where half of a surrogate pair stands alone; -1 for nowhere. */
    public static int loneSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isLowSurrogate(c) || i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1))) {
                return i;
            }
            i++;
        }
        return -1;
    }
}
