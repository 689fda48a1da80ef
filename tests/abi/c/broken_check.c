/* A check that fails: the programs' checks have to reach the test. */
#include "check.h"

int main(void)
{
    CHECK_JSON("{\"a\":[1,{\"b\":\"x\"}]}", "a.1.b", "\"x\"");
    CHECK_JSON("{\"a\":[1,{\"b\":\"x\"}]}", "a.1.b", "\"y\"");
    return 0;
}
