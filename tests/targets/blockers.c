// Threads that each sit in one kind of blocking system call and check every result: an EINTR, a timeout that came too
// early, a wake-up that got lost are errors. `blockers` prints "ready"; each line on stdin is answered with
// "errors=N stalled=N sigchld=N forks=N descriptors=N  name=errors,errno ..."; it ends when stdin does.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    const char *name;
    int (*once)(void); // returns 0, or what was wrong: an errno, or a negative number of ours
    atomic_long rounds, errors;
    atomic_int last;
} Blocker;

enum { EARLY = -1, WRONG = -2, LOST = -3 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

#define TIMED(seconds, call, good)                          \
    do {                                                    \
        double begun = now();                               \
        long result = (call);                               \
        int code = errno;                                   \
        if (!(good)) return result == -1 ? code : WRONG;    \
        if (now() - begun < (seconds)) return EARLY;        \
    } while (0)

static int pipe_fd[2], stream[2], event_poll, event_fd, timer_fd, semaphores;
static atomic_int word, idle_word, turn;
static atomic_long sigchld, forks, signals_sent, signals_seen;
static pthread_t suspended;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static long futex(atomic_int *at, int op, int value, const struct timespec *timeout) {
    return syscall(SYS_futex, at, op | FUTEX_PRIVATE_FLAG, value, timeout, 0, 0);
}

static int nanosleeps(void) {
    struct timespec t = {0, 7000000};
    TIMED(0.007, nanosleep(&t, 0), result == 0);
    return 0;
}
static int sleeps_until(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 9000000;
    if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
    int result = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
    return result;
}
static int reads(void) {
    static uint64_t expected;
    uint64_t value;
    if (read(pipe_fd[0], &value, 8) != 8) return errno;
    return value == expected++ ? 0 : WRONG;
}
static int writes(void) {
    static uint64_t value;
    if (write(pipe_fd[1], &value, 8) != 8) return errno;
    if (++value % 50 == 0) usleep(3000);
    return 0;
}
static int futex_waits(void) {
    while (!word)
        if (futex(&word, FUTEX_WAIT, 0, 0) && errno != EAGAIN) return errno;
    word = 0;
    return 0;
}
static int futex_wakes(void) {
    word = 1;
    futex(&word, FUTEX_WAKE, 1, 0);
    for (double begun = now(); word; usleep(200))
        if (now() - begun > 5) return LOST;
    return 0;
}
static int futex_times_out(void) {
    struct timespec t = {0, 11000000};
    TIMED(0.011, futex(&idle_word, FUTEX_WAIT, 0, &t), result == -1 && code == ETIMEDOUT);
    return 0;
}
static int epoll_waits(void) {
    struct epoll_event event;
    uint64_t value;
    if (epoll_wait(event_poll, &event, 1, -1) < 0) return errno;
    return read(event_fd, &value, 8) == 8 || errno == EAGAIN ? 0 : errno;
}
static int epoll_wakes(void) {
    uint64_t value = 1;
    usleep(4000);
    return write(event_fd, &value, 8) == 8 ? 0 : errno;
}
static int epoll_times_out(void) {
    static int empty;
    struct epoll_event event;
    if (!empty) empty = epoll_create1(0);
    TIMED(0.0125, epoll_wait(empty, &event, 1, 13), result == 0);
    return 0;
}
static int poll_times_out(void) {
    TIMED(0.015, poll(0, 0, 15), result == 0);
    return 0;
}
static int ppoll_times_out(void) {
    struct timespec t = {0, 10000000};
    sigset_t mask;
    sigfillset(&mask);
    TIMED(0.010, ppoll(0, 0, &t, &mask), result == 0);
    return 0;
}
static int select_times_out(void) {
    struct timeval t = {0, 6000};
    TIMED(0.006, select(0, 0, 0, 0, &t), result == 0);
    return 0;
}
static int receives(void) {
    char bytes[16];
    return recv(stream[0], bytes, sizeof bytes, MSG_WAITALL) == sizeof bytes ? 0 : errno ? errno : WRONG;
}
static int sends(void) {
    char bytes[16] = {0};
    usleep(2500);
    return send(stream[1], bytes, sizeof bytes, 0) == sizeof bytes ? 0 : errno;
}
static int timer_ticks(void) {
    uint64_t ticks;
    return read(timer_fd, &ticks, 8) == 8 ? 0 : errno;
}
static int waits_for_signal(void) {
    struct timespec t = {0, 8000000};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    TIMED(0.008, sigtimedwait(&set, 0, &t), result == -1 && code == EAGAIN);
    return 0;
}
static int suspends(void) {
    sigset_t mask;
    sigfillset(&mask);
    sigdelset(&mask, SIGUSR1);
    long before = signals_seen;
    suspended = pthread_self();
    if (sigsuspend(&mask) != -1 || errno != EINTR) return errno;
    return signals_seen > before ? 0 : WRONG;
}
static int signals(void) {
    if (!suspended) return usleep(1000), 0;
    signals_sent++;
    pthread_kill(suspended, SIGUSR1);
    for (double begun = now(); signals_seen < signals_sent; usleep(300))
        if (now() - begun > 5) return LOST;
    usleep(1000);
    return 0;
}
static int forks_and_waits(void) {
    pid_t child = fork();
    if (child == 0) {
        usleep(3000);
        _exit(7);
    }
    int status;
    pid_t waited = waitpid(-1, &status, 0);
    forks++;
    usleep(2000);
    if (waited != child) return waited < 0 ? errno : WRONG;
    return WEXITSTATUS(status) == 7 ? 0 : WRONG;
}
static int semaphore_waits(void) {
    struct sembuf down = {0, -1, 0};
    struct timespec t = {0, 12000000};
    TIMED(0.012, semtimedop(semaphores, &down, 1, &t), result == -1 && code == EAGAIN);
    return 0;
}
static int limited(int option, int listens) {
    struct timeval t = {0, 20000};
    struct sockaddr any = {AF_UNIX, {0}};
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return -1;
    if (listens) {
        pair[0] = socket(AF_UNIX, SOCK_STREAM, 0);
        if (bind(pair[0], &any, sizeof any.sa_family) || listen(pair[0], 1)) return -1;
    }
    return setsockopt(pair[0], SOL_SOCKET, option, &t, sizeof t) ? -1 : pair[0];
}
static int receive_times_out(void) {
    static int socket;
    char byte;
    if (!socket) socket = limited(SO_RCVTIMEO, 0);
    TIMED(0.012, recv(socket, &byte, 1, 0), result == -1 && code == EAGAIN);
    return 0;
}
static int read_times_out(void) {
    static int socket;
    char byte;
    if (!socket) socket = limited(SO_RCVTIMEO, 0);
    TIMED(0.012, read(socket, &byte, 1), result == -1 && code == EAGAIN);
    return 0;
}
static int accept_times_out(void) {
    static int socket;
    if (!socket) socket = limited(SO_RCVTIMEO, 1);
    TIMED(0.012, accept(socket, 0, 0), result == -1 && code == EAGAIN);
    return 0;
}
static int send_times_out(void) {
    static int socket;
    static char bytes[4096];
    if (!socket) {
        socket = limited(SO_SNDTIMEO, 0);
        while (send(socket, bytes, sizeof bytes, MSG_DONTWAIT) > 0) {}
    }
    TIMED(0.012, send(socket, bytes, sizeof bytes, 0), result == -1 && code == EAGAIN);
    return 0;
}
static int ring_times_out(void) {
    static int ring;
    struct io_uring_params parameters = {0};
    struct __kernel_timespec t = {0, 9000000};
    struct io_uring_getevents_arg argument = {.ts = (uintptr_t)&t};
    if (!ring) ring = syscall(SYS_io_uring_setup, 1, &parameters);
    if (ring < 0) return usleep(1000), 0; // not permitted, as in most containers
    unsigned flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
    TIMED(0.009, syscall(SYS_io_uring_enter, ring, 0, 1, flags, &argument, sizeof argument), result == -1 && code == ETIME);
    return 0;
}
static int computes(void) {
    static volatile double x = 1;
    volatile uint64_t sums[8] = {0};
    uint64_t expected = 0, sum = 0;
    for (uint64_t i = 0; i < 20000; i++) x = x * 1.0000001 + 1, sums[i & 7] += i, expected += i;
    for (int i = 0; i < 8; i++) sum += sums[i];
    usleep(300);
    return sum == expected ? 0 : WRONG;
}
static int takes_turn(int mine) {
    pthread_mutex_lock(&mutex);
    while (turn != mine) pthread_cond_wait(&condition, &mutex);
    turn = 1 - mine;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    if (!mine) usleep(500);
    return 0;
}
static int first_turn(void) { return takes_turn(0); }
static int second_turn(void) { return takes_turn(1); }

static Blocker blockers[] = {
    {"nanosleep", nanosleeps}, {"clock_nanosleep", sleeps_until}, {"read", reads}, {"write", writes},
    {"futex_wait", futex_waits}, {"futex_wake", futex_wakes}, {"futex_timeout", futex_times_out},
    {"epoll_wait", epoll_waits}, {"epoll_wake", epoll_wakes}, {"epoll_timeout", epoll_times_out},
    {"poll", poll_times_out}, {"ppoll", ppoll_times_out}, {"select", select_times_out}, {"recv", receives},
    {"send", sends}, {"timerfd", timer_ticks}, {"sigtimedwait", waits_for_signal}, {"sigsuspend", suspends},
    {"kill", signals}, {"fork_waitpid", forks_and_waits}, {"semtimedop", semaphore_waits}, {"compute", computes},
    {"cond_first", first_turn}, {"cond_second", second_turn}, {"recv_timeout", receive_times_out},
    {"read_timeout", read_times_out}, {"accept_timeout", accept_times_out}, {"send_timeout", send_times_out},
    {"io_uring", ring_times_out},
};
enum { COUNT = sizeof blockers / sizeof *blockers };

static void *runs(void *pointer) {
    Blocker *blocker = pointer;
    pthread_setname_np(pthread_self(), blocker->name);
    for (;;) {
        errno = 0;
        int wrong = blocker->once();
        if (wrong) {
            blocker->errors++;
            blocker->last = wrong;
        }
        blocker->rounds++;
    }
    return 0;
}

static void on_usr1(int number) { (void)number, signals_seen++; }
static void on_chld(int number) { (void)number, sigchld++; }

static int open_descriptors(void) {
    int count = -1;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory)) count++;
    closedir(directory);
    return count - 2;
}

