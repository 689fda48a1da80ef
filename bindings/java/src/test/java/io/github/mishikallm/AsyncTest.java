package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** Many calls at once, and no thread of the caller's. */
@Timeout(60)
class AsyncTest {
    private final Client client = Client.standard();

    private static ChatRequest to(FakeServer server) {
        return ChatRequest.builder().model("triton/m").apiBase(server.generate()).user("x").build();
    }

    /** Answers nobody before {@code count} calls are there. */
    private static FakeServer together(int count) throws Exception {
        CountDownLatch all = new CountDownLatch(count);
        return new FakeServer(exchange -> {
            all.countDown();
            if (!all.await(30, TimeUnit.SECONDS)) {
                exchange.cut();
            }
            exchange.text("all are here");
        });
    }

    @Test
    void twoHundredSlowCallsAreUnderWayAtOnce() throws Exception {
        try (FakeServer server = together(200)) {
            List<CompletableFuture<ChatCompletion>> futures = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                futures.add(client.completionAsync(to(server)));
            }
            for (CompletableFuture<ChatCompletion> future : futures) {
                assertEquals("all are here", future.get().content());
            }
        }
    }

    @Test
    void moreCallsThanThreadsWaitTheirTurn() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            Thread.sleep(5);
            exchange.text("x");
        })) {
            List<CompletableFuture<ChatCompletion>> futures = new ArrayList<>();
            for (int i = 0; i < 1000; i++) {
                futures.add(client.completionAsync(to(server)));
            }
            for (CompletableFuture<ChatCompletion> future : futures) {
                assertEquals("x", future.get().content());
            }
            long threads = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread -> thread.getName().startsWith("mishikallm-")).peek(
                            thread -> assertTrue(thread.isDaemon(), thread.getName())).count();
            assertTrue(threads <= 256, threads + " threads");
        }
    }

    @Test
    void aCallThatIsCancelledBeforeItsTurnIsNeverSent() throws Exception {
        try (FakeServer slow = new FakeServer(FakeServer.Exchange::silence);
                FakeServer other = new FakeServer(exchange -> exchange.text("x"))) {
            List<CompletableFuture<ChatCompletion>> first = new ArrayList<>();
            for (int i = 0; i < 256; i++) {
                first.add(client.completionAsync(to(slow)));
            }
            slow.awaitWaiting(256);
            CompletableFuture<ChatCompletion> cancelled = client.completionAsync(to(other));
            CompletableFuture<ChatCompletion> stays = client.completionAsync(to(other));
            Thread.sleep(50);
            assertEquals(0, other.requests.get());
            cancelled.cancel(true);
            first.forEach(future -> future.cancel(true));
            assertEquals("x", stays.get().content());
            assertEquals(1, other.requests.get());
        }
    }

    @Test
    void everyFailureIsTheFutures() {
        assertThrows(Exception.class, () -> client.completionAsync(ChatRequest.of("{")).get());
        assertTrue(client.completionAsync(ChatRequest.of("{")).isCompletedExceptionally());
        assertTrue(client.invokeAsync("sing", "{}").isCompletedExceptionally());
        assertTrue(client.embeddingRowsAsync(EmbeddingRequest.of("{}")).isCompletedExceptionally());
        assertTrue(client.streamAsync(ChatRequest.builder().user("\ud83d").build(), chunk -> { }).isCompletedExceptionally());
    }

    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        return (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void virtualThreadsDoNotHoldTheirCarriers() throws Exception {
        try (FakeServer server = together(200)) {
            ExecutorService virtual = virtualThreads();
            List<Future<ChatCompletion>> futures = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                futures.add(virtual.submit(() -> client.completion(to(server))));
            }
            for (Future<ChatCompletion> future : futures) {
                assertEquals("all are here", future.get().content());
            }
            virtual.shutdown();
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void aVirtualThreadCanBeInterrupted() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence)) {
            CompletableFuture<Boolean> kept = new CompletableFuture<>();
            ExecutorService virtual = virtualThreads();
            Future<?> call = virtual.submit(() -> {
                try {
                    client.completion(to(server));
                } catch (CancelledException e) {
                    kept.complete(Thread.currentThread().isInterrupted());
                }
            });
            server.awaitWaiting(1);
            call.cancel(true);
            assertTrue(kept.get(5, TimeUnit.SECONDS));
            server.awaitGone();
            virtual.shutdown();
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void aVirtualThreadWhoseTurnHasNotComeIsCancelledAtOnce() throws Exception {
        try (FakeServer slow = new FakeServer(256, FakeServer.Exchange::silence);
                FakeServer other = new FakeServer(exchange -> exchange.text("x"))) {
            List<CompletableFuture<ChatCompletion>> first = new ArrayList<>();
            for (int i = 0; i < 256; i++) {
                first.add(client.completionAsync(to(slow)));
            }
            slow.awaitWaiting(256);
            CompletableFuture<String> interrupted = new CompletableFuture<>();
            ExecutorService virtual = virtualThreads();
            Future<?> call = virtual.submit(() -> {
                try {
                    client.completion(to(other));
                } catch (CancelledException e) {
                    interrupted.complete(e.getMessage());
                }
            });
            ChatStream stream = client.stream(to(other));
            Future<?> read = virtual.submit(() -> assertThrows(CancelledException.class, stream::next));
            Thread.sleep(100);
            call.cancel(true);
            stream.cancel();
            assertTrue(interrupted.get(5, TimeUnit.SECONDS).contains("interrupted"));
            read.get(5, TimeUnit.SECONDS);
            stream.close();
            first.forEach(future -> future.cancel(true));
            slow.awaitGone();
            assertEquals(0, other.requests.get());
            virtual.shutdown();
        }
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void aVirtualThreadReadsAStream() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            for (int i = 0; i < 100; i++) {
                exchange.event("a");
            }
            exchange.end();
        })) {
            ExecutorService virtual = virtualThreads();
            assertEquals(100, virtual.submit(() -> {
                try (ChatStream stream = client.stream(to(server))) {
                    return stream.stream().filter(chunk -> chunk.content().equals("a")).count();
                }
            }).get());
            virtual.shutdown();
        }
    }
}
