/* dlopen(), calls and dlclose(), over and over: the library stays where it was, with threads of its own asleep in it and
 * threads of the program that have used it, and memory does not grow.
 *
 *     unload URL LIBRARY ROUNDS
 */
#include "library.h"
#include <time.h>

/* Resident memory in KiB. */
static long resident(void)
{
    long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file && fscanf(file, "%ld %ld", &size, &pages) == 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Whether any of this file is mapped. */
static int is_mapped(const char *path)
{
    char line[4096];
    FILE *file = fopen("/proc/self/maps", "r");
    CHECK(file);
    int found = 0;
    while (fgets(line, sizeof line, file)) found |= strstr(line, path) != NULL;
    fclose(file);
    return found;
}

static void pause_for(long milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static const char *path;
static atomic_int used, may_end;

/* A thread of the program that uses the library, and ends after it was given up: its thread-locals are dropped then. */
static void *use_and_stay(void *unused)
{
    struct library library = loaded(path, RTLD_LOCAL);
    make_all(&library, NULL);
    CHECK(dlclose(library.handle) == 0);
    used = 1;
    while (!may_end) pause_for(1);
    return unused;
}

static void once(int *order)
{
    used = may_end = 0;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, use_and_stay, NULL) == 0);
    while (!used) pause_for(1);
    struct library library = loaded(path, (*order)++ % 2 ? RTLD_LOCAL : RTLD_GLOBAL);
    make_all(&library, NULL);
    make_all_anew(&library);
    CHECK(dlclose(library.handle) == 0);
    may_end = 1;
    CHECK(pthread_join(thread, NULL) == 0);
}

/* A thread that ends gives up its thread-locals first, and runs a last destructor of the library then: a dlclose() between
 * the two would take the code away, were there no -z nodelete. */
static void *use_and_end(void *unused)
{
    struct library library = loaded(path, RTLD_LOCAL);
    make_completion(&library, NULL);
    CHECK(dlclose(library.handle) == 0);
    return unused;
}

static void *load_and_close(void *unused)
{
    while (!may_end) {
        CHECK(dlclose(dlopen(path, RTLD_NOW)) == 0);
        usleep(50);
    }
    return unused;
}

static void race(int times)
{
    may_end = 0;
    pthread_t closing, using[2];
    CHECK(pthread_create(&closing, NULL, load_and_close, NULL) == 0);
    while (times-- > 0) {
        for (int i = 0; i < 2; i++) CHECK(pthread_create(&using[i], NULL, use_and_end, NULL) == 0);
        for (int i = 0; i < 2; i++) CHECK(pthread_join(using[i], NULL) == 0);
    }
    may_end = 1;
    CHECK(pthread_join(closing, NULL) == 0);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 4);
    server = argument[1], path = argument[2];
    int rounds = atoi(argument[3]), order = 0;
    CHECK(rounds >= 20 && !is_mapped(path));

    /* A tenth is enough for buffers, stacks and the allocator to have their size. */
    while (order < rounds / 10) once(&order);
    race(rounds);
    struct library library = loaded(path, RTLD_LOCAL);
    void *address = (void *)library.completion;
    CHECK(dlclose(library.handle) == 0);
    long memory = resident();
    int files = entries("/proc/self/fd");
    while (order < rounds) once(&order);
    race(5 * rounds);
    CHECK(is_mapped(path));
    library = loaded(path, RTLD_LOCAL);
    CHECK((void *)library.completion == address);
    CHECK(dlclose(library.handle) == 0);
    long growth = resident() - memory;
    printf("%d rounds of dlopen, calls, dlclose: %ld KiB more after the first tenth\n", rounds, growth);
    CHECK(growth < 1024);
    CHECK(entries("/proc/self/fd") <= files + 1);

    /* The default client's threads sleep in the library, and end there when nothing has come for ten seconds. */
    CHECK(entries("/proc/self/task") > 1);
    for (int waited = 0; entries("/proc/self/task") > 1; waited++) {
        CHECK(waited < 300);
        pause_for(100);
    }
    puts("its idle threads have ended, after dlclose()");
    return 0;
}
