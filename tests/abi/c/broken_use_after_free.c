/* A string of the library read after it was freed: whoever watches memory has to watch the library's too. */
#include "check.h"

int main(void)
{
    char *info = mishikallm_info();
    const volatile char *freed = info;
    mishikallm_string_free(info);
    return freed[8] == '\0';
}
