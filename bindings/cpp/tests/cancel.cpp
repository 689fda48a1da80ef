// Cancelling from other threads: while a chunk is waited for, after a move, after the end, and while the stream goes away.
#include "check.hpp"
#include <atomic>
#include <chrono>
#include <mishikallm.hpp>
#include <optional>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using mishikallm::error_kind;

static const mishikallm::client client;

static void while_waiting()
{
    auto stream = client.stream(chat("silent"));
    std::thread other([stop = stream.canceller()] {
        std::this_thread::sleep_for(50ms);
        stop.cancel();
    });
    const auto began = std::chrono::steady_clock::now();
    try {
        stream.next();
        NEVER("a chunk");
    } catch (const mishikallm::cancelled_error &) {
    }
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    other.join();
    CHECK(stream.try_next().error().kind() == error_kind::cancelled);
}

static void rows_while_waiting()
{
    auto stream = client.open("embeddings", R"({"model": "triton/e", "input": ["a"], "api_base": ")" + base("silent") + "/infer\"}");
    std::thread other([stop = stream.canceller()] {
        std::this_thread::sleep_for(50ms);
        stop();
    });
    CHECK(!*stream.try_rows_for(1ms));
    CHECK(stream.try_rows().error().kind() == error_kind::cancelled);
    other.join();
}

static void moved_ended_destroyed()
{
    mishikallm::canceller stop;
    stop.cancel(); // of nothing
    {
        auto stream = client.stream(chat("endless"));
        stop = stream.canceller();
        auto moved = std::move(stream);
        CHECK(moved.next());
        const auto copy = stop;
        copy.cancel();
        copy.cancel();
        while (moved.try_next()) {
        }
        CHECK(moved.try_next().error().kind() == error_kind::cancelled);
    }
    stop.cancel(); // of what is destroyed

    auto ended = client.stream(chat("short"));
    while (ended.next()) {
    }
    ended.cancel();
    CHECK(ended.try_next()->done()); // what is over stays as it is

    std::optional<mishikallm::stream> early(client.stream(chat("endless")));
    early->cancel(); // before it began
    CHECK(early->try_next().error().kind() == error_kind::cancelled);
}

/// Many threads cancel while one reads, moves and destroys.
static void all_at_once()
{
    for (int round = 0; round < 60; ++round) {
        std::atomic<bool> go{false};
        std::optional<mishikallm::stream> stream(client.stream(chat("endless")));
        std::vector<std::thread> others;
        for (int i = 0; i < 3; ++i)
            others.emplace_back([stop = stream->canceller(), &go, round, i] {
                while (!go)
                    std::this_thread::yield();
                std::this_thread::sleep_for(std::chrono::microseconds(round * 50 * i));
                for (int again = 0; again < 20; ++again)
                    stop();
            });
        go = true;
        for (int chunks = 0; chunks < round % 5; ++chunks)
            if (!stream->try_next())
                break;
        auto moved = std::move(*stream);
        stream.reset();
        (void)moved.try_next();
        moved = client.stream(chat("endless")); // the old one is freed here
        for (auto &other : others)
            other.join();
        CHECK(moved.try_next()); // nobody cancelled this one
    }
}

/// A client that is closed while its stream is waited for.
static void closed()
{
    const mishikallm::client mine("{}");
    auto stream = mine.stream(chat("silent"));
    std::thread other([&mine] {
        std::this_thread::sleep_for(50ms);
        mine.close();
    });
    CHECK(stream.try_next().error().kind() == error_kind::closed);
    other.join();
}

int main()
{
    while_waiting();
    rows_while_waiting();
    moved_ended_destroyed();
    all_at_once();
    closed();
}
