// The other half of two.cpp.
#include <nlohmann/json.hpp>
using nlohmann::json;  // The header has no names that this one shadows.
struct exception {};
using error = int;

#include <mishikallm.hpp>

#include "check.hpp"

std::string content_from_the_other(const mishikallm::client &client)
{
    return client.completion(json::parse(mocked)).content();
}

void throw_from_the_other()
{
    mishikallm::client().completion("{}");
}
