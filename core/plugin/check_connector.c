/* Tests of connectors. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "plugin/arrow_check.h"
#include "plugin/check_test.h"
#include "plugin/inspect.h"

#define OPEN_ROUNDS 100
/* What allocators and libraries may keep for good once in a while. */
#define GROWTH_BYTES    4096
#define CANCEL_LIMIT_MS 2000

/* ------------------------------------------------------------------------------------------ */
/* Opening                                                                                      */
/* ------------------------------------------------------------------------------------------ */

/* The session under test, open with its configuration. Free it whatever is returned. */
static enum hg_check_status start(struct hg_check *check, struct hg_plugin_session *session)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    const struct hg_plugin *plugin = NULL;
    memset(session, 0, sizeof *session);
    enum hg_check_status status = hg_check_config(check, &plugin, &config);
    if (status != HG_CHECK_PASS) {
        return status;
    }
    if (hg_session_init(session, plugin, check->config_file, NULL, &err)) {
        return hg_check_error(check, "no host could be made", &err);
    }
    if (hg_session_open(session, config, &err)) {
        return hg_check_error(check, "open failed", &err);
    }
    return session->inst ? HG_CHECK_PASS
                         : hg_check_fail(check, "open succeeded and gave no instance");
}

static enum hg_check_status test_open(struct hg_check *check)
{
    struct hg_plugin_session session;
    enum hg_check_status status = start(check, &session);
    hg_session_free(&session);
    if (status == HG_CHECK_PASS) {
        ((const struct hg_connector_vtable *)hg_check_plugin(check)->vtable)->close(NULL);
    }
    return status;
}

/* Opens with a configuration that lacks `field`. */
static enum hg_check_status open_without(struct hg_check *check,
                                         struct hg_plugin_session *session,
                                         json_t *config,
                                         const char *field)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *lacking = json_copy(config);
    (void)json_object_del(lacking, field);
    int r = hg_session_open(session, lacking, &err);
    hg_session_close(session);
    if (r != HG_EINVAL) {
        return hg_check_fail(check,
                             "without \"%s\" open gave %s where HG_EINVAL was expected",
                             field,
                             r ? hg_code_name(r) : "no failure");
    }
    return err.message[0] ? HG_CHECK_PASS
                          : hg_check_fail(check, "without \"%s\" open failed silently", field);
}

static enum hg_check_status test_required(struct hg_check *check)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *schema = NULL;
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    const struct hg_plugin *plugin = hg_check_plugin(check);
    if (!plugin || hg_plugin_read_schema(plugin, &schema, &err)) {
        return hg_check_skip(check, "its schema cannot be used");
    }
    const json_t *required = json_object_get(schema, "required");
    if (json_array_size(required) == 0) {
        return hg_check_skip(check, "it requires no field");
    }
    if (!check->config_file) {
        config = json_object();
    } else if (hg_session_read_config(plugin, check->config_file, &config, &err)) {
        return hg_check_skip(check, "the configuration given does not fit its schema");
    }
    struct hg_plugin_session session;
    if (hg_session_init(&session, plugin, check->config_file, NULL, &err)) {
        return hg_check_error(check, "no host could be made", &err);
    }
    enum hg_check_status status = HG_CHECK_PASS;
    size_t i;
    json_t *field;
    json_array_foreach (required, i, field) {
        if (status == HG_CHECK_PASS) {
            status = open_without(check, &session, config, json_string_value(field));
        }
    }
    hg_session_free(&session);
    return status;
}

static enum hg_check_status test_unknown_extension(struct hg_check *check)
{
    struct hg_plugin_session session;
    enum hg_check_status status = start(check, &session);
    if (status == HG_CHECK_PASS && session.vtable->get_extension &&
        session.vtable->get_extension(session.inst, "org.example.nothing/1")) {
        status = hg_check_fail(check, "it claims to offer org.example.nothing/1");
    }
    hg_session_free(&session);
    return status;
}

static enum hg_check_status test_open_close(struct hg_check *check)
{
    struct hg_error err = HG_ERROR_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *config = NULL;
    const struct hg_plugin *plugin = NULL;
    size_t bytes[2] = {0}, fds[2] = {0};
    enum hg_check_status status = hg_check_config(check, &plugin, &config);
    /* The first rounds may fill caches. */
    for (int i = 0; i < OPEN_ROUNDS + 10 && status == HG_CHECK_PASS; i++) {
        struct hg_plugin_session session;
        if (i == 10) {
            hg_check_usage(&bytes[0], &fds[0]);
        }
        int r = hg_session_init(&session, plugin, check->config_file, NULL, &err);
        if (r || hg_session_open(&session, config, &err)) {
            status = hg_check_error(check, "open failed", &err);
        }
        hg_session_free(&session);
    }
    if (status != HG_CHECK_PASS) {
        return status;
    }
    hg_check_usage(&bytes[1], &fds[1]);
    if (fds[1] > fds[0]) {
        return hg_check_fail(
            check, "%zu descriptors stay open after %d rounds", fds[1] - fds[0], OPEN_ROUNDS);
    }
    if (bytes[1] > bytes[0] + GROWTH_BYTES) {
        return hg_check_fail(
            check, "%zu bytes are lost after %d rounds", bytes[1] - bytes[0], OPEN_ROUNDS);
    }
    return HG_CHECK_PASS;
}

