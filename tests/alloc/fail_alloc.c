/*
 * LD_PRELOAD of tests/alloc/run: one allocation of a cmocka program fails. The program it is loaded
 * into is meant (and a child that goes on in it), and no program that it starts: it takes itself
 * out of the environment.
 *
 * A place is a test and a key: the hash of the frames from the allocation to the first one that is
 * of Headgate, and CALLERS more. Frames are "module+offset", so that keys are the same in each run.
 *
 * FAIL_ALLOC_LIST=path    writes the names of the tests and runs none
 * FAIL_ALLOC_TEST=name    runs this test alone; without it all of them
 * FAIL_ALLOC_SITES=path   writes each place when it is reached for the 1st, 2nd, 4th, 8th ... time
 * FAIL_ALLOC_PLACES=path  runs a test for each line "test<TAB>key<TAB>nth<TAB>more": the allocation
 *                         fails when the key is reached the nth time, and `more` others behind it,
 *                         wherever they are. The test "-" is the set-up of the group.
 * FAIL_ALLOC_SPARED=path  keys, one in a line, of what is not among those others
 * FAIL_ALLOC_REPORT=path  is told of each begun line, the failed allocation's frames, and a crash's
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include <cmocka.h>

enum {
    CALLERS = 3,
    MAX_FRAMES = 24,
    CRASH_FRAMES = 48,
    N_SITES = 1 << 16,
    MAX_SPARED = 1 << 15,
    MAX_PLACES = 256
};

struct site {
    _Atomic uint64_t key; /* 0 is a free slot */
    _Atomic uint32_t n;
};

struct stack {
    void *frames[CRASH_FRAMES];
    int n;
    int room;
    int callers; /* how many more frames are wanted; -1: none of ours seen yet */
};

struct place {
    char test[200];
    uint64_t key;
    uint32_t nth;
    long more;
};

static struct {
    char list[256];
    char test[256];
    char sites[256];
    char report[256];
} options;

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);
static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);

static struct site sites[N_SITES];
static uint64_t spared[MAX_SPARED];
static size_t n_spared;
static struct place places[MAX_PLACES];
static size_t n_places;
static _Atomic(struct place *) failing; /* the place that is to fail now */
static _Atomic uint32_t n_reached;
static _Atomic(const char *) current = "-"; /* outside of a test: the group's set-up */
static atomic_bool armed;
static atomic_long more_left;

/* Set while the library itself works: what it asks for is not counted. */
static _Thread_local int busy __attribute__((tls_model("initial-exec")));

/* What dlsym itself asks for before we know the real ones; never freed. */
static char early[65536];
static size_t n_early;

static void *early_memory(size_t n)
{
    size_t at = n_early;
    n_early += (n + 15) & ~(size_t)15;
    return n_early <= sizeof early ? early + at : NULL;
}

static void find(void *to, const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(to, &symbol, sizeof symbol);
}

static void find_real(void)
{
    if (!real_malloc && !busy) {
        busy = 1;
        find(&real_calloc, "calloc");
        find(&real_realloc, "realloc");
        find(&real_aligned_alloc, "aligned_alloc");
        find(&real_posix_memalign, "posix_memalign");
        find(&real_sigaction, "sigaction");
        find(&real_malloc, "malloc");
        busy = 0;
    }
}

/* ---- frames ---- */

struct module {
    const char *name; /* empty: the program itself */
    uintptr_t base;
    bool self; /* this library */
    bool ours; /* what does not lie where the system's libraries do */
};

