/* Submitted calls: their events, waiting, what callbacks may do, the queue, closing, and the host's signals.
 * usage: submit URL */
#define _POSIX_C_SOURCE 200809L
#include "events.h"
#include <signal.h>

static const char stream_it[] = ",\"stream\":true";

/* Each operation and each end, whole and in chunks. */
static void answers(mishikallm_client *client)
{
    static const struct {
        const char *model, *more;
        int pieces;
        int32_t last;
    } cases[] = {
        {"say-3-1", "", 1, MISHIKALLM_DONE},
        {"say-3-1", stream_it, 4, MISHIKALLM_DONE},
        {"say-3-1", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}", 5, MISHIKALLM_DONE},
        {"say-3-1", ",\"stream\":false", 1, MISHIKALLM_DONE},
        {"llm", ",\"mock_response\":\"hello\"", 1, MISHIKALLM_DONE},
        {"llm", ",\"mock_response\":\"hello\",\"stream\":true", 2, MISHIKALLM_DONE},
        {"error-2-1", "", 0, MISHIKALLM_SERVER},
        {"error-2-1", stream_it, 2, MISHIKALLM_SERVER},
        {"cut-2-1", "", 0, MISHIKALLM_PROTOCOL},
        {"cut-2-1", stream_it, 2, MISHIKALLM_PROTOCOL},
        {"silent-1-0", ",\"timeout\":0.2", 0, MISHIKALLM_DEADLINE},
        {"silent-1-0", ",\"timeout\":0.2,\"stream\":true", 1, MISHIKALLM_DEADLINE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {0};
        ended(submitted(client, cases[i].model, cases[i].more, &told), &told, cases[i].pieces, cases[i].last);
        int chunks = strstr(cases[i].more, "\"stream\":true") != NULL;
        if (cases[i].pieces)
            CHECK_JSON(told.first, "object", chunks ? "\"chat.completion.chunk\"" : "\"chat.completion\"");
    }

    static const struct {
        const char *operation, *form, *object;
    } others[] = {
        {"completions", "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"prompt\":\"hello\"}", "\"text_completion\""},
        {"embeddings", "{\"model\":\"triton/v\",\"api_base\":\"%s/vectors/infer\",\"input\":[\"a\",\"b\"]}",
         "\"list\""},
        {"models", "{\"api_base\":\"%s\"}", "\"list\""},
        {"health", "{\"api_base\":\"%s\"}", NULL},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct told told = {0};
        char request[256];
        snprintf(request, sizeof request, others[i].form, server);
        ended(mishikallm_submit(client, others[i].operation, request, tell, &told, NULL), &told, 1, MISHIKALLM_DONE);
        if (others[i].object) CHECK_JSON(told.first, "object", others[i].object);
    }
}

static void refusals(mishikallm_client *client)
{
    struct told told = {0};
    char *error = NULL;
    CHECK(mishikallm_submit(client, "chat.completions", chat_with("llm", "").json, NULL, NULL, &error) == NULL);
    CHECK_JSON(error, "error.param", "\"event\"");
    mishikallm_string_free(error);
    CHECK(mishikallm_submit(client, "chat.completions", chat_with("llm", "").json, NULL, NULL, NULL) == NULL);
    CHECK(mishikallm_submit(client, "embeddings", chat_with("llm", stream_it).json, tell, &told, &error) == NULL);
    CHECK_JSON(error, "error.status", "400");
    mishikallm_string_free(error);
    CHECK(mishikallm_call_wait(NULL, -1) == MISHIKALLM_ARGUMENT);
    CHECK(told.pieces == 0 && told.ends == 0); /* what is refused tells nothing */
}

static void *wait_over(void *call)
{
    CHECK(mishikallm_call_wait(call, -1) == MISHIKALLM_OK);
    return NULL;
}

static void waiting(mishikallm_client *client)
{
    enum { THREADS = 3 };
    static const int32_t times[] = {0, 1, 50, 200};
    struct told told = {0};
    mishikallm_call *call = submitted(client, "silent-1-0", stream_it, &told);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        double began = seconds();
        CHECK(mishikallm_call_wait(call, times[i]) == MISHIKALLM_TIMEOUT);
        CHECK(seconds() - began >= times[i] / 1e3 && seconds() - began < SOON);
    }
    await_count("silent", 1);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = started(wait_over, call);
    double began = seconds();
    mishikallm_call_cancel(call);
    mishikallm_call_cancel(call);
    for (int i = 0; i < THREADS; i++) joined(threads[i]);
    CHECK(seconds() - began < SOON);
    await_count("silent", 0);
    for (int32_t timeout = -1; timeout <= 1; timeout++) CHECK(mishikallm_call_wait(call, timeout) == MISHIKALLM_OK);
    mishikallm_call_cancel(call); /* what is over stays as it is */
    ended(call, &told, 1, MISHIKALLM_CANCELLED);
}

