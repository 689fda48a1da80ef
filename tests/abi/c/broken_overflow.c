/* Undefined behaviour that goes unnoticed without a sanitizer. */
#include "check.h"
#include <limits.h>

int main(int count, char **arguments)
{
    int most = INT_MAX - 1 + count;
    CHECK(arguments != NULL);
    return most + count == 0;
}
