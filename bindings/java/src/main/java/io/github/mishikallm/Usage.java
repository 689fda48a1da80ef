package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * How many tokens a call took.
 *
 * @param promptTokens     tokens that were read
 * @param completionTokens tokens that were written
 * @param totalTokens      both
 * @param estimated        whether nobody counted, and this is a guess from the texts' length
 * @param json             all that came
 */
public record Usage(int promptTokens, int completionTokens, int totalTokens, boolean estimated, JsonNode json) {
    /** Null where there is none. */
    static Usage of(JsonNode json) {
        if (!json.isObject()) {
            return null;
        }
        return new Usage(json.path("prompt_tokens").asInt(), json.path("completion_tokens").asInt(),
                json.path("total_tokens").asInt(), json.path("estimated").asBoolean(), json);
    }
}
