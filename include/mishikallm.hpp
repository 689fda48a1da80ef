/*
 * libmishikallm for C++17 and newer: mishikallm.h with handles that free themselves, and nothing else to link.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 *     #include <iostream>
 *     #include <mishikallm.hpp>
 *
 *     int main()
 *     {
 *         mishikallm::client client(R"({"api_base": "http://localhost:8000"})");
 *         auto request = R"({"model": "triton/llama", "messages": [{"role": "user", "content": "who are u?"}]})";
 *         std::cout << client.completion(request).content() << '\n';
 *         for (auto &chunk : client.stream(request))
 *             std::cout << chunk.content() << std::flush;
 *     }
 *
 * RULES. mishikallm.h is the manual of requests, answers and statuses; here is what this header adds.
 *
 *  1. Every call comes twice. NAME() gives its answer, or throws the exception of the error's kind. try_NAME() never
 *     throws for a call that fails: it gives a result<>, the answer or the error. Without exceptions (-fno-exceptions)
 *     only the second is there.
 *  2. Text goes in as const char *, std::string, std::string_view, anything that converts to the latter, or a JSON
 *     value that has dump(), such as nlohmann::json. What ends in NUL already is not copied.
 *  3. A json_text owns the string that the library made; it is never copied. It reads as a std::string_view, parse<J>()
 *     gives it to a JSON library, and content(), finish_reason() and the ..._at() functions do without one.
 *  4. A const object is for any number of threads at once, any other for one at a time. A canceller is a copy that any
 *     thread may keep: it does nothing once what it cancels is gone. A client may go before its streams and calls.
 *  5. Memory that runs out is std::bad_alloc, as everywhere.
 */
#ifndef MISHIKALLM_HPP
#define MISHIKALLM_HPP

#include "mishikallm.h"

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <limits>
#include <locale>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#if __has_include(<version>)
#include <version>
#endif
#ifdef __cpp_lib_ranges
#include <ranges>
#endif

#if defined(__cpp_exceptions) || defined(__EXCEPTIONS) || defined(_CPPUNWIND)
#define MISHIKALLM_EXCEPTIONS 1
#else
#define MISHIKALLM_EXCEPTIONS 0
#endif

// An exception is known across shared libraries by its type, which -fvisibility=hidden would make another in each.
#if defined(__GNUC__)
#define MISHIKALLM_VISIBLE __attribute__((visibility("default")))
#else
#define MISHIKALLM_VISIBLE
#endif

