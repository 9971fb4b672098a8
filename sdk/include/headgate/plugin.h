/*
 * The Headgate plugin ABI, major 0 (not frozen yet: rebuild plugins with every release).
 *
 * A plugin is one shared object that exports one data symbol, `hg_module_v0`. It holds one or more
 * plugins of a kind (connector, provider, rule), each described by static data and a table of
 * functions. The server never opens a plugin; a worker process does, runs one task at a time, and
 * may be killed at any moment.
 *
 * Reading this file
 *   Ownership of every pointer is one of
 *     static               lives as long as the shared object is loaded
 *     borrowed until X     the callee may read it until X happens and must not free it
 *     owned by the caller  whoever called the function frees it, in the way named
 *   Threads, in brackets before each function
 *     [load]      before any instance exists, one call at a time
 *     [instance]  one call at a time for an instance, from any thread
 *     [any]       from any thread at any time, also while another call runs
 *   Text is UTF-8 and NUL-terminated. Sizes are in bytes, times in milliseconds, as names say.
 *
 * Rows cross as Arrow record batches: a schema of format "+s" whose children are the columns.
 *     bool "b"   int32 "i"   int64 "l"   float64 "g"   decimal128 "d:P,S"   utf8 "u"   binary "z"
 *     date32 "tdD"   timestamp in microseconds "tsu:" (no zone) or "tsu:UTC" (an instant)
 *     A list or a struct travels as utf8 JSON whose field metadata has "headgate.type" = "json".
 * A utf8 field named `_hg_pos`, when a source gives one, carries each row's position in its source
 * (for example "prices.csv:17"); it goes to quarantine with a rejected row and is never loaded.
 */
#ifndef HEADGATE_PLUGIN_H
#define HEADGATE_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "headgate/arrow.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HG_ABI_MAJOR   0
#define HG_ABI_MINOR   1
#define HG_SDK_VERSION "0.1.0"

/* Name of the symbol that a shared object exports; the digit is the ABI's major. */
#define HG_MODULE_SYMBOL "hg_module_v0"

#if defined(__GNUC__)
#define HG_EXPORT            __attribute__((visibility("default")))
#define HG_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define HG_EXPORT
#define HG_PRINTF(fmt, args)
#endif

/* True when the struct `p` points at was built with `field` and has it set. */
#define HG_HAS(p, type, field) \
    ((p)->struct_size >= offsetof(type, field) + sizeof((p)->field) && (p)->field)

/* ------------------------------------------------------------------------------------------ */
/* Status and errors                                                                            */
/* ------------------------------------------------------------------------------------------ */

/* 0, or one of the negative codes below. A function that fails leaves its outputs untouched. */
typedef int32_t hg_status;

enum {
    HG_OK = 0,
    HG_EINVAL = -1,           /* an argument or a configuration is wrong */
    HG_ENOTFOUND = -2,        /* the thing named does not exist */
    HG_EEXIST = -3,           /* it exists already */
    HG_ENOTSUP = -4,          /* not offered */
    HG_EUNAUTHENTICATED = -5, /* no credential, or a wrong one */
    HG_EFORBIDDEN = -6,       /* the credential lacks the right */
    HG_ERATELIMITED = -7,     /* a limit is used up; retry_after_ms says for how long */
    HG_EUNAVAILABLE = -8,     /* the other side is away or overloaded */
    HG_ETIMEDOUT = -9,        /* it took too long */
    HG_ECANCELLED = -10,      /* the host asked to stop */
    HG_EIO = -11,             /* reading or writing failed */
    HG_EDATA = -12,           /* the data breaks its own format */
    HG_ECONFLICT = -13,       /* the state of the thing does not allow it */
    HG_ETOOBIG = -14,         /* over a limit of size */
    HG_ENOMEM = -15,          /* out of memory */
    HG_ESTOP = -16,           /* a check with on_fail: stop failed */
    HG_EINTERNAL = -17        /* a defect of the program itself */
};

