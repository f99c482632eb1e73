// A process that has its own system calls sent to a handler of SIGSYS, as Wine does with those of Windows programs, but
// for those that it makes itself. Prints "ready", then answers each line with 1, or with 0 where the kernel has no such.
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

static volatile char dispatched;

static void handle(int signal) {
    dispatched = 0;
    (void)signal;
}

int main(void) {
    signal(SIGSYS, handle);
    int can = !prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &dispatched);
    puts("ready");
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    char line[16];
    for (;;) {
        dispatched = 1;
        for (volatile long spin = 0; spin < 10000000; spin++) {}
        dispatched = 0;
        if (poll(&input, 1, 0) > 0) {
            if (read(0, line, sizeof line) <= 0) return 0;
            printf("%d\n", can);
            fflush(stdout);
        }
    }
}
