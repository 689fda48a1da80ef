package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Handles are freed once, in any order, and never under a call. */
@Timeout(60)
class LifetimeTest {
    private static ChatRequest to(FakeServer server) {
        return ChatRequest.builder().model("triton/m").apiBase(server.generate()).user("x").build();
    }

    private static FakeServer endless(int leavers) throws Exception {
        return new FakeServer(leavers, exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.silence();
        });
    }

    /** In a frame of its own, so that nothing of it stays on the stack. */
    private static void forget(Client client, FakeServer server) {
        client.stream(to(server)).next();
    }

    @Test
    void aStreamThatIsForgottenEndsWhenItIsCollected() throws Exception {
        try (FakeServer server = endless(1)) {
            forget(Client.standard(), server);
            AtomicBoolean gone = new AtomicBoolean();
            Thread collector = new Thread(() -> {
                while (!gone.get()) {
                    System.gc();
                    try {
                        Thread.sleep(20);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            });
            collector.start();
            server.awaitGone();
            gone.set(true);
            collector.join();
        }
    }

    @Test
    void aForgottenClientStaysWhileItsStreamIsRead() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            for (int i = 0; i < 20; i++) {
                exchange.event("a");
                System.gc();
                Thread.sleep(5);
            }
            exchange.end();
        })) {
            try (ChatStream stream = Client.of("{}").stream(to(server))) {
                assertEquals(20, stream.stream().filter(chunk -> chunk.content().equals("a")).count());
            }
            // The same where nobody keeps anything: the answer comes after many collections.
            assertEquals(20, Client.of("{}").stream(to(server)).stream()
                    .filter(chunk -> chunk.content().equals("a")).count());
        }
    }

    @Test
    void aStreamOutlivesNeitherItsClientNorItself() throws Exception {
        try (FakeServer server = endless(2)) {
            Client client = Client.of("{}");
            ChatStream first = client.stream(to(server));
            ChatStream second = client.stream(to(server));
            first.next();
            second.next();
            client.close();
            second.close();
            first.close();
            first.cancel();
            second.close();
            client.close();
            server.awaitGone();
        }
    }

    @Test
    void closingAndCancellingRaceWithCalls() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            for (int i = 0; i < 50; i++) {
                exchange.event("a");
            }
            exchange.end();
        })) {
            AtomicInteger ends = new AtomicInteger();
            AtomicReference<Throwable> wrong = new AtomicReference<>();
            for (int round = 0; round < 60; round++) {
                Client client = Client.of("{}");
                List<Thread> threads = new ArrayList<>();
                AtomicReference<ChatStream> open = new AtomicReference<>();
                for (int i = 0; i < 6; i++) {
                    boolean reader = i % 2 == 0;
                    Thread thread = new Thread(() -> {
                        try {
                            if (reader) {
                                try (ChatStream stream = client.stream(to(server))) {
                                    open.set(stream);
                                    stream.forEachRemaining(chunk -> { });
                                }
                            } else {
                                client.completionAsync(to(server)).whenComplete((answer, thrown) -> ends.incrementAndGet());
                                ChatStream stream = open.get();
                                if (stream != null) {
                                    stream.close();
                                    stream.cancel();
                                }
                            }
                        } catch (ClosedException | CancelledException expected) {
                            ends.incrementAndGet();
                        } catch (Throwable thrown) {
                            wrong.set(thrown);
                        }
                    });
                    threads.add(thread);
                    thread.start();
                }
                Thread.sleep(round % 4);
                client.close();
                for (Thread thread : threads) {
                    thread.join();
                }
            }
            if (wrong.get() != null) {
                throw new AssertionError(wrong.get());
            }
            assertTrue(ends.get() > 0);
        }
    }
}
