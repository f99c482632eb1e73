// `patched` writes over its own function, as write barriers are patched, and makes it code again; prints "ready", waits.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

__attribute__((noinline, aligned(4096))) int patched_function(void) { return 1; }

int main(void) {
    char byte, *page = (char *)patched_function;
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE)) return 1;
    memset(page, 0x5A, 8);
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC)) return 1;
    puts("ready");
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {}
}
