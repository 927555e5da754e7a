/* How a subject of many threads is driven: as in driver.h, but each count is shared out to the
 * threads, which all stay, and start together. */
#define _GNU_SOURCE
#include "driver.h"
#include <pthread.h>

enum { MOST_THREADS = 64 };

struct crew {
    pthread_barrier_t begin, end;
    void (*operation)(void *);
    long share;
    int over;
};

struct worker {
    struct crew *crew;
    void *state;
    pthread_t thread;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct crew *crew = worker->crew;
    long i;

    for (;;) {
        pthread_barrier_wait(&crew->begin);
        if (crew->over)
            return NULL;
        for (i = 0; i < crew->share; i++)
            crew->operation(worker->state);
        pthread_barrier_wait(&crew->end);
    }
}

static int threads_of(const char *text)
{
    int threads = atoi(text);
    require(threads >= 1 && threads <= MOST_THREADS, "1 to 64 threads");
    return threads;
}

/* `states` has one for each thread; it may be the same one. */
static inline int drive_threads(int threads, void (*operation)(void *), void **states)
{
    static struct worker workers[MOST_THREADS];
    struct crew crew;
    long count;
    int i;

    memset(&crew, 0, sizeof crew);
    crew.operation = operation;
    pthread_barrier_init(&crew.begin, NULL, (unsigned)threads + 1);
    pthread_barrier_init(&crew.end, NULL, (unsigned)threads + 1);
    for (i = 0; i < threads; i++) {
        workers[i].crew = &crew;
        workers[i].state = states[i];
        require(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "no thread");
    }
    while (scanf("%ld", &count) == 1) {
        struct timespec begin, end;
        crew.share = (count + threads - 1) / threads;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        pthread_barrier_wait(&crew.begin);
        pthread_barrier_wait(&crew.end);
        clock_gettime(CLOCK_MONOTONIC, &end);
        printf("%lld\n", (long long)(end.tv_sec - begin.tv_sec) * 1000000000LL +
                             (end.tv_nsec - begin.tv_nsec));
        fflush(stdout);
    }
    crew.over = 1;
    pthread_barrier_wait(&crew.begin);
    for (i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    return 0;
}
