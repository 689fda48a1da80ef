// Two translation units have the header, with different things before it; see two_other.cpp.
#include <mishikallm.hpp>

#include "check.hpp"

std::string content_from_the_other(const mishikallm::client &client);
void throw_from_the_other();

int main()
{
    const mishikallm::client client;
    CHECK(content_from_the_other(client) == client.completion(mocked).content());
    try {
        throw_from_the_other();
        NEVER("an answer");
    } catch (const mishikallm::bad_request_error &) {
    }
}
