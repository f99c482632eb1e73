// Memory that a fork does not inherit as it is: prints "ready", then answers each line with the addresses, in
// hexadecimal, of a DONTFORK, a WIPEONFORK, a shared and an ordinary mapping; each is filled with one byte of its own.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 65536

static void *filled(int flags, int advice, int byte) {
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || (advice && madvise(memory, SIZE, advice))) _exit(1);
    return memset(memory, byte, SIZE);
}

int main(void) {
    void *dontfork = filled(MAP_PRIVATE, MADV_DONTFORK, 0xd0);
    void *wipeonfork = filled(MAP_PRIVATE, MADV_WIPEONFORK, 0x3e);
    void *shared = filled(MAP_SHARED, 0, 0x5a);
    void *ordinary = filled(MAP_PRIVATE, 0, 0x0d);
    puts("ready");
    fflush(stdout);
    char line[16];
    while (read(0, line, sizeof line) > 0) {
        printf("%lx %lx %lx %lx\n", (long)dontfork, (long)wipeonfork, (long)shared, (long)ordinary);
        fflush(stdout);
    }
}
