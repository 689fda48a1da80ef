package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * An answer as it comes, chunk by chunk, once. Close it: a stream that is left before its end is ended at the server too.
 * What came before an error is given before it, and an answer that was cut short ends with an error.
 *
 * <p>One thread at a time may ask for chunks; {@link #cancel()} and {@link #close()} are for any thread. A thread that
 * waits for a chunk may be interrupted: the call is cancelled, and the thread keeps its interrupted status.
 *
 * @param <T> a chunk
 */
public abstract sealed class ChunkStream<T> implements Iterator<T>, Iterable<T>, AutoCloseable
        permits ChatStream, TextStream {
    private final Call call;
    private final Function<JsonNode, T> chunk;
    private final ReentrantLock lock = new ReentrantLock();
    private volatile boolean closed;
    private T next;
    private boolean ended;
    private RuntimeException failure;

    ChunkStream(Call call, Function<JsonNode, T> chunk) {
        this.call = call;
        this.chunk = chunk;
    }

    /**
     * Waits for the next chunk.
     *
     * @return false when there is no more
     * @throws CancelledException if the stream was cancelled
     * @throws MishikaException   if the call failed; asked again, it says the same
     */
    @Override
    public boolean hasNext() {
        enter();
        try {
            return fetch();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for the next chunk and gives it.
     *
     * @return the chunk
     * @throws NoSuchElementException if there is no more
     * @throws CancelledException     if the stream was cancelled
     * @throws MishikaException       if the call failed; asked again, it says the same
     */
    @Override
    public T next() {
        enter();
        try {
            if (!fetch()) {
                throw new NoSuchElementException("the stream has ended");
            }
            T given = next;
            next = null;
            return given;
        } finally {
            lock.unlock();
        }
    }

    private void enter() {
        if (!lock.tryLock()) {
            throw Reason.busy("another thread is waiting for this stream's next chunk", "429");
        }
    }

    private boolean fetch() {
        if (next != null || ended) {
            return next != null;
        }
        if (failure != null) {
            throw failure;
        }
        if (closed) {
            throw Reason.closed("stream");
        }
        try {
            JsonNode json = call.next();
            next = json == null ? null : chunk.apply(json);
        } catch (RuntimeException e) {
            failure = e;
            call.close();
            throw e;
        }
        if (next == null) {
            ended = true;
            call.close();
        }
        return next != null;
    }

    /** Ends the stream at once, and the request at the server. Who waits for a chunk gets a {@link CancelledException}. */
    public void cancel() {
        call.cancel();
    }

    /** Cancels a stream that is not over, and gives up what it holds. Any number of times. */
    @Override
    public void close() {
        closed = true;
        call.close();
    }

    /**
     * The chunks, once.
     *
     * @return this
     */
    @Override
    public Iterator<T> iterator() {
        return this;
    }

    /**
     * The chunks as Java's stream, once. Closing it closes this.
     *
     * @return a sequential stream
     */
    public Stream<T> stream() {
        int traits = Spliterator.ORDERED | Spliterator.NONNULL;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, traits), false).onClose(this::close);
    }
}
