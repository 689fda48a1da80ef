package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Requests, texts and answers. */
class ChatTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private final Client client = Client.standard();

    private static ChatRequest.Builder to(FakeServer server) {
        return ChatRequest.builder().model("triton/m").apiBase(server.generate());
    }

    @Test
    void aTypedRequestIsSentAndItsAnswerIsTyped() throws Exception {
        AtomicReference<String> sent = new AtomicReference<>();
        try (FakeServer server = new FakeServer(exchange -> {
            sent.set(exchange.body);
            exchange.text("hello");
        })) {
            ChatCompletion answer = client.completion(to(server)
                    .system("Be brief.").user("hi").maxTokens(7).temperature(0.5).stop("a", "b").extra("mine", true).build());
            assertEquals("hello", answer.content());
            assertEquals("stop", answer.finishReason());
            assertEquals("assistant", answer.choices().get(0).message().role());
            assertEquals(List.of(), answer.choices().get(0).message().toolCalls());
            assertTrue(answer.usage().estimated());
            assertEquals("chat.completion", answer.json().path("object").asText());
            JsonNode body = MAPPER.readTree(sent.get());
            assertEquals(7, body.at("/parameters/max_tokens").asInt(body.path("max_tokens").asInt()));
            assertTrue(sent.get().contains("\"mine\":true"), sent.get());
            assertTrue(sent.get().contains("Be brief. hi"), sent.get());
        }
    }

    @Test
    void textIsRealUtf8BothWays() throws Exception {
        String ship = "⛵ 🚢 é \u0001 \u20ac \ud83d\udc69\u200d\ud83d\ude80 \uffff";
        AtomicReference<String> sent = new AtomicReference<>();
        try (FakeServer server = new FakeServer(exchange -> {
            sent.set(exchange.body);
            exchange.text("⛵ 🚢");
        })) {
            assertEquals("⛵ 🚢", client.completion(to(server).user(ship).build()).content());
            assertEquals(ship, MAPPER.readTree(sent.get()).path("text_input").asText());
            // The same from the caller's own text.
            ObjectNode json = (ObjectNode) to(server).user(ship).build().json();
            client.completion(ChatRequest.of(json.toString()));
            assertEquals(ship, MAPPER.readTree(sent.get()).path("text_input").asText());
            client.invoke("chat.completions", json.toString());
            assertEquals(ship, MAPPER.readTree(sent.get()).path("text_input").asText());
        }
    }

    @Test
    void halfASurrogatePairIsRefusedByItsField() {
        ChatRequest request = ChatRequest.builder().model("triton/m").apiBase("http://127.0.0.1:9")
                .user("fine").user("cut \ud83d").build();
        BadRequestException e = assertThrows(BadRequestException.class, () -> client.completion(request));
        assertEquals("messages[1].content", e.param());
        assertTrue(e.getMessage().startsWith("messages[1].content: half of a surrogate pair"), e.getMessage());
        assertEquals("ARGUMENT", e.status());
        assertThrows(BadRequestException.class, () -> client.invoke("models", "{\"api_base\":\"\udc00\"}"));
        assertThrows(BadRequestException.class, () -> Client.of("{\"api_key\":\"\ud83d\"}"));
    }

    @Test
    void aNulIsRefusedWhereItWouldCutTheText() throws Exception {
        BadRequestException e = assertThrows(BadRequestException.class,
                () -> client.invoke("models", "{}\0{\"api_base\":\"http://127.0.0.1:9\"}"));
        assertTrue(e.getMessage().contains("U+0000 at index 2"), e.getMessage());
        assertThrows(BadRequestException.class, () -> client.invoke("models\0", "{}"));
        assertThrows(BadRequestException.class, () -> Client.of("{}\0"));
        // Inside a string JSON has a way to write it, and the server gets it.
        AtomicReference<String> sent = new AtomicReference<>();
        try (FakeServer server = new FakeServer(exchange -> {
            sent.set(exchange.body);
            exchange.text("x");
        })) {
            client.completion(to(server).user("a\0b").build());
            assertEquals("a\0b", MAPPER.readTree(sent.get()).path("text_input").asText());
        }
    }

    @Test
    void largeTextsGoThrough() throws Exception {
        String large = "⛵".repeat(8 << 20);
        AtomicReference<Integer> length = new AtomicReference<>();
        try (FakeServer server = new FakeServer(exchange -> {
            length.set(MAPPER.readTree(exchange.body).path("text_input").asText().length());
            exchange.text("y".repeat(25_000_000));
        })) {
            try (Client patient = Client.of("{\"max_reply_bytes\":100000000}")) {
                assertEquals(25_000_000, patient.completion(to(server).user(large).build()).content().length());
            }
            assertEquals(8 << 20, length.get());
        }
        TooLargeException e = assertThrows(TooLargeException.class, () -> client.completion(
                ChatRequest.builder().model("triton/m").apiBase("http://127.0.0.1:9").user("x".repeat(65 << 20)).build()));
        assertEquals("LIMIT", e.status());
        assertEquals(413, e.httpStatus());
    }

    @Test
    void whatIsNoRequestTheLibraryExplains() {
        assertTrue(assertThrows(BadRequestException.class, () -> client.completion(ChatRequest.of("{\"model\":")))
                .getMessage().contains("JSON"));
        assertThrows(BadRequestException.class, () -> client.completion(ChatRequest.of("[]")));
        assertThrows(BadRequestException.class, () -> client.completion(ChatRequest.of("{} {}")));
        assertThrows(BadRequestException.class, () -> client.completion(ChatRequest.of(MAPPER.createArrayNode())));
        BadRequestException e = assertThrows(BadRequestException.class, () -> client.completion(
                ChatRequest.of("{\"model\":\"triton/m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"stream\":\"yes\"}")));
        assertEquals("stream", e.param());
        e = assertThrows(BadRequestException.class, () -> client.completion(ChatRequest.of("{\"stream\":true}")));
        assertEquals("stream", e.param());
        e = assertThrows(BadRequestException.class, () -> client.invoke("chat.completions", "{\"stream\":true}"));
        assertEquals("stream", e.param());
        e = assertThrows(BadRequestException.class, () -> client.invoke("sing", "{}"));
        assertEquals("operation", e.param());
        e = assertThrows(BadRequestException.class, () -> Client.of("{\"timeout\":\"soon\"}"));
        assertEquals("timeout", e.param());
        assertEquals("CONFIG", e.status());
        assertThrows(NullPointerException.class, () -> client.completion(null));
    }

    @Test
    void everyDigitOfTheCallersNumbersIsKept() throws Exception {
        AtomicReference<String> sent = new AtomicReference<>();
        try (FakeServer server = new FakeServer(exchange -> {
            sent.set(exchange.body);
            exchange.text("x");
        })) {
            client.completion(ChatRequest.of("{\"model\":\"triton/m\",\"api_base\":\"" + server.generate()
                    + "\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"mine\":1.10,\"big\":9007199254740993}"));
            assertTrue(sent.get().contains("9007199254740993"), sent.get());
            assertEquals(1.1, MAPPER.readTree(sent.get()).findValue("mine").asDouble(), sent.get());
        }
    }

    @Test
    void aBuilderCanGoOnFromARequest() {
        ChatRequest first = ChatRequest.builder().model("triton/m").user("a").header("x-a", "1").header("x-b", "2").build();
        ChatRequest second = first.toBuilder().assistant("b").message(Map.of("role", "tool", "content", "c")).build();
        assertEquals(1, first.json().path("messages").size());
        assertEquals(3, second.json().path("messages").size());
        assertEquals("2", second.json().at("/extra_headers/x-b").asText());
        assertThrows(IllegalStateException.class, () -> ChatRequest.of("[").json());
        assertThrows(IllegalArgumentException.class, () -> ChatRequest.builder().extra("x", new Object()));
    }

    @Test
    void nothingShowsAKey() throws Exception {
        ChatRequest request = ChatRequest.builder().model("triton/m").apiKey("sk-secret").user("private").build();
        assertEquals("ChatRequest[model=triton/m]", request.toString());
        assertEquals("ClientConfig", ClientConfig.builder().apiKey("sk-secret").build().toString());
        try (FakeServer server = new FakeServer(exchange -> exchange.json(401, "{\"error\":\"no\"}"))) {
            MishikaException e = assertThrows(AuthenticationException.class, () -> client.completion(
                    request.toBuilder().apiBase(server.generate()).build()));
            assertFalse(e.toString().contains("sk-secret") || e.toString().contains("private"), e.toString());
            assertNull(e.getCause());
        }
    }

    @Test
    void aClientHasDefaultsAndNames() throws Exception {
        try (FakeServer server = new FakeServer(exchange -> exchange.text("from a name"));
                Client named = Client.of(ClientConfig.builder()
                        .model("mine", Map.of("model", "triton/m", "api_base", server.generate()))
                        .timeout(java.time.Duration.ofMillis(1500))
                        .build())) {
            assertEquals("from a name", named.completion(ChatRequest.builder().model("mine").user("x").build()).content());
        }
    }
}
