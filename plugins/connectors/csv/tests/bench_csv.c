/*
 * How fast csv reads: bench_csv [ROWS] [FILE]. Makes a file of bars when FILE is not there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "fake_host.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rows of 71 bytes on average: symbol, minute, four prices, volume, trades. */
static void make_file(const char *path, int64_t rows)
{
    FILE *f = fopen(path, "wbe");
    uint64_t seed = 88172645463325252u;
    fputs("symbol,ts,open,high,low,close,volume,trades\n", f);
    for (int64_t i = 0; i < rows; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        int64_t minute = i % 390 + 570;
        int64_t day = i / 390 % 28 + 1;
        int64_t month = i / 390 / 28 % 12 + 1;
        double price = 50 + (double)(seed % 40000) / 100;
        fprintf(f,
                "S%03" PRId64 ",2025-%02" PRId64 "-%02" PRId64 " %02" PRId64 ":%02" PRId64
                ":00,%.4f,%.4f,%.4f,%.4f,%" PRIu64 ",%" PRIu64 "\n",
                i / (390 * 28 * 12) % 1000,
                month,
                day,
                minute / 60,
                minute % 60,
                price,
                price + 0.5,
                price - 0.5,
                price + 0.25,
                seed >> 20 & 0xFFFFF,
                seed >> 50 & 0x3FF);
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 5000000;
    const char *path = argc > 2 ? argv[2] : "/tmp/bench_csv.csv";
    FILE *there = fopen(path, "rbe");
    if (there) {
        fclose(there);
    } else {
        make_file(path, rows);
    }
    struct fake fake;
    fake_init(&fake);
    char config[1024];
    snprintf(config,
             sizeof config,
             "{\"path\":\"%s\",\"columns\":{\"symbol\":\"utf8\",\"ts\":\"timestamp\","
             "\"open\":\"%s\",\"high\":\"%s\",\"low\":\"%s\",\"close\":\"%s\","
             "\"volume\":\"int64\",\"trades\":\"int32\"}}",
             path,
             argc > 3 ? argv[3] : "float64",
             argc > 3 ? argv[3] : "float64",
             argc > 3 ? argv[3] : "float64",
             argc > 3 ? argv[3] : "float64");
    for (int run = 0; run < 5; run++) {
        void *inst;
        struct hg_error err = HG_ERROR_INIT;
        struct hg_read_request request = {sizeof request, 16384, NULL, NULL};
        struct ArrowArrayStream stream;
        if (fake.vtable->open(&fake.host, config, &inst, &err) ||
            fake.vtable->read(inst, &request, &stream, &err)) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        double started = now();
        double cpu_started = cpu();
        int64_t n = 0;
        for (;;) {
            struct ArrowArray batch = {0};
            if (stream.get_next(&stream, &batch)) {
                fprintf(stderr, "%s\n", stream.get_last_error(&stream));
                return 1;
            }
            if (!batch.release) {
                break;
            }
            n += batch.length;
            batch.release(&batch);
        }
        double took = now() - started;
        double used = cpu() - cpu_started;
        struct rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        printf("%" PRId64 " rows in %.3f s: %.2f M rows/s (%.2f per second of CPU), %zu rejected, "
               "peak %ld KiB\n",
               n,
               took,
               (double)n / took / 1e6,
               (double)n / used / 1e6,
               fake.n_rejects,
               usage.ru_maxrss);
        stream.release(&stream);
        fake.vtable->close(inst);
    }
    fake_done(&fake);
    return 0;
}
