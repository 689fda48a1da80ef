/* Calls on the library's threads. */
#define _GNU_SOURCE
#include "addon.h"
#include <stdlib.h>
#include <string.h>

client *client_keep(client *it)
{
    atomic_fetch_add(&it->references, 1);
    return it;
}

void client_drop(client *it)
{
    if (atomic_fetch_sub(&it->references, 1) != 1)
        return;
    library.client_free(it->handle);
    free(it);
}

call *call_new(instance *home, client *of, uint32_t window)
{
    call *it = calloc(1, sizeof *it);
    if (it == NULL)
        abort();
    it->references = 2;
    it->home = instance_keep(home);
    it->client = client_keep(of);
    it->window = window;
    pthread_mutex_init(&it->lock, NULL);
    pthread_cond_init(&it->changed, NULL);
    return it;
}

void call_drop(call *it)
{
    if (atomic_fetch_sub(&it->references, 1) != 1)
        return;
    library.call_free(it->submitted);
    library.stream_free(it->stream);
    client_drop(it->client);
    instance_drop(it->home);
    pthread_cond_destroy(&it->changed);
    pthread_mutex_destroy(&it->lock);
    free(it->answer);
    free(it);
}

/* Waits until JavaScript has room for one more chunk. False: it is not wanted any more. */
static bool has_credit(call *it)
{
    pthread_mutex_lock(&it->lock);
    while (it->ahead >= it->window && !it->is_given_up && !it->is_unbounded)
        pthread_cond_wait(&it->changed, &it->lock);
    bool is_wanted = !it->is_given_up;
    it->ahead += is_wanted;
    pthread_mutex_unlock(&it->lock);
    return is_wanted;
}

/* mishikallm_event_fn */
static void on_event(int32_t status, const char *json, void *userdata)
{
    call *it = userdata;
    if (status != MISHIKALLM_OK) {
        char *text = status == MISHIKALLM_DONE ? it->answer : copy(json);
        it->answer = status == MISHIKALLM_DONE ? NULL : it->answer;
        event *last = event_new(CALL_EVENT, status, text);
        last->call = it;
        last->is_last = true;
        instance_tell(it->home, last);
    } else if (it->window == 0) {
        free(it->answer);
        it->answer = copy(json);
    } else if (has_credit(it)) {
        event *chunk = event_new(CALL_EVENT, status, copy(json));
        chunk->call = it;
        instance_tell(it->home, chunk);
    }
}

char *call_submit(call *it, const char *operation, const char *request)
{
    char *error = NULL;
    /* Events may come before it returns; the JS thread, where we are, sees none of them before. */
    it->submitted = library.submit(it->client->handle, operation, request, on_event, it, &error);
    return error;
}

static void change(call *it, bool *flag)
{
    pthread_mutex_lock(&it->lock);
    *flag = true;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
}

void call_give_up(call *it)
{
    change(it, &it->is_given_up);
    library.call_cancel(it->submitted);
    library.stream_cancel(it->stream);
    rows_expedite(it);
}

void call_grant(call *it, uint32_t chunks)
{
    pthread_mutex_lock(&it->lock);
    it->ahead -= chunks < it->ahead ? chunks : it->ahead;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
}

void call_client_closed(call *it)
{
    change(it, &it->is_unbounded);
    rows_expedite(it);
}
