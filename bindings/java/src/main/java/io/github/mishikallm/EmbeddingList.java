package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * OpenAI's list of embeddings, as JSON. {@link Client#embeddingRows} has the same as numbers, and is much faster.
 *
 * @param model that made them
 * @param data  one for each input, in order
 * @param usage token counts
 * @param json  all that came
 */
public record EmbeddingList(String model, List<Embedding> data, Usage usage, JsonNode json) {
    /**
     * One embedding.
     *
     * @param index     of the input
     * @param embedding a list of numbers, or a string of base64 where that was asked for
     */
    public record Embedding(int index, JsonNode embedding) {
        static Embedding of(JsonNode json) {
            return new Embedding(json.path("index").asInt(), json.path("embedding"));
        }
    }

    static EmbeddingList of(JsonNode json) {
        return new EmbeddingList(json.path("model").textValue(), Lists.of(json.path("data"), Embedding::of),
                Usage.of(json.path("usage")), json);
    }
}
