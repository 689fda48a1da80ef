// A stream, chunk by chunk: by a loop, by hand, for a while, and left in the middle.
#include "check.hpp"
#include <chrono>
#include <mishikallm.hpp>
#include <vector>

using namespace std::chrono_literals;
using mishikallm::error_kind;

static const mishikallm::client client;

static void loops()
{
    std::string text, reason;
    for (auto &chunk : client.stream(chat("short"))) {
        text += chunk.content();
        reason += chunk.finish_reason();
    }
    CHECK(text == "word word word " && reason == "stop");

    std::vector<mishikallm::json_text> kept; // chunks are the caller's
    for (auto &chunk : client.stream(chat("short")))
        kept.push_back(std::move(chunk));
    CHECK(kept.size() >= 3 && kept.back().finish_reason() == "stop");

    text.clear();
    auto stream = client.text_stream(R"({"model": "triton/m", "prompt": "x", "api_base": ")" + base("short") + "/generate\"}");
    while (const auto chunk = stream.next())
        text += chunk->content();
    CHECK(text == "word word word ");
    const auto after = stream.next();
    CHECK(!after && after.done() && !after.timed_out());
}

static void errors_come_after_what_was_said()
{
    std::string text;
    try {
        for (const auto &chunk : client.stream(chat("cut")))
            text += chunk.content();
        NEVER("an end");
    } catch (const mishikallm::bad_gateway_error &) {
    }
    CHECK(text == "word word ");

    text.clear();
    int failed = 0;
    auto stream = client.stream(chat("cut"));
    for (const auto &chunk : stream.results()) {
        CHECK(failed == 0); // it is the last one
        if (chunk) {
            text += chunk->content();
        } else {
            ++failed;
            CHECK(chunk.error().kind() == error_kind::bad_gateway);
        }
    }
    CHECK(text == "word word " && failed == 1);
    CHECK(stream.try_next().error().kind() == error_kind::bad_gateway); // and stays
}

static void for_a_while()
{
    auto stream = client.stream(chat("paused"));
    int timeouts = 0;
    std::string text;
    for (;;) {
        const auto step = stream.next_for(20ms);
        if (step)
            text += step->content();
        else if (step.timed_out())
            ++timeouts;
        else
            break;
    }
    CHECK(timeouts >= 5 && text == "word word ");

    auto silent = client.stream(chat("silent"));
    // Whatever the unit and the sign: a time that is over is no reason to wait for ever.
    CHECK(silent.next_for(0s).timed_out() && silent.next_for(-5h).timed_out());
    CHECK(silent.next_for(std::chrono::duration<double, std::micro>(0.5)).timed_out());
    const auto began = std::chrono::steady_clock::now();
    CHECK(silent.next_for(50ms).timed_out());
    CHECK(std::chrono::steady_clock::now() - began >= 50ms);
    CHECK(mishikallm::detail::milliseconds(std::chrono::hours::max()) == INT32_MAX);
    CHECK(mishikallm::detail::milliseconds(std::chrono::nanoseconds::max()) == INT32_MAX);
    CHECK(mishikallm::detail::milliseconds(std::chrono::nanoseconds(1)) == 1);
    CHECK(mishikallm::detail::milliseconds(std::chrono::nanoseconds::min()) == 0);
}

static void moved_and_left()
{
    auto first = client.stream(chat("endless"));
    CHECK(first.next()->content() == "word ");
    auto second = std::move(first);
    CHECK(second.next()->content() == "word ");
    CHECK(first.try_next().error().kind() == error_kind::bad_request); // NOLINT: moved from
    first = std::move(second);
    CHECK(first.next()->content() == "word ");
    int count = 0;
    for (const auto &chunk : client.stream(chat("endless"))) {
        (void)chunk;
        if (++count == 3)
            break;
    }
    CHECK(count == 3);
}

/// Any operation, as a stream of one chunk; and a client that goes first.
static void whole_answers()
{
    auto stream = [] {
        const mishikallm::client short_lived("{}");
        return short_lived.open("chat.completions", chat("answer", R"(, "stream": false)"));
    }();
    const auto closed = stream.try_next();
    CHECK(closed ? (*closed)->content() == "hello" : closed.error().kind() == error_kind::closed);

    auto whole = client.open("chat.completions", chat("answer", R"(, "stream": false)"));
    CHECK(whole.next()->content() == "hello");
    CHECK(whole.next().done());
    CHECK(client.try_open("no.such", "{}").error().kind() == error_kind::bad_request);
}

int main()
{
    loops();
    errors_come_after_what_was_said();
    for_a_while();
    moved_and_left();
    whole_answers();
}
