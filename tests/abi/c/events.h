/* A submitted call and what it tells: the callback checks that the order of events is the header's. */
#ifndef EVENTS_H
#define EVENTS_H

#include "server.h"

struct told {
    atomic_int pieces, ends;
    _Atomic int32_t last;
    /* What is done with each event after it is noted; may be NULL. */
    void (*then)(struct told *told, int32_t status, const char *json);
    _Atomic(mishikallm_call *) call;
    mishikallm_client *client;
    char first[512];
    /* The error JSON of the last event, if it is one. */
    char error[512];
};

/* Whether it ended once, with one of these; else it says how. */
static inline int ended_with(struct told *told, int32_t one, int32_t other, int32_t third)
{
    int32_t last = told->last;
    if (told->ends == 1 && (last == one || last == other || last == third)) return 1;
    fprintf(stderr, "%d ends, %s %s\n", told->ends, mishikallm_status_name(last), told->error);
    return 0;
}

static void tell(int32_t status, const char *json, void *userdata)
{
    struct told *told = userdata;
    CHECK(told->ends == 0);
    if (status == MISHIKALLM_OK) {
        CHECK(json_at(json, "error") == NULL && json_whole(json));
        if (told->pieces == 0) snprintf(told->first, sizeof told->first, "%s", json);
        atomic_fetch_add(&told->pieces, 1);
    } else {
        CHECK(status == MISHIKALLM_DONE ? json == NULL : status < 0 && json_at(json, "error.message"));
        snprintf(told->error, sizeof told->error, "%s", json ? json : "");
        told->last = status;
        atomic_fetch_add(&told->ends, 1);
    }
    if (told->then) told->then(told, status, json);
}

static inline mishikallm_call *submitted(mishikallm_client *client, const char *model, const char *more,
                                         struct told *told)
{
    char *error = (char *)"anything";
    mishikallm_call *call =
        mishikallm_submit(client, "chat.completions", chat_with(model, more).json, tell, told, &error);
    if (!call) fprintf(stderr, "%s\n", error);
    CHECK(call != NULL && error == NULL); /* written on success too */
    told->call = call;
    return call;
}

/* Waits, and checks what the call came to; gives up the handle. */
static inline void ended(mishikallm_call *call, struct told *told, int pieces, int32_t last)
{
    CHECK(mishikallm_call_wait(call, 1000 * 2 * SOON) == MISHIKALLM_OK);
    CHECK(ended_with(told, last, last, last));
    CHECK(pieces < 0 || told->pieces == pieces);
    mishikallm_call_free(call);
}

/* The same for what nobody has a handle of. */
static inline void await_end(struct told *told)
{
    for (double began = seconds(); told->ends == 0; pause_for(0.0005)) CHECK(seconds() - began < 2 * SOON);
}

#endif
