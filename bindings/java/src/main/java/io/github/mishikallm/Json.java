package io.github.mishikallm;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.mishikallm.internal.Utf8;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;

/** Reading and writing JSON. How large a text may be is the C library's to say, not Jackson's. */
final class Json {
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxStringLength(Integer.MAX_VALUE)
                    .maxNumberLength(Integer.MAX_VALUE)
                    .maxNameLength(Integer.MAX_VALUE)
                    .build())
            .build();
    private static final ObjectMapper MAPPER = new ObjectMapper(FACTORY);
    /** Reads what the caller wrote: no digit of a number is lost on the way through. */
    private static final ObjectMapper EXACT = JsonMapper.builder(FACTORY)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .build();

    private Json() {}

    /** What C wrote. */
    static JsonNode read(byte[] json) {
        try {
            return MAPPER.readTree(json);
        } catch (IOException e) {
            throw new UncheckedIOException("libmishikallm gave what is no JSON", e);
        }
    }

    /** What a caller wrote: an object, or null where it is none, and C is to say what is wrong with it. */
    static ObjectNode object(String json) {
        try {
            return EXACT.readTree(json) instanceof ObjectNode object ? object : null;
        } catch (JsonProcessingException e) {
            return null;
        }
    }

    /** A value of Java's: a string, number, boolean, collection, map, bean, node or null. */
    static JsonNode node(Object value) {
        return value instanceof JsonNode node ? node.deepCopy() : MAPPER.valueToTree(value);
    }

    static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    /** The node's text for C. */
    static byte[] terminated(String param, JsonNode node) {
        String text;
        try {
            text = MAPPER.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw Reason.argument(param, "cannot be written as JSON: " + e.getOriginalMessage());
        }
        if (Utf8.loneSurrogate(text) >= 0) {
            String where = loneSurrogate(node, "");
            throw Reason.argument(where, "half of a surrogate pair, which UTF-8 cannot carry: the text was cut within a "
                    + "character");
        }
        return Utf8.terminated(text);
    }

    /** The caller's own text for C. */
    static byte[] terminated(String param, String text) {
        try {
            return Utf8.terminated(text);
        } catch (IllegalArgumentException e) {
            throw Reason.argument(param, e.getMessage());
        }
    }

    /** Where in a node half of a surrogate pair stands alone, such as {@code messages[0].content}. */
    private static String loneSurrogate(JsonNode node, String at) {
        if (node.isTextual()) {
            return Utf8.loneSurrogate(node.textValue()) >= 0 ? at : null;
        }
        if (node.isArray()) {
            for (int i = 0; i < node.size(); i++) {
                String found = loneSurrogate(node.get(i), at + "[" + i + "]");
                if (found != null) {
                    return found;
                }
            }
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (Utf8.loneSurrogate(field.getKey()) >= 0) {
                return at.isEmpty() ? "request" : at;
            }
            String found = loneSurrogate(field.getValue(), at.isEmpty() ? field.getKey() : at + "." + field.getKey());
            if (found != null) {
                return found;
            }
        }
        return null;
    }
}