/// libmishikallm for C++.
namespace mishikallm {

// ---------------------------------------------------------------------------------------------------------------------
// Reading JSON without a JSON library: enough to find one value. It never reads beyond the text, whatever that holds.
// ---------------------------------------------------------------------------------------------------------------------

/// Not for users.
namespace detail {

constexpr std::size_t nowhere = std::string_view::npos;

inline std::size_t skip_space(std::string_view source, std::size_t at) noexcept
{
    const std::size_t found = source.find_first_not_of(" \t\r\n", at);
    return found == nowhere ? source.size() : found;
}

/// Behind the string that begins at `at`.
inline std::size_t skip_string(std::string_view source, std::size_t at) noexcept
{
    for (at = source.find_first_of("\"\\", at + 1); at != nowhere; at = source.find_first_of("\"\\", at)) {
        if (source[at] == '"')
            return at + 1;
        at += 2;
    }
    return nowhere;
}

/// Behind the value that begins at `at`. Not recursive: a text may nest as deep as it likes.
inline std::size_t skip_value(std::string_view source, std::size_t at) noexcept
{
    std::size_t depth = 0;
    while (at < source.size()) {
        const char c = source[at];
        if (c == '"') {
            if ((at = skip_string(source, at)) == nowhere)
                return nowhere;
        } else if (c == '{' || c == '[') {
            ++depth;
            ++at;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return nowhere;
            --depth;
            ++at;
        } else if (depth == 0) {
            const std::size_t end = source.find_first_of(",:]}\" \t\r\n", at);
            return end == at ? nowhere : end == nowhere ? source.size() : end;
        } else {
            at = source.find_first_of("\"{}[]", at);
            continue;
        }
        if (depth == 0)
            return at;
    }
    return nowhere;
}

inline void append_utf8(std::string &text, std::uint32_t c)
{
    const auto put = [&text](std::uint32_t byte) {
        text.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
    };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | (c >> 6));
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | (c >> 12));
        put(0x80 | ((c >> 6) & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | (c >> 18));
        put(0x80 | ((c >> 12) & 0x3F));
        put(0x80 | ((c >> 6) & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

/// The number that four hexadecimal digits at `at` say; nothing where they are none.
inline std::optional<std::uint32_t> hex4(std::string_view source, std::size_t at) noexcept
{
    std::uint32_t number = 0;
    if (source.size() < at || source.size() - at < 4)
        return std::nullopt;
    const char *const end = source.data() + at + 4;
    const auto read = std::from_chars(source.data() + at, end, number, 16);
    if (read.ec != std::errc() || read.ptr != end)
        return std::nullopt;
    return number;
}

/// What a string says whose quotes are taken off. Half a surrogate pair becomes U+FFFD.
inline std::optional<std::string> unescape(std::string_view raw)
{
    std::string text;
    text.reserve(raw.size());
    while (!raw.empty()) {
        const std::size_t plain = raw.find('\\');
        text.append(raw.substr(0, plain));
        if (plain == nowhere)
            break;
        if (plain + 1 >= raw.size())
            return std::nullopt;
        const char kind = raw[plain + 1];
        raw.remove_prefix(plain + 2);
        switch (kind) {
        case '"': case '\\': case '/': text.push_back(kind); break;
        case 'b': text.push_back('\b'); break;
        case 'f': text.push_back('\f'); break;
        case 'n': text.push_back('\n'); break;
        case 'r': text.push_back('\r'); break;
        case 't': text.push_back('\t'); break;
        case 'u': {
            const auto first = hex4(raw, 0);
            if (!first)
                return std::nullopt;
            std::uint32_t c = *first;
            raw.remove_prefix(4);
            if (c >= 0xD800 && c < 0xDC00 && raw.size() >= 6 && raw[0] == '\\' && raw[1] == 'u') {
                const auto second = hex4(raw, 2);
                if (second && *second >= 0xDC00 && *second < 0xE000) {
                    c = 0x10000 + ((c - 0xD800) << 10) + (*second - 0xDC00);
                    raw.remove_prefix(6);
                }
            }
            append_utf8(text, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
            break;
        }
        default: return std::nullopt;
        }
    }
    return text;
}

/// A part of a JSON Pointer, where ~1 is a slash and ~0 a tilde.
inline std::string pointer_part(std::string_view part)
{
    std::string text;
    for (std::size_t i = 0; i < part.size(); ++i) {
        if (part[i] == '~' && i + 1 < part.size() && (part[i + 1] == '0' || part[i + 1] == '1'))
            text.push_back(part[++i] == '0' ? '~' : '/');
        else
            text.push_back(part[i]);
    }
    return text;
}

/// The begin of an object's member, or of a list's element, in the container that begins at `at`.
inline std::size_t child(std::string_view source, std::size_t at, std::string_view part)
{
    const bool object = source[at] == '{';
    if (!object && source[at] != '[')
        return nowhere;
    std::size_t index = 0;
    if (!object) {
        const auto read = std::from_chars(part.data(), part.data() + part.size(), index);
        if (read.ec != std::errc() || read.ptr != part.data() + part.size() || (part.size() > 1 && part[0] == '0'))
            return nowhere;
    }
    const std::string name = object ? pointer_part(part) : std::string();
    for (at = skip_space(source, at + 1); at < source.size(); at = skip_space(source, at + 1)) {
        bool found = false;
        if (object) {
            if (source[at] != '"')
                return nowhere;
            const std::size_t end = skip_string(source, at);
            if (end == nowhere)
                return nowhere;
            const std::string_view raw = source.substr(at + 1, end - at - 2);
            found = raw.find('\\') == nowhere ? raw == name : unescape(raw) == name;
            at = skip_space(source, end);
            if (at >= source.size() || source[at] != ':')
                return nowhere;
            at = skip_space(source, at + 1);
        } else {
            found = index-- == 0;
        }
        if (at < source.size() && (source[at] == ']' || source[at] == '}'))
            return nowhere;
        if (found)
            return at < source.size() ? at : nowhere;
        at = skip_value(source, at);
        if (at == nowhere || (at = skip_space(source, at)) >= source.size() || source[at] != ',')
            return nowhere;
    }
    return nowhere;
}

/// A number as JSON writes it, whatever the locale.
inline std::optional<double> to_double(std::string_view raw)
{
    if (raw.empty() || (raw[0] != '-' && (raw[0] < '0' || raw[0] > '9')))
        return std::nullopt;
    double number = 0;
#if defined(__cpp_lib_to_chars) && __cpp_lib_to_chars >= 201611L
    const auto read = std::from_chars(raw.data(), raw.data() + raw.size(), number);
    if (read.ec != std::errc() || read.ptr != raw.data() + raw.size())
        return std::nullopt;
#else
    std::istringstream in{std::string(raw)};
    in.imbue(std::locale::classic());
    if (!(in >> number) || in.peek() != std::istringstream::traits_type::eof())
        return std::nullopt;
#endif
    return number;
}

} // namespace detail

/// A JSON text that somebody else owns: a std::string_view that finds values in it.
///
/// A value is named by a JSON Pointer (RFC 6901), such as "/choices/0/message/content"; "" is the whole. Each look-up
/// reads the text from its begin: for more than a few values parse<J>() is the way.
class json_view {
public:
    json_view() noexcept = default;
    explicit json_view(std::string_view source) noexcept : json_(source) {}

    /// The text.
    std::string_view view() const noexcept { return json_; }
    operator std::string_view() const noexcept { return json_; } // NOLINT: it is one
    const char *data() const noexcept { return json_.data(); }
    std::size_t size() const noexcept { return json_.size(); }
    bool empty() const noexcept { return json_.empty(); }
    const char *begin() const noexcept { return json_.data(); }
    const char *end() const noexcept { return json_.data() + json_.size(); }

    /// A value as it stands, a string with its quotes and escapes; nothing where there is none.
    std::optional<std::string_view> raw_at(std::string_view pointer) const
    {
        std::size_t at = detail::skip_space(json_, 0);
        while (!pointer.empty() && at < json_.size()) {
            if (pointer[0] != '/')
                return std::nullopt;
            const std::size_t end = pointer.find('/', 1);
            at = detail::child(json_, at, pointer.substr(1, end == detail::nowhere ? end : end - 1));
            pointer = end == detail::nowhere ? std::string_view() : pointer.substr(end);
        }
        const std::size_t end = at < json_.size() ? detail::skip_value(json_, at) : detail::nowhere;
        if (end == detail::nowhere)
            return std::nullopt;
        return json_.substr(at, end - at);
    }

    /// What a string says, every escape undone; nothing where there is no string.
    std::optional<std::string> string_at(std::string_view pointer) const
    {
        const auto raw = raw_at(pointer);
        if (!raw || raw->size() < 2 || raw->front() != '"')
            return std::nullopt;
        return detail::unescape(raw->substr(1, raw->size() - 2));
    }

    /// A whole number; nothing where there is none, or one that does not fit.
    std::optional<std::int64_t> integer_at(std::string_view pointer) const
    {
        const auto raw = raw_at(pointer);
        std::int64_t number = 0;
        if (!raw)
            return std::nullopt;
        const auto read = std::from_chars(raw->data(), raw->data() + raw->size(), number);
        if (read.ec != std::errc() || read.ptr != raw->data() + raw->size())
            return std::nullopt;
        return number;
    }

    /// A number; nothing where there is none.
    std::optional<double> number_at(std::string_view pointer) const
    {
        const auto raw = raw_at(pointer);
        return raw ? detail::to_double(*raw) : std::nullopt;
    }

    /// The text of the first choice: of a chat completion, of its chunk, or of a text completion. "" where none is.
    std::string content() const
    {
        for (const char *pointer : {"/choices/0/delta/content", "/choices/0/message/content", "/choices/0/text"})
            if (auto text = string_at(pointer))
                return *std::move(text);
        return {};
    }

    /// Why the first choice ended, such as "stop" or "length"; "" where it has not, or has none.
    std::string finish_reason() const { return string_at("/choices/0/finish_reason").value_or(std::string()); }

    /// The text as a JSON library's value: parse<nlohmann::json>().
    template <class J>
    J parse() const { return J::parse(begin(), end()); }

    friend std::ostream &operator<<(std::ostream &out, const json_view &it) { return out << it.json_; }

protected:
    std::string_view json_; ///< What is read.
};

/// A JSON text of the library's, without a copy. Freed with the object.
class json_text : public json_view {
public:
    json_text() noexcept = default;
    /// Takes over a string that the library returned; NULL is none.
    explicit json_text(char *string) noexcept
        : json_view(string ? std::string_view(string) : std::string_view()), string_(string) {}
    json_text(json_text &&other) noexcept
        : json_view(std::exchange(other.json_, {})), string_(std::move(other.string_)) {}
    json_text &operator=(json_text &&other) noexcept
    {
        json_ = std::exchange(other.json_, {});
        string_ = std::move(other.string_);
        return *this;
    }

    /// The text, ending in NUL; "" where there is none.
    const char *c_str() const noexcept { return string_ ? string_.get() : ""; }
    /// A copy.
    std::string str() const { return std::string(json_); }
    /// Gives the string away: to be freed with mishikallm_string_free(). NULL where there is none.
    char *release() noexcept
    {
        json_ = {};
        return string_.release();
    }

private:
    struct free {
        void operator()(char *string) const noexcept { mishikallm_string_free(string); }
    };
    std::unique_ptr<char, free> string_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Errors.
// ---------------------------------------------------------------------------------------------------------------------

/// What kind of error it is: what a caller tells apart. Each has an exception.
enum class error_kind {
    bad_request,         ///< The request or the configuration is wrong; other statuses 400 to 499.
    authentication,      ///< 401.
    permission_denied,   ///< 403.
    not_found,           ///< 404.
    timeout,             ///< A time-out ran out, or 408.
    too_large,           ///< 413.
    unprocessable,       ///< 422.
    rate_limit,          ///< 429; the queue of submitted calls is full; another thread waits for this stream.
    connection,          ///< The server cannot be reached.
    internal_server,     ///< 500 and others above it; a defect of the library; a client of before fork().
    bad_gateway,         ///< 502: the answer was cut short, is not what Triton sends, or is longer than allowed.
    service_unavailable, ///< 503.
    cancelled,           ///< The call was cancelled.
    closed,              ///< The client was closed.
};

/// A kind's name, such as "rate_limit".
constexpr const char *name_of(error_kind kind) noexcept
{
    switch (kind) {
    case error_kind::bad_request: return "bad_request";
    case error_kind::authentication: return "authentication";
    case error_kind::permission_denied: return "permission_denied";
    case error_kind::not_found: return "not_found";
    case error_kind::timeout: return "timeout";
    case error_kind::too_large: return "too_large";
    case error_kind::unprocessable: return "unprocessable";
    case error_kind::rate_limit: return "rate_limit";
    case error_kind::connection: return "connection";
    case error_kind::internal_server: return "internal_server";
    case error_kind::bad_gateway: return "bad_gateway";
    case error_kind::service_unavailable: return "service_unavailable";
    case error_kind::cancelled: return "cancelled";
    case error_kind::closed: return "closed";
    }
    return "unknown";
}

/// Why a call failed. Cheap to copy.
class error {
public:
    /// From a status and the error JSON that came with it.
    error(std::int32_t status, const json_view &source) : said_(std::make_shared<const said>(status, source)) {}
    /// An error of this header's own.
    error(std::int32_t status, int http_status, std::string message, std::string param)
        : said_(std::make_shared<const said>(status, http_status, std::move(message), std::move(param))) {}

    /// What to tell apart.
    error_kind kind() const noexcept { return said_->kind; }
    /// Its name, such as "rate_limit".
    const char *kind_name() const noexcept { return name_of(said_->kind); }
    /// The library's status, such as MISHIKALLM_SERVER.
    std::int32_t status() const noexcept { return said_->status; }
    /// Its name, such as "SERVER".
    const char *status_name() const noexcept { return mishikallm_status_name(said_->status); }
    /// The HTTP status that says the same.
    int http_status() const noexcept { return said_->http_status; }
    /// What is wrong, in words.
    const std::string &message() const noexcept { return said_->message; }
    /// OpenAI's type, such as "invalid_request_error".
    const std::string &type() const noexcept { return said_->type; }
    /// The field at fault, if one is.
    const std::optional<std::string> &param() const noexcept { return said_->param; }
    /// OpenAI's code, such as "400" or "queue_full".
    const std::optional<std::string> &code() const noexcept { return said_->code; }
    /// The seconds after which the server wants to be asked again, if it said so.
    std::optional<double> retry_after() const noexcept { return said_->retry_after; }

#if MISHIKALLM_EXCEPTIONS
    /// Throws the exception of its kind.
    [[noreturn]] void raise() const;
#endif

private:
    struct said {
        said(std::int32_t status_, const json_view &source)
            : status(status_), http_status(static_cast<int>(source.integer_at("/error/status").value_or(500))),
              message(source.string_at("/error/message").value_or(std::string(mishikallm_status_name(status_)))),
              type(source.string_at("/error/type").value_or(std::string())), param(source.string_at("/error/param")),
              code(source.string_at("/error/code")), retry_after(source.number_at("/error/retry_after")),
              kind(kind_of(status_, http_status)) {}
        said(std::int32_t status_, int http_status_, std::string message_, std::string param_)
            : status(status_), http_status(http_status_), message(std::move(message_)), type("invalid_request_error"),
              param(std::move(param_)), code(std::to_string(http_status_)), kind(kind_of(status_, http_status_)) {}

        std::int32_t status;
        int http_status;
        std::string message, type;
        std::optional<std::string> param, code;
        std::optional<double> retry_after;
        error_kind kind;
    };

    static error_kind kind_of(std::int32_t status, int http_status) noexcept
    {
        switch (status) {
        case MISHIKALLM_CONNECT: return error_kind::connection;
        case MISHIKALLM_DEADLINE: return error_kind::timeout;
        case MISHIKALLM_PROTOCOL: return error_kind::bad_gateway;
        case MISHIKALLM_CANCELLED: return error_kind::cancelled;
        case MISHIKALLM_CLOSED: return error_kind::closed;
        case MISHIKALLM_UNAVAILABLE: return error_kind::service_unavailable;
        default: break;
        }
        switch (http_status) {
        case 401: return error_kind::authentication;
        case 403: return error_kind::permission_denied;
        case 404: return error_kind::not_found;
        case 408: return error_kind::timeout;
        case 413: return error_kind::too_large;
        case 422: return error_kind::unprocessable;
        case 429: return error_kind::rate_limit;
        case 502: return error_kind::bad_gateway;
        case 503: return error_kind::service_unavailable;
        default: return http_status < 500 ? error_kind::bad_request : error_kind::internal_server;
        }
    }

    std::shared_ptr<const said> said_; // An exception must not throw when it is copied.
};

#if MISHIKALLM_EXCEPTIONS
/// A call that failed: the base of all exceptions here. what() is the message.
class MISHIKALLM_VISIBLE exception : public std::exception {
public:
    explicit exception(mishikallm::error error) noexcept : error_(std::move(error)) {}
    const char *what() const noexcept override { return error_.message().c_str(); }
    /// All that is known of it.
    const mishikallm::error &error() const noexcept { return error_; }

private:
    mishikallm::error error_;
};

/// See error_kind::bad_request.
class MISHIKALLM_VISIBLE bad_request_error : public exception { using exception::exception; };
/// See error_kind::authentication.
class MISHIKALLM_VISIBLE authentication_error : public exception { using exception::exception; };
/// See error_kind::permission_denied.
class MISHIKALLM_VISIBLE permission_denied_error : public exception { using exception::exception; };
/// See error_kind::not_found.
class MISHIKALLM_VISIBLE not_found_error : public exception { using exception::exception; };
/// See error_kind::timeout.
class MISHIKALLM_VISIBLE timeout_error : public exception { using exception::exception; };
/// See error_kind::too_large.
class MISHIKALLM_VISIBLE too_large_error : public exception { using exception::exception; };
/// See error_kind::unprocessable.
class MISHIKALLM_VISIBLE unprocessable_error : public exception { using exception::exception; };
/// See error_kind::rate_limit.
class MISHIKALLM_VISIBLE rate_limit_error : public exception { using exception::exception; };
/// See error_kind::connection.
class MISHIKALLM_VISIBLE connection_error : public exception { using exception::exception; };
/// See error_kind::internal_server.
class MISHIKALLM_VISIBLE internal_server_error : public exception { using exception::exception; };
/// See error_kind::bad_gateway.
class MISHIKALLM_VISIBLE bad_gateway_error : public exception { using exception::exception; };
/// See error_kind::service_unavailable.
class MISHIKALLM_VISIBLE service_unavailable_error : public exception { using exception::exception; };
/// See error_kind::cancelled.
class MISHIKALLM_VISIBLE cancelled_error : public exception { using exception::exception; };
/// See error_kind::closed.
class MISHIKALLM_VISIBLE closed_error : public exception { using exception::exception; };

inline void error::raise() const
{
    switch (kind()) {
    case error_kind::bad_request: throw bad_request_error(*this);
    case error_kind::authentication: throw authentication_error(*this);
    case error_kind::permission_denied: throw permission_denied_error(*this);
    case error_kind::not_found: throw not_found_error(*this);
    case error_kind::timeout: throw timeout_error(*this);
    case error_kind::too_large: throw too_large_error(*this);
    case error_kind::unprocessable: throw unprocessable_error(*this);
    case error_kind::rate_limit: throw rate_limit_error(*this);
    case error_kind::connection: throw connection_error(*this);
    case error_kind::internal_server: throw internal_server_error(*this);
    case error_kind::bad_gateway: throw bad_gateway_error(*this);
    case error_kind::service_unavailable: throw service_unavailable_error(*this);
    case error_kind::cancelled: throw cancelled_error(*this);
    case error_kind::closed: throw closed_error(*this);
    }
    throw exception(*this);
}
#endif

/// What came of a call: a value or an error, in the manner of C++23's std::expected.
template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;
    using error_type = mishikallm::error;

    result(T value) : either_(std::in_place_index<0>, std::move(value)) {}                        // NOLINT: implicit
    result(mishikallm::error error) noexcept : either_(std::in_place_index<1>, std::move(error)) {} // NOLINT: implicit

    /// Whether there is a value.
    bool has_value() const noexcept { return either_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value, which must be there.
    T &operator*() & noexcept { return *std::get_if<0>(&either_); }
    const T &operator*() const & noexcept { return *std::get_if<0>(&either_); }
    T &&operator*() && noexcept { return std::move(*std::get_if<0>(&either_)); }
    T *operator->() noexcept { return std::get_if<0>(&either_); }
    const T *operator->() const noexcept { return std::get_if<0>(&either_); }
    /// The error, which must be there.
    const mishikallm::error &error() const noexcept { return *std::get_if<1>(&either_); }

#if MISHIKALLM_EXCEPTIONS
    /// The value, or the error's exception.
    T &value() & { return checked(), **this; }
    const T &value() const & { return checked(), **this; }
    T &&value() && { return checked(), *std::move(*this); }
#endif
    /// The value, or another one.
    template <class U>
    T value_or(U &&other) && { return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other)); }
    /// What the function makes of the value, which gives a result<> itself; or the error.
    template <class F>
    auto and_then(F &&function) && -> std::invoke_result_t<F, T &&>
    {
        if (has_value())
            return std::invoke(std::forward<F>(function), *std::move(*this));
        return error();
    }
    /// What the function makes of the value; or the error.
    template <class F>
    auto transform(F &&function) && -> result<std::decay_t<std::invoke_result_t<F, T &&>>>
    {
        if (has_value())
            return std::invoke(std::forward<F>(function), *std::move(*this));
        return error();
    }

private:
#if MISHIKALLM_EXCEPTIONS
    void checked() const
    {
        if (!has_value())
            error().raise();
    }
#endif
    std::variant<T, mishikallm::error> either_;
};

// ---------------------------------------------------------------------------------------------------------------------
// What goes in.
// ---------------------------------------------------------------------------------------------------------------------

/// Text that a function takes, for as long as the call lasts.
class text {
    template <class T, class = void>
    struct has_dump : std::false_type {};
    template <class T>
    struct has_dump<T, std::void_t<decltype(std::string(std::declval<const T &>().dump()))>> : std::true_type {};
    // Templates, so that a list in braces is never taken for a string.
    template <class T>
    static constexpr bool is_string = std::is_same_v<T, std::string> || std::is_same_v<T, json_text>;
    template <class T>
    static constexpr bool is_view = !is_string<T> && !has_dump<T>::value &&
        std::is_convertible_v<const T &, std::string_view> && !std::is_convertible_v<const T &, const char *>;

public:
    /// Ends in NUL.
    text(const char *string) noexcept : string_(string) {} // NOLINT: implicit
    /// A std::string or a json_text: it ends in NUL.
    template <class T, std::enable_if_t<is_string<T>, int> = 0>
    text(const T &string) : string_(string.c_str()) { check(string); } // NOLINT: implicit
    /// A std::string_view and its like: copied, as it may not end in NUL.
    template <class T, std::enable_if_t<is_view<T>, int> = 0>
    text(const T &view) : own_(static_cast<std::string_view>(view)), string_(own_.c_str()) { check(own_); } // NOLINT
    /// A JSON value, such as nlohmann::json.
    template <class J, std::enable_if_t<has_dump<J>::value, int> = 0>
    text(const J &source) // NOLINT: implicit
    {
#if MISHIKALLM_EXCEPTIONS
        try {
            own_ = source.dump();
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &failed) {
            fault_ = std::string("the JSON value cannot be written: ") + failed.what();
        }
#else
        own_ = source.dump();
#endif
        string_ = own_.c_str();
    }
    text(const text &) = delete;
    text &operator=(const text &) = delete;

    /// For the library.
    const char *c_str() const noexcept { return string_; }
    /// Why it cannot be handed to the library; "" if it can.
    const std::string &fault() const noexcept { return fault_; }

private:
    void check(std::string_view all)
    {
        const std::size_t at = all.find('\0');
        if (at != std::string_view::npos)
            fault_ = "expected text without a NUL byte (JSON has it as \\u0000), got one at byte " + std::to_string(at);
    }

    std::string own_, fault_;
    const char *string_ = nullptr;
};

/// Not for users.
namespace detail {

/// An error of text that cannot be handed to the library.
inline error faulty(const char *name, const text &given)
{
    return error(MISHIKALLM_ARGUMENT, 400, std::string(name) + ": " + given.fault(), name);
}

/// The status of an error that came without one: where a handle is made, the HTTP status tells them apart. A defect
/// would be a 500 too.
inline error unmade(const json_text &source, std::int32_t wrong)
{
    switch (source.integer_at("/error/status").value_or(500)) {
    case 413: return error(MISHIKALLM_LIMIT, source);
    case 429: return error(MISHIKALLM_BUSY, source);
    case 499: return error(MISHIKALLM_CLOSED, source);
    case 500: return error(MISHIKALLM_FORKED, source);
    default: return error(wrong, source);
    }
}

constexpr std::int32_t for_ever = -1;

/// Milliseconds for the library, rounded up. What is negative is over: only the library's own -1 is for ever.
template <class Rep, class Period>
std::int32_t milliseconds(std::chrono::duration<Rep, Period> duration)
{
    constexpr auto most = std::chrono::milliseconds(std::numeric_limits<std::int32_t>::max());
    if (duration <= duration.zero())
        return 0;
    if (std::chrono::duration<double, std::milli>(duration) >= std::chrono::duration<double, std::milli>(most))
        return static_cast<std::int32_t>(most.count());
    return static_cast<std::int32_t>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

} // namespace detail

// ---------------------------------------------------------------------------------------------------------------------
// Embeddings.
// ---------------------------------------------------------------------------------------------------------------------

/// The numbers of one input: borrowed, and contiguous, so that std::span<const float>(row) is one.
class row {
public:
    using value_type = float;
    using const_iterator = const float *;

    row() noexcept = default;
    row(const float *data, std::size_t size) noexcept : data_(data), size_(size) {}
    const float *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const float *begin() const noexcept { return data_; }
    const float *end() const noexcept { return data_ + size_; }
    const float &operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    const float *data_ = nullptr;
    std::size_t size_ = 0;
};

/// Rows of numbers, one for each input, where they arrived. Freed with the object, which keeps nothing of its client.
class embeddings {
public:
    /// Goes from row to row.
    class const_iterator {
    public:
        using iterator_category = std::input_iterator_tag; // Its rows are made as they are asked for.
        using value_type = row;
        using difference_type = std::ptrdiff_t;
        using pointer = const row *;
        using reference = row;

        const_iterator() noexcept = default;
        const_iterator(const embeddings *all, std::size_t at) noexcept : all_(all), at_(at) {}
        row operator*() const noexcept { return (*all_)[at_]; }
        const_iterator &operator++() noexcept { return ++at_, *this; }
        const_iterator operator++(int) noexcept { return const_iterator(all_, at_++); }
        friend bool operator==(const const_iterator &a, const const_iterator &b) noexcept { return a.at_ == b.at_; }
        friend bool operator!=(const const_iterator &a, const const_iterator &b) noexcept { return a.at_ != b.at_; }

    private:
        const embeddings *all_ = nullptr;
        std::size_t at_ = 0;
    };

    /// Takes over a handle.
    explicit embeddings(mishikallm_embeddings *handle) noexcept
        : handle_(handle), data_(mishikallm_embeddings_data(handle, &rows_, &columns_)) {}
    embeddings(embeddings &&other) noexcept
        : handle_(std::move(other.handle_)), rows_(std::exchange(other.rows_, 0)),
          columns_(std::exchange(other.columns_, 0)), data_(std::exchange(other.data_, nullptr)) {}
    embeddings &operator=(embeddings &&other) noexcept
    {
        handle_ = std::move(other.handle_);
        rows_ = std::exchange(other.rows_, 0);
        columns_ = std::exchange(other.columns_, 0);
        data_ = std::exchange(other.data_, nullptr);
        return *this;
    }

    /// The number of rows, which is that of the inputs.
    std::size_t size() const noexcept { return rows_; }
    bool empty() const noexcept { return rows_ == 0; }
    /// The number of numbers in each row.
    std::size_t columns() const noexcept { return columns_; }
    /// All numbers, row after row.
    const float *data() const noexcept { return data_; }
    /// One row, which must be there.
    row operator[](std::size_t i) const noexcept { return row(data_ + i * columns_, columns_); }
    const_iterator begin() const noexcept { return const_iterator(this, 0); }
    const_iterator end() const noexcept { return const_iterator(this, rows_); }
    /// Who made them and what they took: {"model": "...", "usage": {...}}.
    json_text info() const { return json_text(mishikallm_embeddings_info(handle_.get())); }

private:
    struct free {
        void operator()(mishikallm_embeddings *handle) const noexcept { mishikallm_embeddings_free(handle); }
    };
    std::unique_ptr<mishikallm_embeddings, free> handle_;
    std::size_t rows_ = 0, columns_ = 0;
    const float *data_ = nullptr;
};

// ---------------------------------------------------------------------------------------------------------------------
// Calls that can be cancelled.
// ---------------------------------------------------------------------------------------------------------------------

/// Cancels a stream or a submitted call, from any thread, any number of times, also after it is moved or destroyed.
///
/// A function object, so that std::stop_callback takes it.
class canceller {
public:
    canceller() noexcept = default;
    canceller(std::weak_ptr<const void> what, void (*how)(const void *)) noexcept
        : what_(std::move(what)), cancel_(how) {}

    /// Ends the call at once, and the request at the server. What is over stays as it is.
    void cancel() const noexcept
    {
        if (const auto alive = what_.lock())
            cancel_(alive.get());
    }
    void operator()() const noexcept { cancel(); }

private:
    std::weak_ptr<const void> what_;
    void (*cancel_)(const void *) = nullptr;
};

/// What came when a stream was asked for its next chunk: a chunk, or none.
class step {
public:
    step(json_text chunk, std::int32_t status) noexcept : chunk_(std::move(chunk)), status_(status) {}
    /// Whether there is a chunk.
    explicit operator bool() const noexcept { return status_ == MISHIKALLM_OK; }
    /// Whether the stream has ended, whole.
    bool done() const noexcept { return status_ == MISHIKALLM_DONE; }
    /// Whether nothing came in time; the stream goes on.
    bool timed_out() const noexcept { return status_ == MISHIKALLM_TIMEOUT; }
    /// The chunk, which must be there.
    json_text &operator*() noexcept { return chunk_; }
    const json_text &operator*() const noexcept { return chunk_; }
    json_text *operator->() noexcept { return &chunk_; }
    const json_text *operator->() const noexcept { return &chunk_; }

private:
    json_text chunk_;
    std::int32_t status_;
};

/// A call that gives its answer in chunks, on the thread that asks for them. One thread at a time; see canceller.
///
/// To destroy it is to cancel it, at the server too.
class [[nodiscard]] stream {
public:
    /// Takes over a handle.
    explicit stream(mishikallm_stream *handle)
        : handle_(handle, [](mishikallm_stream *it) { mishikallm_stream_free(it); }) {}

    /// The next chunk, or that there is no more, or the error. Waits as long as the call's time-outs let it.
    result<step> try_next() { return take(detail::for_ever); }
    /// The same, and no longer than this.
    template <class Rep, class Period>
    result<step> try_next_for(std::chrono::duration<Rep, Period> most)
    {
        return take(detail::milliseconds(most));
    }

    /// The rows of a stream that client::open() made with the operation "embeddings". They are there once.
    result<embeddings> try_rows()
    {
        auto rows = take_rows(detail::for_ever);
        if (!rows)
            return rows.error();
        return *std::move(*rows);
    }
    /// The same; nothing when they did not come in time, and the call goes on.
    template <class Rep, class Period>
    result<std::optional<embeddings>> try_rows_for(std::chrono::duration<Rep, Period> most)
    {
        return take_rows(detail::milliseconds(most));
    }

    /// Ends the stream at once, and the request at the server: who waits for a chunk gets error_kind::cancelled.
    void cancel() const noexcept { mishikallm_stream_cancel(handle_.get()); }
    /// For other threads.
    mishikallm::canceller canceller() const noexcept
    {
        return mishikallm::canceller(
            handle_, [](const void *it) { mishikallm_stream_cancel(static_cast<const mishikallm_stream *>(it)); });
    }
    /// The handle, which stays the stream's.
    mishikallm_stream *get() const noexcept { return handle_.get(); }

    /// Chunks, of which the last may be an error: for loops without exceptions.
    class outcomes {
    public:
        class sentinel {};
        class iterator {
        public:
            explicit iterator(outcomes *all) noexcept : all_(all) {}
            result<json_text> &operator*() const noexcept { return *all_->now_; }
            iterator &operator++() { return all_->advance(), *this; }
            friend bool operator!=(const iterator &it, sentinel) noexcept { return it.there(); }
            friend bool operator==(const iterator &it, sentinel) noexcept { return !it.there(); }

        private:
            bool there() const noexcept { return all_->now_.has_value(); }
            outcomes *all_;
        };
        explicit outcomes(stream *from) noexcept : from_(from) {}
        iterator begin() { return advance(), iterator(this); }
        sentinel end() const noexcept { return {}; }

    private:
        void advance()
        {
            if (now_ && !now_->has_value())
                return now_.reset();
            auto came = from_->try_next();
            if (!came)
                now_.emplace(came.error());
            else if (*came)
                now_.emplace(std::move(**came));
            else
                now_.reset();
        }
        stream *from_;
        std::optional<result<json_text>> now_;
    };
    /// for (auto &chunk : stream.results()): each is a result<json_text>.
    outcomes results() noexcept { return outcomes(this); }

#if MISHIKALLM_EXCEPTIONS
    /// The next chunk: while (auto chunk = stream.next()). Throws the error.
    step next() { return try_next().value(); }
    /// The same, and no longer than this: the step tells which it is.
    template <class Rep, class Period>
    step next_for(std::chrono::duration<Rep, Period> most) { return try_next_for(most).value(); }
    /// The rows; throws the error.
    embeddings rows() { return try_rows().value(); }

    /// The end of a stream.
    class sentinel {};
    /// Goes from chunk to chunk, once; throws the error that ends a stream.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = json_text;
        using difference_type = std::ptrdiff_t;
        using pointer = json_text *;
        using reference = json_text &;

        iterator() noexcept = default;
        explicit iterator(stream *from) : from_(from) { ++*this; }
        json_text &operator*() const noexcept { return from_->now_; }
        json_text *operator->() const noexcept { return &from_->now_; }
        iterator &operator++()
        {
            auto came = from_->next();
            if (came)
                from_->now_ = std::move(*came);
            else
                from_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator &it, sentinel) noexcept { return it.from_ == nullptr; }
        friend bool operator!=(const iterator &it, sentinel) noexcept { return it.from_ != nullptr; }
        friend bool operator==(sentinel, const iterator &it) noexcept { return it.from_ == nullptr; }
        friend bool operator!=(sentinel, const iterator &it) noexcept { return it.from_ != nullptr; }

    private:
        stream *from_ = nullptr;
    };
    /// for (auto &chunk : stream): each is a json_text, which may be moved away.
    iterator begin() { return iterator(this); }
    sentinel end() const noexcept { return {}; }
#endif

private:
    result<step> take(std::int32_t most)
    {
        std::int32_t status = MISHIKALLM_PANIC;
        json_text source(mishikallm_stream_next(handle_.get(), most, &status));
        if (status < 0)
            return error(status, source);
        return step(std::move(source), status);
    }
    result<std::optional<embeddings>> take_rows(std::int32_t most)
    {
        std::int32_t status = MISHIKALLM_PANIC;
        char *failed = nullptr;
        mishikallm_embeddings *made = mishikallm_stream_embeddings(handle_.get(), most, &status, &failed);
        const json_text source(failed);
        if (made)
            return std::optional<embeddings>(made);
        if (status == MISHIKALLM_TIMEOUT)
            return std::optional<embeddings>();
        if (status == MISHIKALLM_DONE)
            return error(MISHIKALLM_ARGUMENT, 400, "the rows of this stream were taken already", "stream");
        return error(status, source);
    }

    std::shared_ptr<mishikallm_stream> handle_;
    json_text now_; // The iterator's chunk.
};

/// What a submitted call tells its handler. Borrowed for the time of the handler.
class event {
public:
    event(std::int32_t status, const char *source) noexcept
        : status_(status), json_(source ? std::string_view(source) : std::string_view()) {}
    /// Whether it has a chunk, or the answer.
    explicit operator bool() const noexcept { return status_ == MISHIKALLM_OK; }
    /// The chunk or the answer, which must be there.
    const json_view &operator*() const noexcept { return json_; }
    const json_view *operator->() const noexcept { return &json_; }
    /// Whether it is the last one.
    bool last() const noexcept { return status_ != MISHIKALLM_OK; }
    /// Why the call failed; nothing if it did not.
    std::optional<mishikallm::error> error() const
    {
        return status_ < 0 ? std::optional<mishikallm::error>(std::in_place, status_, json_) : std::nullopt;
    }

private:
    std::int32_t status_;
    json_view json_;
};

/// A call on a thread of the library. To destroy it cancels it and waits for its last event, as std::jthread does;
/// detach() lets it go on.
class [[nodiscard]] call {
public:
    /// Takes over a handle.
    explicit call(mishikallm_call *handle)
        : handle_(handle, [](mishikallm_call *it) { mishikallm_call_free(it); }) {}
    call(call &&) noexcept = default;
    call &operator=(call &&other) noexcept
    {
        if (this != &other) {
            end();
            handle_ = std::move(other.handle_);
        }
        return *this;
    }
    ~call() { end(); }

    /// Ends the call at once; its last event follows.
    void cancel() const noexcept { mishikallm_call_cancel(handle_.get()); }
    /// For other threads.
    mishikallm::canceller canceller() const noexcept
    {
        return mishikallm::canceller(
            handle_, [](const void *it) { mishikallm_call_cancel(static_cast<const mishikallm_call *>(it)); });
    }
    /// Waits until the handler has returned from the last event. False from inside the handler, which it is part of.
    bool wait() const noexcept { return mishikallm_call_wait(handle_.get(), detail::for_ever) == MISHIKALLM_OK; }
    /// The same, and no longer than this: whether it is over.
    template <class Rep, class Period>
    bool wait_for(std::chrono::duration<Rep, Period> most) const noexcept
    {
        return mishikallm_call_wait(handle_.get(), detail::milliseconds(most)) == MISHIKALLM_OK;
    }
    /// Lets the call go on without this object. A canceller of it does nothing from now on.
    void detach() noexcept { handle_.reset(); }

private:
    void end() noexcept
    {
        if (!handle_)
            return;
        mishikallm_call_cancel(handle_.get());
        mishikallm_call_wait(handle_.get(), detail::for_ever);
        handle_.reset();
    }
    std::shared_ptr<mishikallm_call> handle_;
};

// ---------------------------------------------------------------------------------------------------------------------
// The client, and what belongs to no call.
// ---------------------------------------------------------------------------------------------------------------------

/// Calls models. Its functions are for any number of threads at once; make one and keep it.
class client {
public:
    /// The process-wide default client: each request says where to call.
    client() noexcept = default;
    /// A client with this configuration; see mishikallm_client_new(). Without exceptions.
    static result<client> make(const text &config)
    {
        if (!config.fault().empty())
            return detail::faulty("config", config);
        char *failed = nullptr;
        mishikallm_client *handle = mishikallm_client_new(config.c_str(), &failed);
        const json_text source(failed);
        if (!handle)
            return detail::unmade(source, MISHIKALLM_CONFIG);
        client made;
        made.handle_.reset(handle);
        return result<client>(std::move(made));
    }
    client(client &&other) noexcept : handle_(std::move(other.handle_)), here_(std::exchange(other.here_, false)) {}
    client &operator=(client &&other) noexcept
    {
        handle_ = std::move(other.handle_);
        here_ = std::exchange(other.here_, false);
        return *this;
    }

    /// Ends every call under way with error_kind::closed, and refuses new ones. Any thread, any number of times.
    void close() const noexcept { mishikallm_client_close(handle_.get()); }
    /// The handle, which stays the client's; NULL is the default client.
    const mishikallm_client *get() const noexcept { return handle_.get(); }

    /// A chat completion.
    result<json_text> try_completion(const text &request) const { return ask(mishikallm_completion, request); }
    /// A text completion.
    result<json_text> try_text_completion(const text &request) const
    {
        return ask(mishikallm_text_completion, request);
    }
    /// Embeddings as JSON; see try_rows() for numbers.
    result<json_text> try_embedding(const text &request) const { return ask(mishikallm_embedding, request); }
    /// Any operation; see mishikallm_invoke().
    result<json_text> try_invoke(const text &operation, const text &request) const
    {
        if (!operation.fault().empty())
            return detail::faulty("operation", operation);
        return ask([&operation](const mishikallm_client *handle, const char *source, std::int32_t *status) {
            return mishikallm_invoke(handle, operation.c_str(), source, status);
        }, request);
    }
    /// Embeddings as numbers, without JSON.
    result<embeddings> try_rows(const text &request) const
    {
        return try_open("embeddings", request).and_then([](mishikallm::stream &&opened) { return opened.try_rows(); });
    }
    /// A chat completion in chunks.
    result<mishikallm::stream> try_stream(const text &request) const { return try_open("chat.completions", request); }
    /// A text completion in chunks.
    result<mishikallm::stream> try_text_stream(const text &request) const { return try_open("completions", request); }
    /// Any operation as a stream, so that it can be cancelled from another thread. With "stream": false, and for all
    /// operations but the two above, the whole answer is its one chunk.
    result<mishikallm::stream> try_open(const text &operation, const text &request) const
    {
        if (!operation.fault().empty())
            return detail::faulty("operation", operation);
        if (auto wrong = refused(request))
            return *wrong;
        char *failed = nullptr;
        mishikallm_stream *handle = mishikallm_stream_open(handle_.get(), operation.c_str(), request.c_str(), &failed);
        const json_text source(failed);
        if (!handle)
            return detail::unmade(source, MISHIKALLM_ARGUMENT);
        return mishikallm::stream(handle);
    }
    /// Starts a call on a thread of the library, which calls handler(const event &) for each chunk or the answer, and
    /// once at the end. It must not throw: that is std::terminate, as for a thread.
    template <class F>
    result<call> try_submit(const text &operation, const text &request, F &&handler) const
    {
        using function = std::decay_t<F>;
        if (!operation.fault().empty())
            return detail::faulty("operation", operation);
        if (auto wrong = refused(request))
            return *wrong;
        auto kept = std::make_unique<function>(std::forward<F>(handler));
        const mishikallm_event_fn tell = [](std::int32_t status, const char *source, void *userdata) noexcept {
            auto *it = static_cast<function *>(userdata);
            const event told(status, source);
            std::invoke(*it, told);
            if (told.last())
                delete it;
        };
        char *failed = nullptr;
        mishikallm_call *handle =
            mishikallm_submit(handle_.get(), operation.c_str(), request.c_str(), tell, kept.get(), &failed);
        const json_text source(failed);
        if (!handle)
            return detail::unmade(source, MISHIKALLM_ARGUMENT);
        (void)kept.release(); // The last event has it, or had it.
        return call(handle);
    }

#if MISHIKALLM_EXCEPTIONS
    /// A client with this configuration; see mishikallm_client_new().
    explicit client(const text &config) : client(make(config).value()) {}
    /// See try_completion().
    json_text completion(const text &request) const { return try_completion(request).value(); }
    /// See try_text_completion().
    json_text text_completion(const text &request) const { return try_text_completion(request).value(); }
    /// See try_embedding().
    json_text embedding(const text &request) const { return try_embedding(request).value(); }
    /// See try_invoke().
    json_text invoke(const text &operation, const text &request) const
    {
        return try_invoke(operation, request).value();
    }
    /// See try_rows().
    embeddings rows(const text &request) const { return try_rows(request).value(); }
    /// See try_stream().
    mishikallm::stream stream(const text &request) const { return try_stream(request).value(); }
    /// See try_text_stream().
    mishikallm::stream text_stream(const text &request) const { return try_text_stream(request).value(); }
    /// See try_open().
    mishikallm::stream open(const text &operation, const text &request) const
    {
        return try_open(operation, request).value();
    }
    /// See try_submit().
    template <class F>
    call submit(const text &operation, const text &request, F &&handler) const
    {
        return try_submit(operation, request, std::forward<F>(handler)).value();
    }
#endif

private:
    struct free {
        void operator()(mishikallm_client *handle) const noexcept { mishikallm_client_free(handle); }
    };

    std::optional<error> refused(const text &request) const
    {
        if (!here_) // Without a handle it would be the default client.
            return error(MISHIKALLM_ARGUMENT, 400, "this client was moved from", "client");
        if (!request.fault().empty())
            return detail::faulty("request", request);
        return std::nullopt;
    }
    template <class F>
    result<json_text> ask(F &&function, const text &request) const
    {
        if (auto wrong = refused(request))
            return *wrong;
        std::int32_t status = MISHIKALLM_PANIC;
        json_text answer(function(handle_.get(), request.c_str(), &status));
        if (status != MISHIKALLM_OK)
            return error(status, answer);
        return result<json_text>(std::move(answer));
    }

    std::unique_ptr<mishikallm_client, free> handle_;
    bool here_ = true; // Not moved from.
};

/// The version of the library that is loaded, such as "0.1.0".
inline std::string_view version() noexcept { return mishikallm_version(); }
/// What the library can do: see mishikallm_info().
inline json_text info() { return json_text(mishikallm_info()); }

/// Sets where the log of the whole process goes: write(level, line), on the threads that make calls, several at once.
/// An empty function: nowhere. False from inside the log, while another thread sets it, and for a level that is none.
inline bool set_log(std::function<void(std::int32_t, std::string_view)> write, std::int32_t level = MISHIKALLM_LOG_WARN)
{
    using function = std::function<void(std::int32_t, std::string_view)>;
    struct target {
        std::mutex lock;
        function *write = nullptr;
    };
    // Never destroyed: other threads may log while the process ends.
    static target &now = *new target;
    auto next = write ? std::make_unique<function>(std::move(write)) : nullptr;
    const mishikallm_log_fn tell = [](std::int32_t at, const char *line, void *userdata) noexcept {
        (*static_cast<function *>(userdata))(at, line);
    };
    // Asked first, as whoever logs would wait for itself in the lock.
    const std::unique_lock<std::mutex> alone(now.lock, std::try_to_lock);
    if (!alone || mishikallm_set_log(next ? tell : nullptr, next.get(), next ? level : 0) != MISHIKALLM_OK)
        return false;
    delete std::exchange(now.write, next.release()); // It does not run any more.
    return true;
}

} // namespace mishikallm

#ifdef __cpp_lib_ranges
/// A row borrows its numbers: it may go before its iterators.
template <>
inline constexpr bool std::ranges::enable_borrowed_range<mishikallm::row> = true;
template <>
inline constexpr bool std::ranges::enable_view<mishikallm::row> = true;
#endif

#undef MISHIKALLM_VISIBLE
#endif
