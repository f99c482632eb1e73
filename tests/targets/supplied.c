// A process that supplies pages of its shared memory itself, as they are touched (userfaultfd): of a MiB two pages
// were touched, the first and the third. Prints "ready", then answers each line with the memory's address and how many
// pages were asked for; 0 where the kernel does not permit it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, SIZE = 1 << 20 };
static int faults;
static volatile int asked;

static void *supply(void *unused) {
    static char page[PAGE];
    struct uffd_msg message;
    memset(page, 'S', sizeof page);
    while (read(faults, &message, sizeof message) == sizeof message) {
        struct uffdio_copy copy = {message.arg.pagefault.address & -PAGE, (unsigned long)page, PAGE, 0, 0};
        asked++;
        ioctl(faults, UFFDIO_COPY, &copy);
    }
    return unused;
}

int main(void) {
    struct uffdio_api api = {.api = UFFD_API};
    char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(unsigned long)memory, SIZE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    faults = syscall(SYS_userfaultfd, O_CLOEXEC);
    int can = faults >= 0 && !ioctl(faults, UFFDIO_API, &api) && !ioctl(faults, UFFDIO_REGISTER, &range);
    pthread_t thread;
    if (can && pthread_create(&thread, NULL, supply, NULL)) return 1;
    int sum = can ? memory[0] + memory[2 * PAGE] : 0;
    puts("ready");
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin)) {
        if (sum) printf("%lx %d\n", (unsigned long)memory, asked);
        else puts("0");
        fflush(stdout);
    }
    return 0;
}
