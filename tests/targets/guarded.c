// A process under seccomp: `guarded errno` has clone, clone3 and wait4 refused with EPERM, `guarded kill` dies of them.
// With `thread` behind that, only a second thread is, which reads all the time, while the first waits for its input.
// Prints "ready", then answers each line with its count of ticks, and `fork` with the
// errno that fork gives, 0 for none.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static long refusal(void) {
    pid_t child = fork();
    if (child == 0) _exit(0);
    return child < 0 ? errno : 0;
}

static int guard(unsigned action) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, action),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) ? 2 : 0;
}

static int ends[2];
static volatile int guarded;

static void *guarded_thread(void *action) {
    char byte;
    guarded = guard(*(unsigned *)action) ? -1 : 1;
    while (read(ends[0], &byte, 1)) {}
    return NULL;
}

static int start_guarded_thread(unsigned *action) {
    pthread_t thread;
    if (pipe(ends) || pthread_create(&thread, NULL, guarded_thread, action)) return 3;
    while (!guarded) usleep(1000);
    return guarded < 0;
}

int main(int argc, char **argv) {
    unsigned action = argc > 1 && !strcmp(argv[1], "kill") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
    int in_thread = argc > 2 && !strcmp(argv[2], "thread");
    int failed = in_thread ? start_guarded_thread(&action) : guard(action);
    if (failed) return failed;
    puts("ready");
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    char line[16];
    for (long ticks = 0;; ticks++) {
        if (poll(&input, 1, in_thread ? -1 : 1) > 0) {
            if (read(0, line, sizeof line) <= 0) return 0;
            printf("%ld\n", !strncmp(line, "fork", 4) ? refusal() : ticks);
            fflush(stdout);
        }
    }
}
