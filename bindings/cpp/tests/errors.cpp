// An error is the same thrown and returned, and each kind has its exception.
#include "check.hpp"
#include <mishikallm.hpp>
#include <type_traits>
#include <vector>

using mishikallm::error;
using mishikallm::error_kind;

// What is thrown may be copied while it is under way.
static_assert(std::is_nothrow_copy_constructible_v<error>);
static_assert(std::is_nothrow_copy_constructible_v<mishikallm::rate_limit_error>);
static_assert(std::is_base_of_v<std::exception, mishikallm::exception>);

template <class E>
static bool throws(error_kind kind, std::int32_t status, int http_status)
{
    const error made(status, http_status, "words", "field");
    CHECK(made.kind() == kind);
    try {
        made.raise();
    } catch (const E &caught) {
        CHECK(caught.error().kind() == kind && std::string(caught.what()) == "words");
        try {
            throw;
        } catch (const mishikallm::exception &base) {
            return base.error().status() == status;
        }
    } catch (...) {
    }
    return false;
}

static void each_kind()
{
    using namespace mishikallm;
    const std::int32_t server = MISHIKALLM_SERVER;
    CHECK(throws<bad_request_error>(error_kind::bad_request, server, 400));
    CHECK(throws<bad_request_error>(error_kind::bad_request, server, 418));
    CHECK(throws<bad_request_error>(error_kind::bad_request, MISHIKALLM_CONFIG, 400));
    CHECK(throws<authentication_error>(error_kind::authentication, server, 401));
    CHECK(throws<permission_denied_error>(error_kind::permission_denied, server, 403));
    CHECK(throws<not_found_error>(error_kind::not_found, server, 404));
    CHECK(throws<timeout_error>(error_kind::timeout, server, 408));
    CHECK(throws<timeout_error>(error_kind::timeout, MISHIKALLM_DEADLINE, 408));
    CHECK(throws<too_large_error>(error_kind::too_large, MISHIKALLM_LIMIT, 413));
    CHECK(throws<unprocessable_error>(error_kind::unprocessable, server, 422));
    CHECK(throws<rate_limit_error>(error_kind::rate_limit, server, 429));
    CHECK(throws<connection_error>(error_kind::connection, MISHIKALLM_CONNECT, 503));
    CHECK(throws<internal_server_error>(error_kind::internal_server, server, 500));
    CHECK(throws<internal_server_error>(error_kind::internal_server, server, 504));
    CHECK(throws<internal_server_error>(error_kind::internal_server, MISHIKALLM_PANIC, 500));
    CHECK(throws<internal_server_error>(error_kind::internal_server, MISHIKALLM_FORKED, 500));
    CHECK(throws<bad_gateway_error>(error_kind::bad_gateway, server, 502));
    CHECK(throws<bad_gateway_error>(error_kind::bad_gateway, MISHIKALLM_PROTOCOL, 502));
    CHECK(throws<bad_gateway_error>(error_kind::bad_gateway, MISHIKALLM_LIMIT, 502));
    CHECK(throws<service_unavailable_error>(error_kind::service_unavailable, server, 503));
    CHECK(throws<service_unavailable_error>(error_kind::service_unavailable, MISHIKALLM_UNAVAILABLE, 503));
    CHECK(throws<cancelled_error>(error_kind::cancelled, MISHIKALLM_CANCELLED, 499));
    CHECK(throws<closed_error>(error_kind::closed, MISHIKALLM_CLOSED, 499));
}

static void everything_is_told()
{
    const mishikallm::client client;
    const auto told = [](const error &failed) {
        CHECK(failed.kind() == error_kind::rate_limit && std::string(failed.kind_name()) == "rate_limit");
        CHECK(failed.http_status() == 429 && failed.status() == MISHIKALLM_SERVER);
        CHECK(std::string(failed.status_name()) == "SERVER");
        CHECK(failed.message().find("slow \"down\"") != std::string::npos);
        CHECK(!failed.param() && failed.code() == "429" && failed.type() == "throttling_error");
        CHECK(failed.retry_after() == 7.0);
    };
    const auto result = client.try_completion(chat("busy"));
    CHECK(!result.has_value() && !result);
    told(result.error());
    try {
        client.completion(chat("busy"));
        NEVER("an answer");
    } catch (const mishikallm::rate_limit_error &caught) {
        told(caught.error());
    }
}

/// Without a status of its own: where a handle is made.
static void handles_that_are_not_made()
{
    const auto client = mishikallm::client::make(R"({"timeout": -1})");
    CHECK(client.error().status() == MISHIKALLM_CONFIG && client.error().param() == "timeout");
    const auto stream = mishikallm::client().try_stream(R"({"model": 5})");
    CHECK(stream.error().status() == MISHIKALLM_ARGUMENT && stream.error().param() == "model");
    mishikallm::client closed("{}");
    closed.close();
    CHECK(closed.try_completion(mocked).error().kind() == error_kind::closed);
    const auto call = closed.try_submit("chat.completions", mocked, [](const mishikallm::event &) {});
    CHECK(call.error().status() == MISHIKALLM_CLOSED && call.error().kind() == error_kind::closed);
}

/// A client that was moved from is not the default client.
static void moved_from()
{
    mishikallm::client client(R"({"mock_response": "mine"})");
    const mishikallm::client other = std::move(client);
    const char *const request =
        R"({"model": "triton/m", "messages": [{"role": "user", "content": "hi"}], "api_base": "http://127.0.0.1:1"})";
    CHECK(other.completion(request).content() == "mine");
    const auto refused = client.try_completion(mocked); // NOLINT: that is the test
    CHECK(!refused && refused.error().message() == "this client was moved from");
    CHECK(!client.try_stream(mocked) && !client.try_submit("models", "{}", [](const mishikallm::event &) {}));
    client = mishikallm::client();
    CHECK(client.try_completion(mocked).has_value());
}

static void results()
{
    const mishikallm::client client;
    CHECK(client.try_completion(mocked).value().content().size() == 12);
    CHECK(client.try_completion(mocked).transform([](auto &&a) { return a.content(); }).value_or("none").size() == 12);
    CHECK(client.try_completion("{}").transform([](auto &&a) { return a.content(); }).value_or("none") == "none");
    const auto both = client.try_completion(mocked).and_then([&](auto &&) { return client.try_completion("{}"); });
    CHECK(!both && both.error().kind() == error_kind::bad_request);
    try {
        (void)client.try_completion("{}").value();
        NEVER("a value");
    } catch (const mishikallm::bad_request_error &) {
    }
}

int main()
{
    each_kind();
    everything_is_told();
    handles_that_are_not_made();
    moved_from();
    results();
}
