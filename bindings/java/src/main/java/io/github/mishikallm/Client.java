package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.internal.Handle;
import io.github.mishikallm.internal.Library;
import io.github.mishikallm.internal.Native;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Calls models: connections, what is known of models, and defaults for every request. Make one and keep it; it is for any
 * number of threads at once.
 *
 * <p>A method that waits can be interrupted: the call is cancelled, at the server too, the method throws a
 * {@link CancelledException}, and the thread keeps its interrupted status. On a virtual thread it does not hold the
 * carrier. A method that ends in {@code Async} returns at once and throws nothing: all failures are the future's, and a
 * future that is completed from outside, by {@code cancel}, {@code orTimeout} or otherwise, ends its call at once.
 *
 * <p>All of them fail with a {@link MishikaException}.
 */
public final class Client implements AutoCloseable {
    private static final String CHAT = "chat.completions";
    private static final String TEXT = "completions";
    private static final String EMBEDDINGS = "embeddings";
    private static final Client STANDARD = new Client();

    /** Null for the default client. */
    private final Handle handle;

    private Client() {
        handle = null;
    }

    private Client(long address) {
        Native c = Library.get();
        handle = new Handle(this, address, c::clientClose, c::clientFree);
    }

    /**
     * The process-wide client, whose requests each carry their api_base. Closing it does nothing.
     *
     * @return always the same
     */
    public static Client standard() {
        return STANDARD;
    }

    /**
     * Makes a client. Opens no connection.
     *
     * @param config what it is to be like
     * @return to be closed
     * @throws BadRequestException if the configuration is wrong
     */
    public static Client of(ClientConfig config) {
        return of(config.terminated());
    }

    /**
     * Makes a client from the C library's configuration.
     *
     * @param json a JSON object
     * @return to be closed
     * @throws BadRequestException if the configuration is wrong
     */
    public static Client of(String json) {
        return of(Json.terminated("config", json));
    }

    /**
     * Makes a client from the C library's configuration.
     *
     * @param json a JSON object
     * @return to be closed
     * @throws BadRequestException if the configuration is wrong
     */
    public static Client of(JsonNode json) {
        return of(Json.terminated("config", json));
    }

    private static Client of(byte[] config) {
        Native.Opened made = Library.get().clientNew(config);
        if (made.handle() == 0) {
            throw Reason.refused("CONFIG", made.error());
        }
        return new Client(made.handle());
    }

    /**
     * Asks for a chat completion and waits for the whole answer.
     *
     * @param request what is asked
     * @return the answer
     */
    public ChatCompletion completion(ChatRequest request) {
        return await(whole(CHAT, request), call -> ChatCompletion.of(call.answer()));
    }

    /**
     * Asks for a chat completion.
     *
     * @param request what is asked
     * @return the answer's future
     */
    public CompletableFuture<ChatCompletion> completionAsync(ChatRequest request) {
        return later(() -> whole(CHAT, request), call -> ChatCompletion.of(call.answer()));
    }

    /**
     * Asks for a text completion and waits for the whole answer.
     *
     * @param request what is asked
     * @return the answer
     */
    public TextCompletion textCompletion(TextRequest request) {
        return await(whole(TEXT, request), call -> TextCompletion.of(call.answer()));
    }

    /**
     * Asks for a text completion.
     *
     * @param request what is asked
     * @return the answer's future
     */
    public CompletableFuture<TextCompletion> textCompletionAsync(TextRequest request) {
        return later(() -> whole(TEXT, request), call -> TextCompletion.of(call.answer()));
    }

    /**
     * Asks for embeddings, as JSON, and waits for all of them.
     *
     * @param request what is asked
     * @return the answer
     */
    public EmbeddingList embedding(EmbeddingRequest request) {
        return await(embeddings(request), call -> EmbeddingList.of(call.answer()));
    }

    /**
     * Asks for embeddings, as JSON.
     *
     * @param request what is asked
     * @return the answer's future
     */
    public CompletableFuture<EmbeddingList> embeddingAsync(EmbeddingRequest request) {
        return later(() -> embeddings(request), call -> EmbeddingList.of(call.answer()));
    }

    /**
     * Asks for embeddings, as numbers, and waits for all of them.
     *
     * @param request what is asked
     * @return one row for each input
     */
    public Embeddings embeddingRows(EmbeddingRequest request) {
        return await(embeddings(request), Call::rows);
    }

    /**
     * Asks for embeddings, as numbers.
     *
     * @param request what is asked
     * @return the rows' future
     */
    public CompletableFuture<Embeddings> embeddingRowsAsync(EmbeddingRequest request) {
        return later(() -> embeddings(request), Call::rows);
    }

    /**
     * Does what an operation's name says: "infer", "models", "health", "model.metadata", "model.load" and what else
     * {@link MishikaLLM#info()} lists.
     *
     * @param operation its name
     * @param json      its request, a JSON object
     * @return its answer
     */
    public JsonNode invoke(String operation, String json) {
        return await(operation(operation, json), Call::answer);
    }

