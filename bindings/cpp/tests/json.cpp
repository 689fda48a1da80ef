// Values are found in JSON without a JSON library: every escape, every wrong turn, and nothing read beyond the text.
#include "check.hpp"
#include <cstring>
#include <memory>
#include <mishikallm.hpp>
#include <sstream>
#include <type_traits>

using mishikallm::json_view;

static json_view view(const char *json)
{
    return json_view(std::string_view(json));
}

static void pointers()
{
    const auto json = view(R"( {"a" : {"b": [10, {"c": "deep"}, [], -7]}, "": 1, "x/y": 2, "m~n": 3, "\u00fc\"": 4, "z": null} )");
    CHECK(json.integer_at("/a/b/0") == 10);
    CHECK(json.string_at("/a/b/1/c") == "deep");
    CHECK(json.raw_at("/a/b/2") == "[]");
    CHECK(json.integer_at("/a/b/3") == -7);
    CHECK(!json.raw_at("/a/b/4"));
    CHECK(!json.raw_at("/a/b/-"));
    CHECK(!json.raw_at("/a/b/00"));
    CHECK(!json.raw_at("/a/b/18446744073709551616"));
    CHECK(json.integer_at("/") == 1);
    CHECK(json.integer_at("/x~1y") == 2);
    CHECK(json.integer_at("/m~0n") == 3);
    CHECK(json.integer_at("/\xc3\xbc\"") == 4);
    CHECK(json.raw_at("/z") == "null");
    CHECK(!json.string_at("/z") && !json.integer_at("/z") && !json.number_at("/z"));
    CHECK(!json.raw_at("/no") && !json.raw_at("/a/b/0/deeper") && !json.raw_at("no/slash"));
    CHECK(json.raw_at("")->front() == '{' && json.raw_at("")->back() == '}');
    CHECK(view(R"({"ab": {"a": 1}, "a": 2})").integer_at("/a") == 2);
    CHECK(view(R"({"k": "a]},{[\"", "v": 5})").integer_at("/v") == 5);
    CHECK(view("[[[1]],[2]]").integer_at("/1/0") == 2);
    CHECK(!view("{}").raw_at("/a") && !view("[]").raw_at("/0") && !view("").raw_at("") && !view("  ").raw_at("/a"));
}

static void strings()
{
    const auto said = [](const char *json) { return view(json).string_at(""); };
    CHECK(said(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
    CHECK(said(R"("\u0041\u00e9\u20ac\uD83E\udd80")") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\xa6\x80");
    CHECK(said(R"("a\u0000b")") == std::string("a\0b", 3));
    CHECK(said(R"("\\n\\u0041")") == "\\n\\u0041");
    CHECK(said("\"\xf0\x9f\xa6\x80\"") == "\xf0\x9f\xa6\x80");
    CHECK(said(R"("")") == "");
    // Half a pair is no character.
    CHECK(said(R"("\ud83e")") == "\xef\xbf\xbd");
    CHECK(said(R"("\ud83ex")") == "\xef\xbf\xbdx");
    CHECK(said(R"("\udd80\ud83e")") == "\xef\xbf\xbd\xef\xbf\xbd");
    CHECK(said(R"("\ud83e\u0041")") == "\xef\xbf\xbd" "A");
    for (const char *wrong : {R"("\x")", R"("\u12")", R"("\u12g4")", R"("\u+123")", R"("open)", R"("\")", R"("\)", "5"})
        CHECK(!said(wrong));
}

static void numbers()
{
    const auto json = view(R"([0, 12.5, 1e3, -0.25, 9223372036854775807, 9223372036854775808, 1.0, true, "5"])");
    CHECK(json.integer_at("/0") == 0 && json.number_at("/0") == 0.0);
    CHECK(json.number_at("/1") == 12.5 && !json.integer_at("/1"));
    CHECK(json.number_at("/2") == 1000.0 && !json.integer_at("/2"));
    CHECK(json.number_at("/3") == -0.25);
    CHECK(json.integer_at("/4") == INT64_MAX);
    CHECK(!json.integer_at("/5") && json.number_at("/5") == 9223372036854775808.0);
    CHECK(!json.integer_at("/6") && json.number_at("/6") == 1.0);
    CHECK(!json.number_at("/7") && !json.number_at("/8") && !json.integer_at("/8"));
}

static void what_everybody_wants()
{
    const auto chunk = view(R"({"choices":[{"delta":{"content":"a\"b"},"finish_reason":null}]})");
    CHECK(chunk.content() == "a\"b" && chunk.finish_reason().empty());
    CHECK(view(R"({"choices":[{"message":{"content":"m"},"finish_reason":"stop"}]})").content() == "m");
    CHECK(view(R"({"choices":[{"text":"t","finish_reason":"length"}]})").content() == "t");
    CHECK(view(R"({"choices":[{"text":"t","finish_reason":"length"}]})").finish_reason() == "length");
    CHECK(view(R"({"choices":[],"usage":{"completion_tokens":3}})").content().empty());
    CHECK(view(R"({"choices":[{"message":{"content":null,"tool_calls":[]}}]})").content().empty());
}

/// Each part of a text by itself, in memory of exactly its size: AddressSanitizer sees a byte too many.
static void cut_anywhere()
{
    const std::string whole = R"({"a":{"b":[1,"\u00fc\ud83e\udd80\\",{"c":-1.5e3}],"d":null},"\u0061b":"x","choices":[{"text":"t"}]})";
    for (std::size_t from = 0; from <= whole.size(); ++from)
        for (std::size_t size = 0; from + size <= whole.size(); ++size) {
            const std::unique_ptr<char[]> part(new char[size]);
            std::memcpy(part.get(), whole.data() + from, size);
            const json_view json(std::string_view(part.get(), size));
            for (const char *pointer : {"", "/a", "/a/b/1", "/a/b/2/c", "/ab", "/no", "/0/0"}) {
                (void)json.string_at(pointer);
                (void)json.number_at(pointer);
                (void)json.integer_at(pointer);
            }
            (void)json.content();
        }
}

static void deep()
{
    const std::string open(1000000, '['), close(1000000, ']');
    const std::string json = "{\"a\":" + open + close + ",\"b\":1}";
    CHECK(json_view(json).integer_at("/b") == 1);
    CHECK(!json_view(open).raw_at(""));
}

static void ownership()
{
    static_assert(!std::is_copy_constructible_v<mishikallm::json_text>);
    static_assert(std::is_nothrow_move_constructible_v<mishikallm::json_text>);
    static_assert(std::is_nothrow_move_assignable_v<mishikallm::json_text>);
    auto info = mishikallm::info();
    const char *const where = info.data();
    mishikallm::json_text other = std::move(info);
    CHECK(other.data() == where && other.c_str() == where && other.size() == std::strlen(where));
    CHECK(info.empty() && std::string(info.c_str()).empty()); // NOLINT: moved from, and said to be empty
    info = mishikallm::info();
    info = std::move(other);
    CHECK(info.data() == where && other.empty()); // NOLINT
    CHECK(info.string_at("/version") == mishikallm::version());
    CHECK(info.str() == std::string_view(info));
    std::ostringstream out;
    out << info << view(" {}");
    CHECK(out.str() == info.str() + " {}");
    char *mine = info.release();
    CHECK(mine == where && info.empty() && info.release() == nullptr);
    mishikallm_string_free(mine);
    CHECK(mishikallm::json_text(nullptr).empty());
}

int main()
{
    pointers();
    strings();
    numbers();
    what_everybody_wants();
    cut_anywhere();
    deep();
    ownership();
}
