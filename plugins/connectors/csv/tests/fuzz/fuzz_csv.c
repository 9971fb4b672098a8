/*
 * Any bytes as a file: no crash, and the same rows and rejects whatever the size of reads.
 * The first byte chooses the configuration, the second the size of reads, the rest is the file.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"
#include "input.h"

static const char *const mores[] = {
    "",
    ",\"escape\":\"\\\\\"",
    ",\"trim\":true",
    ",\"ragged\":\"pad\",\"comment\":\"#\"",
    ",\"header\":false",
    ",\"delimiter\":\"auto\"",
    ",\"encoding\":\"windows-1252\"",
    ",\"encoding\":\"utf-16le\"",
    ",\"quote\":\"\",\"escape\":\"\\\\\",\"skip_lines\":1",
    ",\"decimal_mark\":\",\",\"delimiter\":\";\",\"thousands\":\".\"",
    ",\"missing\":[\"NA\",\"0\"],\"timezone\":\"+01:00\"",
    ",\"date_format\":\"%d %b %y\",\"timestamp_format\":\"%Y-%j %I:%M:%S.%f %p %z\"",
    ",\"compression\":\"gzip\"",
    ",\"compression\":\"zstd\"",
};

static const char columns[] =
    "\"t\":{\"type\":\"utf8\",\"source\":1},\"i\":{\"type\":\"int32\",\"source\":1},"
    "\"l\":{\"type\":\"int64\",\"source\":1},\"f\":{\"type\":\"float64\",\"source\":1},"
    "\"d\":{\"type\":\"decimal(20,4)\",\"source\":1},\"b\":{\"type\":\"bool\",\"source\":1},"
    "\"a\":{\"type\":\"date\",\"source\":1},\"s\":{\"type\":\"timestamp\",\"source\":1}";

static const char *const single[] = {
    "utf8", "int32", "int64", "float64", "decimal(20,4)", "bool", "date", "timestamp"};

/* Everything that came out; of a failure the code, as broken gzip is found sooner or later. */
static char *outcome(struct fake *fake, const char *config)
{
    char *text = NULL;
    fake_clear(fake);
    char *rows = fake_read(fake, config, NULL, 5, true);
    int n = rows ? asprintf(&text,
                            "%s\n%s\n%s",
                            rows,
                            fake->rejects ? fake->rejects : "",
                            fake->raws ? fake->raws : "")
                 : asprintf(&text, "%d", fake->err.code);
    if (n < 0) {
        abort();
    }
    free(rows);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake fake;
    char column[128];
    if (!fake.vtable) {
        fake_init(&fake);
    }
    if (size < 2) {
        return 0;
    }
    size_t kind = data[0] / (sizeof mores / sizeof mores[0]) % 9;
    const char *chosen = columns;
    if (kind < 8) {
        snprintf(column, sizeof column, "\"c\":{\"type\":\"%s\",\"source\":1}", single[kind]);
        chosen = column;
    }
    fake_write(&fake, "t", data + 2, size - 2);
    char more[256];
    snprintf(more,
             sizeof more,
             "%s,\"max_line_bytes\":65536",
             mores[data[0] % (sizeof mores / sizeof mores[0])]);
    char *config = fake_config(&fake, "t", chosen, more);
    src_file_read_most = SIZE_MAX;
    char *whole = outcome(&fake, config);
    src_file_read_most = data[1] % 16 + 1;
    char *pieces = outcome(&fake, config);
    if (strcmp(whole, pieces) != 0) {
        abort();
    }
    free(whole);
    free(pieces);
    free(config);
    return 0;
}
