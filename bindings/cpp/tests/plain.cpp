// Built with -fno-exceptions -fno-rtti: all that try_NAME() gives.
#include "check.hpp"
#include <chrono>
#include <mishikallm.hpp>

#if MISHIKALLM_EXCEPTIONS
#error "this test is about a program without exceptions"
#endif

using namespace std::chrono_literals;

int main()
{
    auto made = mishikallm::client::make("{}");
    CHECK(made);
    const mishikallm::client client = *std::move(made);

    const auto answer = client.try_completion(chat("answer"));
    CHECK(answer && answer->content() == "hello");
    const auto refused = client.try_completion("{}");
    CHECK(!refused && refused.error().kind() == mishikallm::error_kind::bad_request);
    CHECK(client.try_text_completion("{}").error().param() == "model");
    CHECK(client.try_embedding("{}").error().param() == "model");
    CHECK(client.try_invoke("no.such", "{}").error().param() == "operation");
    CHECK(mishikallm::client::make("{").error().status() == MISHIKALLM_CONFIG);

    auto stream = client.try_stream(chat("short"));
    CHECK(stream);
    std::string text;
    for (const auto &chunk : stream->results()) {
        CHECK(chunk);
        text += chunk->content();
    }
    CHECK(text == "word word word ");

    auto silent = client.try_stream(chat("silent"));
    CHECK(silent->try_next_for(10ms)->timed_out());
    silent->cancel();
    CHECK(silent->try_next().error().kind() == mishikallm::error_kind::cancelled);

    const auto rows = client.try_rows(R"({"model": "triton/e", "input": ["a", "b"], "api_base": ")" + base("rows") + "/infer\"}");
    CHECK(rows && rows->size() == 2 && (*rows)[1][2] == -3.25F);

    bool ended = false;
    const auto call = client.try_submit("chat.completions", mocked, [&ended](const mishikallm::event &told) { ended = told.last(); });
    CHECK(call && call->wait() && ended);
}