/* ------------------------------------------------------------------------------------------ */
/* What it offers                                                                               */
/* ------------------------------------------------------------------------------------------ */

struct discovered {
    int n;
    char names[8][64];
};

static hg_status see_stream(void *arg, const struct hg_stream_info *info, struct hg_error *err)
{
    struct discovered *seen = arg;
    if (!info->name || !info->name[0] || !info->schema) {
        return hg_error_set(err, HG_EDATA, "a stream has no name or no schema");
    }
    for (int i = 0; i < seen->n && i < 8; i++) {
        if (strcmp(seen->names[i], info->name) == 0) {
            return hg_error_set(err, HG_EDATA, "two streams are named \"%.60s\"", info->name);
        }
    }
    if (seen->n < 8) {
        (void)snprintf(seen->names[seen->n], sizeof seen->names[0], "%s", info->name);
    }
    seen->n++;
    return hg_arrow_check_schema(info->schema, err);
}

static enum hg_check_status test_discover(struct hg_check *check)
{
    struct hg_plugin_session session;
    struct hg_error err = HG_ERROR_INIT;
    struct discovered seen = {.n = 0};
    const struct hg_discover_sink sink = {sizeof sink, &seen, see_stream};
    enum hg_check_status status = start(check, &session);
    if (status == HG_CHECK_PASS && session.vtable->test(session.inst, &err)) {
        status = hg_check_error(check, "test failed", &err);
    }
    if (status == HG_CHECK_PASS) {
        int r = session.vtable->discover(session.inst, &sink, &err);
        status = r == HG_ENOTSUP ? hg_check_pass(check, "it offers no list of its streams")
                 : r             ? hg_check_error(check, "discover failed", &err)
                     : hg_check_pass(check, "%d stream%s", seen.n, seen.n == 1 ? "" : "s");
    }
    hg_session_free(&session);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Reading                                                                                      */
/* ------------------------------------------------------------------------------------------ */

struct reading {
    struct hg_plugin_session session;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    int64_t n_batches;
    int64_t n_rows;
};

static void stop_reading(struct reading *reading)
{
    if (reading->schema.release) {
        reading->schema.release(&reading->schema);
    }
    if (reading->stream.release) {
        reading->stream.release(&reading->stream);
    }
    hg_session_free(&reading->session);
}

/* Opens, starts a read and takes the schema. */
static enum hg_check_status start_reading(struct hg_check *check, struct reading *reading)
{
    struct hg_error err = HG_ERROR_INIT;
    memset(reading, 0, sizeof *reading);
    if (!check->config_file) {
        (void)hg_check_skip(check, "no configuration was given with --config");
        return HG_CHECK_SKIP;
    }
    enum hg_check_status status = start(check, &reading->session);
    if (status != HG_CHECK_PASS) {
        return status;
    }
    if (hg_session_read(&reading->session, NULL, &reading->stream, &err)) {
        (void)hg_check_error(check, "read failed", &err);
        return HG_CHECK_FAIL;
    }
    if (!reading->stream.get_schema || !reading->stream.get_next ||
        !reading->stream.get_last_error || !reading->stream.release) {
        (void)hg_check_fail(check, "read succeeded and gave no stream");
        return HG_CHECK_FAIL;
    }
    int e = reading->stream.get_schema(&reading->stream, &reading->schema);
    if (e) {
        (void)hg_session_stream_error(&reading->session, &reading->stream, e, &err);
        return hg_check_error(check, "the schema could not be had", &err);
    }
    if (hg_arrow_check_schema(&reading->schema, &err)) {
        return hg_check_fail(check, "%s", err.message);
    }
    return HG_CHECK_PASS;
}

/* One batch, checked and released; *ret_end at the end. */
static enum hg_check_status read_batch(struct hg_check *check,
                                       struct reading *reading,
                                       bool *ret_end)
{
    struct hg_error err = HG_ERROR_INIT;
    struct ArrowArray batch = {0};
    int e = reading->stream.get_next(&reading->stream, &batch);
    if (e) {
        (void)hg_session_stream_error(&reading->session, &reading->stream, e, &err);
        return hg_check_error(check, "the read failed", &err);
    }
    *ret_end = !batch.release;
    if (*ret_end) {
        return HG_CHECK_PASS;
    }
    int r = hg_arrow_check_batch(&reading->schema, &batch, HG_ARROW_FULL, &err);
    reading->n_batches++;
    reading->n_rows += batch.length;
    batch.release(&batch);
    return r ? hg_check_fail(check, "batch %lld: %s", (long long)reading->n_batches, err.message)
             : HG_CHECK_PASS;
}

static enum hg_check_status read_to_end(struct hg_check *check, struct reading *reading)
{
    bool end = false;
    enum hg_check_status status = start_reading(check, reading);
    while (status == HG_CHECK_PASS && !end) {
        status = read_batch(check, reading, &end);
    }
    return status;
}

static enum hg_check_status test_batches(struct hg_check *check)
{
    struct reading reading;
    enum hg_check_status status = read_to_end(check, &reading);
    if (status == HG_CHECK_PASS) {
        status = hg_check_pass(check,
                               "%lld rows in %lld batches, %lld rejected",
                               (long long)reading.n_rows,
                               (long long)reading.n_batches,
                               (long long)reading.session.n_rejected);
    }
    stop_reading(&reading);
    return status;
}

static enum hg_check_status test_constant_schema(struct hg_check *check)
{
    struct reading reading;
    struct ArrowSchema later = {0};
    struct hg_error err = HG_ERROR_INIT;
    enum hg_check_status status = read_to_end(check, &reading);
    if (status == HG_CHECK_PASS && reading.stream.get_schema(&reading.stream, &later)) {
        status = hg_check_fail(check, "the schema cannot be had a second time");
    }
    if (status == HG_CHECK_PASS && hg_arrow_check_same(&reading.schema, &later, &err)) {
        status = hg_check_fail(check, "%s", err.message);
    }
    if (later.release) {
        later.release(&later);
    }
    stop_reading(&reading);
    return status;
}

static enum hg_check_status test_end(struct hg_check *check)
{
    struct reading reading;
    enum hg_check_status status = read_to_end(check, &reading);
    for (int i = 0; i < 3 && status == HG_CHECK_PASS; i++) {
        bool end = false;
        status = read_batch(check, &reading, &end);
        if (status == HG_CHECK_PASS && !end) {
            status = hg_check_fail(check, "there is a batch after the end");
        }
    }
    stop_reading(&reading);
    return status;
}

/* ------------------------------------------------------------------------------------------ */
/* Cancelling                                                                                   */
/* ------------------------------------------------------------------------------------------ */

struct canceller {
    const struct hg_connector_vtable *vtable;
    void *inst;
    atomic_llong cancelled_at_ms; /* 0: not yet */
};

/* Cancels while the other thread is in the middle of the read. */
static void *cancel_soon(void *arg)
{
    struct canceller *canceller = arg;
    hg_time_pause_ms(20);
    atomic_store(&canceller->cancelled_at_ms, (long long)hg_time_monotonic_ms());
    canceller->vtable->cancel(canceller->inst);
    return NULL;
}

/* Reads until the end or a failure. The failure must be the cancelling's. */
static enum hg_check_status read_until_cancelled(struct hg_check *check, struct reading *reading)
{
    for (;;) {
        struct ArrowArray batch = {0};
        int e = reading->stream.get_next(&reading->stream, &batch);
        if (e == ECANCELED) {
            return hg_check_pass(check, "stopped");
        }
        if (e) {
            return hg_check_fail(check, "the stream gave errno %d where ECANCELED was expected", e);
        }
        if (!batch.release) {
            return hg_check_pass(check, "it was at its end before");
        }
        batch.release(&batch);
    }
}

static enum hg_check_status test_cancel(struct hg_check *check)
{
    struct reading reading;
    pthread_t thread = 0;
    enum hg_check_status status = start_reading(check, &reading);
    struct canceller canceller = {.vtable = reading.session.vtable, .inst = reading.session.inst};
    if (status == HG_CHECK_PASS && pthread_create(&thread, NULL, cancel_soon, &canceller)) {
        status = hg_check_skip(check, "no thread could be started");
    } else if (status == HG_CHECK_PASS) {
        status = read_until_cancelled(check, &reading);
        int64_t ended_ms = hg_time_monotonic_ms();
        (void)pthread_join(thread, NULL);
        int64_t took_ms = ended_ms - atomic_load(&canceller.cancelled_at_ms);
        if (status == HG_CHECK_PASS && took_ms > CANCEL_LIMIT_MS) {
            status =
                hg_check_fail(check, "it went on for %lld ms after cancel", (long long)took_ms);
        }
    }
    stop_reading(&reading);
    return status;
}

const struct hg_check_test hg_check_connector_tests[] = {
    {"open", "opens, and close takes NULL", HG_KIND_CONNECTOR, test_open},
    {"required",
     "refuses a configuration that lacks a required field",
     HG_KIND_CONNECTOR,
     test_required},
    {"unknown extension",
     "answers NULL for an extension it does not know",
     HG_KIND_CONNECTOR,
     test_unknown_extension},
    {"open and close", "loses nothing in a hundred rounds", HG_KIND_CONNECTOR, test_open_close},
    {"discover", "can be tested and lists its streams", HG_KIND_CONNECTOR, test_discover},
    {"batches", "gives batches that keep the Arrow rules", HG_KIND_CONNECTOR, test_batches},
    {"constant schema",
     "gives the same schema at the end",
     HG_KIND_CONNECTOR,
     test_constant_schema},
    {"end", "stays at its end", HG_KIND_CONNECTOR, test_end},
    {"cancel", "stops within 2 s", HG_KIND_CONNECTOR, test_cancel},
};
const size_t hg_check_n_connector_tests = HG_COUNT(hg_check_connector_tests);
