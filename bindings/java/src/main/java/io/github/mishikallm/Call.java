package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.internal.Handle;
import io.github.mishikallm.internal.Library;
import io.github.mishikallm.internal.Native;
import io.github.mishikallm.internal.Waiting;
import java.lang.ref.Reference;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.LongFunction;

/** One call under way: a C stream, whose answer comes in chunks or as one. It is made without anything being sent. */
final class Call implements AutoCloseable {
    private static final int FOR_EVER = -1;

    /** Not to be collected, and so closed, before this call is over. */
    private final Client client;
    private final Handle handle;
    private final Waiting waiting = new Waiting(this::cancel);

    Call(Client client, long address) {
        this.client = client;
        Native c = Library.get();
        handle = new Handle(this, address, c::streamCancel, c::streamFree);
    }

    /** The next chunk; null when there is no more. Blocks. */
    JsonNode next() {
        Native.Next next = blocking(stream -> Library.get().streamNext(stream, FOR_EVER));
        if (next.status() == Native.DONE) {
            return null;
        }
        if (next.status() != Native.OK) {
            throw failed(next.status(), next.text());
        }
        return Json.read(next.text());
    }

    /** The answer, which is the only chunk. Blocks. */
    JsonNode answer() {
        JsonNode answer = next();
        if (answer == null) {
            throw new IllegalStateException("libmishikallm gave no answer");
        }
        return answer;
    }

    /** The rows. Blocks. */
    Embeddings rows() {
        Native.Rows rows = blocking(stream -> Library.get().streamEmbeddings(stream, FOR_EVER));
        if (rows.status() != Native.OK) {
            throw failed(rows.status(), rows.error());
        }
        return new Embeddings(rows.numbers(), rows.rows(), rows.columns(), Json.read(rows.info()));
    }

    private <T> T blocking(LongFunction<T> use) {
        try {
            T result = waiting.during(() -> handle.use(use, null));
            if (result == null) {
                throw cancelled();
            }
            return result;
        } catch (RejectedExecutionException e) {
            throw Reason.busy(e.getMessage(), "queue_full");
        } finally {
            Reference.reachabilityFence(client);
            Reference.reachabilityFence(this);
        }
    }

    private RuntimeException failed(int status, byte[] json) {
        RuntimeException failure = Reason.of(status, json);
        return failure instanceof CancelledException ? cancelled() : failure;
    }

    private CancelledException cancelled() {
        return Reason.cancelled(waiting.isInterrupted()
                ? "the thread was interrupted, and its call cancelled"
                : "the call was cancelled");
    }

    /** Ends the call at once, and with it the request at the server. Any thread, any number of times. */
    void cancel() {
        handle.tell(Library.get()::streamCancel);
        waiting.release();
    }

    /** Cancels, and gives up what the call holds. Any thread, any number of times. */
    @Override
    public void close() {
        handle.close();
        waiting.release();
    }
}
