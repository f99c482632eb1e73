// Many mappings: `maps COUNT` makes that many of a page each that the kernel cannot join, writes to each, prints
// "ready", and answers each line with the number of mappings whose content is still right, until stdin closes.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

int main(int argc, char **argv) {
    long count = argc > 1 ? atol(argv[1]) : 0;
    char *all = mmap(0, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return 1;
    for (long i = 0; i < count; i++) {
        *(long *)(all + i * PAGE) = i + 1;
        if (i % 2 && mprotect(all + i * PAGE, PAGE, PROT_READ)) return 1;
    }
    puts("ready");
    fflush(stdout);
    for (int byte; (byte = getchar()) != EOF;) {
        if (byte != '\n') continue;
        long right = 0;
        for (long i = 0; i < count; i++) right += *(long *)(all + i * PAGE) == i + 1;
        printf("%ld\n", right);
        fflush(stdout);
    }
    return 0;
}
