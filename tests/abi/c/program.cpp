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
using stream = std::unique_ptr<mishikallm_stream, freed_by<mishikallm_stream_free>>;
using call = std::unique_ptr<mishikallm_call, freed_by<mishikallm_call_free>>;

constexpr auto request = R"({"model":"triton/llm","prompt":"who are u?"})";

// Counts the chunks of a stream that is pulled, and those of one that is pushed.
int pulled(const mishikallm_client *triton)
{
    const stream chunks{mishikallm_stream_open(triton, "completions", request, nullptr)};
    std::int32_t status = MISHIKALLM_OK;
    int count = -1;
    for (; status == MISHIKALLM_OK; count++) text{mishikallm_stream_next(chunks.get(), -1, &status)};
    return status == MISHIKALLM_DONE ? count : -1;
}

int pushed(const mishikallm_client *triton)
{
    int count = 0;
    const call running{mishikallm_submit(
        triton, "completions", R"({"model":"triton/llm","prompt":"who are u?","stream":true})",
        [](std::int32_t status, const char *, void *userdata) {
            if (status == MISHIKALLM_OK) ++*static_cast<int *>(userdata);
        },
        &count, nullptr)};
    return mishikallm_call_wait(running.get(), -1) == MISHIKALLM_OK ? count : -1;
}

} // namespace

int main(int count, char **arguments)
{
    const std::string url = count > 1 ? arguments[1] : "http://localhost:8000";
    const client triton{mishikallm_client_new(("{\"api_base\":\"" + url + "\"}").c_str(), nullptr)};
    if (!triton) return 1;

    std::int32_t status = MISHIKALLM_PANIC;
    const text answer{mishikallm_text_completion(triton.get(), request, &status)};
    if (status != MISHIKALLM_OK || std::string{answer.get()}.find("echo: who are u?") == std::string::npos) {
        std::cerr << mishikallm_status_name(status) << ' ' << answer.get() << '\n';
        return 1;
    }
    // "echo: who are u?" in words, and the end.
    return pulled(triton.get()) == 5 && pushed(triton.get()) == 5 ? 0 : 1;
}
