/* fork() with streams and calls under way: a child is refused what was made before, frees it, and works with clients of
 * its own, the default one too; the parent notices nothing.
 * usage: fork URL FORKS exit|exec */
#define _POSIX_C_SOURCE 200809L
#include "events.h"
#include <sys/wait.h>

/* What the parent's other threads held is lost to a child: nobody there can free it. Where there are such threads, no
 * leaks are looked for. LeakSanitizer asks; valgrind looks whenever a process ends, but not when it becomes another. */
static int has_lost_threads, leaves_by_exec;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return has_lost_threads; }

static void leave(void)
{
    if (has_lost_threads && leaves_by_exec) execlp("true", "true", (char *)NULL);
    exit(0);
}

static mishikallm_stream *opened(const mishikallm_client *client, const char *model)
{
    mishikallm_stream *stream = mishikallm_stream_open(client, "chat.completions", chat_with(model, "").json, NULL);
    CHECK(stream != NULL);
    return stream;
}

/* Takes so many chunks. */
static void take(mishikallm_stream *stream, int count)
{
    while (count-- > 0) {
        int32_t status = -99;
        char *chunk = mishikallm_stream_next(stream, -1, &status);
        CHECK(status == MISHIKALLM_OK);
        mishikallm_string_free(chunk);
    }
}

/* Takes all that is left, and gives the last text. */
static int last_number(mishikallm_stream *stream)
{
    int number = -1;
    for (int32_t status = MISHIKALLM_OK; status == MISHIKALLM_OK;) {
        char *chunk = mishikallm_stream_next(stream, -1, &status);
        CHECK(status == MISHIKALLM_OK || status == MISHIKALLM_DONE);
        const char *text = chunk ? json_at(chunk, "choices.0.delta.content") : NULL;
        if (text) number = atoi(text + 1);
        mishikallm_string_free(chunk);
    }
    return number;
}

/* All that is made before fork(), and is asked for in a child. */
enum { STREAMS = 5, CALLS = 6 };
static mishikallm_client *client;
static mishikallm_stream *streams[STREAMS];
static mishikallm_call *calls[CALLS];
static struct told told[CALLS];

/* The answer says that the client was made before fork(). */
static void expect_forked(char *answer, int32_t status)
{
    CHECK(status == MISHIKALLM_FORKED);
    CHECK(json_at(answer, "error.message") && strstr(answer, "fork()"));
    mishikallm_string_free(answer);
}

static void child_is_refused(void)
{
    double began = seconds();
    struct request request = chat_with("llm", "");
    int32_t status = -99;
    char *answer = mishikallm_completion(client, request.json, &status);
    expect_forked(answer, status);
    answer = mishikallm_invoke(client, "models", "{}", &status);
    expect_forked(answer, status);
    char *error = NULL;
    CHECK(mishikallm_stream_open(client, "chat.completions", request.json, &error) == NULL);
    expect_forked(error, MISHIKALLM_FORKED);
    CHECK(mishikallm_embedding_f32(client, request.json, &error) == NULL);
    expect_forked(error, MISHIKALLM_FORKED);
    CHECK(mishikallm_submit(client, "chat.completions", request.json, tell, NULL, &error) == NULL);
    expect_forked(error, MISHIKALLM_FORKED);
    for (int i = 0; i < STREAMS; i++) {
        for (int32_t timeout = -1; timeout <= 1; timeout++) {
            error = mishikallm_stream_next(streams[i], timeout, &status);
            expect_forked(error, status);
        }
        mishikallm_stream_cancel(streams[i]);
    }
    for (int i = 0; i < CALLS && calls[i]; i++) {
        for (int32_t timeout = -1; timeout <= 1; timeout++)
            CHECK(mishikallm_call_wait(calls[i], timeout) == MISHIKALLM_FORKED);
        mishikallm_call_cancel(calls[i]);
    }
    mishikallm_client_close(client);
    CHECK(seconds() - began < SOON);
}

/* Frees all handles, the client's first or last. */
static void free_all(int client_first)
{
    if (client_first) mishikallm_client_free(client);
    for (int i = 0; i < STREAMS; i++) mishikallm_stream_free(streams[i]);
    for (int i = 0; i < CALLS; i++) mishikallm_call_free(calls[i]);
    if (!client_first) mishikallm_client_free(client);
    client = NULL;
    memset(streams, 0, sizeof streams);
    memset(calls, 0, sizeof calls);
}

