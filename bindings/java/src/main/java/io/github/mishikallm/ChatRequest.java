package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Collection;
import java.util.Map;

/** Asks for a chat completion, whole or as a stream. */
public final class ChatRequest extends Request {
    private ChatRequest(ObjectNode fields) {
        super(fields);
    }

    private ChatRequest(String json) {
        super(json);
    }

    private ChatRequest(JsonNode json) {
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
    public static ChatRequest of(String json) {
        return new ChatRequest(json);
    }

    /**
     * OpenAI's request as a node.
     *
     * @param json a JSON object; what is wrong with it shows when it is used
     * @return the request
     */
    public static ChatRequest of(JsonNode json) {
        return new ChatRequest(json);
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
         * What the model is to be.
         *
         * @param content the text
         * @return this
         */
        public Builder system(String content) {
            return message("system", content);
        }

        /**
         * What the user says.
         *
         * @param content the text
         * @return this
         */
        public Builder user(String content) {
            return message("user", content);
        }

        /**
         * What the model has said.
         *
         * @param content the text
         * @return this
         */
        public Builder assistant(String content) {
            return message("assistant", content);
        }

        /**
         * One more message.
         *
         * @param role    who speaks
         * @param content the text
         * @return this
         */
        public Builder message(String role, String content) {
            fields.withArray("/messages").addObject().put("role", role).put("content", content);
            return this;
        }

        /**
         * One more message of any kind.
         *
         * @param message as OpenAI has it
         * @return this
         */
        public Builder message(Map<String, ?> message) {
            fields.withArray("/messages").add(Json.node(message));
            return this;
        }

        /**
         * What the model has said, calls of tools and all, to go on from there.
         *
         * @param message of an answer
         * @return this
         */
        public Builder message(Message message) {
            fields.withArray("/messages").add(message.json().deepCopy());
            return this;
        }

        /**
         * Functions that the model may call.
         *
         * @param tools as OpenAI has them
         * @return this
         */
        public Builder tools(Collection<? extends Map<String, ?>> tools) {
            return extra("tools", tools);
        }

        /**
         * How messages become a prompt.
         *
         * @param template a name such as {@code "llama3.1"}, {@code "auto"}, a Jinja source, or a path
         * @return this
         */
        public Builder chatTemplate(String template) {
            return extra("chat_template", template);
        }

        /**
         * Ends building.
         *
         * @return the request
         */
        public ChatRequest build() {
            return new ChatRequest(fields.deepCopy());
        }
    }
}
