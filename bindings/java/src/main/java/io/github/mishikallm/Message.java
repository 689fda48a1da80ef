package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * What a model says, or, in a chunk, the next piece of it.
 *
 * @param role             {@code "assistant"}; null in all chunks but the first
 * @param content          the text; null where there is none
 * @param reasoningContent the model's thoughts, where they are told apart; else null
 * @param toolCalls        calls of tools; empty where there are none
 * @param json             all that came
 */
public record Message(String role, String content, String reasoningContent, List<ToolCall> toolCalls, JsonNode json) {
    /**
     * A call of a tool, or, in a chunk, the next piece of one.
     *
     * @param index     which call a piece belongs to
     * @param id        to answer it by; null in all pieces but the first
     * @param name      of the function; null in all pieces but the first
     * @param arguments JSON, in a string
     * @param json      all that came
     */
    public record ToolCall(int index, String id, String name, String arguments, JsonNode json) {
        static ToolCall of(JsonNode json) {
            JsonNode function = json.path("function");
            return new ToolCall(json.path("index").asInt(), json.path("id").textValue(),
                    function.path("name").textValue(), function.path("arguments").textValue(), json);
        }
    }

    static Message of(JsonNode json) {
        return new Message(json.path("role").textValue(), json.path("content").textValue(),
                json.path("reasoning_content").textValue(), Lists.of(json.path("tool_calls"), ToolCall::of), json);
    }
}
