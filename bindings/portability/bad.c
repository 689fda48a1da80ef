/* A library with every mistake that `test` looks for; each is switched on by its name. */
void mishikallm_version(void) {}

#ifdef EXTRA
void another_function(void) {}
#endif

#ifndef LACKING
void mishikallm_info(void) {}
#endif

#ifdef INTERPOSED
void mishikallm_uses(void) { mishikallm_version(); }
#endif

#ifdef STATIC_TLS
static __thread int mine;
int *mishikallm_uses(void) { return &mine; }
#endif

#ifdef NEW_GLIBC
#include <dlfcn.h>
void *mishikallm_uses(void) { return dlsym(0, "x"); }
#endif
