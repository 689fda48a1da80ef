package io.github.mishikallm.internal;

import java.io.IOException;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;
import java.util.function.Supplier;

/**
 * Lets {@link Thread#interrupt()} end a call that blocks in C, at once and without polling, as it ends reading from a
 * socket channel: the thread that interrupts runs {@code cancel}. An interrupt counts once; after it the call is over.
 */
public final class Interrupts extends AbstractInterruptibleChannel {
    private final Runnable cancel;
    private volatile boolean interrupted;

    /** {@code cancel} must not block; any thread may run it. */
    public Interrupts(Runnable cancel) {
        this.cancel = cancel;
    }

    /** Runs what may block. Where the thread is interrupted already, it is cancelled before it begins. */
    public <T> T during(Supplier<T> blocking) {
        begin();
        try {
            return blocking.get();
        } finally {
            try {
                end(true);
            } catch (AsynchronousCloseException e) {
                interrupted = true;
            }
        }
    }

    /** Whether an interrupt has ended the call. */
    public boolean isInterrupted() {
        return interrupted;
    }

    /** Cancels; called by {@link #begin()} or by the thread that interrupts. */
    @Override
    protected void implCloseChannel() throws IOException {
        cancel.run();
    }
}
