// A chat answer, printed as it comes.   usage: stream URL [MODEL]
#include <iostream>
#include <mishikallm.hpp>
#include <nlohmann/json.hpp>

using nlohmann::json;

int main(int argc, char **argv)
try {
    const mishikallm::client client(json{{"api_base", argc > 1 ? argv[1] : "http://localhost:8000"}});
    auto stream = client.stream(json{
        {"model", std::string("triton/") + (argc > 2 ? argv[2] : "tiny_llm")},
        {"messages", json::array({{{"role", "user"}, {"content", "Tell me a story about the sea."}}})},
        {"max_tokens", 60},
        {"temperature", 0},
        {"stream_options", {{"include_usage", true}}},
    });
    std::string finish_reason;
    std::int64_t tokens = 0;
    for (const auto &chunk : stream) {
        std::cout << chunk.content() << std::flush;
        if (const auto reason = chunk.finish_reason(); !reason.empty())
            finish_reason = reason;
        tokens = chunk.integer_at("/usage/completion_tokens").value_or(tokens);
    }
    std::cout << "\n[" << finish_reason << ", " << tokens << " tokens]\n";
} catch (const mishikallm::exception &failed) {
    std::cerr << failed.error().kind_name() << ": " << failed.what() << '\n';
    return 1;
}
