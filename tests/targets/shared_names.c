// A library (-DLIBRARY) and a program that share names: data that the program copies, functions that each may define.
// `shared_names` prints "ready" and waits until stdin closes.
#include <stdio.h>
#include <unistd.h>

extern char **environ;
extern int shared_datum;
int chosen(void);
int shared_function(void);

#ifdef LIBRARY
int shared_datum = 1;
__thread int variable_of_threads = 2;

static int first_choice(void) { return 1; }
static int (*choose(void))(void) { return first_choice; }
int chosen(void) __attribute__((ifunc("choose")));
__attribute__((weak)) int shared_function(void) { return variable_of_threads; }

int *const place_of_datum = &shared_datum;
char ***const place_of_environment = &environ;
int (*const chosen_function)(void) = chosen;
int (*const place_of_function)(void) = shared_function;
#else
#ifdef ALONE
int shared_datum;
static int second_choice(void) { return 2; }
static int (*choose(void))(void) { return second_choice; }
int chosen(void) __attribute__((ifunc("choose")));
#endif

int shared_function(void) { return 3; }

int main(void) {
    char byte;
    if (environ == NULL || chosen() + shared_function() + shared_datum == 0) return 1;
    fputs("ready\n", stdout);
    fflush(stdout);
    while (read(0, &byte, 1) > 0) {}
}
#endif
