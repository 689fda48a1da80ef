/* The library's log, of which there is one in the process: the environment that asked last has it. */
#define _GNU_SOURCE
#include "addon.h"
#include <stdio.h>

/* Lines that may be on their way to a busy event loop; what is more is counted, not kept. */
enum { LINES = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static instance *owner;

/* mishikallm_log_fn */
static void on_line(int32_t level, const char *message, void *userdata)
{
    instance *it = userdata;
    if (atomic_fetch_add(&it->log_lines, 1) >= LINES) {
        atomic_fetch_sub(&it->log_lines, 1);
        atomic_fetch_add(&it->log_lost, 1);
        return;
    }
    unsigned lost = atomic_exchange(&it->log_lost, 0);
    if (lost != 0) {
        char text[96];
        snprintf(text, sizeof text, "%u lines of the log are lost: the event loop had no time for them", lost);
        atomic_fetch_add(&it->log_lines, 1);
        instance_tell(it, event_new(LOG_EVENT, MISHIKALLM_LOG_WARN, copy(text)));
    }
    instance_tell(it, event_new(LOG_EVENT, level, copy(message)));
}

/* When it returns, the environment that had the log before is told no more. */
static int32_t give(instance *to, int32_t level)
{
    int32_t status = to == NULL ? library.set_log(NULL, NULL, 0) : library.set_log(on_line, to, level);
    if (status == MISHIKALLM_OK) {
        if (owner != NULL)
            instance_drop(owner);
        owner = to == NULL ? NULL : instance_keep(to);
    }
    return status;
}

int32_t log_set(instance *to, int32_t level)
{
    pthread_mutex_lock(&lock);
    int32_t status = give(level == 0 ? NULL : to, level);
    pthread_mutex_unlock(&lock);
    return status;
}

void log_forget(instance *it)
{
    pthread_mutex_lock(&lock);
    if (owner == it)
        give(NULL, 0);
    pthread_mutex_unlock(&lock);
}