/* The call's own handle: its callback may be called before mishikallm_submit() returns. */
static mishikallm_call *own(struct told *told)
{
    while (!told->call) pause_for(0.0005);
    return told->call;
}

static void wait_inside(struct told *told, int32_t status, const char *json)
{
    (void)status, (void)json;
    for (int32_t timeout = -1; timeout <= 1; timeout++)
        CHECK(mishikallm_call_wait(own(told), timeout) == MISHIKALLM_BUSY);
}

static void cancel_inside(struct told *told, int32_t status, const char *json)
{
    (void)status, (void)json;
    mishikallm_call_cancel(own(told));
}

static void free_at_first(struct told *told, int32_t status, const char *json)
{
    (void)status, (void)json;
    if (told->pieces == 1) mishikallm_call_free(own(told));
}

static void free_at_last(struct told *told, int32_t status, const char *json)
{
    (void)json;
    if (status != MISHIKALLM_OK) mishikallm_call_free(own(told));
}

static void close_inside(struct told *told, int32_t status, const char *json)
{
    (void)status, (void)json;
    mishikallm_client_close(told->client);
}

static void free_client_inside(struct told *told, int32_t status, const char *json)
{
    (void)status, (void)json;
    if (told->client) mishikallm_client_free(told->client);
    told->client = NULL;
}

/* What a callback may do. The calls are long enough for it to have an effect. */
static void inside(mishikallm_client *client)
{
    struct told waits = {.then = wait_inside}, cancels = {.then = cancel_inside};
    ended(submitted(client, "say-2-1", stream_it, &waits), &waits, 3, MISHIKALLM_DONE);
    ended(submitted(client, "endless-1-2", stream_it, &cancels), &cancels, 1, MISHIKALLM_CANCELLED);

    /* Static: without a handle nobody can wait until the last event's callback has returned. */
    static struct told first = {.then = free_at_first}, last = {.then = free_at_last};
    submitted(client, "say-3-1", stream_it, &first);
    submitted(client, "say-3-1", stream_it, &last);
    await_end(&first);
    await_end(&last);
    CHECK(first.pieces == 4 && first.last == MISHIKALLM_DONE && last.last == MISHIKALLM_DONE);

    struct told closes = {.then = close_inside, .client = mishikallm_client_new(NULL, NULL)};
    ended(submitted(closes.client, "endless-1-2", stream_it, &closes), &closes, 1, MISHIKALLM_CLOSED);
    mishikallm_client_free(closes.client);

    struct told frees = {.then = free_client_inside, .client = mishikallm_client_new(NULL, NULL)};
    ended(submitted(frees.client, "endless-1-2", stream_it, &frees), &frees, 1, MISHIKALLM_CLOSED);

    /* In the last event, when nothing but the thread itself is left. */
    struct told late = {.then = free_client_inside, .client = mishikallm_client_new(NULL, NULL)};
    ended(submitted(late.client, "cut-0-0", "", &late), &late, 0, MISHIKALLM_PROTOCOL);
}

/* The last event of each call submits the next. */
static struct {
    atomic_int left, ended;
    mishikallm_client *client;
} chain;

static void submit_next(int32_t status, const char *json, void *userdata)
{
    (void)json;
    if (status == MISHIKALLM_OK) return;
    CHECK(status == MISHIKALLM_DONE && userdata == &chain);
    if (atomic_fetch_sub(&chain.left, 1) > 1) {
        mishikallm_call *next = mishikallm_submit(chain.client, "chat.completions", chat_with("llm", stream_it).json,
                                                  submit_next, &chain, NULL);
        CHECK(next != NULL); /* the place of the one that ends is free, though there is but one */
        mishikallm_call_free(next);
    }
    atomic_fetch_add(&chain.ended, 1);
}

