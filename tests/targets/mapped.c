// Its C library once more, as data: its first page mapped, all of it mapped, its first pages read into memory.
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int note_libc(struct dl_phdr_info *info, size_t size, void *path) {
    (void)size;
    if (strstr(info->dlpi_name, "libc.so")) strcpy(path, info->dlpi_name);
    return 0;
}

int main(void) {
    char path[4096] = "";
    dl_iterate_phdr(note_libc, path);
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status)) return 1;
    char *memory = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || read(file, memory, 8 * 4096) != 8 * 4096) return 1;
    if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED) return 1;
    if (mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED) return 1;
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
