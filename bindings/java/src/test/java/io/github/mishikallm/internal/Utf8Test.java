package io.github.mishikallm.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class Utf8Test {
    @Test
    void textsEndInANul() {
        assertArrayEquals(new byte[] {0}, Utf8.terminated(""));
        // Four bytes, not the six of modified UTF-8.
        assertArrayEquals(new byte[] {(byte) 0xf0, (byte) 0x9f, (byte) 0x9a, (byte) 0xa2, 0}, Utf8.terminated("🚢"));
    }

    @Test
    void halvesOfSurrogatePairsAreFound() {
        assertEquals(-1, Utf8.loneSurrogate("a🚢b🚢"));
        assertEquals(0, Utf8.loneSurrogate("\ud83d"));
        assertEquals(1, Utf8.loneSurrogate("a\udea2"));
        assertEquals(2, Utf8.loneSurrogate("🚢\ud83da"));
        assertEquals(0, Utf8.loneSurrogate("\ud83d\ud83d\udea2"));
        String message = assertThrows(IllegalArgumentException.class, () -> Utf8.terminated("ab\ud83d")).getMessage();
        assertTrue(message.startsWith("U+D83D at index 2"), message);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Utf8.terminated("a\0")).getMessage()
                .startsWith("U+0000 at index 1"));
    }
}
