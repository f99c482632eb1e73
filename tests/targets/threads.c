// Threads that sleep: `threads COUNT` starts them, prints "ready", counts up in the main thread until stdin closes.
// `vfork` as second argument: the last thread waits in vfork(2), uninterruptibly, until the child is told to end.
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_long ticks;
static atomic_int started;

static void *sleeper(void *name) {
    pthread_setname_np(pthread_self(), name);
    started++;
    for (;;) pause();
    return NULL;
}

static void *parent(void *name) {
    pthread_setname_np(pthread_self(), name);
    started++;
    if (vfork() == 0) {
        sleep(3600);
        _exit(0);
    }
    for (;;) pause();
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 0;
    int with_vfork = argc > 2 && !strcmp(argv[2], "vfork");
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        int last = with_vfork && i == count - 1;
        if (pthread_create(&thread, &attributes, last ? parent : sleeper, last ? "parent" : "sleeper")) return 1;
    }
    while (started < count) usleep(1000);
    puts("ready");
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    char line[16];
    for (;;) {
        ticks++;
        if (poll(&input, 1, 1) > 0) {
            if (read(0, line, sizeof line) <= 0) return 0;
            printf("%ld\n", (long)ticks);
            fflush(stdout);
        }
    }
}
