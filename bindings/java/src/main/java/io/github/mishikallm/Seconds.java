package io.github.mishikallm;

import java.time.Duration;

/** Durations as the requests have them: seconds, with a fraction. */
final class Seconds {
    private Seconds() {}

    static double of(Duration duration) {
        return duration.getSeconds() + duration.getNano() / 1e9;
    }

    static Duration of(double seconds) {
        return Duration.ofNanos(Math.round(seconds * 1e9));
    }
}
