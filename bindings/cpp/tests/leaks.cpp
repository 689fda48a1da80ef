// A program with a defect: a string that is given away, and never freed.
#include <mishikallm.hpp>

int main()
{
    volatile std::size_t size = 0;
    for (int i = 0; i < 10; ++i)
        size = size + std::string_view(mishikallm::info().release()).size();
    return size == 0;
}
