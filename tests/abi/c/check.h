/* What the programs here share: checks that say where they failed, and a look into JSON without a parser. */
#ifndef CHECK_H
#define CHECK_H

#include <mishikallm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: CHECK(%s)\n", __FILE__, __LINE__, #condition);        \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

/* Checks that the value at a path, such as "choices.0.text", is written so. */
#define CHECK_JSON(json, path, expected)                                                  \
    do {                                                                                  \
        if (!json_is((json), (path), (expected))) {                                       \
            fprintf(stderr, "%s:%d: %s is not %s in %s\n", __FILE__, __LINE__, (path),    \
                    (expected), (json) ? (json) : "NULL");                                \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

static inline const char *json_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The end of the value that begins at `at`, or NULL where there is none. */
static inline const char *json_end(const char *at)
{
    if (*at == '"') {
        for (at++; *at != '"'; at++) {
            if (*at == '\0') return NULL;
            if (*at == '\\' && *++at == '\0') return NULL;
        }
        return at + 1;
    }
    if (*at == '{' || *at == '[') {
        char close = *at == '{' ? '}' : ']';
        at = json_space(at + 1);
        if (*at == close) return at + 1;
        for (;;) {
            if (close == '}') {
                if (*at != '"' || !(at = json_end(at))) return NULL;
                at = json_space(at);
                if (*at++ != ':') return NULL;
                at = json_space(at);
            }
            if (!(at = json_end(at))) return NULL;
            at = json_space(at);
            if (*at == close) return at + 1;
            if (*at++ != ',') return NULL;
            at = json_space(at);
        }
    }
    size_t length = strspn(at, "+-.0123456789abcdefghijklmnopqrstuvwxyzE");
    return length ? at + length : NULL;
}

/* Whether the text is one whole JSON value. */
static inline int json_whole(const char *json)
{
    const char *end = json ? json_end(json_space(json)) : NULL;
    return end && *json_space(end) == '\0';
}

/* The value at a path of keys and indices with dots between, or NULL. */
static inline const char *json_at(const char *json, const char *path)
{
    const char *at = json_whole(json) ? json_space(json) : NULL;
    while (at && *path) {
        size_t length = strcspn(path, ".");
        char open = *at;
        if (open != '{' && open != '[') return NULL;
        long left = strtol(path, NULL, 10);
        for (at = json_space(at + 1);; at = json_space(at + 1)) {
            if (*at == '}' || *at == ']') return NULL;
            int found = open == '[' && left-- == 0;
            if (open == '{') {
                const char *key = at + 1;
                at = json_end(at);
                found = (size_t)(at - 1 - key) == length && memcmp(key, path, length) == 0;
                at = json_space(json_space(at) + 1);
            }
            if (found) break;
            at = json_space(json_end(at));
            if (*at != ',') return NULL;
        }
        path += length;
        path += *path == '.';
    }
    return at;
}

static inline int json_is(const char *json, const char *path, const char *expected)
{
    const char *at = json_at(json, path);
    size_t length = strlen(expected);
    return at && (size_t)(json_end(at) - at) == length && memcmp(at, expected, length) == 0;
}

#endif
