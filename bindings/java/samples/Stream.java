import io.github.mishikallm.ChatChunk;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.ChatStream;
import io.github.mishikallm.Client;
import io.github.mishikallm.MishikaException;

/** An answer as it comes. Arguments: URL [MODEL] */
class Stream {
    public static void main(String[] args) {
        ChatRequest request = ChatRequest.builder()
                .apiBase(args[0])
                .model("triton/" + (args.length > 1 ? args[1] : "tiny_llm"))
                .user("Tell me a story about the sea.")
                .maxTokens(60)
                .temperature(0)
                .includeUsage()
                .build();
        String finishReason = null;
        int tokens = 0;
        try (ChatStream stream = Client.standard().stream(request)) {
            for (ChatChunk chunk : stream) {
                System.out.print(chunk.content());
                System.out.flush();
                if (chunk.finishReason() != null) {
                    finishReason = chunk.finishReason();
                }
                if (chunk.usage() != null) {
                    tokens = chunk.usage().completionTokens();
                }
            }
            System.out.printf("%n[%s, %d tokens]%n", finishReason, tokens);
        } catch (MishikaException e) {
            System.err.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.exit(1);
        }
    }
}
