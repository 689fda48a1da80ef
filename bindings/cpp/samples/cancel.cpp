// A long answer that is cancelled, at the server too.   usage: cancel URL [MODEL]
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
        {"max_tokens", 5000},
        {"ignore_eos", true},
        {"label", "cancel-cpp"},
    });
    const auto stop = stream.canceller(); // a copy for whoever decides, on any thread
    int deltas = 0;
    for (const auto &chunk : stream) {
        std::cout << chunk.content() << std::flush;
        if (!chunk.content().empty() && ++deltas == 5)
            stop();
    }
} catch (const mishikallm::cancelled_error &) {
    std::cout << "\n[cancelled]\n";
} catch (const mishikallm::exception &failed) {
    std::cerr << failed.error().kind_name() << ": " << failed.what() << '\n';
    return 1;
}
