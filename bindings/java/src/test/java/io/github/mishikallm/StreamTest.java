package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Answers as they come. */
@Timeout(30)
class StreamTest {
    private final Client client = Client.standard();

    private static ChatRequest.Builder to(FakeServer server) {
        return ChatRequest.builder().model("triton/m").apiBase(server.generate()).user("x");
    }

    private static FakeServer three() throws Exception {
        return new FakeServer(exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.event("b");
            exchange.event("🚢");
            exchange.end();
        });
    }

    private static FakeServer endless() throws Exception {
        return new FakeServer(exchange -> {
            exchange.begin();
            while (true) {
                exchange.event("a");
                Thread.sleep(1);
            }
        });
    }

    @Test
    void aLoopReadsItToItsEnd() throws Exception {
        try (FakeServer server = three(); ChatStream stream = client.stream(to(server).includeUsage().build())) {
            StringBuilder text = new StringBuilder();
            String finishReason = null;
            Usage usage = null;
            for (ChatChunk chunk : stream) {
                text.append(chunk.content());
                finishReason = chunk.finishReason() == null ? finishReason : chunk.finishReason();
                usage = chunk.usage() == null ? usage : chunk.usage();
            }
            assertEquals("ab🚢", text.toString());
            assertEquals("stop", finishReason);
            assertTrue(usage.completionTokens() > 0);
            assertFalse(stream.hasNext());
            assertThrows(NoSuchElementException.class, stream::next);
            stream.cancel();
            assertFalse(stream.hasNext());
        }
    }

    @Test
    void aTextCompletionStreamsToo() throws Exception {
        try (FakeServer server = three(); TextStream stream = client.textStream(
                TextRequest.builder().model("triton/m").apiBase(server.generate()).prompt("x").build())) {
            assertEquals("ab🚢", stream.stream().map(TextCompletion::text).collect(Collectors.joining()));
        }
    }

    @Test
    void aStreamThatSaysItIsNoneStreamsAllTheSame() throws Exception {
        try (FakeServer server = three();
                ChatStream stream = client.stream(to(server).extra("stream", false).build())) {
            assertTrue(stream.stream().count() > 2);
        }
    }

    @Test
    void closingJavasStreamClosesIt() throws Exception {
        try (FakeServer server = endless()) {
            try (Stream<ChatChunk> chunks = client.stream(to(server).build()).stream()) {
                assertEquals("aaa", chunks.limit(3).map(ChatChunk::content).collect(Collectors.joining()));
            }
            server.awaitGone();
        }
    }

    @Test
    void leavingItEndsItAtTheServer() throws Exception {
        try (FakeServer server = endless()) {
            ChatStream left;
            try (ChatStream stream = client.stream(to(server).build())) {
                left = stream;
                for (ChatChunk chunk : stream) {
                    if (chunk.content().equals("a")) {
                        break;
                    }
                }
            }
            server.awaitGone();
            assertThrows(ClosedException.class, left::hasNext);
            left.close();
        }
    }

    @Test
    void nothingIsSentBeforeTheFirstChunkIsAskedFor() throws Exception {
        try (FakeServer server = three(); ChatStream stream = client.stream(to(server).build())) {
            Thread.sleep(50);
            assertEquals(0, server.requests.get());
            assertSame(stream, stream.iterator());
        }
    }

    @Test
    void aSecondReaderIsToldSo() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence);
                ChatStream stream = client.stream(to(server).build())) {
            Thread reader = new Thread(() -> assertThrows(CancelledException.class, stream::next));
            reader.start();
            server.awaitWaiting(1);
            assertEquals("BUSY", assertThrows(MishikaException.class, stream::next).status());
            stream.cancel();
            reader.join();
        }
    }

    @Test
    void chunksAreHandedOn() throws Exception {
        try (FakeServer server = three()) {
            List<String> taken = new ArrayList<>();
            client.streamAsync(to(server).build(), chunk -> taken.add(chunk.content())).get();
            assertEquals("ab🚢", String.join("", taken));
            taken.clear();
            client.textStreamAsync(TextRequest.builder().model("triton/m").apiBase(server.generate()).prompt("x").build(),
                    chunk -> taken.add(chunk.text())).get();
            assertEquals("ab🚢", String.join("", taken));
        }
    }
}
