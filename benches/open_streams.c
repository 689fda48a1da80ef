/* What many open streams take: resident memory for each.
 *
 *     open_streams API_BASE MODEL EVENTS STREAMS      MODEL gives EVENTS events with a pause between them
 *
 * One thread holds them all and asks each in turn for what is there: nothing but the streams themselves is counted. A few
 * are opened first, so that what the library takes once is not counted either. Prints one line of JSON. */
#define _GNU_SOURCE
#include "mishikallm.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRST = 20, MOST = 4096 };

static _Noreturn void die(const char *what, const char *which)
{
    fprintf(stderr, "%s: %s\n", what, which ? which : "(nothing)");
    exit(1);
}

static double resident_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%ld %ld", &pages, &resident) != 2)
        die("cannot read", "/proc/self/statm");
    fclose(statm);
    return (double)resident * sysconf(_SC_PAGESIZE);
}

static mishikallm_stream *streams[MOST];
static size_t chunks[MOST];
static char request[1024];

/* The next chunk of a stream, where one is there; false at the end. */
static bool take(size_t i, int32_t timeout_ms)
{
    int32_t status;
    char *chunk = mishikallm_stream_next(streams[i], timeout_ms, &status);
    if (status < MISHIKALLM_OK)
        die("a stream failed", chunk);
    chunks[i] += chunk && strstr(chunk, "\"content\":\"token");
    mishikallm_string_free(chunk);
    return status != MISHIKALLM_DONE;
}

static void open_and_begin(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        char *error = NULL;
        streams[i] = mishikallm_stream_open(NULL, "chat.completions", request, &error);
        if (!streams[i])
            die("no stream", error);
        take(i, -1);
    }
}

int main(int argc, char **argv)
{
    size_t events = argc == 5 ? strtoul(argv[3], NULL, 10) : 0, count = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    if (!events || !count || count + FIRST > MOST)
        die("usage", "open_streams API_BASE MODEL EVENTS STREAMS");
    snprintf(request, sizeof request,
             "{\"model\":\"triton/%s\",\"api_base\":\"%s/v2/models/%s/generate\",\"messages\":[{\"role\":\"user\","
             "\"content\":\"hello big world\"}],\"max_tokens\":16}", argv[2], argv[1], argv[2]);

    open_and_begin(0, FIRST);
    double before = resident_bytes();
    open_and_begin(FIRST, FIRST + count);
    double begun = resident_bytes();

    size_t left = FIRST + count;
    static bool over[MOST];
    while (left) {
        for (size_t i = 0; i < FIRST + count; i++)
            if (!over[i] && !take(i, 0)) {
                over[i] = true;
                left--;
            }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    double ended = resident_bytes();
    for (size_t i = 0; i < FIRST + count; i++) {
        if (chunks[i] != events)
            die("chunks are missing of a stream of", argv[2]);
        mishikallm_stream_free(streams[i]);
    }
    printf("{\"streams\":%zu,\"begun_bytes\":%.0f,\"ended_bytes\":%.0f}\n", count, (begun - before) / (double)count,
           (ended - before) / (double)count);
    return 0;
}
