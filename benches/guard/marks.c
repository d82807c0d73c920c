/* Marks for a run under valgrind, and a count of the interpreter's allocations without it. guarded.py loads this through ctypes.
 *
 * begin() and end(name) delimit a region: callgrind writes a separate file for the code executed between them, and valgrind's log,
 * which lists the system calls, gets a line for each. Outside valgrind, both do nothing.
 */
#include <stddef.h>
#include <valgrind/callgrind.h>
#include <valgrind/valgrind.h>

void begin(const char *name) {
    VALGRIND_PRINTF("guard: begin %s\n", name);
    CALLGRIND_ZERO_STATS;
}

void end(const char *name) {
    CALLGRIND_DUMP_STATS_AT(name);
    VALGRIND_PRINTF("guard: end %s\n", name);
}

/* PyMemAllocatorEx from CPython's headers, which a machine with an interpreter may not have. */
struct allocator {
    void *context;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
};

enum { RAW, MEM, OBJECT, DOMAINS };
void PyMem_GetAllocator(int domain, struct allocator *allocator);
void PyMem_SetAllocator(int domain, struct allocator *allocator);

static struct allocator before[DOMAINS];
static long allocations;

static void *counted_malloc(void *domain, size_t size) {
    struct allocator *inner = domain;
    allocations++;
    return inner->malloc(inner->context, size);
}

static void *counted_calloc(void *domain, size_t count, size_t size) {
    struct allocator *inner = domain;
    allocations++;
    return inner->calloc(inner->context, count, size);
}

static void *counted_realloc(void *domain, void *memory, size_t size) {
    struct allocator *inner = domain;
    allocations++;
    return inner->realloc(inner->context, memory, size);
}

static void counted_free(void *domain, void *memory) {
    struct allocator *inner = domain;
    inner->free(inner->context, memory);
}

/* Starts counting, permanently. Called once, with the interpreter's lock held. Not under valgrind: counting takes instructions. */
void count_allocations(void) {
    if (RUNNING_ON_VALGRIND) return;
    for (int domain = RAW; domain < DOMAINS; domain++) {
        PyMem_GetAllocator(domain, &before[domain]);
        struct allocator counting = {&before[domain], counted_malloc, counted_calloc, counted_realloc, counted_free};
        PyMem_SetAllocator(domain, &counting);
    }
}

long allocations_so_far(void) {
    return allocations;
}
