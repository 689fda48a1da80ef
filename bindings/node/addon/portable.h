/*
 * Older names of functions that moved from libdl and libpthread into libc with glibc 2.34: an addon that is built on a
 * newer system then loads on older ones too.
 */
#ifndef MISHIKALLM_PORTABLE_H
#define MISHIKALLM_PORTABLE_H

#include <features.h>
#if defined(__GLIBC__) && defined(__x86_64__)
__asm__(".symver dlopen,dlopen@GLIBC_2.2.5");
__asm__(".symver dlsym,dlsym@GLIBC_2.2.5");
__asm__(".symver dlerror,dlerror@GLIBC_2.2.5");
__asm__(".symver pthread_create,pthread_create@GLIBC_2.2.5");
__asm__(".symver pthread_attr_setstacksize,pthread_attr_setstacksize@GLIBC_2.2.5");
__asm__(".symver pthread_sigmask,pthread_sigmask@GLIBC_2.2.5");
#endif

#endif
