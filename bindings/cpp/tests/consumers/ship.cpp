#include <iostream>
#include <mishikallm.hpp>

int main()
{
    const mishikallm::client client(R"({"mock_response": "a ship", "api_base": "http://127.0.0.1:1"})");
    std::cout << client.completion(R"({"model": "triton/m", "messages": [{"role": "user", "content": "hi"}]})").content()
              << ' ' << mishikallm::version() << '\n';
}
