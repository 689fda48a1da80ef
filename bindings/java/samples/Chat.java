import io.github.mishikallm.ChatCompletion;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.Client;
import io.github.mishikallm.MishikaException;

/** A question and its answer. Arguments: URL [MODEL] */
class Chat {
    public static void main(String[] args) {
        ChatRequest request = ChatRequest.builder()
                .apiBase(args[0])
                .model("triton/" + (args.length > 1 ? args[1] : "tiny_llm"))
                .user("What is a ship?")
                .maxTokens(40)
                .temperature(0)
                .build();
        try {
            ChatCompletion answer = Client.standard().completion(request);
            System.out.println(answer.content());
            System.out.printf("[%s, %d tokens]%n", answer.finishReason(), answer.usage().completionTokens());
        } catch (MishikaException e) {
            System.err.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            System.exit(1);
        }
    }
}
