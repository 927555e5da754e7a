/* A library as a binding has it: opened, which binds everything at once, and each function found by
 * its name. */
#define _GNU_SOURCE
#include "driver.h"
#include <dlfcn.h>

static void *library;

static void open_library(const char *path)
{
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        require(0, dlerror());
}

/* ISO C knows no way from a pointer to a function's: its bytes are copied. */
static void find(const char *name, void *function, size_t size)
{
    void *found = dlsym(library, name);
    require(found != NULL && sizeof found == size, name);
    memcpy(function, &found, size);
}
