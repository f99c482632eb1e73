// A process that changes while it is looked at: `mortal MEGABYTES` fills memory so that each page starts with its own
// address, prints "ready", then obeys lines: "exit", "exec" (becomes this program anew, which says "again"), "fork" (a child that
// lives 50 ms), "unmap" (half the memory), "thread" (one that lives 5 ms), anything else: counts.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

static void *brief(void *unused) {
    usleep(5000);
    return unused;
}

int main(int argc, char **argv) {
    size_t size = (size_t)(argc > 1 ? atoi(argv[1]) : 16) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    for (size_t at = 0; at < size; at += PAGE) *(uint64_t *)(memory + at) = (uintptr_t)(memory + at);
    puts(argc > 2 ? "again" : "ready");
    fflush(stdout);
    char line[64];
    long count = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (!strcmp(line, "exit\n")) return 0;
        if (!strcmp(line, "exec\n")) execl("/proc/self/exe", argv[0], argc > 1 ? argv[1] : "16", "again", NULL);
        if (!strcmp(line, "unmap\n")) munmap(memory + size / 2, size / 2);
        if (!strcmp(line, "fork\n") && fork() == 0) {
            usleep(50000);
            _exit(0);
        }
        if (!strcmp(line, "thread\n")) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, brief, NULL)) return 1;
            pthread_detach(thread);
        }
        printf("%ld\n", ++count);
        fflush(stdout);
    }
    return 0;
}
