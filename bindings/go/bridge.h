// What Go calls: a few of the library's functions in one, as a crossing between Go and C costs more than what is done here.

#ifndef MISHIKALLM_GO_BRIDGE_H
#define MISHIKALLM_GO_BRIDGE_H

#include <mishikallm.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if MISHIKALLM_ABI_VERSION != 0
#error "mishikallm.h is of another version than these bindings: install the two of the same release"
#endif

// What a function gives, in one value: nothing of it has to be on Go's heap.
typedef struct {
	char *text;
	size_t length;
	int32_t status;
} go_text;

typedef struct {
	mishikallm_client *client;
	go_text error;
} go_made;

typedef struct {
	mishikallm_stream *stream;
	go_text error;
} go_opened;

typedef struct {
	mishikallm_embeddings *made;
	const float *data;
	size_t rows, columns;
	go_text text; // who made them, or an error
} go_rows;

static inline go_text go_measured(char *text, int32_t status) {
	go_text out = {text, text ? strlen(text) : 0, status};
	return out;
}

static inline go_made go_client(const char *config) {
	go_made out;
	char *error = NULL;
	out.client = mishikallm_client_new(config, &error);
	out.error = go_measured(error, MISHIKALLM_OK);
	return out;
}

static inline go_text go_invoke(const mishikallm_client *client, const char *operation, const char *request) {
	int32_t status = MISHIKALLM_PANIC;
	char *text = mishikallm_invoke(client, operation, request, &status);
	return go_measured(text, status);
}

static inline go_opened go_open(const mishikallm_client *client, const char *operation, const char *request) {
	go_opened out;
	char *error = NULL;
	out.stream = mishikallm_stream_open(client, operation, request, &error);
	out.error = go_measured(error, MISHIKALLM_OK);
	return out;
}

static inline go_text go_next(mishikallm_stream *stream) {
	int32_t status = MISHIKALLM_PANIC;
	char *text = mishikallm_stream_next(stream, -1, &status);
	return go_measured(text, status);
}

static inline go_rows go_next_rows(mishikallm_stream *stream) {
	go_rows out = {NULL, NULL, 0, 0, {NULL, 0, 0}};
	int32_t status = MISHIKALLM_PANIC;
	char *text = NULL;
	out.made = mishikallm_stream_embeddings(stream, -1, &status, &text);
	if (out.made) {
		out.data = mishikallm_embeddings_data(out.made, &out.rows, &out.columns);
		if (out.rows * out.columns == 0)
			out.data = NULL; // what a pointer to nothing points to may be no pointer to Go
		text = mishikallm_embeddings_info(out.made);
	}
	out.text = go_measured(text, status);
	return out;
}

static inline go_text go_info(void) {
	return go_measured(mishikallm_info(), MISHIKALLM_OK);
}

static inline void go_free(char *text, mishikallm_stream *stream) {
	mishikallm_string_free(text);
	mishikallm_stream_free(stream);
}

#endif