/*
 * What went wrong, in the caller's frame; owns nothing. The caller sets struct_size (or uses
 * HG_ERROR_INIT); the callee fills the rest before it returns a failure, and touches nothing when
 * it succeeds. Every function that takes one accepts NULL.
 */
struct hg_error {
    uint32_t struct_size;
    int32_t code;           /* the hg_status that is returned */
    int32_t retryable;      /* 1: the same call may succeed later */
    int32_t http_status;    /* of the other side's answer, else 0 */
    int64_t retry_after_ms; /* -1 when unknown */
    char sqlstate[6];       /* of a database's answer, else "" */
    char reserved[2];
    char pointer[128]; /* JSON pointer of the configuration field at fault, else "" */
    char message[512]; /* what happened, to which thing; no capital, no full stop */
    char hint[256];    /* what to do about it, a sentence; may be "" */
};

#define HG_ERROR_INIT                                            \
    {                                                            \
        sizeof(struct hg_error), 0, 0, 0, -1, "", "", "", "", "" \
    }

/* ------------------------------------------------------------------------------------------ */
/* Host services                                                                                */
/* ------------------------------------------------------------------------------------------ */

enum hg_log_level { HG_LOG_DEBUG = 1, HG_LOG_INFO = 2, HG_LOG_WARNING = 3, HG_LOG_ERROR = 4 };

/*
 * What the host offers to an instance. Borrowed until close() of that instance returns.
 */
struct hg_host {
    uint32_t struct_size;
    uint32_t abi_minor;
    void *impl; /* the host's own; plugins pass it on by passing `host` */

    /* [any] Adds a line to the job's log. The text is copied; lines over 8 KiB are cut. */
    void (*log)(const struct hg_host *host, int32_t level, const char *text);
    /* [any] True once the task shall stop; return HG_ECANCELLED soon after. Cheap. */
    bool (*is_cancelled)(const struct hg_host *host);
    /* [any] Milliseconds since 1970-01-01T00:00:00Z. */
    int64_t (*now_ms)(const struct hg_host *host);
    /* [any] How far a read has come: rows so far, and the total or -1. */
    void (*progress)(const struct hg_host *host, int64_t rows, int64_t rows_total);
    /*
     * [any] The table of functions of an extension such as "headgate.reject/1", or NULL when the
     * host does not offer it. The pointer is valid as long as `host` is.
     */
    const void *(*get_extension)(const struct hg_host *host, const char *id);
};

/* headgate.reject/1: a source hands over rows it cannot put into its own schema. */
#define HG_EXT_REJECT "headgate.reject/1"

struct hg_reject_row {
    uint32_t struct_size;
    const char *position; /* where in the source: "file:line"; borrowed until reject returns */
    const char *column;   /* the column at fault, or NULL for the whole row */
    const char *reason;   /* "\"abc\" is not a float64", say */
    const char *raw;      /* the row as found, raw_size bytes, may hold anything; cut by the host */
    size_t raw_size;
};

struct hg_reject {
    uint32_t struct_size;
    /*
     * [instance] Counts the row as rejected and keeps it in quarantine. Called between the batches
     * of a read, from the thread that is inside get_next. A failure ends the read.
     */
    hg_status (*reject)(const struct hg_host *host,
                        const struct hg_reject_row *row,
                        struct hg_error *err);
};

/* headgate.state/1: the cursor of a source. */
#define HG_EXT_STATE "headgate.state/1"

#define HG_STATE_BYTES_MAX ((size_t)16 << 20)

struct hg_state {
    uint32_t struct_size;
    /*
     * [instance] Puts the state (JSON text, at most HG_STATE_BYTES_MAX, copied). The state put last
     * before get_next returns a batch is committed together with that batch; a read that is started
     * with it gives exactly the rows after that batch.
     */
    hg_status (*put)(const struct hg_host *host, const char *state_json, struct hg_error *err);
};

