package io.github.mishikallm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** With a real Triton, whose URL is in TRITON and whose log is in TRITON_LOG. */
@Timeout(60)
class TritonTest {
    private static final String URL = System.getenv("TRITON");
    private final Client client = Client.of(ClientConfig.builder().apiBase(URL).build());

    private static ChatRequest.Builder chat(String prompt) {
        return ChatRequest.builder().model("triton/tiny_llm").user(prompt).temperature(0);
    }

    private static EmbeddingRequest embed(String... inputs) {
        return EmbeddingRequest.builder().model("triton/minilm").input(inputs).build();
    }

    @Test
    void aChatIsAnsweredAlikeInAllWays() throws Exception {
        ChatRequest request = chat("What is a ship?").maxTokens(20).build();
        ChatCompletion whole = client.completion(request);
        assertTrue(whole.content().contains("ship"), whole.content());
        assertEquals("length", whole.finishReason());
        assertEquals(20, whole.usage().completionTokens());
        assertEquals(whole.content(), client.completionAsync(request).get().content());
        StringBuilder text = new StringBuilder();
        try (ChatStream stream = client.stream(request)) {
            stream.forEachRemaining(chunk -> text.append(chunk.content()));
        }
        assertEquals(whole.content(), text.toString());
        StringBuilder handed = new StringBuilder();
        client.streamAsync(request, chunk -> handed.append(chunk.content())).get();
        assertEquals(whole.content(), handed.toString());
        assertEquals(whole.content(), client.invoke("chat.completions", request.json()).at(
                "/choices/0/message/content").asText());
    }

    @Test
    void aTextIsGoneOnFrom() throws Exception {
        TextRequest request = TextRequest.builder().model("triton/tiny_llm").prompt("What is a ship?").maxTokens(5).build();
        TextCompletion whole = client.textCompletion(request);
        assertEquals("length", whole.finishReason());
        assertEquals(whole.text(), client.textCompletionAsync(request).get().text());
    }

    @Test
    void rowsAreTheNumbersThatJsonHas() throws Exception {
        EmbeddingRequest request = embed("A ship sails on the sea.", "It rains.");
        Embeddings rows = client.embeddingRows(request);
        EmbeddingList json = client.embedding(request);
        assertEquals(2, rows.size());
        assertEquals(384, rows.columns());
        assertEquals("minilm", rows.model());
        assertEquals(json.usage().promptTokens(), rows.usage().promptTokens());
        for (int row = 0; row < 2; row++) {
            for (int i = 0; i < 384; i++) {
                assertEquals((float) json.data().get(row).embedding().get(i).asDouble(), rows.row(row)[i]);
            }
            assertEquals(FloatBuffer.wrap(rows.row(row)), rows.buffer(row));
        }
        assertArrayEquals(rows.rows(), client.embeddingRowsAsync(request).get().rows());
        assertEquals(2 * 384, rows.buffer().remaining());
        assertTrue(rows.buffer().isReadOnly());
        assertThrows(IndexOutOfBoundsException.class, () -> rows.row(2));
        assertThrows(IndexOutOfBoundsException.class, () -> rows.buffer(-1));
    }

    @Test
    void moreInputsThanABatchTakes() {
        String[] many = new String[150];
        java.util.Arrays.setAll(many, i -> "Sentence number " + i);
        float[][] rows = client.embeddingRows(embed(many)).rows();
        assertEquals(150, rows.length);
        float[] alone = client.embeddingRows(embed(many[149])).row(0);
        assertArrayEquals(alone, rows[149], 1e-5f);
    }

    @Test
    void operationsAreInvoked() throws Exception {
        assertTrue(client.invoke("models", "{}").path("data").size() > 5);
        assertEquals("healthy", client.invokeAsync("health", "{}").get().path("status").asText());
        JsonNode answer = client.invoke("infer",
                "{\"model\":\"triton/identity_all\",\"inputs\":{\"in_int64\":[9007199254740993,-1]},\"outputs\":[\"out_int64\"]}");
        assertEquals(9007199254740993L, answer.at("/outputs/0/data/0").longValue(), answer.toString());
        assertEquals("0.1.0", MishikaLLM.version());
        assertEquals(0, MishikaLLM.info().path("abi").asInt(-1));
        assertEquals(System.getProperty("expected.backend", MishikaLLM.backend()), MishikaLLM.backend());
    }

    @Test
    void whatTritonRefusesItSaysItself() {
        NotFoundException e = assertThrows(NotFoundException.class,
                () -> client.completion(ChatRequest.builder().model("triton/nothing").user("x").build()));
        assertTrue(e.getMessage().contains("nothing"), e.getMessage());
        assertThrows(MishikaException.class, () -> client.completion(
                ChatRequest.builder().model("triton/fails_before").user("x").build()));
    }

    private static void awaitCancelled(String label) throws Exception {
        for (int i = 0; i < 500; i++) {
            if (Files.readString(Path.of(System.getenv("TRITON_LOG"))).contains("(" + label + ")")) {
                return;
            }
            Thread.sleep(20);
        }
        throw new AssertionError("Triton's log does not tell of " + label);
    }

    private static ChatRequest endless(String label) {
        return chat("Tell me a story about the sea.").maxTokens(5000).extra("ignore_eos", true).extra("label", label).build();
    }

    @Test
    void tritonStopsAModelWhoseCallIsCancelled() throws Exception {
        String run = "java-" + MishikaLLM.backend() + "-" + ProcessHandle.current().pid() + "-";
        try (ChatStream stream = client.stream(endless(run + "stream"))) {
            stream.next();
            stream.cancel();
            assertThrows(CancelledException.class, () -> stream.forEachRemaining(chunk -> { }));
        }
        awaitCancelled(run + "stream");

        CompletableFuture<ChatCompletion> future = client.completionAsync(endless(run + "future"));
        Thread.sleep(300);
        future.cancel(true);
        assertThrows(CancellationException.class, future::join);
        awaitCancelled(run + "future");

        Thread caller = new Thread(() -> assertThrows(CancelledException.class, () -> client.completion(endless(run + "thread"))));
        caller.start();
        Thread.sleep(300);
        caller.interrupt();
        caller.join();
        awaitCancelled(run + "thread");
    }
}
