package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * OpenAI's chat.completion.chunk: the next piece of an answer.
 *
 * @param id      of the call
 * @param created seconds since 1970
 * @param model   that answers
 * @param choices whose piece this is; empty in the chunk that has the usage
 * @param usage   token counts, in the last chunk, where they were asked for; else null
 * @param json    all that came
 */
public record ChatChunk(String id, long created, String model, List<Choice> choices, Usage usage, JsonNode json) {
    /**
     * A piece of one answer.
     *
     * @param index        which one
     * @param delta        what is new
     * @param finishReason why it ended; null before its end
     * @param json         all that came
     */
    public record Choice(int index, Message delta, String finishReason, JsonNode json) {
        static Choice of(JsonNode json) {
            return new Choice(json.path("index").asInt(), Message.of(json.path("delta")),
                    json.path("finish_reason").textValue(), json);
        }
    }

    static ChatChunk of(JsonNode json) {
        return new ChatChunk(json.path("id").textValue(), json.path("created").asLong(),
                json.path("model").textValue(), Lists.of(json.path("choices"), Choice::of),
                Usage.of(json.path("usage")), json);
    }

    /**
     * The first choice's new text.
     *
     * @return a piece, which may be empty
     */
    public String content() {
        String content = choices.isEmpty() ? null : choices.get(0).delta().content();
        return content == null ? "" : content;
    }

    /**
     * Why the first choice ended.
     *
     * @return such as {@code "stop"}; null before its end
     */
    public String finishReason() {
        return choices.isEmpty() ? null : choices.get(0).finishReason();
    }
}
