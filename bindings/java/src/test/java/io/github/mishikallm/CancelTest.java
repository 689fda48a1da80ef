package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever ends a call here ends it at the server, at once. */
@Timeout(30)
class CancelTest {
    private final Client client = Client.standard();

    @AfterEach
    void noInterruptIsLeft() {
        assertFalse(Thread.interrupted());
    }

    private static ChatRequest to(FakeServer server) {
        return ChatRequest.builder().model("triton/m").apiBase(server.generate()).user("x").build();
    }

    private static EmbeddingRequest rowsTo(FakeServer server) {
        return EmbeddingRequest.builder().model("triton/m").apiBase(server.url() + "/infer").input("x").build();
    }

    /** Interrupts a thread that is in the call, and sees what becomes of both. */
    private static void interrupted(FakeServer server, Runnable call) throws Exception {
        CompletableFuture<Throwable> outcome = new CompletableFuture<>();
        CompletableFuture<Boolean> kept = new CompletableFuture<>();
        Thread caller = new Thread(() -> {
            try {
                call.run();
                outcome.complete(new AssertionError("the call gave an answer"));
            } catch (Throwable thrown) {
                outcome.complete(thrown);
            }
            kept.complete(Thread.currentThread().isInterrupted());
        });
        caller.start();
        server.awaitWaiting(1);
        long before = System.nanoTime();
        caller.interrupt();
        Throwable thrown = outcome.get(10, TimeUnit.SECONDS);
        long took = System.nanoTime() - before;
        assertTrue(assertInstanceOf(CancelledException.class, thrown).getMessage().contains("interrupted"));
        assertTrue(took < 2_000_000_000L, took + " ns");
        assertTrue(kept.get(), "the thread's interrupted status is lost");
        server.awaitGone();
    }

    private static CompletableFuture<Throwable> inThread(Supplier<Throwable> work) {
        return CompletableFuture.supplyAsync(work, task -> new Thread(task).start());
    }

