package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;

/**
 * OpenAI's chat.completion: a whole answer.
 *
 * @param id      of the call
 * @param created seconds since 1970
 * @param model   that answered
 * @param choices one for each of {@code n}
 * @param usage   token counts
 * @param json    all that came, also what has no component here
 */
public record ChatCompletion(String id, long created, String model, List<Choice> choices, Usage usage, JsonNode json) {
    /**
     * One answer.
     *
     * @param index        which one
     * @param message      what the model says
     * @param finishReason why it ended: {@code "stop"}, {@code "length"}, {@code "tool_calls"}
     * @param json         all that came, such as logprobs
     */
    public record Choice(int index, Message message, String finishReason, JsonNode json) {
        static Choice of(JsonNode json) {
            return new Choice(json.path("index").asInt(), Message.of(json.path("message")),
                    json.path("finish_reason").textValue(), json);
        }
    }

    static ChatCompletion of(JsonNode json) {
        return new ChatCompletion(json.path("id").textValue(), json.path("created").asLong(),
                json.path("model").textValue(), Lists.of(json.path("choices"), Choice::of),
                Usage.of(json.path("usage")), json);
    }

    /**
     * The first choice's text.
     *
     * @return what the model says; null where it only calls tools
     */
    public String content() {
        return choices.isEmpty() ? null : choices.get(0).message().content();
    }

    /**
     * Why the first choice ended.
     *
     * @return such as {@code "stop"}
     */
    public String finishReason() {
        return choices.isEmpty() ? null : choices.get(0).finishReason();
    }
}
