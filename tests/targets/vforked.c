// A process with a thread in vfork(2), whose child does not end: that thread stops for nobody until then. The child
// prints "ready". Then the first thread answers each line with how many children have ended; `vforked alone` has no other
// thread than the one in vfork.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int ended;

static void *parent(void *unused) {
    pid_t child = vfork();
    if (child == 0) {
        if (write(1, "ready\n", 6) != 6) _exit(1);
        for (;;) pause();
    }
    waitpid(child, NULL, 0);
    ended++;
    return unused;
}

int main(int argc, char **argv) {
    (void)argv;
    pthread_t thread;
    if (argc > 1) return parent(NULL) != NULL;
    if (pthread_create(&thread, NULL, parent, NULL)) return 1;
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        printf("%d\n", ended);
        fflush(stdout);
    }
    return 0;
}
