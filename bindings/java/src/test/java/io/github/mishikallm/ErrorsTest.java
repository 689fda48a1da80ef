package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each kind of failure has its class. */
class ErrorsTest {
    private final Client client = Client.standard();

    private static ChatRequest.Builder to(String url) {
        return ChatRequest.builder().model("triton/m").apiBase(url).user("x");
    }

    @ParameterizedTest
    @CsvSource({
        "400, BadRequestException", "401, AuthenticationException", "403, PermissionDeniedException",
        "404, NotFoundException", "408, DeadlineException", "409, BadRequestException", "413, TooLargeException",
        "422, UnprocessableException", "429, RateLimitException", "500, InternalServerException",
        "501, InternalServerException", "502, BadGatewayException", "503, ServiceUnavailableException",
        "504, InternalServerException",
    })
    void anHttpStatusHasItsClass(int status, String name) throws Exception {
        try (FakeServer server = new FakeServer(exchange ->
                exchange.json(status, "{\"error\":\"its words\"}", "retry-after: 2"))) {
            ChatRequest request = to(server.generate()).build();
            MishikaException sync = assertThrows(MishikaException.class, () -> client.completion(request));
            assertEquals(name, sync.getClass().getSimpleName());
            assertEquals(status, sync.httpStatus());
            assertEquals("SERVER", sync.status());
            assertTrue(sync.getMessage().contains("its words"), sync.getMessage());
            assertEquals(Duration.ofSeconds(2), sync.retryAfter());
            assertEquals(String.valueOf(status), sync.code());
            Throwable async = assertThrows(ExecutionException.class, () -> client.completionAsync(request).get()).getCause();
            assertSame(sync.getClass(), async.getClass());
            MishikaException streamed = assertThrows(MishikaException.class, () -> {
                try (ChatStream stream = client.stream(request)) {
                    stream.next();
                }
            });
            assertSame(sync.getClass(), streamed.getClass());
        }
    }

    @Test
    void noServerIsAConnectionException() {
        ConnectionException e = assertThrows(ConnectionException.class,
                () -> client.completion(to("http://127.0.0.1:9/generate").build()));
        assertEquals("CONNECT", e.status());
        assertEquals(503, e.httpStatus());
        assertNull(e.retryAfter());
    }

    @Test
    void aTimeOutIsADeadlineException() throws Exception {
        try (FakeServer server = new FakeServer(FakeServer.Exchange::silence)) {
            DeadlineException e = assertThrows(DeadlineException.class, () -> client.completion(
                    to(server.generate()).timeout(Duration.ofMillis(300)).build()));
            assertEquals("DEADLINE", e.status());
            assertTrue(e.getMessage().contains("0.3"), e.getMessage());
            server.awaitGone();
        }
    }

    @Test
    void anAnswerThatIsCutIsABadGateway() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> {
            exchange.begin();
            exchange.event("a");
            exchange.cut();
        })) {
            List<String> came = new java.util.ArrayList<>();
            try (ChatStream stream = client.stream(to(server.generate()).build())) {
                BadGatewayException e = assertThrows(BadGatewayException.class,
                        () -> stream.forEachRemaining(chunk -> came.add(chunk.content())));
                assertEquals("PROTOCOL", e.status());
                assertSame(e, assertThrows(BadGatewayException.class, stream::hasNext));
            }
            assertEquals("a", String.join("", came));
        }
    }

    @Test
    void rowsFailAlike() {
        ConnectionException e = assertThrows(ConnectionException.class, () -> client.embeddingRows(
                EmbeddingRequest.builder().model("triton/m").apiBase("http://127.0.0.1:9").input("x").build()));
        assertEquals("CONNECT", e.status());
        BadRequestException wrong = assertThrows(BadRequestException.class, () -> client.embeddingRows(
                EmbeddingRequest.builder().model("triton/m").apiBase("http://127.0.0.1:9").build()));
        assertEquals("input", wrong.param());
    }

    @Test
    void failuresOutliveSerialization() throws Exception {
        for (Exception made : List.of(Reason.argument("p", "wrong"), Reason.cancelled("it was"))) {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
                out.writeObject(made);
            }
            try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
                Failure read = assertInstanceOf(Failure.class, in.readObject());
                assertEquals(((Failure) made).status(), read.status());
                assertEquals(made.getMessage(), read.getMessage());
            }
        }
        assertInstanceOf(CancellationException.class, Reason.cancelled("x"));
    }
}
