// A process with a thread in vfork(2), whose child does not end: that thread stops for nobody until then. Prints
// "ready", then answers each line with how many children have ended.
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int born, ended;

static void *parent(void *unused) {
    pid_t child = vfork();
    if (child == 0) {
        born = 1;
        for (;;) pause();
    }
    waitpid(child, NULL, 0);
    ended++;
    return unused;
}

int main(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, parent, NULL)) return 1;
    while (!born) usleep(1000);
    puts("ready");
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        printf("%d\n", ended);
        fflush(stdout);
    }
    return 0;
}
