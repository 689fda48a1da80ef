import io.github.mishikallm.CancelledException;
import io.github.mishikallm.ChatChunk;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.ChatStream;
import io.github.mishikallm.Client;
import io.github.mishikallm.MishikaException;

/** A stream that is cancelled, which ends it at the server too. Arguments: URL [MODEL] */
class Cancel {
    public static void main(String[] args) {
        ChatRequest request = ChatRequest.builder()
                .apiBase(args[0])
                .model("triton/" + (args.length > 1 ? args[1] : "tiny_llm"))
                .user("Tell me a story about the sea.")
                .maxTokens(5000)
                .extra("ignore_eos", true)
                .extra("label", "cancel-java")
                .build();
        int deltas = 0;
        try (ChatStream stream = Client.standard().stream(request)) {
            for (ChatChunk chunk : stream) {
                System.out.print(chunk.content());
                System.out.flush();
                if (!chunk.content().isEmpty() && ++deltas == 5) {
                    stream.cancel(); // any thread may
                }
            }
        } catch (CancelledException e) {
            System.out.printf("%n[cancelled]%n");
        } catch (MishikaException e) {
            System.err.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.exit(1);
        }
    }
}
