package driver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.github.mishikallm.AuthenticationException;
import io.github.mishikallm.BadGatewayException;
import io.github.mishikallm.BadRequestException;
import io.github.mishikallm.ChatChunk;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.ChunkStream;
import io.github.mishikallm.Client;
import io.github.mishikallm.ClosedException;
import io.github.mishikallm.ConnectionException;
import io.github.mishikallm.DeadlineException;
import io.github.mishikallm.EmbeddingRequest;
import io.github.mishikallm.Embeddings;
import io.github.mishikallm.Failure;
import io.github.mishikallm.InternalServerException;
import io.github.mishikallm.NotFoundException;
import io.github.mishikallm.PermissionDeniedException;
import io.github.mishikallm.RateLimitException;
import io.github.mishikallm.ServiceUnavailableException;
import io.github.mishikallm.TextCompletion;
import io.github.mishikallm.TextRequest;
import io.github.mishikallm.TooLargeException;
import io.github.mishikallm.UnprocessableException;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** The cases that all languages share, each the sync and the async way. */
final class Conformance {
    private static final ScheduledExecutorService TIMER = new ScheduledThreadPoolExecutor(1);

    private final JsonNode given;
    private final ObjectNode result = Driver.MAPPER.createObjectNode();

    private Conformance(JsonNode given, String way) {
        this.given = given;
        result.put("case", given.path("name").asText());
        result.put("way", way);
    }

    static void run(JsonNode cases, String base) throws IOException {
        for (JsonNode given : cases) {
            for (String way : new String[] {"sync", "async"}) {
                String at = base + "/" + way + "/" + given.path("name").asText();
                Conformance one = new Conformance(at(given, at), way);
                one.run(way.equals("sync"));
                Driver.print(one.result);
            }
        }
    }

    /** The node with {@code {base}} replaced in every string. */
    private static JsonNode at(JsonNode node, String base) {
        if (node.isTextual()) {
            return TextNode.valueOf(node.textValue().replace("{base}", base));
        }
        if (node instanceof ArrayNode array) {
            ArrayNode replaced = Driver.MAPPER.createArrayNode();
            array.forEach(element -> replaced.add(at(element, base)));
            return replaced;
        }
        if (node instanceof ObjectNode object) {
            ObjectNode replaced = Driver.MAPPER.createObjectNode();
            for (Map.Entry<String, JsonNode> field : object.properties()) {
                replaced.set(field.getKey(), at(field.getValue(), base));
            }
            return replaced;
        }
        return node;
    }

    private void run(boolean sync) {
        // A stream that fails has its chunks all the same.
        if (given.path("call").asText().endsWith("stream")) {
            result.putArray("chunks");
        }
        Thread.interrupted();
        try (Client client = given.has("client") ? Client.of(given.get("client")) : null) {
            Client used = client == null ? Client.standard() : client;
            if (given.has("close_after_ms")) {
                after("close_after_ms", used::close);
            }
            if (sync) {
                callSync(used);
            } else {
                callAsync(used);
            }
        } catch (ExecutionException e) {
            result.set("error", error(e.getCause()));
        } catch (Exception | LinkageError e) {
            result.set("error", error(e));
        }
    }

    private void after(String field, Runnable action) {
        TIMER.schedule(action, given.get(field).asLong(), TimeUnit.MILLISECONDS);
    }

    private ChatRequest chat() {
        return ChatRequest.of(given.path("request"));
    }

    private TextRequest text() {
        return TextRequest.of(given.path("request"));
    }

    private EmbeddingRequest embedding() {
        return EmbeddingRequest.of(given.path("request"));
    }

    private void callSync(Client client) {
        String call = given.path("call").asText();
        boolean streams = call.endsWith("stream");
        Thread caller = Thread.currentThread();
        boolean[] over = {false};
        if (given.has("cancel_after_ms") && !streams) {
            after("cancel_after_ms", () -> {
                synchronized (over) {
                    if (!over[0]) {
                        caller.interrupt();
                    }
                }
            });
        }
        try {
            switch (call) {
                case "completion" -> result.set("answer", client.completion(chat()).json());
                case "text_completion" -> result.set("answer", client.textCompletion(text()).json());
                case "embedding" -> result.set("answer", client.embedding(embedding()).json());
                case "rows" -> rows(client.embeddingRows(embedding()));
                case "invoke" -> result.set("answer",
                        client.invoke(given.path("operation").asText(), given.path("request")));
                case "stream" -> pull(client.stream(chat()), ChatChunk::json);
                case "text_stream" -> pull(client.textStream(text()), TextCompletion::json);
                default -> throw new IllegalArgumentException("call: " + call);
            }
        } finally {
            synchronized (over) {
                over[0] = true;
            }
            Thread.interrupted();
        }
    }