/* headgate.file/1: places a plugin may use on disk. */
#define HG_EXT_FILE "headgate.file/1"

/* A file that a pattern matches. Borrowed during the call. */
struct hg_file_match {
    uint32_t struct_size;
    const char *path;
    int64_t size_bytes;
    int64_t mtime_ms; /* since 1970 in UTC */
};

struct hg_file_sink {
    uint32_t struct_size;
    void *arg;
    /* HG_OK to go on. */
    hg_status (*file)(void *arg, const struct hg_file_match *match, struct hg_error *err);
};

struct hg_file {
    uint32_t struct_size;
    /*
     * [instance] Opens an unnamed temporary file for reading and writing, close-on-exec. It is
     * gone when closed. The descriptor is owned by the caller, who closes it.
     */
    hg_status (*open_temp)(const struct hg_host *host, int *ret_fd, struct hg_error *err);
    /*
     * [instance] Opens a file that the configuration names, for reading. Refused with
     * HG_EFORBIDDEN outside of the folders that `files.roots` allows. A relative path is taken
     * from the folder of the pipeline's file. Owned by the caller, who closes it.
     */
    hg_status (*open_read)(const struct hg_host *host,
                           const char *path,
                           int *ret_fd,
                           struct hg_error *err);
    /*
     * [instance] Hands the files that match a glob pattern (or the one file that a plain path
     * names) to the sink, sorted by name. No match is no error.
     */
    hg_status (*glob)(const struct hg_host *host,
                      const char *pattern,
                      const struct hg_file_sink *sink,
                      struct hg_error *err);
};

/* headgate.stream_error/1, offered by a plugin: the whole error behind a stream's errno. */
#define HG_EXT_STREAM_ERROR "headgate.stream_error/1"

struct hg_stream_error {
    uint32_t struct_size;
    /* [instance] Copies the error of the stream's last failed call into *ret. */
    void (*last)(void *inst, struct ArrowArrayStream *stream, struct hg_error *ret);
};

/*
 * headgate.position/1, offered by a source: what the numbers of an int64 `_hg_pos` mean. A source
 * that gives millions of rows a second writes a number for each and words only for the few that are
 * rejected; `_hg_pos` then has the format "l" in place of "u".
 */
#define HG_EXT_POSITION "headgate.position/1"

struct hg_position {
    uint32_t struct_size;
    /*
     * [instance] Writes a position as text ("prices.csv:17"), at most `size` bytes with the NUL.
     * Takes positions of the last read, until the next read or close. Any number is allowed: one
     * that means nothing gives some text, too.
     */
    void (*format)(void *inst, int64_t position, char *buf, size_t size);
};

/* ------------------------------------------------------------------------------------------ */
/* Connectors                                                                                   */
/* ------------------------------------------------------------------------------------------ */

enum hg_resume {
    HG_RESUME_NONE = 1,  /* always reads from the start */
    HG_RESUME_CURSOR = 2 /* puts states that a later read starts from */
};

/* One stream that a source offers. Everything is borrowed until the sink's function returns. */
struct hg_stream_info {
    uint32_t struct_size;
    uint32_t resume;  /* enum hg_resume */
    const char *name; /* unique within the source */
    const struct ArrowSchema *schema;
    const char *cursor;     /* the column that orders it, or NULL */
    const char *const *key; /* n_key names of the columns that identify a row */
    size_t n_key;
};

struct hg_discover_sink {
    uint32_t struct_size;
    void *arg;
    hg_status (*stream)(void *arg, const struct hg_stream_info *info, struct hg_error *err);
};

/* What to read. Borrowed until read() returns, but `state_json` until the stream is released. */
struct hg_read_request {
    uint32_t struct_size;
    uint32_t batch_rows;    /* rows a batch should have about; a source may give fewer */
    const char *stream;     /* NULL: the only one, or the one that the configuration describes */
    const char *state_json; /* where to start, or NULL for the beginning */
};

