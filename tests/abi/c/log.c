/* The log: user data, levels, several threads at once, another target while lines are written, no way in from inside.
 * usage: log URL */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <stdatomic.h>

static const char *server;

/* Makes a call that is logged as one line or more. */
static void call(void)
{
    char request[256];
    int32_t status = -99;
    snprintf(request, sizeof request,
             "{\"model\":\"triton/llm\",\"api_base\":\"%s/echo/generate\",\"api_key\":\"sk-secret\","
             "\"prompt\":\"secret prompt\"}",
             server);
    char *answer = mishikallm_text_completion(NULL, request, &status);
    CHECK_JSON(answer, "choices.0.text", "\"echo: secret prompt\"");
    CHECK(status == MISHIKALLM_OK);
    mishikallm_string_free(answer);
}

/* Counts lines in its user data, and looks at each. */
static void count(int32_t level, const char *message, void *userdata)
{
    CHECK(level >= MISHIKALLM_LOG_ERROR && level <= MISHIKALLM_LOG_DEBUG);
    CHECK(*message != '\0' && !strchr(message, '\n') && !strstr(message, "secret"));
    atomic_fetch_add((atomic_int *)userdata, 1);
}

static void levels(void)
{
    atomic_int lines = 0;
    CHECK(mishikallm_set_log(count, &lines, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
    call();
    CHECK(lines > 0);
    int seen = lines;

    CHECK(mishikallm_set_log(count, &lines, MISHIKALLM_LOG_DEBUG + 1) == MISHIKALLM_ARGUMENT);
    CHECK(mishikallm_set_log(count, &lines, -1) == MISHIKALLM_ARGUMENT);
    call();
    CHECK(lines > seen); /* a mistake changes nothing */

    for (int32_t silent = 0; silent <= MISHIKALLM_LOG_INFO; silent++) {
        CHECK(mishikallm_set_log(count, &lines, silent) == MISHIKALLM_OK);
        seen = lines;
        call();
        CHECK(lines == seen); /* a call that goes well is no warning */
    }
    CHECK(mishikallm_set_log(NULL, NULL, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
    call();
    CHECK(lines == seen);
}

/* Counts the warnings that messages lose their roles. */
static void count_lost_roles(int32_t level, const char *message, void *userdata)
{
    if (strstr(message, "chat_template")) {
        CHECK(level == MISHIKALLM_LOG_WARN);
        atomic_fetch_add((atomic_int *)userdata, 1);
    }
}

/* A chat without a template is warned of once in a process, not at each call. */
static void lost_roles(void)
{
    atomic_int warnings = 0;
    CHECK(mishikallm_set_log(count_lost_roles, &warnings, MISHIKALLM_LOG_WARN) == MISHIKALLM_OK);
    for (int i = 0; i < 3; i++) {
        char request[256];
        int32_t status = -99;
        snprintf(request, sizeof request,
                 "{\"model\":\"triton/llm\",\"api_base\":\"%s/echo/generate\",\"messages\":"
                 "[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"content\":\"b\"}]}",
                 server);
        mishikallm_string_free(mishikallm_completion(NULL, request, &status));
        CHECK(status == MISHIKALLM_OK);
    }
    CHECK(warnings == 1);
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
}

/* Calls the library from inside the log: neither does it log for ever, nor may it take its own place. */
static void call_inside(int32_t level, const char *message, void *userdata)
{
    count(level, message, userdata);
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_BUSY);
    call();
}

static void inside(void)
{
    atomic_int lines = 0;
    CHECK(mishikallm_set_log(call_inside, &lines, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
    call();
    CHECK(lines > 0);
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
}

static atomic_int done;

static void *call_on(void *unused)
{
    while (!done) call();
    return unused;
}

/* When mishikallm_set_log() has returned, the old user data may be freed: a sanitizer would see a late line. */
static void replaced(void)
{
    enum { THREADS = 4, TIMES = 100 };
    pthread_t threads[THREADS];
    atomic_int *lines = NULL;
    int with_lines = 0;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, call_on, NULL) == 0);
    for (int i = 0; i < TIMES; i++) {
        atomic_int *next = calloc(1, sizeof *next);
        CHECK(mishikallm_set_log(count, next, MISHIKALLM_LOG_DEBUG) == MISHIKALLM_OK);
        with_lines += lines && *lines > 0;
        free((void *)lines);
        lines = next;
        call();
    }
    CHECK(mishikallm_set_log(NULL, NULL, 0) == MISHIKALLM_OK);
    free((void *)lines);
    done = 1;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(with_lines > TIMES / 2);
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 2);
    server = argument[1];
    levels();
    lost_roles();
    inside();
    replaced();
    return 0;
}
