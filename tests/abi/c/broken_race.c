/* Callbacks of several calls that write to the same place: whoever looks for races has to find this one, though the
 * threads are the library's.
 * usage: broken_race URL */
#define _POSIX_C_SOURCE 200809L
#include "events.h"

static int unprotected;

static void count(struct told *told, int32_t status, const char *json)
{
    (void)told, (void)status, (void)json;
    unprotected++;
}

int main(int arguments, char **argument)
{
    enum { CALLS = 4 };
    CHECK(arguments == 2);
    server = argument[1];
    mishikallm_client *client = mishikallm_client_new(NULL, NULL);
    struct told told[CALLS] = {0};
    mishikallm_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++) {
        told[i].then = count;
        calls[i] = submitted(client, "say-20-1", ",\"stream\":true", &told[i]);
    }
    for (int i = 0; i < CALLS; i++) ended(calls[i], &told[i], 21, MISHIKALLM_DONE);
    mishikallm_client_free(client);
    return 0;
}
