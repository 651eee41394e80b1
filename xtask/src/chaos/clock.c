/* A wall clock that somebody else can step: loaded into a process before the C library's own, it
 * adds what stands in a file to every look at the time. The file is shared memory, so a step is
 * seen at once, by a program that knows nothing of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset_ms;
static int (*clock_of_libc)(clockid_t, struct timespec *);

__attribute__((constructor)) static void find(void)
{
    clock_of_libc = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *at = mmap(NULL, sizeof *offset_ms, PROT_READ, MAP_SHARED, file, 0);
    if (at != MAP_FAILED)
        offset_ms = at;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    if (!clock_of_libc)
        find();
    int result = clock_of_libc(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && offset_ms) {
        int64_t offset = *offset_ms;
        int64_t ns = time->tv_nsec + offset % 1000 * 1000000;
        time->tv_sec += offset / 1000 + (ns < 0 ? -1 : ns / 1000000000);
        time->tv_nsec = ns < 0 ? ns + 1000000000 : ns % 1000000000;
    }
    return result;
}
