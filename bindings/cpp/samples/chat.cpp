// A chat answer.   usage: chat URL [MODEL]
#include <iostream>
#include <mishikallm.hpp>
#include <nlohmann/json.hpp>

using nlohmann::json;

int main(int argc, char **argv)
try {
    const mishikallm::client client(json{{"api_base", argc > 1 ? argv[1] : "http://localhost:8000"}});
    const auto answer = client.completion(json{
        {"model", std::string("triton/") + (argc > 2 ? argv[2] : "tiny_llm")},
        {"messages", json::array({{{"role", "user"}, {"content", "What is a ship?"}}})},
        {"max_tokens", 40},
        {"temperature", 0},
    });
    std::cout << answer.content() << "\n[" << answer.finish_reason() << ", "
              << answer.integer_at("/usage/completion_tokens").value_or(0) << " tokens]\n";
} catch (const mishikallm::exception &failed) {
    std::cerr << failed.error().kind_name() << ": " << failed.what() << '\n';
    return 1;
}