static void chained(void)
{
    enum { LINKS = 20 };
    chain.client = mishikallm_client_new("{\"workers\":1,\"queue_size\":1}", NULL);
    chain.left = LINKS + 1;
    submit_next(MISHIKALLM_DONE, NULL, &chain);
    for (double began = seconds(); chain.ended <= LINKS; pause_for(0.001)) CHECK(seconds() - began < 4 * SOON);
    mishikallm_client_free(chain.client);
}

/* One worker, and room for two more. */
static void queue(void)
{
    mishikallm_client *client = mishikallm_client_new("{\"workers\":1,\"queue_size\":2}", NULL);
    struct told told[5] = {0};
    mishikallm_call *running = submitted(client, "silent-0-0", "", &told[0]);
    await_count("silent", 1);
    mishikallm_call *second = submitted(client, "llm", "", &told[1]), *third = submitted(client, "llm", "", &told[2]);
    for (int i = 0; i < 2; i++) {
        char *error = NULL;
        CHECK(mishikallm_submit(client, "chat.completions", chat_with("llm", "").json, tell, &told[4], &error) == NULL);
        CHECK_JSON(error, "error.code", "\"queue_full\"");
        CHECK_JSON(error, "error.status", "429");
        mishikallm_string_free(error);
    }
    CHECK(mishikallm_submit(client, "chat.completions", chat_with("llm", "").json, tell, &told[4], NULL) == NULL);

    /* A call that waits is cancelled at once, though no thread gets free, and leaves its place. */
    double began = seconds();
    mishikallm_call_cancel(second);
    ended(second, &told[1], 0, MISHIKALLM_CANCELLED);
    CHECK(seconds() - began < SOON);
    mishikallm_call *fourth = submitted(client, "llm", stream_it, &told[3]);
    mishikallm_call_cancel(running);
    ended(running, &told[0], 0, MISHIKALLM_CANCELLED);
    ended(third, &told[2], 1, MISHIKALLM_DONE);
    ended(fourth, &told[3], 3, MISHIKALLM_DONE);
    CHECK(told[4].pieces == 0 && told[4].ends == 0);
    mishikallm_client_free(client);
}

/* Calls that run, and calls that wait for a thread, when the client goes. */
static void client_first(void end(mishikallm_client *))
{
    enum { CALLS = 30, WORKERS = 8 };
    static const char *models[] = {"silent-0-0", "silent-1-0", "endless-1-2"};
    mishikallm_client *client = mishikallm_client_new("{\"workers\":8}", NULL);
    struct told told[CALLS] = {0};
    mishikallm_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) calls[i] = submitted(client, models[i % 3], i % 2 ? stream_it : "", &told[i]);
    await_count("streaming", WORKERS);
    double began = seconds();
    end(client);
    for (int i = 0; i < CALLS; i++) ended(calls[i], &told[i], -1, MISHIKALLM_CLOSED);
    CHECK(seconds() - began < SOON);
    await_count("streaming", 0);
}

static void close_then_free(mishikallm_client *client)
{
    mishikallm_client_close(client);
    struct told told = {0};
    char *error = NULL;
    CHECK(mishikallm_submit(client, "chat.completions", chat_with("llm", "").json, tell, &told, &error) == NULL);
    CHECK_JSON(error, "error.status", "499");
    mishikallm_string_free(error);
    mishikallm_client_close(client);
    mishikallm_client_free(client);
}

/* After the last event userdata is the host's again: a sanitizer would see that it is touched. */
static atomic_int freed;

static void free_userdata(struct told *told, int32_t status, const char *json)
{
    (void)json;
    if (status == MISHIKALLM_OK) return;
    free(told);
    atomic_fetch_add(&freed, 1);
}

static void userdata(mishikallm_client *client)
{
    static const char *models[] = {"say-2-0", "error-1-0", "silent-1-0", "endless-1-1"};
    enum { CALLS = 40 };
    for (int i = 0; i < CALLS; i++) {
        struct told *told = calloc(1, sizeof *told);
        CHECK(told != NULL);
        told->then = free_userdata;
        mishikallm_call *call = mishikallm_submit(client, "chat.completions", chat_with(models[i % 4], stream_it).json,
                                                  tell, told, NULL);
        CHECK(call != NULL);
        if (i % 4 > 1) mishikallm_call_cancel(call);
        mishikallm_call_free(call); /* changes nothing for the call */
    }
    for (double began = seconds(); freed < CALLS; pause_for(0.001)) CHECK(seconds() - began < 2 * SOON);
}

static pthread_t host;
static atomic_int at_home, elsewhere;

