/* Many short streams and calls, each with threads that take, cancel, wait, free and close it at about the same moment.
 * What comes first is not checked: that nothing else comes is, and that sanitizers and valgrind see nothing wrong.
 * usage: races URL ROUNDS */
#define _POSIX_C_SOURCE 200809L
#include "events.h"

/* Of moments: most things are over after this long. */
enum { MICROSECONDS = 4000 };

static unsigned moments = 1;

/* A moment within the life of what races, or a little after it. */
static double moment(void) { return chance(&moments, MICROSECONDS) / 1e6; }

/* What races, and when each thread does its part. */
struct race {
    mishikallm_client *client;
    mishikallm_stream *stream;
    mishikallm_call *call;
    double cancel, wait, end;
    int32_t patience;
};

/* A stream goes on until its end, which is one of these. */
static void *take_all(void *argument)
{
    struct race *race = argument;
    for (int32_t status = MISHIKALLM_OK; status == MISHIKALLM_OK || status == MISHIKALLM_TIMEOUT;) {
        char *chunk = mishikallm_stream_next(race->stream, race->patience, &status);
        CHECK(status == MISHIKALLM_OK || status == MISHIKALLM_TIMEOUT || status == MISHIKALLM_DONE ||
              status == MISHIKALLM_CANCELLED || status == MISHIKALLM_CLOSED);
        CHECK((chunk == NULL) == (status == MISHIKALLM_TIMEOUT || status == MISHIKALLM_DONE));
        mishikallm_string_free(chunk);
    }
    return NULL;
}

/* One chunk, for which the handle may be freed while it is waited for. */
static void *take_one(void *argument)
{
    struct race *race = argument;
    int32_t status = -99;
    mishikallm_string_free(mishikallm_stream_next(race->stream, -1, &status));
    CHECK(status == MISHIKALLM_OK || status == MISHIKALLM_CANCELLED);
    return NULL;
}

static void *cancel(void *argument)
{
    struct race *race = argument;
    pause_for(race->cancel);
    mishikallm_stream_cancel(race->stream);
    mishikallm_call_cancel(race->call);
    return NULL;
}

static void *wait_over(void *argument)
{
    struct race *race = argument;
    pause_for(race->wait);
    CHECK(mishikallm_call_wait(race->call, -1) == MISHIKALLM_OK);
    return NULL;
}

static void *close_client(void *argument)
{
    struct race *race = argument;
    pause_for(race->end);
    mishikallm_client_close(race->client);
    return NULL;
}

static mishikallm_stream *opened(const mishikallm_client *client, const char *model)
{
    mishikallm_stream *stream = mishikallm_stream_open(client, "chat.completions", chat_with(model, "").json, NULL);
    CHECK(stream != NULL);
    return stream;
}

/* next, cancel and cancel again; freed when both are through. */
static void next_against_cancel(mishikallm_client *client)
{
    struct race race = {.stream = opened(client, "say-2-1"), .patience = (int32_t)chance(&moments, 3) - 1};
    struct race other = race;
    race.cancel = moment();
    other.cancel = moment();
    pthread_t threads[] = {started(take_all, &race), started(cancel, &race), started(cancel, &other)};
    for (int i = 0; i < 3; i++) joined(threads[i]);
    mishikallm_stream_free(race.stream);
}

/* Freed while another thread waits, or has its chunk: that comes some time after the server has the request. */
static void next_against_free(mishikallm_client *client)
{
    struct race race = {.stream = opened(client, "silent-1-5")};
    await_count("streaming", 0);
    pthread_t takes = started(take_one, &race);
    await_count("streaming", 1);
    pause_for(moment());
    mishikallm_stream_free(race.stream);
    joined(takes);
    await_count("streaming", 0);
}

/* The end of a call, cancel and wait; freed when both are through. */
static void end_against_cancel(mishikallm_client *client)
{
    struct told told = {0};
    struct race race = {.call = submitted(client, "say-2-1", ",\"stream\":true", &told)};
    race.cancel = moment();
    race.wait = moment();
    pthread_t threads[] = {started(wait_over, &race), started(cancel, &race)};
    for (int i = 0; i < 2; i++) joined(threads[i]);
    CHECK(ended_with(&told, MISHIKALLM_DONE, MISHIKALLM_CANCELLED, MISHIKALLM_DONE));
    mishikallm_call_free(race.call);
}

/* Userdata is freed with the last event, and the handle at about the same moment. */
static atomic_int ends;

static void count_and_free(struct told *told, int32_t status, const char *json)
{
    (void)json;
    if (status == MISHIKALLM_OK) return;
    CHECK(status == MISHIKALLM_DONE || status == MISHIKALLM_CANCELLED);
    free(told);
    atomic_fetch_add(&ends, 1);
}

static void end_against_free(mishikallm_client *client, int submissions)
{
    struct told *told = calloc(1, sizeof *told);
    CHECK(told != NULL);
    told->then = count_and_free;
    struct request request = chat_with("say-1-1", "");
    mishikallm_call *call = mishikallm_submit(client, "chat.completions", request.json, tell, told, NULL);
    CHECK(call != NULL);
    pause_for(moment() / 2);
    if (chance(&moments, 2)) mishikallm_call_cancel(call);
    mishikallm_call_free(call);
    for (double began = seconds(); ends < submissions; pause_for(0.0002)) CHECK(seconds() - began < 2 * SOON);
}

/* The client is closed under a stream that is read, one that is cancelled, and calls that run and wait. */
static void close_against_all(void)
{
    enum { CALLS = 4 };
    mishikallm_client *client = mishikallm_client_new("{\"workers\":2}", NULL);
    struct race read = {.client = client, .stream = opened(client, "say-2-1"), .patience = -1, .end = moment()};
    struct race both = {.stream = opened(client, "say-2-1"), .patience = 1};
    struct told told[CALLS] = {0};
    mishikallm_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) calls[i] = submitted(client, "say-1-1", i % 2 ? ",\"stream\":true" : "", &told[i]);
    both.call = calls[0];
    both.cancel = moment();
    pthread_t threads[] = {started(take_all, &read), started(take_all, &both), started(cancel, &both),
                           started(close_client, &read)};
    int client_first = (int)chance(&moments, 2);
    for (int i = 0; i < 4; i++) joined(threads[i]);
    for (int i = 0; i < CALLS; i++) {
        CHECK(mishikallm_call_wait(calls[i], -1) == MISHIKALLM_OK);
        CHECK(ended_with(&told[i], MISHIKALLM_DONE, MISHIKALLM_CLOSED, MISHIKALLM_CANCELLED));
        mishikallm_call_free(calls[i]);
    }
    if (client_first) mishikallm_client_free(client);
    mishikallm_stream_free(read.stream);
    mishikallm_stream_free(both.stream);
    if (!client_first) mishikallm_client_free(client);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 3);
    server = argument[1];
    int rounds = atoi(argument[2]);
    alarm(120);

    mishikallm_client *client = mishikallm_client_new("{\"workers\":4}", NULL);
    for (int i = 0; i < rounds; i++) {
        next_against_cancel(client);
        next_against_free(client);
        end_against_cancel(client);
        end_against_free(client, i + 1);
        close_against_all();
    }
    mishikallm_client_free(client);
    return 0;
}
