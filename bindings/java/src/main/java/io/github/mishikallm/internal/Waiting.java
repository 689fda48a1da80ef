package io.github.mishikallm.internal;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/** Waits for a call in C, so that the waiting thread can be interrupted, and a virtual one does not hold its carrier. */
public final class Waiting {
    private final Interrupts interrupts;
    private volatile CompletableFuture<?> elsewhere;
    private volatile boolean released;

    /** {@code cancel} ends the call at once, from any thread, and releases who waits here. */
    public Waiting(Runnable cancel) {
        this.interrupts = new Interrupts(cancel);
    }

    /** Runs what blocks in C: here, or on a thread of {@link Workers} for a virtual one. Null where it was released. */
    public <T> T during(Supplier<T> blocking) {
        return interrupts.during(Virtual.current() ? () -> elsewhere(blocking) : blocking);
    }

    /** Whether an interrupt has ended the call. */
    public boolean isInterrupted() {
        return interrupts.isInterrupted();
    }

    /** The call was cancelled: a virtual thread need not wait until its turn comes to be told so. */
    public void release() {
        released = true;
        CompletableFuture<?> waited = elsewhere;
        if (waited != null) {
            waited.complete(null);
        }
    }

    private <T> T elsewhere(Supplier<T> blocking) {
        CompletableFuture<T> result = new CompletableFuture<>();
        elsewhere = result;
        if (released) {
            return null;
        }
        Workers.SHARED.execute(() -> {
            try {
                if (!result.isDone()) {
                    result.complete(blocking.get());
                }
            } catch (Throwable thrown) {
                result.completeExceptionally(thrown);
            }
        });
        try {
            // Not get(): an interrupt has cancelled the call already, which ends the waiting.
            return result.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        } finally {
            elsewhere = null;
        }
    }
}
