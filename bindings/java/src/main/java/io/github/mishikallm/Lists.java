package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

/** Lists of JSON as Java's. */
final class Lists {
    private Lists() {}

    static <T> List<T> of(JsonNode array, Function<JsonNode, T> element) {
        List<T> list = new ArrayList<>(array.size());
        array.forEach(node -> list.add(element.apply(node)));
        return Collections.unmodifiableList(list);
    }
}
