/* What the programs share that talk to the test's server: requests, what it counts, and time. They define
 * _POSIX_C_SOURCE as 200809L before their first #include. */
#ifndef SERVER_H
#define SERVER_H

#include "check.h"
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

/* "At once", as far as a loaded machine and valgrind let one say. */
enum { SOON = 5 };

static const char *server;

/* A chat request at a path of the server. The model's name may say what its stream does, see replies.rs; `more` fields
 * begin with a comma. */
struct request {
    char json[512];
};

static inline struct request chat_at(const char *path, const char *model, const char *more)
{
    struct request request;
    int length = snprintf(request.json, sizeof request.json,
                          "{\"model\":\"triton/%s\",\"api_base\":\"%s%s\","
                          "\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]%s}",
                          model, server, path, more);
    CHECK(length > 0 && (size_t)length < sizeof request.json);
    return request;
}

static inline struct request chat_with(const char *model, const char *more)
{
    return chat_at("", model, more);
}

/* What the server counts: "accepted" connections, requests that it keeps in "silent" wait, "streaming" answers under
 * way, and those whose client has "left". */
static inline int counted(const char *what)
{
    char path[64];
    int32_t status = -99;
    snprintf(path, sizeof path, "/count/%s/generate", what);
    char *answer = mishikallm_completion(NULL, chat_at(path, "llm", "").json, &status);
    CHECK(status == MISHIKALLM_OK);
    int number = atoi(json_at(answer, "choices.0.message.content") + 1);
    mishikallm_string_free(answer);
    return number;
}

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void pause_for(double time)
{
    struct timespec left = {(time_t)time, (long)((time - (double)(time_t)time) * 1e9)};
    while (nanosleep(&left, &left)) continue;
}

/* Waits until the server counts so many. */
static inline void await_count(const char *what, int expected)
{
    double began = seconds();
    for (int number; (number = counted(what)) != expected; pause_for(0.001)) {
        if (seconds() - began > 2 * SOON) fprintf(stderr, "%s: %d, not %d\n", what, number, expected);
        CHECK(seconds() - began < 2 * SOON);
    }
}

/* The threads of this process. */
static inline int tasks(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/task");
    CHECK(folder != NULL);
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static inline pthread_t started(void *body(void *), void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

static inline void joined(pthread_t thread) { CHECK(pthread_join(thread, NULL) == 0); }

/* Chance that is the same in every run; each thread has its own. */
static inline unsigned chance(unsigned *state, unsigned below)
{
    *state = *state * 1664525u + 1013904223u;
    return (unsigned)((unsigned long long)*state * below >> 32);
}

#endif