struct hg_connector_vtable {
    uint32_t struct_size;
    uint32_t resume; /* enum hg_resume; HG_RESUME_CURSOR when any stream can */

    /*
     * [load] Makes an instance for a configuration that has passed the plugin's schema, with the
     * defaults filled in. `config_json` is borrowed until open returns. *ret_inst is owned by the
     * caller, who frees it with close.
     */
    hg_status (*open)(const struct hg_host *host,
                      const char *config_json,
                      void **ret_inst,
                      struct hg_error *err);
    /* [instance] Tries whether the source can be reached and read; reads as little as possible. */
    hg_status (*test)(void *inst, struct hg_error *err);
    /* [instance] Hands each stream to the sink. */
    hg_status (*discover)(void *inst, const struct hg_discover_sink *sink, struct hg_error *err);
    /*
     * [instance] Starts a read. *ret_stream is owned by the caller, who releases it before close
     * and before the next read; each batch is released before the next is asked for. The schema
     * is the same for the whole stream. After the end, get_next keeps answering the end.
     */
    hg_status (*read)(void *inst,
                      const struct hg_read_request *request,
                      struct ArrowArrayStream *ret_stream,
                      struct hg_error *err);
    /* [any] Makes a running call return HG_ECANCELLED (a stream: ECANCELED) within 2 s. */
    void (*cancel)(void *inst);
    /* [instance] Frees the instance; takes NULL. No stream of it is alive. */
    void (*close)(void *inst);
    /* [any] An extension that the plugin offers, or NULL. May itself be NULL. */
    const void *(*get_extension)(void *inst, const char *id);
};

/* ------------------------------------------------------------------------------------------ */
/* Rules                                                                                        */
/* ------------------------------------------------------------------------------------------ */

enum hg_verdict {
    HG_VERDICT_BATCH = 1, /* each batch is judged when it is seen */
    HG_VERDICT_FINISH = 2 /* the last word comes with finish */
};

enum hg_grain { HG_GRAIN_CELL = 1, HG_GRAIN_ROW = 2, HG_GRAIN_TABLE = 3 };

enum hg_dimension {
    HG_DIM_COMPLETENESS = 1,
    HG_DIM_VALIDITY = 2,
    HG_DIM_CONSISTENCY = 3,
    HG_DIM_ACCURACY = 4,
    HG_DIM_UNIQUENESS = 5,
    HG_DIM_TIMELINESS = 6,
    HG_DIM_VOLUME = 7,
    HG_DIM_SCHEMA = 8,
    HG_DIM_COVERAGE = 9
};

/*
 * One figure of a rule about one batch. The bitmaps have one bit a row of the batch, least
 * significant bit first, (length + 7) / 8 bytes, rows counted from the batch's first logical row.
 */
struct hg_rule_result {
    int32_t column; /* index of the child in the schema, or -1 for the whole row */
    int32_t reserved;
    int64_t evaluated;       /* units that were examined in this batch */
    int64_t failed;          /* of these, units that failed */
    const uint8_t *failures; /* rows that failed, or NULL when failed is 0 or the grain is table */
    /*
     * Rows that cannot be judged before all batches were seen, or NULL; never also in `failures`
     * and not counted in `evaluated`. The host keeps them aside by `partitions` and shows them
     * again, see resolve.
     */
    const uint8_t *undecided;
    const uint32_t *partitions; /* one number below n_partitions a row; set with `undecided` */
};

/*
 * Results of one call. Filled by the rule; the pointers are borrowed until the next call on the
 * instance. The host sets struct_size and zeroes the rest.
 */
struct hg_rule_results {
    uint32_t struct_size;
    uint32_t n;
    const struct hg_rule_result *items;
};

struct hg_rule_vtable {
    uint32_t struct_size;
    uint32_t verdict;       /* enum hg_verdict */
    uint32_t grain;         /* enum hg_grain of the results */
    uint32_t dimension;     /* enum hg_dimension */
    const char *issue_type; /* static: "null", "duplicate", "range", "schema" or the rule's own */

