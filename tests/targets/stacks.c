// Threads whose stacks are hard to walk. "stacks" prints "ready" once all that park have parked; the others spin.
// "stacks DEPTH" has one thread, that many calls deep.
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static sem_t parked;
static volatile uint64_t sink;
static volatile int parking = 1;
static void (*volatile missing)(void);

static NOINLINE void park(void) {
    sem_post(&parked);
    while (parking) pause();
}

static NOINLINE int recurse(int depth) {
    volatile char pad[40];
    pad[0] = (char)depth;
    if (depth == 0) {
        park();
        return 0;
    }
    return recurse(depth - 1) + pad[0];
}

static NOINLINE int with_alloca(int size) {
    char *block = alloca(size);
    memset(block, size, size);
    if (size > 2000) {
        park();
        return 0;
    }
    return with_alloca(size * 2) + block[size / 2];
}

static NOINLINE __attribute__((optimize("align-functions=64"))) int realigned(int depth) {
    _Alignas(128) volatile char wide[128];
    wide[depth] = 1;
    if (depth == 0) {
        park();
        return 0;
    }
    return realigned(depth - 1) + wide[depth];
}

static NOINLINE void tail_end(int steps);
static NOINLINE void tail_middle(int steps) {
    sink += steps;
    tail_end(steps - 1);
}
static NOINLINE void tail_end(int steps) {
    if (steps <= 0) park();
    tail_middle(steps - 1);
}

static int by_parking(const void *left, const void *right) {
    (void)left, (void)right;
    park();
    return 0;
}

static NOINLINE __attribute__((noreturn)) void never_returns(void) {
    park();
    abort();
}

static NOINLINE int many_arguments(int a, int b, int c, int d, int e, int f, int g, int h, ...) {
    va_list rest;
    va_start(rest, h);
    int last = va_arg(rest, int);
    va_end(rest);
    if (last) never_returns();
    return a + b + c + d + e + f + g + h;
}

static void on_inner(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    recurse(3);
}

static void on_outer(int number) {
    (void)number;
    raise(SIGUSR2);
}

static NOINLINE void in_handler(void) {
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    raise(SIGUSR1);
}

static NOINLINE void in_fault(void) {
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    *(volatile int *)sink = 1;
}

static NOINLINE void in_bad_call(void) {
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    missing();
    sink++;
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) int with_frame_pointer(int depth) {
    volatile int kept = depth;
    if (depth == 0) {
        park();
        return 0;
    }
    return with_frame_pointer(depth - 1) + kept;
}

static NOINLINE uint64_t busy(uint64_t depth, uint64_t value) {
    uint64_t kept[4] = {value, depth, value ^ depth, value * 3};
    if (depth) kept[depth & 3] += busy(depth - 1, value + kept[1]);
    sink += kept[value & 3];
    return kept[0] + kept[3];
}

static NOINLINE void spin(void) {
    for (uint64_t round = 0;; round++) sink += busy(round & 15, round);
}

static NOINLINE void spin_in_vdso(void) {
    struct timespec now;
    for (;;) clock_gettime(CLOCK_MONOTONIC, &now);
}

static NOINLINE void spin_in_library(void) {
    char text[64];
    for (uint64_t round = 0;; round++) sink += snprintf(text, sizeof text, "%lu %s", round, "words") + atoi(text);
}

static void *thread(void *argument) {
    int pairs[] = {2, 1, 3};
    switch ((intptr_t)argument) {
        case 0: recurse(3000); break;
        case 1: with_alloca(16); break;
        case 2: realigned(5); break;
        case 3: tail_end(7); break;
        case 4: qsort(pairs, 3, sizeof *pairs, by_parking); break;
        case 5: many_arguments(1, 2, 3, 4, 5, 6, 7, 8, 9); break;
        case 6: in_handler(); break;
        case 7: in_fault(); break;
        case 8: with_frame_pointer(20); break;
        case 9: ((void (*)(void))park)(); break;
        case 10: in_bad_call(); break;
        case 11: spin_in_vdso(); break;
        case 12: spin_in_library(); break;
        default: spin();
    }
    return NULL;
}

static void *deep(void *argument) {
    recurse((intptr_t)argument);
    return NULL;
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_sigaction = on_inner, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    struct sigaction outer = {.sa_handler = on_outer};
    sigaction(SIGUSR1, &outer, NULL);
    sem_init(&parked, 0, 0);
    intptr_t depth = argc > 1 ? atol(argv[1]) : 0;
    pthread_t threads[17];
    pthread_attr_t size;
    pthread_attr_init(&size);
    pthread_attr_setstacksize(&size, (1 << 20) + 128 * depth);
    if (depth) pthread_create(&threads[0], &size, deep, (void *)depth);
    for (intptr_t index = 0; index < 17 && !depth; index++) pthread_create(&threads[index], &size, thread, (void *)index);
    for (int index = 0; index < (depth ? 1 : 11); index++) sem_wait(&parked);
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
