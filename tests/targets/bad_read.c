// To preload: whoever reads its standard input calls null, two native functions above its own code.
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t (*volatile missing)(void *, size_t);

static __attribute__((noinline)) ssize_t call_missing(void *buffer, size_t size) {
    ssize_t done = missing(buffer, size);
    __asm__ volatile("" ::: "memory");
    return done;
}

static int is_standard_input(int file) {
    struct stat input, other;
    return fstat(0, &input) == 0 && fstat(file, &other) == 0 && S_ISFIFO(other.st_mode) && input.st_ino == other.st_ino;
}

ssize_t read(int file, void *buffer, size_t size) {
    if (!is_standard_input(file)) return syscall(SYS_read, file, buffer, size);
    ssize_t done = call_missing(buffer, size);
    __asm__ volatile("" ::: "memory");
    return done;
}
