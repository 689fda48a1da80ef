package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * OpenAI's text_completion: a whole answer, or, from a stream, the next piece of one.
 *
 * @param id      of the call
 * @param created seconds since 1970
 * @param model   that answers
 * @param choices one for each prompt and each of {@code n}; empty in the chunk that has the usage
 * @param usage   token counts; null in all chunks that have none
 * @param json    all that came, also what has no component here
 */
public record TextCompletion(String id, long created, String model, List<Choice> choices, Usage usage, JsonNode json) {
    /**
     * One answer, or a piece of it.
     *
     * @param index        which one
     * @param text         what the model says
     * @param finishReason why it ended: {@code "stop"}, {@code "length"}; null before its end
     * @param json         all that came, such as logprobs
     */
    public record Choice(int index, String text, String finishReason, JsonNode json) {
        static Choice of(JsonNode json) {
            return new Choice(json.path("index").asInt(), json.path("text").textValue(),
                    json.path("finish_reason").textValue(), json);
        }
    }

    static TextCompletion of(JsonNode json) {
        return new TextCompletion(json.path("id").textValue(), json.path("created").asLong(),
                json.path("model").textValue(), Lists.of(json.path("choices"), Choice::of),
                Usage.of(json.path("usage")), json);
    }

    /**
     * The first choice's text.
     *
     * @return what the model says, which may be empty
     */
    public String text() {
        String text = choices.isEmpty() ? null : choices.get(0).text();
        return text == null ? "" : text;
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
