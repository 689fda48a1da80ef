package io.github.mishikallm.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/** Waits for a call in C, so that the waiting thread can be interrupted, and a virtual one does not hold its carrier. */
public final class Waiting {
    private final Interrupts interrupts;

    /** {@code cancel} ends the call at once, from any thread. */
    public Waiting(Runnable cancel) {
        this.interrupts = new Interrupts(cancel);
    }

    /** Runs what blocks in C: here, or on a thread of {@link Workers} for a virtual one. */
    public <T> T during(Supplier<T> blocking) {
        return interrupts.during(Virtual.current() ? () -> elsewhere(blocking) : blocking);
    }

    /** Whether an interrupt has ended the call. */
    public boolean isInterrupted() {
        return interrupts.isInterrupted();
    }

    private static <T> T elsewhere(Supplier<T> blocking) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Workers.SHARED.execute(() -> {
            try {
                result.complete(blocking.get());
            } catch (Throwable thrown) {
                result.completeExceptionally(thrown);
            }
        });
        try {
            // Not get(): the interrupt has cancelled the call already, whose end is what is waited for.
            return result.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }
}