    @Test
    void anInterruptEndsACall() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence)) {
            interrupted(server, () -> client.completion(to(server)));
        }
    }

    @Test
    void anInterruptEndsRows() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence)) {
            interrupted(server, () -> client.embeddingRows(rowsTo(server)));
        }
    }

    @Test
    void anInterruptEndsAStream() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.silence();
        })) {
            interrupted(server, () -> {
                try (ChatStream stream = client.stream(to(server))) {
                    stream.forEachRemaining(chunk -> assertEquals("a", chunk.content()));
                }
            });
        }
    }

    @Test
    void aThreadThatIsInterruptedAlreadySendsNothing() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> exchange.text("x"))) {
            Thread.currentThread().interrupt();
            assertThrows(CancelledException.class, () -> client.completion(to(server)));
            assertTrue(Thread.interrupted());
            assertEquals(0, server.requests.get());
            assertEquals("x", client.completion(to(server)).content());
        }
    }

    @Test
    void aStreamIsCancelledFromAnotherThread() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.silence();
        }); ChatStream stream = client.stream(to(server))) {
            assertEquals("a", stream.next().content());
            Thread other = new Thread(() -> {
                try {
                    server.awaitWaiting(1);
                    Thread.sleep(50);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
                stream.cancel();
            });
            other.start();
            CancelledException e = assertThrows(CancelledException.class, stream::next);
            assertEquals("CANCELLED", e.status());
            assertThrows(CancelledException.class, stream::next);
            server.awaitGone();
            stream.cancel();
            other.join();
        }
    }

    private void ended(Consumer<CompletableFuture<?>> end, Class<? extends Throwable> expected) throws Exception {
        try (FakeServer server = new FakeServer(2, FakeServer.Exchange::silence)) {
            CompletableFuture<?> one = client.completionAsync(to(server));
            CompletableFuture<?> rows = client.embeddingRowsAsync(rowsTo(server));
            server.awaitWaiting(2);
            for (CompletableFuture<?> future : new CompletableFuture<?>[] {one, rows}) {
                end.accept(future);
                Throwable thrown = assertThrows(Throwable.class, () -> future.get(5, TimeUnit.SECONDS));
                assertInstanceOf(expected, thrown instanceof ExecutionException ? thrown.getCause() : thrown);
            }
            server.awaitGone();
        }
    }

    @Test
    void cancellingAFutureEndsItsCall() throws Exception {
        ended(future -> {
            assertTrue(future.cancel(true));
            assertTrue(future.isCancelled());
            assertTrue(future.cancel(true));
        }, CancelledException.class);
    }

    @Test
    void aTimeOutOfAFutureEndsItsCall() throws Exception {
        ended(future -> future.orTimeout(100, TimeUnit.MILLISECONDS), TimeoutException.class);
    }

    @Test
    void completingAFutureFromOutsideEndsItsCall() throws Exception {
        ended(future -> future.completeExceptionally(new IllegalStateException("mine")), IllegalStateException.class);
    }

    @Test
    void joinSaysWhoCancelled() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence)) {
            CompletableFuture<ChatCompletion> future = client.completionAsync(to(server));
            future.cancel(false);
            assertInstanceOf(CancelledException.class, assertThrows(CancellationException.class, future::join));
            assertInstanceOf(CancelledException.class, assertThrows(CancellationException.class, future::get));
        }
    }

    @Test
    void aTakerThatThrowsEndsItsCall() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.silence();
        })) {
            CompletableFuture<Void> end = client.streamAsync(to(server), chunk -> {
                throw new IllegalStateException("mine");
            });
            assertEquals("mine", assertThrows(ExecutionException.class, end::get).getCause().getMessage());
            server.awaitGone();
        }
    }

    @Test
    void cancellingFromATakerGivesNoMoreChunks() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            for (int i = 0; i < 1000; i++) {
                exchange.event("a");
            }
            exchange.silence();
        })) {
            CompletableFuture<CompletableFuture<Void>> handle = new CompletableFuture<>();
            int[] taken = {0};
            CompletableFuture<Void> end = client.streamAsync(to(server), chunk -> {
                taken[0]++;
                handle.join().cancel(true);
            });
            handle.complete(end);
            assertThrows(CancellationException.class, end::get);
            server.awaitGone();
            assertEquals(1, taken[0]);
        }
    }

    @Test
    void closingAClientEndsItsCalls() throws Exception {
        try (FakeServer server = new FakeServer(3, FakeServer.Exchange::silence)) {
            Client own = Client.of("{}");
            CompletableFuture<ChatCompletion> future = own.completionAsync(to(server));
            CompletableFuture<Throwable> blocked = inThread(
                    () -> assertThrows(ClosedException.class, () -> own.completion(to(server))));
            ChatStream stream = own.stream(to(server));
            CompletableFuture<Throwable> streamed = inThread(
                    () -> assertThrows(ClosedException.class, stream::next));
            server.awaitWaiting(3);
            own.close();
            own.close();
            assertInstanceOf(ClosedException.class, assertThrows(ExecutionException.class, future::get).getCause());
            blocked.get(5, TimeUnit.SECONDS);
            streamed.get(5, TimeUnit.SECONDS);
            server.awaitGone();
            ClosedException e = assertThrows(ClosedException.class, () -> own.completion(to(server)));
            assertEquals("CLOSED", e.status());
            assertThrows(ClosedException.class, () -> own.stream(to(server)));
            assertInstanceOf(ClosedException.class, assertThrows(ExecutionException.class,
                    () -> own.completionAsync(to(server)).get()).getCause());
            stream.close();
        }
    }

    @Test
    void theStandardClientStaysOpen() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> exchange.text("x"))) {
            Client.standard().close();
            assertEquals("x", Client.standard().completion(to(server)).content());
        }
    }
}
