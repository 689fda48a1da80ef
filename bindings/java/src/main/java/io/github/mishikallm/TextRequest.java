package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** Asks for a text completion, whole or as a stream. */
public final class TextRequest extends Request {
    private TextRequest(ObjectNode fields) {
        super(fields);
    }

    private TextRequest(String json) {
        super(json);
    }

    private TextRequest(JsonNode json) {
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
    public static TextRequest of(String json) {
        return new TextRequest(json);
    }

    /**
     * OpenAI's request as a node.
     *
     * @param json a JSON object; what is wrong with it shows when it is used
     * @return the request
     */
    public static TextRequest of(JsonNode json) {
        return new TextRequest(json);
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
    public static final class Builder extends TextBuilder<Builder> {
        private Builder(ObjectNode fields) {
            super(fields);
        }

        /**
         * What to go on from.
         *
         * @param prompt the text
         * @return this
         */
        public Builder prompt(String prompt) {
            return extra("prompt", prompt);
        }

        /**
         * Several texts, each answered by a choice of its own.
         *
         * @param prompts the texts
         * @return this
         */
        public Builder prompt(List<String> prompts) {
            return extra("prompt", prompts);
        }

        /**
         * Ends building.
         *
         * @return the request
         */
        public TextRequest build() {
            return new TextRequest(fields.deepCopy());
        }
    }
}