/* In a child everything works on a client that was made there, and on the default client, which is the child's own. */
static void works(mishikallm_client *own)
{
    int32_t status = -99;
    char *answer = mishikallm_completion(own, chat_with("llm", "").json, &status);
    CHECK(status == MISHIKALLM_OK);
    mishikallm_string_free(answer);
    mishikallm_stream *stream = opened(own, "say-3-0");
    CHECK(last_number(stream) == 2);
    struct told done = {0};
    ended(submitted(own, "say-3-0", ",\"stream\":true", &done), &done, 4, MISHIKALLM_DONE);
    mishikallm_stream_free(stream);
}

static void child_works(void)
{
    mishikallm_client *own = mishikallm_client_new("{}", NULL);
    works(own);
    mishikallm_client_free(own);
    works(NULL);
}

static pid_t children[64];
static int born;

/* Forks; in the child the time is limited, and 0 is given. */
static pid_t forked(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) alarm(20);
    else children[born++] = child;
    return child;
}

static void children_ended_well(void)
{
    for (; born > 0; born--) {
        int ended = -1;
        CHECK(waitpid(children[born - 1], &ended, 0) == children[born - 1] && ended == 0);
    }
}

static void family(int count)
{
    for (int i = 0; i < count; i++) {
        if (forked() != 0) continue;
        child_is_refused();
        free_all(i % 2);
        child_works();
        leave();
    }
    children_ended_well();
}

/* Streams in every state: not begun, asked and not answered, midway (one of them on the default client), over. */
static void open_streams(void)
{
    client = mishikallm_client_new("{}", NULL);
    streams[0] = opened(client, "say-20-20");
    streams[1] = opened(client, "silent-0-0");
    CHECK(mishikallm_stream_next(streams[1], 50, NULL) == NULL);
    streams[2] = opened(client, "endless-1-2");
    streams[3] = opened(NULL, "say-30-20");
    streams[4] = opened(client, "say-2-0");
    take(streams[2], 3);
    take(streams[3], 3);
    CHECK(last_number(streams[4]) == 1);
}

/* The parent's streams go on as if nothing had been. */
static void streams_go_on(void)
{
    take(streams[2], 200); /* more than what had come before the children ended */
    CHECK(last_number(streams[0]) == 19);
    CHECK(last_number(streams[3]) == 29);
    int32_t status = -99;
    CHECK(mishikallm_stream_next(streams[4], -1, &status) == NULL && status == MISHIKALLM_DONE);
}

static void forked_with_streams(void)
{
    open_streams();
    CHECK(tasks() == 1);
    family(3);
    int32_t status = -99;
    CHECK(mishikallm_stream_next(streams[1], 1, &status) == NULL && status == MISHIKALLM_TIMEOUT);
    streams_go_on();
    free_all(0);
    await_count("streaming", 0);
}

static void *wait_cancelled(void *stream)
{
    int32_t status = -99;
    mishikallm_string_free(mishikallm_stream_next(stream, -1, &status));
    CHECK(status == MISHIKALLM_CANCELLED);
    return NULL;
}

/* The same with calls that run and calls that wait for a thread, and a stream that another thread waits for. */
static void forked_with_calls(void)
{
    open_streams();
    mishikallm_client *of_streams = client;
    client = mishikallm_client_new("{\"workers\":3}", NULL);
    pthread_t waiting = started(wait_cancelled, streams[1]);
    for (int i = 0; i < CALLS; i++)
        calls[i] = submitted(i ? client : NULL, i % 3 ? "say-20-20" : "endless-1-20", ",\"stream\":true", &told[i]);
    for (int i = 0; i < 4; i++)
        while (!told[i].pieces) pause_for(0.001);
    pause_for(0.005); /* now the library's threads wait for their next events; the sanitizer minds if they do not */

    has_lost_threads = 1;
    family(3);
    has_lost_threads = 0;

    int before[] = {told[0].pieces, told[3].pieces};
    while (told[0].pieces < before[0] + 10 || told[3].pieces < before[1] + 10) pause_for(0.001);
    for (int i = 0; i < CALLS; i += 3) {
        mishikallm_call_cancel(calls[i]);
        ended(calls[i], &told[i], -1, MISHIKALLM_CANCELLED);
        calls[i] = NULL;
    }
    for (int i = 0; i < CALLS; i++) {
        if (!calls[i]) continue;
        ended(calls[i], &told[i], 21, MISHIKALLM_DONE);
        calls[i] = NULL;
    }
    mishikallm_stream_cancel(streams[1]);
    joined(waiting);
    streams_go_on();
    free_all(1);
    mishikallm_client_free(of_streams);
    await_count("streaming", 0);
}