static bool find_module(uintptr_t pc, struct module *ret_module)
{
    static uintptr_t own_base;
    struct dl_find_object found;
    if (own_base == 0 && _dl_find_object((void *)(uintptr_t)find_module, &found) == 0) {
        own_base = found.dlfo_link_map->l_addr;
    }
    if (_dl_find_object((void *)pc, &found) != 0) {
        return false;
    }
    const char *name = found.dlfo_link_map->l_name;
    ret_module->name = name;
    ret_module->base = found.dlfo_link_map->l_addr;
    ret_module->self = ret_module->base == own_base;
    ret_module->ours = !ret_module->self && strncmp(name, "/lib", 4) != 0 &&
                       strncmp(name, "/usr/", 5) != 0 && strncmp(name, "linux-vdso", 10) != 0;
    return true;
}

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *arg)
{
    struct stack *stack = arg;
    struct module module;
    uintptr_t pc = _Unwind_GetIP(context);
    if (pc == 0 || !find_module(pc - 1, &module)) {
        return _URC_END_OF_STACK;
    }
    if (module.self) {
        return _URC_NO_REASON;
    }
    stack->frames[stack->n++] = (void *)pc;
    if (module.ours && stack->callers < 0) {
        stack->callers = CALLERS;
    } else if (module.ours && stack->callers > 0) {
        stack->callers--;
    } else if (!module.ours && stack->callers > 0 && stack->callers <= CALLERS) {
        stack->callers = -1; /* it was what a library allocates with, not whom it works for */
    }
    return stack->callers == 0 || stack->n == stack->room ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static void take_stack(struct stack *stack, int room, bool whole)
{
    stack->n = 0;
    stack->room = room;
    stack->callers = whole ? CRASH_FRAMES + 1 : -1;
    (void)_Unwind_Backtrace(step, stack);
}

static uint64_t hash_stack(const struct stack *stack)
{
    uint64_t hash = 14695981039346656037U;
    for (int i = 0; i < stack->n; i++) {
        struct module module = {.base = 0};
        uintptr_t pc = (uintptr_t)stack->frames[i];
        (void)find_module(pc - 1, &module);
        hash = (hash ^ (pc - module.base)) * 1099511628211U;
        hash ^= hash >> 29;
    }
    return hash | 1;
}

/* One line in one write: kind, test, key, count, frames. */
static void write_line(
    const char *path, const char *kind, uint64_t key, uint32_t n, const struct stack *stack)
{
    char line[16384];
    int used = snprintf(line,
                        sizeof line,
                        "%s\t%s\t%016llx\t%u",
                        kind,
                        atomic_load(&current),
                        (unsigned long long)key,
                        n);
    for (int i = 0; i < stack->n && used < (int)sizeof line - 600; i++) {
        struct module module = {.name = "?"};
        uintptr_t pc = (uintptr_t)stack->frames[i] - 1;
        (void)find_module(pc, &module);
        used += snprintf(line + used,
                         sizeof line - (size_t)used,
                         "\t%.500s+%#lx",
                         module.name,
                         (unsigned long)(pc - module.base));
    }
    line[used++] = '\n';
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0) {
        (void)!write(fd, line, (size_t)used);
        (void)close(fd);
    }
}

/* ---- what fails ---- */

static uint32_t count_site(uint64_t key)
{
    const char *test = atomic_load(&current);
    uint64_t own = (key ^ (uintptr_t)test * 0x9e3779b97f4a7c15U) | 1;
    for (size_t i = own % N_SITES, tries = 0; tries < N_SITES; i = (i + 1) % N_SITES, tries++) {
        uint64_t seen = 0;
        if (atomic_load(&sites[i].key) == own ||
            atomic_compare_exchange_strong(&sites[i].key, &seen, own) || seen == own) {
            return atomic_fetch_add(&sites[i].n, 1) + 1;
        }
    }
    return 0;
}

static void fail_place(struct place *place)
{
    atomic_store(&failing, NULL);
    atomic_store(&more_left, 0);
    atomic_store(&n_reached, 0);
    atomic_store(&failing, place);
}

static bool is_spared(uint64_t key)
{
    for (size_t i = 0; i < n_spared; i++) {
        if (spared[i] == key) {
            return true;
        }
    }
    return false;
}

static bool take_more(void)
{
    long left = atomic_load(&more_left);
    while (left > 0) {
        if (atomic_compare_exchange_weak(&more_left, &left, left - 1)) {
            return true;
        }
    }
    return false;
}

