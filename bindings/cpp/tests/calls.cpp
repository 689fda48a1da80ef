// Submitted calls: their events, and that nothing of them outlives the handle unless it is let go.
#include "check.hpp"
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mishikallm.hpp>
#include <optional>

using namespace std::chrono_literals;
using mishikallm::error_kind;
using mishikallm::event;

static const mishikallm::client client("{}");

static void events()
{
    std::promise<std::string> promise;
    std::string text;
    const auto call = client.submit("chat.completions", chat("short", R"(, "stream": true)"), [&](const event &told) {
        if (told)
            text += told->content();
        if (told.last())
            promise.set_value(text);
    });
    CHECK(promise.get_future().get() == "word word word ");
    CHECK(call.wait() && call.wait_for(0s));

    std::promise<error_kind> failed;
    client.submit("chat.completions", chat("busy"), [&](const event &told) {
        CHECK(!told && told.last() && told.error()->retry_after() == 7.0);
        failed.set_value(told.error()->kind());
    }).wait();
    CHECK(failed.get_future().get() == error_kind::rate_limit);
}

/// What a handler holds is let go with the last event, whoever still has the handle.
static void handlers()
{
    auto token = std::make_shared<int>(1);
    const std::weak_ptr<int> watch = token;
    const auto call = client.submit("chat.completions", mocked, [token = std::move(token)](const event &) {});
    CHECK(call.wait());
    CHECK(watch.expired());

    // One that cannot be copied; and none is left over from a call that was refused.
    auto only = std::make_unique<int>(2);
    client.submit("chat.completions", mocked, [only = std::move(only)](const event &) { CHECK(*only == 2); }).wait();
    auto kept = std::make_shared<int>(3);
    const std::weak_ptr<int> refused = kept;
    CHECK(!client.try_submit("chat.completions", "{", [kept = std::move(kept)](const event &) {}));
    CHECK(refused.expired());
}

static void cancelled()
{
    std::atomic<int> ended{0};
    const auto last = [&ended](const event &told) {
        if (told.last())
            ended += told.error()->kind() == error_kind::cancelled ? 1 : 100;
    };
    {
        const auto call = client.submit("chat.completions", chat("silent"), last);
        CHECK(!call.wait_for(20ms));
        call.canceller().cancel();
        CHECK(call.wait());
        CHECK(ended == 1);
    }
    (void)client.submit("chat.completions", chat("silent"), last); // destroyed at once: over when it is gone
    CHECK(ended == 2);
    auto moved = client.submit("chat.completions", chat("silent"), last);
    moved = client.submit("chat.completions", chat("silent"), last);
    CHECK(ended == 3);
    auto taken = std::move(moved);
    CHECK(ended == 3);
    taken.cancel();
    CHECK(taken.wait() && ended == 4);
}

static void let_go()
{
    std::promise<void> over;
    mishikallm::canceller stop;
    {
        auto call = client.submit("chat.completions", chat("short"), [&](const event &told) {
            if (told.last())
                over.set_value();
        });
        stop = call.canceller();
        call.detach();
    }
    stop.cancel(); // does nothing
    over.get_future().get();
}

/// A handler may end its own call, and destroy it.
static void from_inside()
{
    std::optional<mishikallm::call> call;
    std::promise<void> ready, over;
    auto told_ready = ready.get_future().share();
    std::atomic<int> chunks{0};
    call.emplace(client.submit("chat.completions", chat("endless", R"(, "stream": true)"), [&](const event &told) {
        if (told.last())
            return over.set_value();
        told_ready.wait();
        if (++chunks == 3) {
            CHECK(!call->wait()); // it would wait for itself
            call.reset();
        }
    }));
    ready.set_value();
    over.get_future().get();
    CHECK(chunks == 3 && !call);
}

int main()
{
    events();
    handlers();
    cancelled();
    let_go();
    from_inside();
    std::atomic<int> lines{0};
    CHECK(mishikallm::set_log([&](std::int32_t, std::string_view line) {
        CHECK(!line.empty() && !mishikallm::set_log(nullptr)); // not from inside
        ++lines;
    }, MISHIKALLM_LOG_DEBUG));
    client.completion(chat("answer"));
    CHECK(lines > 0 && !mishikallm::set_log([](std::int32_t, std::string_view) {}, 99));
    CHECK(mishikallm::set_log(nullptr));
    const int before = lines;
    client.completion(chat("answer"));
    CHECK(lines == before);
}
