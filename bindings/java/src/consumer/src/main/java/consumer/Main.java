package consumer;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.Client;
import io.github.mishikallm.EmbeddingRequest;
import io.github.mishikallm.MishikaLLM;
import io.github.mishikallm.NotFoundException;

/** Uses the jar as any program would. Arguments: URL */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        try (Client client = Client.of("{\"api_base\":\"" + args[0] + "\"}")) {
            ChatRequest request = ChatRequest.builder().model("triton/tiny_llm").user("What is a ship?").maxTokens(5).build();
            JsonNode answer = client.completionAsync(request).join().json();
            int columns = client.embeddingRows(
                    EmbeddingRequest.builder().model("triton/minilm").input("x").build()).columns();
            boolean found = true;
            try {
                client.completion(ChatRequest.builder().model("triton/nothing").user("x").build());
            } catch (NotFoundException e) {
                found = false;
            }
            System.out.printf("%s %s %s %d %s%n", Main.class.getModule().isNamed() ? "module path" : "class path",
                    MishikaLLM.backend(), answer.at("/choices/0/finish_reason").asText(), columns, found);
        }
    }
}
