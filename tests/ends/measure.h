/*
 * What the programs of these tests measure: time, and what of the process is in use.
 */

#ifndef MEASURE_H
#define MEASURE_H

#include "../c_programs/program.h"

#include <dirent.h>
#include <time.h>

static inline long long now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static inline void sleep_ms(long milliseconds)
{
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* The entries of a folder of /proc; with `kind`, only the links to what begins so. */
static inline int count_in(const char *folder, const char *kind)
{
    int count = 0;
    DIR *all = opendir(folder);
    struct dirent *one;
    CHECK(all != NULL);
    while ((one = readdir(all)) != NULL) {
        char path[512], target[64] = "";
        if (one->d_name[0] == '.') {
            continue;
        }
        if (kind != NULL) {
            snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
            if (readlink(path, target, sizeof target - 1) < 0) {
                continue;
            }
        }
        count += kind == NULL || strncmp(target, kind, strlen(kind)) == 0;
    }
    closedir(all);
    return count;
}

static inline int threads_now(void)
{
    return count_in("/proc/self/task", NULL);
}

static inline int sockets_now(void)
{
    return count_in("/proc/self/fd", "socket:");
}

static inline int descriptors_now(void)
{
    return count_in("/proc/self/fd", NULL);
}

/* The code's name without what all have in common; frees the error. */
static inline const char *name_of(FitbitError *error)
{
    FitbitErrorCode code = fitbit_error_code(error);
    if (error == NULL) {
        return "OK";
    }
    fitbit_error_free(error);
    return fitbit_error_code_name(code) + strlen("FITBIT_ERROR_");
}

#endif
