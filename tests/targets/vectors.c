// A process that holds numbers in the upper half of a vector register for nearly all of its time. Prints "ready", then
// answers each line with how often they were lost; 0 for a CPU without AVX.
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int lost(void) {
    unsigned long kept[4] = {1, 2, 0x1111222233334444, 0x5555666677778888}, found[4];
    if (!__builtin_cpu_supports("avx")) return 0;
    __asm__ volatile(
        "vmovdqu %1, %%ymm7\n\tmov $50000000, %%rax\n1:\tdec %%rax\n\tjnz 1b\n\tvmovdqu %%ymm7, %0\n\tvzeroupper"
        : "=m"(found) : "m"(kept) : "rax", "xmm7", "memory");
    return memcmp(found, kept, sizeof kept) != 0;
}

int main(void) {
    puts("ready");
    fflush(stdout);
    struct pollfd input = {0, POLLIN, 0};
    char line[16];
    for (int losses = 0;;) {
        losses += lost();
        if (poll(&input, 1, 0) > 0) {
            if (read(0, line, sizeof line) <= 0) return 0;
            printf("%d\n", losses);
            fflush(stdout);
        }
    }
}
