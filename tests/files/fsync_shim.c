/*
 * A file system that cannot bring directories to the disk: preloaded, it makes the fsync of each
 * directory fail with the error that FSYNC_ERROR names. Files are none of its business.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int chosen(void)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EACCES", EACCES}, {"EINVAL", EINVAL}, {"ENOTSUP", ENOTSUP},
                  {"ENOSYS", ENOSYS}, {"EBADF", EBADF},   {"EROFS", EROFS},
                  {"EIO", EIO},       {"ENOSPC", ENOSPC}};
    const char *name = getenv("FSYNC_ERROR");
    for (size_t i = 0; name && i < sizeof errors / sizeof *errors; i++)
        if (strcmp(name, errors[i].name) == 0)
            return errors[i].number;
    return 0;
}

int fsync(int file)
{
    struct stat about;
    int error = chosen();
    if (error != 0 && fstat(file, &about) == 0 && S_ISDIR(about.st_mode)) {
        errno = error;
        return -1;
    }
    return (int)syscall(SYS_fsync, file);
}
