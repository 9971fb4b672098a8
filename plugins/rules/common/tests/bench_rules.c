/*
 * What the four rules cost on daily bars (symbol, ts, open, high, low, close, volume).
 *
 *     bench_rules build/release/plugins [rows]
 *
 * Seconds of processor time in `check` and `finish`, for rows that come sorted by (symbol, ts), by
 * (ts, symbol), and shuffled. Making the rows is not counted.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "headgate/batch.h"

enum { BATCH_ROWS = 16384, SYMBOLS = 2000, N_RULES = 4 };

static const struct hg_column columns[] = {
    {.name = "symbol", .type = HG_TYPE_UTF8, .nullable = true},
    {.name = "ts", .type = HG_TYPE_TIMESTAMP_US, .timezone = "UTC", .nullable = true},
    {.name = "open", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "high", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "low", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "close", .type = HG_TYPE_FLOAT64, .nullable = true},
    {.name = "volume", .type = HG_TYPE_INT64, .nullable = true},
};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };

static const struct {
    const char *name;
    const char *config;
} rules[N_RULES] = {
    {"not_null",
     "{\"columns\":[\"symbol\",\"ts\",\"open\",\"high\",\"low\",\"close\",\"volume\"]}"},
    {"range", "{\"columns\":[\"open\",\"high\",\"low\",\"close\",\"volume\"],\"min\":0}"},
    {"schema", "{\"columns\":{\"symbol\":\"utf8\",\"ts\":\"timestamp\",\"close\":\"float64\"}}"},
    {"unique", "{\"columns\":[\"symbol\",\"ts\"]}"},
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench_rules: %s\n", what);
    exit(1);
}

/* ---- the host ---- */

static void host_log(const struct hg_host *host, int32_t level, const char *text)
{
    (void)host;
    (void)level;
    (void)fprintf(stderr, "%s\n", text);
}

static bool host_is_cancelled(const struct hg_host *host)
{
    (void)host;
    return false;
}

static hg_status open_temp(const struct hg_host *host, int *ret_fd, struct hg_error *err)
{
    (void)host;
    (void)err;
    *ret_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return *ret_fd >= 0 ? HG_OK : HG_EIO;
}

static const struct hg_file file_extension = {.struct_size = sizeof file_extension,
                                              .open_temp = open_temp};

static const void *host_extension(const struct hg_host *host, const char *id)
{
    (void)host;
    return strcmp(id, HG_EXT_FILE) == 0 ? &file_extension : NULL;
}

static const struct hg_host host = {.struct_size = sizeof host,
                                    .abi_minor = HG_ABI_MINOR,
                                    .log = host_log,
                                    .is_cancelled = host_is_cancelled,
                                    .get_extension = host_extension};

/* ---- rows ---- */

enum order { BY_SYMBOL, BY_TIME, SHUFFLED, N_ORDERS };
static const char *const order_names[N_ORDERS] = {"sorted by key", "sorted by time", "shuffled"};

/* Number i of n rows in that order, as a number in the order by symbol. */
static uint64_t place(enum order order, uint64_t i, uint64_t n)
{
    uint64_t per_symbol = n / SYMBOLS;
    if (order == BY_TIME) {
        return i % SYMBOLS * per_symbol + i / SYMBOLS;
    }
    /* A prime far greater than n goes through all of 0 .. n - 1. */
    return order == BY_SYMBOL ? i : (i * UINT64_C(2654435761)) % n;
}

static void append_row(struct hg_batch *batch, uint64_t number, uint64_t per_symbol)
{
    char symbol[8];
    double price = 10 + (double)(number % 997) / 8;
    (void)snprintf(symbol, sizeof symbol, "S%05u", (unsigned)(number / per_symbol));
    hg_batch_append_text(batch, 0, symbol);
    hg_batch_append_timestamp_us(batch, 1, (int64_t)(number % per_symbol) * 60000000);
    hg_batch_append_float64(batch, 2, price);
    hg_batch_append_float64(batch, 3, price + 1);
    hg_batch_append_float64(batch, 4, price - 1);
    hg_batch_append_float64(batch, 5, price);
    hg_batch_append_int64(batch, 6, (int64_t)number);
    hg_batch_end_row(batch);
}

/* ---- measuring ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const struct hg_rule_vtable *load(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s.so", folder, name);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct hg_module *module = so ? dlsym(so, HG_MODULE_SYMBOL) : NULL;
    if (!module) {
        fail(dlerror());
    }
    return module->plugins[0]->vtable;
}

struct run {
    const struct hg_rule_vtable *rule;
    void *inst;
    double seconds;
    int64_t evaluated;
    int64_t failed;
};

static void add_results(struct run *run, const struct hg_rule_results *results)
{
    for (uint32_t i = 0; i < results->n; i++) {
        run->evaluated += results->items[i].evaluated;
        run->failed += results->items[i].failed;
    }
}

static void call(struct run *run, const struct ArrowArray *batch)
{
    struct hg_rule_results results = {.struct_size = sizeof results};
    double from = seconds();
    hg_status status = batch ? run->rule->check(run->inst, batch, &results, NULL)
                             : run->rule->finish(run->inst, &results, NULL);
    run->seconds += seconds() - from;
    if (status) {
        fail("a rule failed");
    }
    add_results(run, &results);
}

static void measure(const char *folder, enum order order, uint64_t n)
{
    struct ArrowSchema schema;
    struct hg_batch *batch = NULL;
    struct run runs[N_RULES] = {0};
    double total = 0;
    if (hg_batch_schema(columns, N_COLUMNS, &schema, NULL) ||
        hg_batch_new(columns, N_COLUMNS, &batch, NULL)) {
        fail("out of memory");
    }
    for (int r = 0; r < N_RULES; r++) {
        runs[r].rule = load(folder, rules[r].name);
        if (runs[r].rule->prepare(&host, rules[r].config, &schema, false, &runs[r].inst, NULL)) {
            fail("prepare failed");
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        append_row(batch, place(order, i, n), n / SYMBOLS);
        if ((i + 1) % BATCH_ROWS == 0 || i + 1 == n) {
            struct ArrowArray array;
            if (hg_batch_finish(batch, &array, NULL)) {
                fail("out of memory");
            }
            for (int r = 0; r < N_RULES; r++) {
                call(&runs[r], &array);
            }
            array.release(&array);
        }
    }
    printf("%s\n", order_names[order]);
    for (int r = 0; r < N_RULES; r++) {
        call(&runs[r], NULL);
        runs[r].rule->close(runs[r].inst);
        printf("  %-9s %7.3f s  %" PRId64 " of %" PRId64 " failed\n",
               rules[r].name,
               runs[r].seconds,
               runs[r].failed,
               runs[r].evaluated);
        total += runs[r].seconds;
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("  together  %7.3f s, %.1f M rows/s; peak memory so far %ld MB\n",
           total,
           (double)n / total / 1e6,
           usage.ru_maxrss / 1024);
    hg_batch_free(batch);
    schema.release(&schema);
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000000;
    if (argc < 2 || n < SYMBOLS) {
        fail("usage: bench_rules FOLDER [ROWS]");
    }
    n -= n % SYMBOLS;
    printf("%" PRIu64 " rows\n", n);
    for (enum order order = BY_SYMBOL; order < N_ORDERS; order++) {
        measure(argv[1], order, n);
    }
    return 0;
}
