package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;

/** What is asked for, and where and how. It never changes, and can be used again, by any number of threads. */
public abstract sealed class Request permits ChatRequest, TextRequest, EmbeddingRequest {
    /** Null where the caller's own text is no JSON object. */
    private final ObjectNode fields;
    private final String text;

    Request(ObjectNode fields) {
        this.fields = fields;
        this.text = null;
    }

    Request(String json) {
        this.fields = Json.object(json);
        this.text = json;
    }

    Request(JsonNode json) {
        this.fields = json instanceof ObjectNode object ? object.deepCopy() : null;
        this.text = json.toString();
    }

    /** As bytes for C. {@code stream} says whether the answer comes in chunks; null where the request has no such field. */
    byte[] terminated(Boolean stream) {
        if (fields == null) {
            // Not for us to judge: the C library says what is wrong with it.
            return Json.terminated("request", text);
        }
        if (stream == null) {
            return Json.terminated("request", fields);
        }
        JsonNode given = fields.path("stream");
        if (!stream && given.isBoolean() && given.booleanValue()) {
            throw Reason.argument("stream", "this call gives one whole answer; leave stream out, or open a stream");
        }
        if (!given.isMissingNode() && !given.isNull() && !given.isBoolean()) {
            return Json.terminated("request", fields);
        }
        ObjectNode sent = Json.object();
        sent.setAll(fields);
        return Json.terminated("request", sent.put("stream", stream));
    }

    /**
     * The request as JSON.
     *
     * @return a copy
     * @throws IllegalStateException if it was made from a text that is no JSON object
     */
    public JsonNode json() {
        if (fields == null) {
            throw new IllegalStateException("this request is no JSON object");
        }
        return fields.deepCopy();
    }

    /** A copy of the fields, for a builder. */
    ObjectNode fields() {
        return (ObjectNode) json();
    }

    /**
     * Names the request's kind and model, and nothing else: it may hold keys and prompts.
     *
     * @return for logs
     */
    @Override
    public String toString() {
        return getClass().getSimpleName() + "[model=" + (fields == null ? null : fields.path("model").asText(null)) + "]";
    }

    /**
     * What all requests, and a client's configuration, may hold. A field that has no method here: {@link #extra}.
     *
     * @param <B> the builder itself
     */
    public abstract static class Builder<B extends Builder<B>> {
        final ObjectNode fields;

        Builder(ObjectNode fields) {
            this.fields = fields;
        }

        @SuppressWarnings("unchecked")
        private B self() {
            return (B) this;
        }

        B put(String key, JsonNode value) {
            fields.set(key, value);
            return self();
        }

        B put(String key, Duration duration) {
            return extra(key, Seconds.of(duration));
        }

        /**
         * The server, model or endpoint.
         *
         * @param url such as {@code http://localhost:8000}
         * @return this
         */
        public B apiBase(String url) {
            return extra("api_base", url);
        }

        /**
         * Sent as a bearer token.
         *
         * @param key the secret
         * @return this
         */
        public B apiKey(String key) {
            return extra("api_key", key);
        }

        /**
         * One more header to send.
         *
         * @param name  of the header
         * @param value of the header
         * @return this
         */
        public B header(String name, String value) {
            fields.withObject("/extra_headers").put(Objects.requireNonNull(name, "name"), value);
            return self();
        }

        /**
         * The limit for each try; without it 600 seconds.
         *
         * @param limit a positive time
         * @return this
         */
        public B timeout(Duration limit) {
            return put("timeout", limit);
        }

        /**
         * The limit for one connection, TLS included; without it 10 seconds.
         *
         * @param limit a positive time
         * @return this
         */
        public B connectTimeout(Duration limit) {
            return put("connect_timeout", limit);
        }

        /**
         * The server's longest silence.
         *
         * @param limit a positive time
         * @return this
         */
        public B idleTimeout(Duration limit) {
            return put("idle_timeout", limit);
        }

        /**
         * Tries after the first, where another may help; without it none.
         *
         * @param retries how many
         * @return this
         */
        public B numRetries(int retries) {
            return extra("num_retries", retries);
        }

        /**
         * Whether to leave out what a Triton model cannot do, instead of refusing it.
         *
         * @param drop whether
         * @return this
         */
        public B dropParams(boolean drop) {
            return extra("drop_params", drop);
        }

        /**
         * What a model's metadata cannot tell, such as {@code Map.of("input", "text", "output", "embedding")}.
         *
         * @param fields of {@code triton}
         * @return this
         */
        public B triton(Map<String, ?> fields) {
            return extra("triton", fields);
        }

        /**
         * Any field, ours, OpenAI's or the model's own, under its own name. It takes the place of what was set before.
         *
         * @param key   the field's name
         * @param value a string, number, boolean, collection, map, {@link JsonNode} or null
         * @return this
         */
        public B extra(String key, Object value) {
            Objects.requireNonNull(key, "key");
            try {
                return put(key, Json.node(value));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(key + ": cannot be written as JSON: " + e.getMessage(), e);
            }
        }
    }

    /**
     * What all requests for text may hold.
     *
     * @param <B> the builder itself
     */
    public abstract static class TextBuilder<B extends TextBuilder<B>> extends Builder<B> {
        TextBuilder(ObjectNode fields) {
            super(fields);
        }

        /**
         * Which model to ask.
         *
         * @param name {@code triton/NAME}, or a name of the client's {@code model_list}
         * @return this
         */
        public B model(String name) {
            return extra("model", name);
        }

        /**
         * The most tokens to write.
         *
         * @param tokens at least 1
         * @return this
         */
        public B maxTokens(int tokens) {
            return extra("max_tokens", tokens);
        }

        /**
         * How much chance there is; 0 for none.
         *
         * @param temperature from 0 to 2
         * @return this
         */
        public B temperature(double temperature) {
            return extra("temperature", temperature);
        }

        /**
         * Nucleus sampling.
         *
         * @param share from 0 to 1
         * @return this
         */
        public B topP(double share) {
            return extra("top_p", share);
        }

        /**
         * How many choices to make.
         *
         * @param choices at least 1
         * @return this
         */
        public B n(int choices) {
            return extra("n", choices);
        }

        /**
         * Makes chance repeatable.
         *
         * @param seed any number
         * @return this
         */
        public B seed(long seed) {
            return extra("seed", seed);
        }

        /**
         * Texts that end the answer.
         *
         * @param texts any number
         * @return this
         */
        public B stop(String... texts) {
            return extra("stop", texts);
        }

        /**
         * Has a stream give one more chunk at its end, which has the usage.
         *
         * @return this
         */
        public B includeUsage() {
            return extra("stream_options", Map.of("include_usage", true));
        }

        /**
         * The limit for a stream, in place of {@link #timeout}.
         *
         * @param limit a positive time
         * @return this
         */
        public B streamTimeout(Duration limit) {
            return put("stream_timeout", limit);
        }
    }
}
