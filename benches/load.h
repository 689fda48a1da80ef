/* A client under load. load.c has main(), the threads, the clocks and the report; a client has these three functions. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Once, at the start, with the arguments of main(). */
void client_start(int argc, char **argv);

/* Before each case: `mode` names it, `threads` is how many threads will call. */
void client_prepare(const char *mode, int threads);

/* One call and the check of its reply: true when the reply is right. Thread numbers run from 0. */
bool client_call(int thread);

static inline _Noreturn void die(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which);
    exit(1);
}

#endif
