// A program with a defect: a stream is moved while another thread takes a canceller from it.
#include "check.hpp"
#include <mishikallm.hpp>
#include <thread>

int main()
{
    auto stream = mishikallm::client().stream(mocked);
    std::thread other([&stream] { stream.canceller().cancel(); });
    const auto moved = std::move(stream);
    other.join();
}
