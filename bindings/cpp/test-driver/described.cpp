#include "driver.hpp"
#include <mishikallm.hpp>

namespace {

json with(const char *kind, const mishikallm::exception &caught)
{
    const auto or_null = [](const auto &value) { return value ? json(*value) : json(); };
    const auto &error = caught.error();
    return {
        {"kind", kind},
        {"message", caught.what()},
        {"status", error.http_status()},
        {"param", or_null(error.param())},
        {"code", or_null(error.code())},
        {"retry_after", or_null(error.retry_after())},
        {"name", error.status_name()},
    };
}

} // namespace

json described(const std::exception_ptr &caught)
{
    try {
        std::rethrow_exception(caught);
    } catch (const mishikallm::bad_request_error &e) {
        return with("bad_request", e);
    } catch (const mishikallm::authentication_error &e) {
        return with("authentication", e);
    } catch (const mishikallm::permission_denied_error &e) {
        return with("permission_denied", e);
    } catch (const mishikallm::not_found_error &e) {
        return with("not_found", e);
    } catch (const mishikallm::timeout_error &e) {
        return with("timeout", e);
    } catch (const mishikallm::too_large_error &e) {
        return with("too_large", e);
    } catch (const mishikallm::unprocessable_error &e) {
        return with("unprocessable", e);
    } catch (const mishikallm::rate_limit_error &e) {
        return with("rate_limit", e);
    } catch (const mishikallm::connection_error &e) {
        return with("connection", e);
    } catch (const mishikallm::internal_server_error &e) {
        return with("internal_server", e);
    } catch (const mishikallm::bad_gateway_error &e) {
        return with("bad_gateway", e);
    } catch (const mishikallm::service_unavailable_error &e) {
        return with("service_unavailable", e);
    } catch (const mishikallm::cancelled_error &e) {
        return with("cancelled", e);
    } catch (const mishikallm::closed_error &e) {
        return with("closed", e);
    }
}
