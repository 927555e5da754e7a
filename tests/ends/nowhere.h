/*
 * A resolver that looks up the host nowhere.example for ever, and every other one as the system does.
 */

#ifndef NOWHERE_H
#define NOWHERE_H

#define _GNU_SOURCE

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

/* Whether somebody looks it up. */
static atomic_int looking;

/* The library's look-ups come here, as the program stands before the C library. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    if (node != NULL && strcmp(node, "nowhere.example") == 0) {
        atomic_store(&looking, 1);
        for (;;) {
            pause();
        }
    }
    memcpy(&real, &symbol, sizeof real);
    return real(node, service, hints, found);
}

#endif
