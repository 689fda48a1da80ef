/* Many submitted calls, whole and in chunks, and a third of them cancelled at any moment: each tells exactly one end.
 * usage: many URL CALLS */
#define _POSIX_C_SOURCE 200809L
#include "events.h"

static struct {
    int count;
    struct told *told;
    mishikallm_call **calls;
    atomic_int submitted;
} all;

/* Cancels about a third of the calls: some wait, some run, some are over. */
static void *cancel_some(void *unused)
{
    unsigned state = 7;
    for (int left = all.count / 3; left > 0; left--) {
        int known = all.submitted;
        if (known > 0) mishikallm_call_cancel(all.calls[chance(&state, (unsigned)known)]);
        pause_for(chance(&state, 1000) / 1e6);
    }
    return unused;
}

int main(int arguments, char **argument)
{
    CHECK(arguments == 3);
    server = argument[1];
    all.count = atoi(argument[2]);
    all.told = calloc((size_t)all.count, sizeof *all.told);
    all.calls = calloc((size_t)all.count, sizeof *all.calls);
    CHECK(all.told && all.calls);
    alarm(120);

    mishikallm_client *client = mishikallm_client_new("{\"workers\":16,\"timeout\":100}", NULL);
    pthread_t cancels = started(cancel_some, NULL);
    for (int i = 0; i < all.count; i++) {
        all.calls[i] = submitted(client, i % 3 ? "say-5-2" : "say-2-5", i % 2 ? ",\"stream\":true" : "", &all.told[i]);
        all.submitted = i + 1;
    }
    joined(cancels);

    int done = 0, cancelled = 0;
    for (int i = 0; i < all.count; i++) {
        CHECK(mishikallm_call_wait(all.calls[i], -1) == MISHIKALLM_OK);
        struct told *told = &all.told[i];
        CHECK(ended_with(told, MISHIKALLM_DONE, MISHIKALLM_CANCELLED, MISHIKALLM_DONE));
        if (told->last == MISHIKALLM_DONE) CHECK(told->pieces == (i % 2 ? (i % 3 ? 6 : 3) : 1));
        done += told->last == MISHIKALLM_DONE;
        cancelled += told->last == MISHIKALLM_CANCELLED;
    }
    if (done + cancelled != all.count || !done || !cancelled)
        fprintf(stderr, "%d done, %d cancelled of %d\n", done, cancelled, all.count);
    CHECK(done + cancelled == all.count && done > 0 && cancelled > 0);

    for (int i = 0; i < all.count; i++) mishikallm_call_free(all.calls[i]);
    mishikallm_client_free(client);
    free(all.calls);
    free(all.told);
    return 0;
}
