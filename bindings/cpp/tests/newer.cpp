// What C++20 adds by itself: std::span, ranges, std::stop_token.
#include "check.hpp"
#include <algorithm>
#include <iterator>
#include <mishikallm.hpp>
#include <ranges>
#include <span>
#include <stop_token>
#include <thread>

static_assert(std::ranges::contiguous_range<mishikallm::row> && std::ranges::borrowed_range<mishikallm::row>);
static_assert(std::convertible_to<mishikallm::row, std::span<const float>>);
static_assert(std::ranges::input_range<mishikallm::embeddings> && std::ranges::sized_range<mishikallm::embeddings>);
static_assert(std::input_iterator<mishikallm::stream::iterator>);
static_assert(std::sentinel_for<mishikallm::stream::sentinel, mishikallm::stream::iterator>);
static_assert(std::ranges::input_range<mishikallm::stream>);

static float largest(std::span<const float> numbers)
{
    return std::ranges::max(numbers);
}

int main()
{
    const mishikallm::client client;
    const auto rows = client.rows(R"({"model": "triton/e", "input": ["a", "b"], "api_base": ")" + base("rows") + "/infer\"}");
    CHECK(largest(rows[0]) == 2.0F && largest(rows[1]) == -1.0F);
    CHECK(std::ranges::count_if(rows, [](mishikallm::row row) { return row[0] < 0; }) == 1);

    auto stream = client.stream(chat("short"));
    std::string text;
    for (const auto &word : stream | std::views::transform([](const auto &chunk) { return chunk.content(); }))
        text += word;
    CHECK(text == "word word word ");

    auto silent = client.stream(chat("silent"));
    std::stop_source source;
    const std::stop_callback stop(source.get_token(), silent.canceller());
    const std::jthread other([&source] { source.request_stop(); });
    CHECK(silent.try_next().error().kind() == mishikallm::error_kind::cancelled);
}