    /*
     * [load] Makes an instance for a configuration and the schema of the rows it will see (also
     * `_hg_pos`, when there). Both are borrowed until prepare returns. `rejecting` says whether
     * failing rows will be taken out: only then may results have undecided rows. A column that the
     * schema lacks, or one of a wrong type, gives HG_EINVAL with err->pointer. *ret_inst is owned
     * by the caller, who frees it with close.
     */
    hg_status (*prepare)(const struct hg_host *host,
                         const char *config_json,
                         const struct ArrowSchema *schema,
                         bool rejecting,
                         void **ret_inst,
                         struct hg_error *err);
    /* [instance] Judges one batch, which is borrowed until check returns. */
    hg_status (*check)(void *inst,
                       const struct ArrowArray *batch,
                       struct hg_rule_results *ret,
                       struct hg_error *err);
    /*
     * [instance] All rows were seen. Results here are totals of the whole run for what only now
     * is known (no bitmaps), n = 0 when check said it all.
     */
    hg_status (*finish)(void *inst, struct hg_rule_results *ret, struct hg_error *err);
    /*
     * [instance] Says in words why a row of the batch just checked failed: "price is null". At
     * most `size` bytes with the NUL. `result` is an index into the results of that check.
     */
    void (*explain)(void *inst,
                    const struct ArrowArray *batch,
                    uint32_t result,
                    int64_t row,
                    char *buf,
                    size_t size);
    /* [instance] Frees the instance; takes NULL. */
    void (*close)(void *inst);
    /*
     * [instance] For rules with undecided rows, else NULL: after the last batch, before finish,
     * the host calls resolve once for each partition that has rows and then shows those rows
     * again through check, in stream order, as batches of any size. All are decided then.
     */
    hg_status (*resolve)(void *inst, uint32_t partition, struct hg_error *err);
    uint32_t n_partitions; /* 0 when resolve is NULL; at most 1024 */
    uint32_t reserved;
};

/* ------------------------------------------------------------------------------------------ */
/* The module                                                                                   */
/* ------------------------------------------------------------------------------------------ */

enum hg_kind { HG_KIND_CONNECTOR = 1, HG_KIND_PROVIDER = 2, HG_KIND_RULE = 3 };

/* The plugin must hold a secret itself; only bundled or pinned plugins may. */
#define HG_PLUGIN_NEEDS_SECRET 1u

/* Everything static. */
struct hg_plugin {
    uint32_t struct_size;
    uint32_t flags;
    uint32_t kind; /* enum hg_kind; says which vtable `vtable` is */
    uint32_t reserved;
    const char *id;            /* [a-z0-9-]{1,63}, for a rule also '_'; unique within its kind */
    const char *name;          /* for people */
    const char *version;       /* "1.2.3" */
    const char *summary;       /* one sentence */
    const char *homepage;      /* may be "" */
    const char *license;       /* SPDX identifier */
    const char *config_schema; /* JSON Schema of the configuration; secrets are "writeOnly" */
    const void *vtable;
};

struct hg_module {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;
    const char *sdk_version;
    uint64_t n_plugins;
    const struct hg_plugin *const *plugins;
};

/*
 * Defines the module symbol of a shared object. Use once:
 *     HG_MODULE(&my_connector, &my_rule);
 */
#define HG_MODULE(...)                                                        \
    static const struct hg_plugin *const hg_module_plugins[] = {__VA_ARGS__}; \
    HG_EXPORT extern const struct hg_module hg_module_v0;                     \
    const struct hg_module hg_module_v0 = {sizeof(struct hg_module),          \
                                           HG_ABI_MAJOR,                      \
                                           HG_ABI_MINOR,                      \
                                           HG_SDK_VERSION,                    \
                                           sizeof(hg_module_plugins) /        \
                                               sizeof(hg_module_plugins[0]),  \
                                           hg_module_plugins}

#ifdef __cplusplus
}
#endif

#endif
