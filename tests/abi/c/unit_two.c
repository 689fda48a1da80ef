/* The other of two units: what the header defines must not be defined twice. */
#include <mishikallm.h>

extern int other_unit(void);

int other_unit(void) { return mishikallm_version()[0] == '\0'; }
