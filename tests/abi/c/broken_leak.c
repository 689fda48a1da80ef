/* Strings of the library that nobody frees: whoever looks for leaks has to find them. */
#include "check.h"

int main(void)
{
    for (int i = 0; i < 10; i++) CHECK(mishikallm_info() != NULL);
    return 0;
}