static bool judge(void)
{
    struct stack stack;
    take_stack(&stack, MAX_FRAMES, false);
    uint64_t key = hash_stack(&stack);
    if (options.sites[0]) {
        uint32_t n = count_site(key);
        if (n && (n & (n - 1)) == 0) {
            write_line(options.sites, "site", key, n, &stack);
        }
        return false;
    }
    const struct place *place = atomic_load(&failing);
    bool here = place && key == place->key && atomic_fetch_add(&n_reached, 1) + 1 == place->nth;
    if (here) {
        atomic_store(&failing, NULL);
        atomic_store(&more_left, place->more);
    }
    if (!here && (atomic_load(&more_left) <= 0 || is_spared(key) || !take_more())) {
        return false;
    }
    if (options.report[0]) {
        write_line(options.report, "failed", key, 0, &stack);
    }
    return true;
}

static bool fails(void)
{
    if (busy || !atomic_load_explicit(&armed, memory_order_relaxed)) {
        return false;
    }
    if (!options.sites[0] && !atomic_load(&failing) && atomic_load(&more_left) <= 0) {
        return false; /* over: the rest of the test need not be slow */
    }
    busy = 1;
    bool answer = judge();
    busy = 0;
    if (answer) {
        errno = ENOMEM;
    }
    return answer;
}

void *malloc(size_t n)
{
    find_real();
    if (!real_malloc) {
        return early_memory(n);
    }
    return fails() ? NULL : real_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    find_real();
    if (!real_malloc) {
        return early_memory(n * size);
    }
    return fails() ? NULL : real_calloc(n, size);
}

void *realloc(void *old, size_t n)
{
    find_real();
    if (!real_malloc) {
        return early_memory(n);
    }
    return fails() ? NULL : real_realloc(old, n);
}

void *reallocarray(void *old, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(old, n * size);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    find_real();
    return fails() ? NULL : real_aligned_alloc(alignment, n);
}

int posix_memalign(void **to, size_t alignment, size_t n)
{
    find_real();
    return fails() ? ENOMEM : real_posix_memalign(to, alignment, n);
}

/* ---- crashes ---- */

static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static void crashed(int number)
{
    struct stack stack;
    busy = 1;
    take_stack(&stack, CRASH_FRAMES, true);
    write_line(options.report, "crash", (uint64_t)number, 0, &stack);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

/* cmocka would turn a crash into a failed test. */
int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
    struct module module;
    find_real();
    bool watched = options.report[0] && action &&
                   find_module((uintptr_t)__builtin_return_address(0), &module) &&
                   strstr(module.name, "libcmocka");
    for (size_t i = 0; watched && i < sizeof crashes / sizeof crashes[0]; i++) {
        if (crashes[i] == number) {
            return real_sigaction(number, NULL, old);
        }
    }
    return real_sigaction(number, action, old);
}

/* ---- tests ---- */

static const struct CMUnitTest *chosen;
static struct place
    *chosen_places[MAX_PLACES]; /* that of each chosen test, when there are places */
static size_t n_begun;
static bool running; /* a test; still set at the next one when it failed, for it leapt out */

static void go_on(void **state)
{
    running = true;
    chosen[n_begun - 1].test_func(state);
    running = false;
}

static int begin_test(void **state)
{
    static const struct stack none;
    const struct CMUnitTest *test = &chosen[n_begun];
    atomic_store(&current, test->name);
    if (n_places > 0) {
        if (running) {
            return -1; /* what a failed test left behind would be in the way of the others */
        }
        struct place *place = chosen_places[n_begun];
        write_line(options.report, "begin", 0, (uint32_t)(place - places), &none);
        fail_place(place->test[0] == '-' ? NULL : place);
    }
    n_begun++;
    return test->setup_func ? test->setup_func(state) : 0;
}

static bool is_wanted(const char *name)
{
    return !options.test[0] || strcmp(options.test, name) == 0;
}

