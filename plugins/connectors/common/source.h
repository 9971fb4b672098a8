/*
 * A connector that reads files of one format: all of its vtable but open, which names the format.
 */
#ifndef SRC_SOURCE_H
#define SRC_SOURCE_H

#include "file_reader.h"

hg_status src_source_open(const struct src_format *format,
                          const struct hg_host *host,
                          const char *config_json,
                          void **ret_inst,
                          struct hg_error *err);
/* Reads up to the first good row of the first file. */
hg_status src_source_test(void *inst, struct hg_error *err);
hg_status src_source_discover(void *inst,
                              const struct hg_discover_sink *sink,
                              struct hg_error *err);
hg_status src_source_read(void *inst,
                          const struct hg_read_request *request,
                          struct ArrowArrayStream *ret_stream,
                          struct hg_error *err);
void src_source_cancel(void *inst);
void src_source_close(void *inst);
const void *src_source_extension(void *inst, const char *id);

#endif
