// As a C++ program would use the C header: what is given back is held by what frees it.
#include <mishikallm.h>

#include <iostream>
#include <memory>
#include <string>

namespace {

template <auto function>
struct freed_by {
    template <typename T>
    void operator()(T *held) const { function(held); }
};

using text = std::unique_ptr<char, freed_by<mishikallm_string_free>>;
using client = std::unique_ptr<mishikallm_client, freed_by<mishikallm_client_free>>;

} // namespace

int main(int count, char **arguments)
{
    const std::string url = count > 1 ? arguments[1] : "http://localhost:8000";
    const client triton{mishikallm_client_new(("{\"api_base\":\"" + url + "\"}").c_str(), nullptr)};
    if (!triton) return 1;

    std::int32_t status = MISHIKALLM_PANIC;
    const text answer{mishikallm_text_completion(
        triton.get(), R"({"model":"triton/llm","prompt":"who are u?"})", &status)};
    if (status != MISHIKALLM_OK || std::string{answer.get()}.find("echo: who are u?") == std::string::npos) {
        std::cerr << mishikallm_status_name(status) << ' ' << answer.get() << '\n';
        return 1;
    }
    return 0;
}
