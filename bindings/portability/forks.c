/* Processes that are made after the library was used, as servers make them that load an application first and fork then
 * (gunicorn --preload): every worker works with the default client and with clients of its own, while the parent works on.
 *
 *     forks URL LIBRARY
 */
#include "library.h"
#include <spawn.h>
#include <sys/wait.h>

enum { WORKERS = 8, ROUNDS = 10 };
extern char **environ;

static struct library library;

static void ended_well(pid_t child)
{
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void *work(void *unused)
{
    make_all(&library, NULL);
    make_all_anew(&library);
    return unused;
}

/* A worker's life: several threads, and a child of its own in the middle of it. */
static void live(int depth)
{
    alarm(60);
    pthread_t threads[2];
    for (int i = 0; i < ROUNDS; i++) {
        for (int t = 0; t < 2; t++) CHECK(pthread_create(&threads[t], NULL, work, NULL) == 0);
        for (int t = 0; t < 2; t++) CHECK(pthread_join(threads[t], NULL) == 0);
    }
    if (depth == 0) return;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        live(depth - 1);
        exit(0);
    }
    ended_well(child);
}

/* The workers are made at a moment when `stream`, of the parent, is midway. */
static void prefork(mishikallm_client *client, mishikallm_stream *stream)
{
    pid_t children[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i]) continue;
        /* What the parent made is refused here, and says why; the rest works. */
        int32_t status = -99;
        char *error = library.stream_next(stream, 1000, &status);
        CHECK(status == MISHIKALLM_FORKED && strstr(error, "fork()"));
        library.string_free(error);
        error = library.completion(client, chat("llm").json, &status);
        CHECK(status == MISHIKALLM_FORKED && strstr(error, "fork()"));
        library.string_free(error);
        live(1);
        library.stream_free(stream);
        library.client_free(client);
        exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) make_all(&library, client), make_all(&library, NULL);
    for (int i = 0; i < WORKERS; i++) ended_well(children[i]);
}

/* Programs that are started while connections are open get none of them. */
static void spawn(void)
{
    char *look[] = {"sh", "-c", "for f in /proc/self/fd/*; do case $(readlink $f) in socket*) exit 7;; esac; done", NULL};
    for (int i = 0; i < WORKERS; i++) {
        pid_t child = -1;
        CHECK(posix_spawnp(&child, "sh", NULL, NULL, look, environ) == 0);
        make_completion(&library, NULL);
        ended_well(child);
        child = vfork();
        if (child == 0) {
            execvp("sh", look);
            _exit(127);
        }
        CHECK(child > 0);
        make_completion(&library, NULL);
        ended_well(child);
    }
}

static mishikallm_stream *midway(mishikallm_client *client)
{
    mishikallm_stream *stream = library.stream_open(client, "chat.completions", chat("s20d20").json, NULL);
    int32_t status = -99;
    library.string_free(library.stream_next(stream, -1, &status));
    CHECK(status == MISHIKALLM_OK);
    return stream;
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 3);
    server = argument[1];
    library = loaded(argument[2], RTLD_LOCAL);
    alarm(120);

    /* First one that has only made calls, then one that also has threads of the library, asleep. */
    mishikallm_client *client = library.client_new("{}", NULL);
    make_completion(&library, NULL);
    make_completion(&library, client);
    CHECK(entries("/proc/self/task") == 1);
    mishikallm_stream *stream = midway(client);
    prefork(client, stream);
    CHECK(entries("/proc/self/task") > 1);
    prefork(client, stream);
    spawn();

    /* The stream was touched by none of the children. */
    int32_t status = MISHIKALLM_OK;
    int tokens = 1;
    while (status == MISHIKALLM_OK) {
        char *chunk = library.stream_next(stream, -1, &status);
        tokens += chunk && strstr(chunk, "\"content\":\"token");
        library.string_free(chunk);
    }
    CHECK(status == MISHIKALLM_DONE && tokens >= 20);
    library.stream_free(stream);
    library.client_free(client);
    printf("%d workers, each with a child of its own; %d programs started by vfork and posix_spawn\n", 2 * WORKERS,
           2 * WORKERS);
    return 0;
}
