/* Loads libmishikallm and looks its functions up. */
#define _GNU_SOURCE
#include "addon.h"
#include "portable.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

struct library library;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_open;

static char *wrong(const char *path, const char *what, const char *more)
{
    char *message = NULL;
    return asprintf(&message, "%s: %s%s", path, what, more) < 0 ? NULL : message;
}

static char *fill(void *handle, const char *path)
{
#define LOOK_UP(name)                                                                                                  \
    *(void **)&library.name = dlsym(handle, "mishikallm_" #name);                                                      \
    if (library.name == NULL)                                                                                          \
        return wrong(path, "this libmishikallm is older than the npm package, it lacks ", "mishikallm_" #name);
    LIBRARY_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
    if (library.abi_version() != MISHIKALLM_ABI_VERSION)
        return wrong(path, "this libmishikallm has another ABI than the npm package, its version is ",
                     library.version());
    return NULL;
}

char *library_open(const char *path)
{
    char *error = NULL;
    pthread_mutex_lock(&lock);
    if (!is_open) {
        /* Its threads may outlive any environment of Node: it is never unloaded. */
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        error = handle == NULL ? wrong(path, "cannot be loaded: ", dlerror()) : fill(handle, path);
        is_open = error == NULL;
    }
    pthread_mutex_unlock(&lock);
    return error;
}
