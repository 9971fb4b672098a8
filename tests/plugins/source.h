/*
 * The connector that the test plugins are made of: rows 0 to n - 1 of columns `number` int64 and
 * `text` utf8 ("row 0"; null in every seventh row), and one hook that may spoil each batch.
 */
#ifndef TEST_SOURCE_H
#define TEST_SOURCE_H

#include <stdatomic.h>

#include "headgate/plugin.h"

struct source {
    const struct hg_host *host;
    int64_t n;          /* rows in all */
    int64_t batch_rows; /* of a batch; 0: as the request says */
    int64_t next;       /* the number of the next row */
    atomic_bool cancelled;
    struct hg_batch *batch;
};

/*
 * What a test plugin does beside: called with each batch before it is handed over (the one at the
 * end has release NULL). Defined by each plugin; a status but HG_OK fails the read.
 */
hg_status source_spoil(struct source *source, struct ArrowArray *batch, struct hg_error *err);
/* Called for each open. Defined by each plugin. */
void source_opened(void);

extern const struct hg_connector_vtable source_vtable;

/* {"n": rows, "batch_rows": rows}, n required. */
#define SOURCE_SCHEMA                                                                           \
    "{\"type\":\"object\",\"required\":[\"n\"],\"additionalProperties\":false,\"properties\":{" \
    "\"n\":{\"type\":\"integer\",\"minimum\":0},"                                               \
    "\"batch_rows\":{\"type\":\"integer\",\"minimum\":0,\"default\":0}}}"

/* The descriptor of a connector of these functions. */
#define SOURCE_PLUGIN(id_, summary_)                                                      \
    {                                                                                     \
        .struct_size = sizeof(struct hg_plugin), .kind = HG_KIND_CONNECTOR, .id = id_,    \
        .name = "Test: " id_, .version = "1.0.0", .summary = summary_, .homepage = "",    \
        .license = "Apache-2.0", .config_schema = SOURCE_SCHEMA, .vtable = &source_vtable \
    }

#endif
