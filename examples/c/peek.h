/* Just enough JSON for the examples: a program of your own has a JSON library. */
#ifndef PEEK_H
#define PEEK_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the value of the first "key": begins, or NULL. Keys of the library's answers hold nothing to escape. */
static inline const char *peek_value(const char *json, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = strstr(json, quoted);
    return found ? found + strlen(quoted) : NULL;
}

static inline unsigned peek_hex(const char *digits)
{
    char text[5] = {0};
    memcpy(text, digits, 4);
    return (unsigned)strtoul(text, NULL, 16);
}

static inline char *peek_utf8(char *out, unsigned c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* A copy of the string value of the first "key":, unescaped; "" when there is none. The caller frees it. */
static inline char *peek_string(const char *json, const char *key)
{
    const char *in = peek_value(json, key);
    char *text = malloc(in ? strlen(in) + 1 : 1), *out = text;
    if (text == NULL)
        abort();
    if (in && *in == '"') {
        for (in++; *in && *in != '"'; in++) {
            if (*in != '\\') {
                *out++ = *in;
                continue;
            }
            switch (*++in) {
            case 'n': *out++ = '\n'; break;
            case 't': *out++ = '\t'; break;
            case 'r': *out++ = '\r'; break;
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'u':
                if (strlen(in) > 4) {
                    out = peek_utf8(out, peek_hex(in + 1));
                    in += 4;
                }
                break;
            default: *out++ = *in;
            }
        }
    }
    *out = 0;
    return text;
}

/* Reads the numbers of the list at `in` ("[1,2,…]"), at most `most`, and says how many there were. */
static inline size_t peek_floats(const char *in, float *out, size_t most)
{
    size_t n = 0;
    if (in && *in == '[' && in[1] != ']')
        do {
            char *end;
            float value = strtof(in + 1, &end);
            if (end == in + 1)
                break;
            if (n < most)
                out[n] = value;
            n++;
            in = end;
        } while (*in == ',');
    return n;
}
#endif
