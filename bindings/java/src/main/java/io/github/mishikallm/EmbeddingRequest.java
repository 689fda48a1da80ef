package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Asks for embeddings, as rows of numbers or as JSON. */
public final class EmbeddingRequest extends Request {
    private EmbeddingRequest(ObjectNode fields) {
        super(fields);
    }

    private EmbeddingRequest(String json) {
        super(json);
    }

    private EmbeddingRequest(JsonNode json) {
        super(json);
    }

    /**
     * Begins an empty request.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder(Json.object());
    }

    /**
     * OpenAI's request as a text.
     *
     * @param json a JSON object; what is wrong with it shows when it is used
     * @return the request
     */
    public static EmbeddingRequest of(String json) {
        return new EmbeddingRequest(json);
    }

    /**
     * OpenAI's request as a node.
     *
     * @param json a JSON object; what is wrong with it shows when it is used
     * @return the request
     */
    public static EmbeddingRequest of(JsonNode json) {
        return new EmbeddingRequest(json);
    }

    /**
     * Begins a request that is like this one.
     *
     * @return a builder
     */
    public Builder toBuilder() {
        return new Builder(fields());
    }

    /** Says what is asked. Not for several threads at once. */
    public static final class Builder extends Request.Builder<Builder> {
        private Builder(ObjectNode fields) {
            super(fields);
        }

        /**
         * Which model to ask.
         *
         * @param name {@code triton/NAME}, or a name of the client's {@code model_list}
         * @return this
         */
        public Builder model(String name) {
            return extra("model", name);
        }

        /**
         * What to make embeddings of.
         *
         * @param texts one row each
         * @return this
         */
        public Builder input(String... texts) {
            return extra("input", texts);
        }

        /**
         * What to make embeddings of.
         *
         * @param texts one row each
         * @return this
         */
        public Builder input(List<String> texts) {
            return extra("input", texts);
        }

        /**
         * How long rows are to be, for a model that can.
         *
         * @param numbers in a row
         * @return this
         */
        public Builder dimensions(int numbers) {
            return extra("dimensions", numbers);
        }

        /**
         * A Hugging Face tokenizer.json, or a folder that has one, for a model that takes token ids.
         *
         * @param path of the file or the folder
         * @return this
         */
        public Builder tokenizer(String path) {
            return extra("tokenizer", path);
        }

        /**
         * Ends building.
         *
         * @return the request
         */
        public EmbeddingRequest build() {
            return new EmbeddingRequest(fields.deepCopy());
        }
    }
}