    /**
     * Does what an operation's name says; see {@link #invoke(String, String)}.
     *
     * @param operation its name
     * @param json      its request, an object
     * @return its answer
     */
    public JsonNode invoke(String operation, JsonNode json) {
        return await(operation(operation, json), Call::answer);
    }

    /**
     * Does what an operation's name says; see {@link #invoke(String, String)}.
     *
     * @param operation its name
     * @param json      its request, a JSON object
     * @return its answer's future
     */
    public CompletableFuture<JsonNode> invokeAsync(String operation, String json) {
        return later(() -> operation(operation, json), Call::answer);
    }

    /**
     * Does what an operation's name says; see {@link #invoke(String, String)}.
     *
     * @param operation its name
     * @param json      its request, an object
     * @return its answer's future
     */
    public CompletableFuture<JsonNode> invokeAsync(String operation, JsonNode json) {
        return later(() -> operation(operation, json), Call::answer);
    }

    /**
     * Asks for a chat completion, chunk by chunk. Nothing is sent before the first chunk is asked for.
     *
     * @param request what is asked
     * @return to be closed
     */
    public ChatStream stream(ChatRequest request) {
        return new ChatStream(open(CHAT, request.terminated(true)));
    }

    /**
     * Asks for a text completion, chunk by chunk. Nothing is sent before the first chunk is asked for.
     *
     * @param request what is asked
     * @return to be closed
     */
    public TextStream textStream(TextRequest request) {
        return new TextStream(open(TEXT, request.terminated(true)));
    }

    /**
     * Asks for a chat completion and hands on each chunk as it comes, one after the other, on a thread of the binding.
     * A taker that is slow holds up its own call only; one that throws ends the call, and the future has what it threw.
     *
     * @param request what is asked
     * @param taker   of the chunks
     * @return the end's future; completing it ends the call
     */
    public CompletableFuture<Void> streamAsync(ChatRequest request, Consumer<? super ChatChunk> taker) {
        return handOn(() -> open(CHAT, request.terminated(true)), ChatChunk::of, taker);
    }

    /**
     * Asks for a text completion and hands on each chunk as it comes; see {@link #streamAsync}.
     *
     * @param request what is asked
     * @param taker   of the chunks
     * @return the end's future; completing it ends the call
     */
    public CompletableFuture<Void> textStreamAsync(TextRequest request, Consumer<? super TextCompletion> taker) {
        return handOn(() -> open(TEXT, request.terminated(true)), TextCompletion::of, taker);
    }

    /**
     * Ends every call under way with a {@link ClosedException}, at once, and refuses new ones. Any thread, any number of
     * times. A client that is forgotten is closed when it is collected, once none of its calls is under way.
     */
    @Override
    public void close() {
        if (handle != null) {
            handle.close();
        }
    }

    private Call whole(String operation, Request request) {
        return open(operation, request.terminated(false));
    }

    private Call embeddings(EmbeddingRequest request) {
        return open(EMBEDDINGS, request.terminated(null));
    }

    private Call operation(String operation, String json) {
        return switch (operation) {
            case CHAT -> whole(operation, ChatRequest.of(json));
            case TEXT -> whole(operation, TextRequest.of(json));
            default -> open(operation, Json.terminated("request", json));
        };
    }

    private Call operation(String operation, JsonNode json) {
        return switch (operation) {
            case CHAT -> whole(operation, ChatRequest.of(json));
            case TEXT -> whole(operation, TextRequest.of(json));
            default -> open(operation, Json.terminated("request", json));
        };
    }

    private Call open(String operation, byte[] request) {
        byte[] name = Json.terminated("operation", operation);
        Native c = Library.get();
        Native.Opened opened = handle == null
                ? c.streamOpen(0, name, request)
                : handle.use(client -> c.streamOpen(client, name, request), null);
        if (opened == null) {
            throw Reason.closed("client");
        }
        if (opened.handle() == 0) {
            throw Reason.refused("ARGUMENT", opened.error());
        }
        return new Call(this, opened.handle());
    }

    private static <T> T await(Call call, Function<Call, T> answer) {
        try (call) {
            return answer.apply(call);
        }
    }

    private interface Opening {
        Call open();
    }

    private static <T> CompletableFuture<T> later(Opening opening, Function<Call, T> answer) {
        Call call;
        try {
            call = opening.open();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
        return Pending.start(call, future -> answer.apply(call));
    }

    private static <T> CompletableFuture<Void> handOn(
            Opening opening, Function<JsonNode, T> chunk, Consumer<? super T> taker) {
        Call call;
        try {
            call = opening.open();
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
        return Pending.start(call, future -> {
            for (JsonNode json = call.next(); json != null && !future.isDone(); json = call.next()) {
                taker.accept(chunk.apply(json));
            }
            return null;
        });
    }
}