/* A child that lives on has the parent's sockets too. What the parent ends is over all the same: the server stops. */
static void child_keeps_nothing_open(void)
{
    int pipe_ends[2];
    CHECK(pipe(pipe_ends) == 0);
    client = mishikallm_client_new("{}", NULL);
    struct request request = chat_with("say-5000-2", ",\"stop\":[\"9 \"]");
    streams[0] = mishikallm_stream_open(client, "chat.completions", request.json, NULL);
    take(streams[0], 1);
    int left = counted("left");
    if (forked() == 0) {
        close(pipe_ends[1]);
        CHECK(read(pipe_ends[0], pipe_ends, 1) == 0); /* until the parent has seen enough */
        leave();
    }
    CHECK(last_number(streams[0]) == 8);
    await_count("left", left + 1);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    children_ended_well();
    free_all(0);
}

/* Other threads are anywhere in the library when the child is made. */
static atomic_int stop;

static void *be_anywhere(void *unused)
{
    while (!stop) {
        mishikallm_string_free(mishikallm_completion(client, chat_with("llm", "").json, NULL));
        mishikallm_string_free(mishikallm_completion(NULL, chat_with("llm", "").json, NULL));
        mishikallm_stream *stream = opened(client, "say-3-0");
        take(stream, 2);
        mishikallm_stream_free(stream);
        struct told done = {0};
        ended(submitted(client, "say-1-0", "", &done), &done, 1, MISHIKALLM_DONE);
        mishikallm_client_free(mishikallm_client_new("{}", NULL));
    }
    return unused;
}

static void forked_anywhere(int times)
{
    if (times == 0) return;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    client = mishikallm_client_new("{\"workers\":4}", NULL);
    for (int i = 0; i < THREADS; i++) threads[i] = started(be_anywhere, NULL);
    unsigned state = 3;
    has_lost_threads = 1;
    for (int i = 0; i < times; i++) {
        pause_for(chance(&state, 3000) / 1e6);
        if (forked() == 0) {
            mishikallm_client_free(client);
            if (i % 2) child_works();
            leave();
        }
        if (born == 4) children_ended_well();
    }
    children_ended_well();
    has_lost_threads = 0;
    stop = 1;
    for (int i = 0; i < THREADS; i++) joined(threads[i]);
    mishikallm_client_free(client);
}

/* A thread of the parent is in the log's callback when the child is made, and another waits to set the log. */
static atomic_int writes, may_go_on;

static void write_slowly(int32_t level, const char *message, void *userdata)
{
    (void)level, (void)message;
    CHECK(userdata == &writes);
    atomic_fetch_add(&writes, 1);
    while (!may_go_on) pause_for(0.001);
}

static void *call_once(void *unused)
{
    mishikallm_string_free(mishikallm_completion(client, chat_with("llm", "").json, NULL));
    return unused;
}

static void *set_no_log(void *unused)
{
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
    return unused;
}

static void forked_while_logging(void)
{
    client = mishikallm_client_new("{}", NULL);
    for (int sets = 0; sets < 2; sets++) {
        may_go_on = writes = 0;
        CHECK(mishikallm_set_log(write_slowly, &writes, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
        pthread_t calls_it = started(call_once, NULL), sets_it = calls_it;
        while (!writes) pause_for(0.001);
        if (sets) sets_it = started(set_no_log, NULL);
        pause_for(0.02); /* it waits for the callback */

        has_lost_threads = 1;
        if (forked() == 0) {
            double began = seconds();
            may_go_on = 1;
            child_works();
            CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
            child_works();
            CHECK(seconds() - began < 2 * SOON);
            leave();
        }
        children_ended_well();
        has_lost_threads = 0;
        may_go_on = 1;
        joined(calls_it);
        if (sets) joined(sets_it);
    }
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
    mishikallm_client_free(client);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 4);
    server = argument[1];
    leaves_by_exec = strcmp(argument[3], "exec") == 0;
    alarm(120);
    forked_with_streams();
    child_keeps_nothing_open();
    forked_with_calls();
    forked_while_logging();
    forked_anywhere(atoi(argument[2]));
    return 0;
}
