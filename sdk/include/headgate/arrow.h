/*
 * The Arrow C Data Interface and C Stream Interface.
 *
 * Source: the Apache Arrow format specification, "The Arrow C data interface" and "The Arrow C
 * stream interface". The guards are the standard ones, so this header may be used beside any
 * Arrow library: whichever is included first defines the structs.
 *
 * Ownership, as the specification has it: whoever fills a struct sets `release`; the consumer
 * calls it once; moving is copying the struct and setting the source's `release` to NULL.
 */
#ifndef HEADGATE_ARROW_H
#define HEADGATE_ARROW_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;

    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;

    void (*release)(struct ArrowArray *);
    void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE

struct ArrowArrayStream {
    /* 0 or an errno value; on 0 the caller owns *out. */
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
    /* 0 or an errno value; at the end out->release is NULL. */
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
    /* Text of the last failure or NULL; borrowed until the next call on the stream. */
    const char *(*get_last_error)(struct ArrowArrayStream *);

    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};

#endif /* ARROW_C_STREAM_INTERFACE */

#ifdef __cplusplus
}
#endif

#endif
