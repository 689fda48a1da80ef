package io.github.mishikallm;

/** A text completion as it comes. */
public final class TextStream extends ChunkStream<TextCompletion> {
    TextStream(Call call) {
        super(call, TextCompletion::of);
    }
}
