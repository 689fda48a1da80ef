// What goes in: each kind of text arrives whole, and what cannot be JSON is an error that says so.
#include "check.hpp"
#include <cstring>
#include <mishikallm.hpp>
#include <nlohmann/json.hpp>

using nlohmann::json;
using mishikallm::text;

/// A string class of somebody else's.
struct their_string {
    operator std::string_view() const { return mocked; }
};

// Braces make no string of two pointers by accident.
template <class A>
constexpr bool takes = std::is_constructible_v<text, A>;
static_assert(takes<const char *> && takes<std::string> && takes<std::string_view> && takes<json> && takes<their_string>);
static_assert(takes<nlohmann::ordered_json> && takes<const mishikallm::json_text &> && takes<char *>);
static_assert(!takes<int> && !takes<std::nullptr_t *> && !std::is_constructible_v<text, const char *, const char *>);
static_assert(!std::is_copy_constructible_v<text>);

static void every_kind()
{
    const mishikallm::client client;
    const std::string string = mocked;
    const std::string wide = "xx" + string + "yy";
    const auto view = std::string_view(wide).substr(2, string.size()); // no NUL behind it
    const char *const expected = "one \"two\" \xc3\xbc";
    CHECK(client.completion(mocked).content() == expected);
    CHECK(client.completion(string).content() == expected);
    CHECK(client.completion(std::string(mocked)).content() == expected);
    CHECK(client.completion(view).content() == expected);
    CHECK(client.completion(their_string()).content() == expected);
    CHECK(client.completion(json::parse(mocked)).content() == expected);
    CHECK(client.completion(nlohmann::ordered_json::parse(mocked)).content() == expected);
    CHECK(client.invoke(std::string_view("chat.completions!", 16), view).content() == expected);
}

static void no_copy()
{
    const std::string string = "{}";
    CHECK(text(string).c_str() == string.c_str());
    const char *const literal = "{}";
    CHECK(text(literal).c_str() == literal);
    const auto info = mishikallm::info();
    CHECK(text(info).c_str() == info.c_str());
    CHECK(text(std::string_view("abc").substr(0, 2)).c_str() == std::string("ab"));
}

/// An error, and what it says.
template <class F>
static void refused(F &&call, const char *param, const char *words)
{
    const auto result = call();
    CHECK(!result);
    const auto &error = result.error();
    CHECK(error.kind() == mishikallm::error_kind::bad_request && error.http_status() == 400);
    CHECK(error.param() == param);
    if (error.message().find(words) == std::string::npos)
        std::fprintf(stderr, "%s\n", error.message().c_str());
    CHECK(error.message().find(words) != std::string::npos);
}

static void wrong()
{
    const mishikallm::client client;
    const std::string nul = std::string(mocked) + '\0' + "more";
    refused([&] { return client.try_completion(nul); }, "request", "NUL byte");
    refused([&] { return client.try_completion(std::string_view(nul)); }, "request", "NUL byte");
    refused([&] { return client.try_stream(nul); }, "request", "NUL byte");
    refused([&] { return client.try_rows(nul); }, "request", "NUL byte");
    refused([&] { return client.try_submit("models", nul, [](const mishikallm::event &) {}); }, "request", "NUL byte");
    refused([&] { return client.try_invoke(std::string("models\0x", 8), "{}"); }, "operation", "NUL byte");
    refused([&] { return client.try_open(std::string("models\0x", 8), "{}"); }, "operation", "NUL byte");
    refused([&] { return mishikallm::client::make(std::string("{}\0", 3)); }, "config", "NUL byte");
    refused([&] { return client.try_completion(json{{"model", "\xff"}}); }, "request", "invalid UTF-8");
    refused([&] { return client.try_completion("{\"model\": \"\xff\"}"); }, "request_json", "UTF-8");
    refused([&] { return client.try_completion(nullptr); }, "request_json", "NULL");
}

static void parsed()
{
    const auto answer = mishikallm::client().completion(mocked);
    const auto value = answer.parse<json>();
    CHECK(value["choices"][0]["message"]["content"].get<std::string>() == "one \"two\" \xc3\xbc");
    CHECK(json::parse(answer) == value); // as any container of characters
}

int main()
{
    every_kind();
    no_copy();
    wrong();
    parsed();
}
