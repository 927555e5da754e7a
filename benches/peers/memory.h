/* What a process's memory is, and the tokens of as many persons as are wanted. */
#define _GNU_SOURCE
#include "driver.h"
#include <malloc.h>
#include <unistd.h>

#define REFRESH_TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_FIELDS                                                                               \
    "{\"expires_in\":28800,\"scope\":\"" SCOPES "\",\"token_type\":\"Bearer\",\"user_id\":\"26FWFL\"}"

/* So many come before the first look: what malloc keeps at hand is then there. */
enum { WARM = 200 };

struct memory {
    size_t heap, resident;
};

static inline struct memory memory(void)
{
    struct mallinfo2 info = mallinfo2();
    struct memory now = {info.uordblks + info.hblkhd, 0};
    FILE *file = fopen("/proc/self/statm", "r");
    require(file != NULL && fscanf(file, "%*u %zu", &now.resident) == 1, "no /proc/self/statm");
    fclose(file);
    now.resident *= (size_t)sysconf(_SC_PAGESIZE);
    return now;
}

/* No two persons have the same. */
static inline const char *access_token(size_t person)
{
    static char text[sizeof ACCESS_TOKEN + 16];
    snprintf(text, sizeof text, ACCESS_TOKEN "%08zx", person);
    return text;
}

static inline const char *refresh_token(size_t person)
{
    static char text[sizeof REFRESH_TOKEN + 24];
    snprintf(text, sizeof text, REFRESH_TOKEN "%016zx", person);
    return text;
}

/* The token as a program has saved it. */
static inline const char *token(size_t person)
{
    static char text[2048];
    snprintf(text, sizeof text,
             "{\"access_token\":\"%s\",\"refresh_token\":\"%s\",\"expires_at\":4102444800,%s",
             access_token(person), refresh_token(person), OTHER_FIELDS + 1);
    return text;
}

/* Bytes of the heap and resident bytes for one person, the bytes of the token's own text, which
 * nobody can do without, and all resident bytes. */
static inline void report(size_t count, struct memory before, struct memory after)
{
    size_t text = strlen(access_token(1)) + strlen(refresh_token(1)) + strlen(OTHER_FIELDS);
    printf("%zu %zu %zu %zu\n", (after.heap - before.heap) / count,
           (after.resident - before.resident) / count, text, after.resident);
}
