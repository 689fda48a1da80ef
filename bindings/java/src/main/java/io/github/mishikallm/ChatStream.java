package io.github.mishikallm;

/** A chat completion as it comes. */
public final class ChatStream extends ChunkStream<ChatChunk> {
    ChatStream(Call call) {
        super(call, ChatChunk::of);
    }
}
