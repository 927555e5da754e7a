/*
 * Sets the clocks of one program ahead: preloaded, it adds the seconds in the file that
 * CLOCK_OFFSET_FILE names, which it reads each time, to every clock but those of the processor.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    char text[32] = "";
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result != 0 || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return result;
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return result;
    if (read(file, text, sizeof text - 1) > 0)
        now->tv_sec += atoll(text);
    close(file);
    return result;
}
