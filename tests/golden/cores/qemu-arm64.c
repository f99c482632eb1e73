// What qemu-arm64.core.zst is a core of: signed return addresses, no frame pointers, a stack of unknown size, a signal
// handler on a stack of its own, and a call that never returns. Made with QEMU 7.2:
//   aarch64-linux-gnu-gcc -O2 -fomit-frame-pointer -mbranch-protection=pac-ret -static -nostdlib \
//       -fno-stack-protector -fasynchronous-unwind-tables -Wl,-z,separate-code,--eh-frame-hdr -o qemu-arm64 qemu-arm64.c
//   strip qemu-arm64; env -i qemu-aarch64 -cpu max ./qemu-arm64
#define NOINLINE __attribute__((noinline, noclone, used))

struct action {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)(void);
    unsigned long mask;
};
struct stack {
    void *start;
    int flags;
    unsigned long size;
};

static char other_stack[16384] __attribute__((aligned(16)));
static volatile long sink;

static long system_call(long number, long a, long b, long c, long d) {
    register long x8 asm("x8") = number, x0 asm("x0") = a, x1 asm("x1") = b, x2 asm("x2") = c, x3 asm("x3") = d;
    asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}

NOINLINE __attribute__((noreturn)) void give_up(void) {
    system_call(129, system_call(172, 0, 0, 0, 0), 6, 0, 0);  // kill(getpid(), SIGABRT)
    for (;;) sink++;
}

NOINLINE void recurse(int depth) {
    if (depth == 0) give_up();
    recurse(depth - 1);
    sink++;
}

NOINLINE void handler(int number) {
    recurse(number - 8);
    sink++;
}

NOINLINE void fault(long address) {
    *(volatile int *)address = 1;
    sink++;
}

NOINLINE void on_a_stack_of_some_size(long size) {
    volatile char *block = __builtin_alloca(size);
    block[size - 1] = 1;
    fault(sink);
    sink += block[size / 2];
}

NOINLINE void program(void) {
    struct stack stack = {other_stack, 0, sizeof other_stack};
    struct action action = {handler, 0x08000000, 0, 0};  // SA_ONSTACK
    system_call(132, (long)&stack, 0, 0, 0);
    system_call(134, 11, (long)&action, 0, 8);
    on_a_stack_of_some_size(1000 + sink);
    sink++;
}

asm(".global _start\n_start: .cfi_startproc\n.cfi_undefined x30\nmov x29, xzr\nbl program\n.cfi_endproc\n");
