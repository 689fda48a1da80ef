/* One of two units of a program; compiled as C and as C++. */
#include <mishikallm.h>
#include <mishikallm.h> /* twice on purpose */

extern int other_unit(void);

int main(void) { return mishikallm_abi_version() == MISHIKALLM_ABI_VERSION ? other_unit() : 1; }
