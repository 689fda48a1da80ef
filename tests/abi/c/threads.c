/* Many threads call on one client, and then on the NULL client, at another server: every call gets its own answer.
 * usage: threads URL_OF_ONE URL_OF_NULL THREADS CALLS */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>

static struct {
    const mishikallm_client *client;
    const char *url;
    int calls;
} work;

static void *call_often(void *number)
{
    for (int i = 0; i < work.calls; i++) {
        char request[256], expected[64];
        int id = *(int *)number * work.calls + i;
        snprintf(request, sizeof request, "{\"model\":\"triton/llm\",\"api_base\":\"%s\",\"prompt\":\"call %d\"}",
                 work.url, id);
        snprintf(expected, sizeof expected, "\"echo: call %d\"", id);
        int32_t status = MISHIKALLM_PANIC;
        char *answer = mishikallm_text_completion(work.client, request, &status);
        CHECK_JSON(answer, "choices.0.text", expected);
        CHECK(status == MISHIKALLM_OK);
        mishikallm_string_free(answer);
    }
    return NULL;
}

static void run(const mishikallm_client *client, const char *url, int threads)
{
    pthread_t *ids = calloc((size_t)threads, sizeof *ids);
    int *numbers = calloc((size_t)threads, sizeof *numbers);
    work.client = client;
    work.url = url;
    for (int i = 0; i < threads; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&ids[i], NULL, call_often, &numbers[i]) == 0);
    }
    for (int i = 0; i < threads; i++) CHECK(pthread_join(ids[i], NULL) == 0);
    free(numbers);
    free(ids);
}

int main(int count, char **arguments)
{
    CHECK(count == 5);
    int threads = atoi(arguments[3]);
    work.calls = atoi(arguments[4]);

    mishikallm_client *client = mishikallm_client_new("{\"timeout\":120}", NULL);
    run(client, arguments[1], threads);
    mishikallm_client_free(client);
    run(NULL, arguments[2], threads);
    return 0;
}
