// A process whose main thread ends, and whose other goes on. Prints "ready", then answers each line with its count.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pthread_t leader;

static void *answer(void *unused) {
    char line[16];
    pthread_join(leader, NULL);
    usleep(10000); // until the kernel has it as ended
    puts("ready");
    fflush(stdout);
    for (long count = 0; fgets(line, sizeof line, stdin); count++) {
        printf("%ld\n", count);
        fflush(stdout);
    }
    _exit(0);
    return unused;
}

int main(void) {
    pthread_t thread;
    leader = pthread_self();
    if (pthread_create(&thread, NULL, answer, NULL)) return 1;
    pthread_exit(NULL);
}
