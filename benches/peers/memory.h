/* What a process's memory is, and the tokens of as many persons as are wanted. */
#include <malloc.h>
#include <unistd.h>

#define REFRESH_TOKEN "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_FIELDS                                                                               \
    "{\"expires_in\":28800,\"scope\":\"" SCOPES "\",\"token_type\":\"Bearer\",\"user_id\":\"26FWFL\"}"

struct memory {
    size_t heap, resident;
};

static struct memory memory(void)
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
static const char *access_token(size_t person)
{
    static char text[sizeof ACCESS_TOKEN + 16];
    snprintf(text, sizeof text, ACCESS_TOKEN "%08zx", person);
    return text;
}

/* The token as a program has saved it. */
static const char *token(size_t person)
{
    static char text[2048];
    snprintf(text, sizeof text,
             "{\"access_token\":\"%s\",\"refresh_token\":\"" REFRESH_TOKEN "%016zx\","
             "\"expires_at\":4102444800,%s",
             access_token(person), person, OTHER_FIELDS + 1);
    return text;
}

static void report(size_t count, struct memory before, struct memory after)
{
    size_t text = strlen(ACCESS_TOKEN) + 8 + strlen(REFRESH_TOKEN) + 16 + strlen(OTHER_FIELDS);
    printf("%.1f %.1f %zu\n", (double)(after.heap - before.heap) / (double)count,
           (double)(after.resident - before.resident) / (double)count, text);
}
