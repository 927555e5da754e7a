/* How a subject of the bench is driven: it reads counts, does its operation as often, and answers
 * with the nanoseconds that it took. See benches/src/subject.rs. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENT_ID "22942C"
#define CLIENT_SECRET "0123456789abcdef0123456789abcdef"
#define CALLBACK_URI "https://app.example/callback"
/* Fitbit's access tokens are JWTs of a few hundred bytes. */
#define ACCESS_TOKEN                                                                               \
    "eyJhbGciOiJIUzI1NiJ9."                                                                        \
    "eyJhdWQiOiIyMjk0MkMiLCJzdWIiOiIyNkZXRkwiLCJpc3MiOiJGaXRiaXQiLCJ0eXAiOiJhY2Nlc3NfdG9rZW4iLCJz" \
    "Y29wZXMiOiJyYWN0IHJociBycHJvIHJzbGUgcndlaSIsImV4cCI6MTc5NTg2NzIwMCwiaWF0IjoxNzk1ODM4NDAwfQ."  \
    "c2lnbmF0dXJlIG9mIHRoaXJ0eS10d28gYnl0ZXMgLi4uLi4"
#define SCOPES                                                                                     \
    "activity cardio_fitness electrocardiogram heartrate irregular_rhythm_notifications location " \
    "nutrition oxygen_saturation profile respiratory_rate settings sleep social temperature weight"
#define USER_AGENT "libfitbit/0.1.0"

/* The least that an answer must hold to count. */
static void require(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "the operation failed: %s\n", what);
    exit(1);
}

static inline int drive(void (*operation)(void *), void *state)
{
    long count, i;

    while (scanf("%ld", &count) == 1) {
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (i = 0; i < count; i++)
            operation(state);
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%lld\n", (long long)(end.tv_sec - begin.tv_sec) * 1000000000LL +
                             (end.tv_nsec - begin.tv_nsec));
        fflush(stdout);
    }
    return 0;
}