/* The tests as they are to be run, `n` of them at most: all, one, or one for each place. */
static size_t choose(struct CMUnitTest *run, const struct CMUnitTest *tests, size_t n)
{
    size_t n_run = 0;
    for (size_t i = 0; i < n && n_places == 0; i++) {
        if (is_wanted(tests[i].name)) {
            run[n_run++] = tests[i];
        }
    }
    for (size_t k = 0; k < n_places; k++) {
        for (size_t i = 0; i < n; i++) {
            if (places[k].test[0] == '-' || strcmp(places[k].test, tests[i].name) == 0) {
                chosen_places[n_run] = &places[k];
                run[n_run++] = tests[i];
                break;
            }
        }
    }
    return n_run;
}

static void list_tests(const struct CMUnitTest *tests, size_t n)
{
    FILE *out = fopen(options.list, "ae");
    for (size_t i = 0; out && i < n; i++) {
        (void)fprintf(out, "%s\n", tests[i].name);
    }
    if (out) {
        (void)fclose(out);
    }
}

int _cmocka_run_group_tests(const char *name,
                            const struct CMUnitTest *const tests,
                            const size_t n,
                            CMFixtureFunction setup,
                            CMFixtureFunction teardown)
{
    int (*real)(
        const char *, const struct CMUnitTest *, size_t, CMFixtureFunction, CMFixtureFunction) =
        NULL;
    find(&real, "_cmocka_run_group_tests");
    if (options.list[0]) {
        list_tests(tests, n);
        return 0;
    }
    struct CMUnitTest *mine = real_calloc(n + MAX_PLACES, sizeof *mine);
    struct CMUnitTest *run = real_calloc(n + MAX_PLACES, sizeof *run);
    size_t n_run = choose(mine, tests, n);
    for (size_t i = 0; i < n_run; i++) {
        run[i] = mine[i];
        run[i].setup_func = begin_test;
        run[i].test_func = go_on;
    }
    chosen = mine;
    n_begun = 0;
    if (n_run == 0) {
        return 0;
    }
    fail_place(n_places > 0 && places[0].test[0] == '-' ? &places[0] : NULL);
    atomic_store(&armed, true);
    int r = real(name, run, n_run, setup, teardown);
    atomic_store(&armed, false);
    return r;
}

/* ---- begin ---- */

static void take_text(char (*to)[256], const char *name)
{
    const char *value = getenv(name);
    (void)snprintf(*to, sizeof *to, "%s", value ? value : "");
    (void)unsetenv(name);
}

static FILE *take_file(const char *name)
{
    char path[256];
    take_text(&path, name);
    return path[0] ? fopen(path, "re") : NULL;
}

static void read_spared(void)
{
    char line[64];
    FILE *in = take_file("FAIL_ALLOC_SPARED");
    while (in && n_spared < MAX_SPARED && fgets(line, sizeof line, in)) {
        spared[n_spared++] = strtoull(line, NULL, 16);
    }
    if (in) {
        (void)fclose(in);
    }
}

static void read_places(void)
{
    FILE *in = take_file("FAIL_ALLOC_PLACES");
    while (in && n_places < MAX_PLACES) {
        struct place *place = &places[n_places];
        if (fscanf(in,
                   "%199[^\t]\t%lx\t%u\t%ld\n",
                   place->test,
                   &place->key,
                   &place->nth,
                   &place->more) != 4) {
            break;
        }
        n_places++;
    }
    if (in) {
        (void)fclose(in);
    }
}

__attribute__((constructor)) static void start(void)
{
    find_real();
    take_text(&options.list, "FAIL_ALLOC_LIST");
    take_text(&options.test, "FAIL_ALLOC_TEST");
    take_text(&options.sites, "FAIL_ALLOC_SITES");
    take_text(&options.report, "FAIL_ALLOC_REPORT");
    read_spared();
    read_places();
    (void)unsetenv("MALLOC_CHECK_");
    (void)unsetenv("MALLOC_PERTURB_");
    (void)unsetenv("LD_PRELOAD");
    /* A sanitizer tells more of a crash than we do. */
    if (options.report[0] && !dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace")) {
        const struct sigaction action = {.sa_handler = crashed, .sa_flags = SA_NODEFER};
        for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
            (void)real_sigaction(crashes[i], &action, NULL);
        }
    }
}