    private <T> void pull(ChunkStream<T> opened, Function<T, JsonNode> json) {
        ArrayNode chunks = (ArrayNode) result.get("chunks");
        try (ChunkStream<T> stream = opened) {
            if (given.has("cancel_after_ms")) {
                after("cancel_after_ms", stream::cancel);
            }
            for (T chunk : stream) {
                chunks.add(json.apply(chunk));
                if (chunks.size() == given.path("cancel_after_chunks").asInt(-1)) {
                    stream.cancel();
                }
                if (chunks.size() == given.path("leave_after_chunks").asInt(-1)) {
                    break;
                }
            }
        }
    }

    private void callAsync(Client client) throws ExecutionException, InterruptedException {
        String call = given.path("call").asText();
        switch (call) {
            case "completion" -> result.set("answer", await(client.completionAsync(chat())).json());
            case "text_completion" -> result.set("answer", await(client.textCompletionAsync(text())).json());
            case "embedding" -> result.set("answer", await(client.embeddingAsync(embedding())).json());
            case "rows" -> rows(await(client.embeddingRowsAsync(embedding())));
            case "invoke" -> result.set("answer",
                    await(client.invokeAsync(given.path("operation").asText(), given.path("request"))));
            case "stream" -> {
                Taker<ChatChunk> taker = new Taker<>(ChatChunk::json);
                taker.await(client.streamAsync(chat(), taker::take));
            }
            case "text_stream" -> {
                Taker<TextCompletion> taker = new Taker<>(TextCompletion::json);
                taker.await(client.textStreamAsync(text(), taker::take));
            }
            default -> throw new IllegalArgumentException("call: " + call);
        }
    }

    private <T> T await(CompletableFuture<T> future) throws ExecutionException, InterruptedException {
        if (given.has("cancel_after_ms")) {
            after("cancel_after_ms", () -> future.cancel(true));
        }
        return future.get();
    }

    /** Takes chunks on another thread. */
    private final class Taker<T> {
        private final CompletableFuture<CompletableFuture<Void>> end = new CompletableFuture<>();
        private final Function<T, JsonNode> json;
        private final ArrayNode chunks = (ArrayNode) result.get("chunks");

        Taker(Function<T, JsonNode> json) {
            this.json = json;
        }

        void await(CompletableFuture<Void> future) throws ExecutionException, InterruptedException {
            end.complete(future);
            try {
                Conformance.this.await(future);
            } finally {
                synchronized (this) {
                    result.set("chunks", chunks.deepCopy());
                }
            }
        }

        synchronized void take(T chunk) {
            chunks.add(json.apply(chunk));
            if (chunks.size() == given.path("cancel_after_chunks").asInt(-1)) {
                end.join().cancel(true);
            }
            if (chunks.size() == given.path("leave_after_chunks").asInt(-1)) {
                end.join().complete(null);
            }
        }
    }

    private void rows(Embeddings embeddings) {
        result.set("rows", Driver.MAPPER.valueToTree(embeddings.rows()));
        result.set("info", embeddings.json());
    }

    private static ObjectNode error(Throwable thrown) {
        ObjectNode error = Driver.MAPPER.createObjectNode().put("kind", kind(thrown)).put("message", thrown.getMessage());
        if (thrown instanceof Failure failure) {
            error.put("status", failure.httpStatus());
            error.put("param", failure.param());
            error.put("code", failure.code());
            if (failure.retryAfter() == null) {
                error.putNull("retry_after");
            } else {
                error.put("retry_after", failure.retryAfter().toMillis() / 1000.0);
            }
            error.put("c_status", failure.status());
        }
        return error;
    }

    private static String kind(Throwable thrown) {
        Map<Class<?>, String> kinds = Map.ofEntries(
                Map.entry(BadRequestException.class, "bad_request"),
                Map.entry(AuthenticationException.class, "authentication"),
                Map.entry(PermissionDeniedException.class, "permission_denied"),
                Map.entry(NotFoundException.class, "not_found"),
                Map.entry(DeadlineException.class, "timeout"),
                Map.entry(TooLargeException.class, "too_large"),
                Map.entry(UnprocessableException.class, "unprocessable"),
                Map.entry(RateLimitException.class, "rate_limit"),
                Map.entry(ConnectionException.class, "connection"),
                Map.entry(InternalServerException.class, "internal_server"),
                Map.entry(BadGatewayException.class, "bad_gateway"),
                Map.entry(ServiceUnavailableException.class, "service_unavailable"),
                Map.entry(ClosedException.class, "closed"),
                Map.entry(CancellationException.class, "cancelled"));
        return kinds.entrySet().stream()
                .filter(kind -> kind.getKey().isInstance(thrown))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse("defect: " + thrown);
    }
}
