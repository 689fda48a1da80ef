package io.github.mishikallm.internal;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;

/**
 * A C handle that is freed once, and never while a thread is using it. Whoever uses it is counted; closing takes away
 * the owner's share, and who leaves last frees. An owner that is forgotten is closed when it is collected.
 */
public final class Handle {
    private static final Cleaner CLEANER = Cleaner.create();

    private final State state;
    private final Cleaner.Cleanable cleanable;

    /**
     * @param owner  whose end is the handle's
     * @param ending ends what goes on with the handle, at once; runs before it is freed
     * @param free   frees it
     */
    public Handle(Object owner, long address, LongConsumer ending, LongConsumer free) {
        state = new State(address, ending, free);
        cleanable = CLEANER.register(owner, state);
    }

    /** Uses the handle, or gives {@code gone} where it has been closed. */
    public <T> T use(LongFunction<T> use, T gone) {
        return state.use(use, gone);
    }

    /** Does something to the handle, or nothing where it has been closed. */
    public void tell(LongConsumer message) {
        state.use(address -> {
            message.accept(address);
            return null;
        }, null);
    }

    /** Ends what goes on, and frees the handle as soon as nobody is using it. Any thread, any number of times. */
    public void close() {
        cleanable.clean();
    }

    /** Whether it has been closed. */
    public boolean isClosed() {
        return state.closed;
    }

    /** Knows nothing of the owner, which could never be collected otherwise. */
    private static final class State implements Runnable {
        private final long address;
        private final LongConsumer ending;
        private final LongConsumer free;
        private final AtomicInteger users = new AtomicInteger(1);
        private volatile boolean closed;

        State(long address, LongConsumer ending, LongConsumer free) {
            this.address = address;
            this.ending = ending;
            this.free = free;
        }

        <T> T use(LongFunction<T> use, T gone) {
            if (closed || users.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) {
                return gone;
            }
            try {
                return use.apply(address);
            } finally {
                leave();
            }
        }

        private void leave() {
            if (users.decrementAndGet() == 0) {
                free.accept(address);
            }
        }

        /** The cleaner sees to it that this runs once. */
        @Override
        public void run() {
            closed = true;
            ending.accept(address);
            leave();
        }
    }
}
