/* An environment of Node: what belongs to it, how it is told of events, and its end. */
#define _GNU_SOURCE
#include "addon.h"
#include <stdlib.h>
#include <string.h>

instance *instance_keep(instance *it)
{
    atomic_fetch_add(&it->references, 1);
    return it;
}

void instance_drop(instance *it)
{
    if (atomic_fetch_sub(&it->references, 1) != 1)
        return;
    pthread_mutex_destroy(&it->lock);
    free(it->slots);
    free(it);
}

static bool is_ascii(const char *text, size_t length)
{
    unsigned char all = 0;
    for (size_t i = 0; i < length; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

char *copy(const char *text)
{
    char *made = text == NULL ? NULL : strdup(text);
    if (made == NULL && text != NULL)
        abort(); /* as Node itself does when there is no memory */
    return made;
}

event *event_new(int kind, int32_t status, char *text)
{
    event *it = calloc(1, sizeof *it);
    if (it == NULL)
        abort();
    it->kind = kind;
    it->status = status;
    it->text = text;
    if (text != NULL) {
        /* Looked at here, off the JS thread, which then has less to do. */
        it->length = strlen(text);
        it->is_ascii = is_ascii(text, it->length);
    }
    return it;
}

void event_free(event *it)
{
    library.embeddings_free(it->rows);
    if (it->is_last)
        call_drop(it->call);
    free(it->text);
    free(it);
}

void instance_tell(instance *it, event *told)
{
    pthread_mutex_lock(&it->lock);
    bool is_told = it->open && napi_call_threadsafe_function(it->bell, told, napi_tsfn_nonblocking) == napi_ok;
    pthread_mutex_unlock(&it->lock);
    if (!is_told)
        event_free(told);
}
