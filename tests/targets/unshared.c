// A process whose next child is to be init of a new pid namespace, where it may have one. Prints "ready", then answers
// each line with the errno that fork gives, 0 for none; -1 where it may have no such namespace.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    int may = !unshare(CLONE_NEWPID);
    puts("ready");
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        pid_t child = fork();
        int failed = errno;
        if (child == 0) _exit(0);
        if (child > 0) waitpid(child, NULL, 0);
        printf("%d\n", !may ? -1 : child < 0 ? failed : 0);
        fflush(stdout);
    }
    return 0;
}
