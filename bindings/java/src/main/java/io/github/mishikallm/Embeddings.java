package io.github.mishikallm;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.Objects;

/** Rows of numbers, one for each input, in order. They never went through JSON, and are Java's own: nothing to close. */
public final class Embeddings {
    private final float[] numbers;
    private final int rows;
    private final int columns;
    private final JsonNode info;

    Embeddings(float[] numbers, int rows, int columns, JsonNode info) {
        this.numbers = numbers;
        this.rows = rows;
        this.columns = columns;
        this.info = info;
    }

    /**
     * How many rows there are.
     *
     * @return the number of inputs
     */
    public int size() {
        return rows;
    }

    /**
     * How many numbers each row has.
     *
     * @return the numbers in a row
     */
    public int columns() {
        return columns;
    }

    /**
     * One row.
     *
     * @param index of the input
     * @return a copy
     */
    public float[] row(int index) {
        Objects.checkIndex(index, rows);
        return Arrays.copyOfRange(numbers, index * columns, (index + 1) * columns);
    }

    /**
     * All rows.
     *
     * @return a copy
     */
    public float[][] rows() {
        float[][] all = new float[rows][];
        for (int i = 0; i < rows; i++) {
            all[i] = row(i);
        }
        return all;
    }

    /**
     * All numbers, the first row's, then the second's, and so on, without a copy.
     *
     * @return a view that cannot be written to
     */
    public FloatBuffer buffer() {
        return FloatBuffer.wrap(numbers).asReadOnlyBuffer();
    }

    /**
     * One row's numbers, without a copy.
     *
     * @param index of the input
     * @return a view that cannot be written to
     */
    public FloatBuffer buffer(int index) {
        Objects.checkIndex(index, rows);
        return buffer().slice(index * columns, columns);
    }

    /**
     * The model that made them.
     *
     * @return its name
     */
    public String model() {
        return info.path("model").textValue();
    }

    /**
     * What they took.
     *
     * @return token counts
     */
    public Usage usage() {
        return Usage.of(info.path("usage"));
    }

    /**
     * Who made them and what they took, as the library says it.
     *
     * @return {@code {"model", "usage"}}
     */
    public JsonNode json() {
        return info;
    }
}
