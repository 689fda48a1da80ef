package io.github.mishikallm.internal;

import io.github.mishikallm.ChatRequest;
import io.github.mishikallm.Client;
import io.github.mishikallm.MishikaLLM;

/** Loads the library and calls it, in a process of its own. */
final class Probe {
    private Probe() {}

    public static void main(String[] args) {
        for (int i = 0; i < 2; i++) {
            try {
                String answer = Client.standard().completion(ChatRequest.builder().model("triton/m")
                        .apiBase("http://127.0.0.1:9").user("x").extra("mock_response", "🚢").build()).content();
                System.out.println(MishikaLLM.backend() + " " + MishikaLLM.version() + " " + answer.codePointAt(0));
            } catch (UnsatisfiedLinkError e) {
                System.out.println("UnsatisfiedLinkError: " + e.getMessage());
            }
        }
    }
}