static void take_signal(int number)
{
    (void)number;
    atomic_fetch_add(pthread_equal(pthread_self(), host) ? &at_home : &elsewhere, 1);
}

/* A fault in a callback is the host's, and its handler is to hear of it: a crash reporter, or a runtime that turns
 * faults into exceptions. */
static void fault_inside(struct told *told, int32_t status, const char *json)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};
    (void)json;
    if (status == MISHIKALLM_OK) return;
    struct sigaction action = {.sa_handler = take_signal}, before;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        int taken = elsewhere;
        CHECK(sigaction(faults[i], &action, &before) == 0 && raise(faults[i]) == 0);
        CHECK(elsewhere == taken + 1);
        CHECK(sigaction(faults[i], &before, NULL) == 0);
    }
    CHECK(told->last == MISHIKALLM_DONE);
}

static void faults(mishikallm_client *client)
{
    struct told told = {.then = fault_inside};
    host = pthread_self();
    ended(submitted(client, "say-1-0", "", &told), &told, 1, MISHIKALLM_DONE);
    elsewhere = 0;
}

/* Whether this thread does. */
static int blocks(int number)
{
    sigset_t mask;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0);
    return sigismember(&mask, number);
}

/* The library's threads take none of the host's signals, and its functions leave the caller's mask as it was. */
static void signals(void)
{
    enum { CALLS = 8, SIGNALS = 200 };
    host = pthread_self();
    struct sigaction action = {.sa_handler = take_signal};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);

    /* Threads are started from here, where the signal is not blocked, and in callbacks. */
    mishikallm_client *client = mishikallm_client_new("{\"workers\":8}", NULL);
    struct told told[CALLS] = {0};
    mishikallm_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) calls[i] = submitted(client, "endless-0-1", stream_it, &told[i]);
    CHECK(!blocks(SIGUSR1) && !blocks(SIGINT));
    while (told[CALLS - 1].pieces == 0) pause_for(0.001);

    /* Now nobody of the host takes it: it would go to a thread of the library, if one did. */
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(kill(getpid(), SIGUSR1) == 0);
        if (i % 20 == 0) pause_for(0.001);
    }
    CHECK(at_home == 0 && elsewhere == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
    for (int i = 0; i < SIGNALS; i++) CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(at_home > 0 && elsewhere == 0);

    for (int i = 0; i < CALLS / 2; i++) mishikallm_call_cancel(calls[i]);
    mishikallm_client_free(client);
    CHECK(!blocks(SIGUSR1) && !blocks(SIGINT));
    for (int i = 0; i < CALLS; i++)
        ended(calls[i], &told[i], -1, i < CALLS / 2 ? MISHIKALLM_CANCELLED : MISHIKALLM_CLOSED);
    CHECK(elsewhere == 0);
}

static void *do_nothing(void *unused) { return unused; }

/* The threads of a client end with it. */
static void threads_end(void)
{
    joined(started(do_nothing, NULL)); /* a sanitizer may have a thread of its own, from the first one on */
    pause_for(0.05);
    int before = tasks();
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    CHECK(tasks() == before); /* none starts before the first submit */
    struct told told = {0};
    ended(submitted(client, "llm", "", &told), &told, 1, MISHIKALLM_DONE);
    CHECK(tasks() > before); /* it waits for more to do */
    mishikallm_client_free(client);
    for (double began = seconds(); tasks() > before; pause_for(0.001)) CHECK(seconds() - began < SOON);
}

/* A process may end while calls run: nothing is waited for, and nothing is wrong. */
static void left_running(void)
{
    enum { CALLS = 4 };
    static struct told told[CALLS];
    static mishikallm_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) calls[i] = submitted(NULL, "endless-0-1", stream_it, &told[i]);
    for (int i = 0; i < CALLS; i++)
        while (!told[i].pieces) pause_for(0.001);
    CHECK(mishikallm_call_wait(calls[0], 0) == MISHIKALLM_TIMEOUT);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 2);
    server = argument[1];
    alarm(120);

    mishikallm_client *client = mishikallm_client_new("{}", NULL);
    threads_end();
    answers(client);
    answers(NULL);
    refusals(client);
    waiting(client);
    inside(client);
    chained();
    queue();
    client_first(close_then_free);
    client_first(mishikallm_client_free);
    userdata(client);
    faults(client);
    signals();
    mishikallm_client_free(client);
    left_running();
    return 0;
}
