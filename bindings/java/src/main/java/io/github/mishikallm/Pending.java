package io.github.mishikallm;

import io.github.mishikallm.internal.Workers;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/** The future of a call. However it is completed, by a cancel, a time-out or anybody, the call ends with it, at once. */
final class Pending<T> extends CompletableFuture<T> {
    private Pending() {}

    /** Has a thread of the binding run the call, from opening to its end, which closes it. */
    static <T> CompletableFuture<T> start(Call call, Function<CompletableFuture<T>, T> run) {
        Pending<T> future = new Pending<>();
        future.whenComplete((value, thrown) -> call.close());
        try {
            Workers.SHARED.execute(() -> future.run(run));
        } catch (RejectedExecutionException e) {
            future.completeExceptionally(Reason.busy(e.getMessage(), "queue_full"));
        } catch (RuntimeException | Error e) {
            future.completeExceptionally(e);
        }
        return future;
    }

    private void run(Function<CompletableFuture<T>, T> run) {
        if (isDone()) {
            return;
        }
        try {
            complete(run.apply(this));
        } catch (Throwable thrown) {
            completeExceptionally(thrown);
        }
    }

    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        return completeExceptionally(Reason.cancelled("the call was cancelled")) || isCancelled();
    }

    @Override
    public T get() throws InterruptedException, ExecutionException {
        try {
            return super.get();
        } catch (CancellationException e) {
            throw ours(e);
        }
    }

    @Override
    public T get(long timeout, TimeUnit unit) throws InterruptedException, ExecutionException, TimeoutException {
        try {
            return super.get(timeout, unit);
        } catch (CancellationException e) {
            throw ours(e);
        }
    }

    @Override
    public T join() {
        try {
            return super.join();
        } catch (CancellationException e) {
            throw ours(e);
        }
    }

    /** Java 23 and later wrap the exception in one of their own. */
    private static CancellationException ours(CancellationException e) {
        return e.getCause() instanceof CancelledException cause ? cause.seenBy(e) : e;
    }
}