static void report(void) {
    static long before[COUNT];
    long errors = 0, stalled = 0;
    int still[COUNT];
    usleep(100000);
    for (int i = 0; i < COUNT; i++) {
        errors += blockers[i].errors;
        for (int wait = 0; blockers[i].rounds == before[i] && wait < 250; wait++) usleep(20000);
        still[i] = blockers[i].rounds == before[i];
        stalled += still[i];
        before[i] = blockers[i].rounds;
    }
    printf("errors=%ld stalled=%ld sigchld=%ld forks=%ld descriptors=%d ", errors, stalled, (long)sigchld, (long)forks,
           open_descriptors());
    for (int i = 0; i < COUNT; i++)
        if (blockers[i].errors) printf(" %s=%ld,%d", blockers[i].name, (long)blockers[i].errors, blockers[i].last);
    for (int i = 0; i < COUNT; i++)
        if (still[i]) printf(" %s=stalled", blockers[i].name);
    puts("");
    fflush(stdout);
}

int main(void) {
    sigset_t blocked, child;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1), sigaddset(&blocked, SIGUSR2), sigaddset(&blocked, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &blocked, 0);
    signal(SIGUSR1, on_usr1);
    signal(SIGCHLD, on_chld);
    struct epoll_event event = {EPOLLIN, {0}};
    struct itimerspec every = {{0, 5000000}, {0, 5000000}};
    event_poll = epoll_create1(0), event_fd = eventfd(0, EFD_NONBLOCK), timer_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    if (pipe(pipe_fd) || socketpair(AF_UNIX, SOCK_STREAM, 0, stream) || semaphores < 0) return 1;
    if (epoll_ctl(event_poll, EPOLL_CTL_ADD, event_fd, &event) || timerfd_settime(timer_fd, 0, &every, 0)) return 1;
    for (int i = 0; i < COUNT; i++) {
        pthread_t thread;
        if (pthread_create(&thread, 0, runs, &blockers[i])) return 1;
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    pthread_sigmask(SIG_UNBLOCK, &child, 0);
    puts("ready");
    fflush(stdout);
    char line[64];
    for (;;) {
        ssize_t got = read(0, line, sizeof line);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        report();
    }
    semctl(semaphores, 0, IPC_RMID);
    return 0;
}
