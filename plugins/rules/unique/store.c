#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "headgate/error.h"

enum { CHUNK_MIN_BYTES = 256, CHUNK_MAX_BYTES = 4096, CHUNKS_PER_BUDGET = 8192 };

void store_init(struct store *store, const struct hg_host *host, size_t memory_bytes)
{
    size_t chunk = memory_bytes / CHUNKS_PER_BUDGET / CHUNK_MIN_BYTES * CHUNK_MIN_BYTES;
    chunk = chunk < CHUNK_MIN_BYTES ? CHUNK_MIN_BYTES : chunk;
    *store = (struct store){.host = host, .fd = -1};
    store->chunk_bytes = chunk > CHUNK_MAX_BYTES ? CHUNK_MAX_BYTES : chunk;
    store->memory_chunks = memory_bytes / store->chunk_bytes;
}

void store_done(struct store *store)
{
    if (store->fd >= 0) {
        close(store->fd);
    }
    free(store->buffers);
    free(store->memory);
    store->fd = -1;
    store->buffers = NULL;
    store->memory = NULL;
}

static uint32_t chunk_slots(const struct store *store)
{
    return (uint32_t)(store->chunk_bytes / sizeof(struct set_slot));
}

static struct set_slot *buffer_of(const struct store *store, unsigned partition)
{
    return store->buffers + (size_t)partition * chunk_slots(store);
}

/* ------------------------------------------------------------------------------------------ */
/* The file                                                                                     */
/* ------------------------------------------------------------------------------------------ */

static hg_status open_file(struct store *store, struct hg_error *err)
{
    const struct hg_file *file = store->host->get_extension(store->host, HG_EXT_FILE);
    if (store->fd >= 0) {
        return HG_OK;
    }
    if (!file) {
        hg_fail(err, HG_ENOTSUP, "the keys need a temporary file, which the host does not offer");
        return hg_fail_hint(err, HG_ENOTSUP, "Give the rule more memory_bytes.");
    }
    hg_status status = file->open_temp(store->host, &store->fd, err);
    if (status) {
        store->fd = -1;
        hg_fail_prefix(err, status, "the temporary file for keys");
    }
    return status;
}

static hg_status write_at(
    struct store *store, const void *bytes, size_t n, uint64_t at, struct hg_error *err)
{
    const uint8_t *from = bytes;
    hg_status status = open_file(store, err);
    while (!status && n > 0) {
        ssize_t done = pwrite(store->fd, from, n, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return hg_fail_errno(err, errno, "writing the temporary file for keys");
        }
        from += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return status;
}

static hg_status read_at(
    const struct store *store, void *bytes, size_t n, uint64_t at, struct hg_error *err)
{
    uint8_t *to = bytes;
    while (n > 0) {
        ssize_t done = pread(store->fd, to, n, (off_t)at);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            return hg_fail_errno(err, errno, "reading the temporary file for keys");
        }
        if (done == 0) {
            return hg_fail(err, HG_EIO, "the temporary file for keys is shorter than it was");
        }
        to += done;
        at += (uint64_t)done;
        n -= (size_t)done;
    }
    return HG_OK;
}

/* ------------------------------------------------------------------------------------------ */
/* Chunks                                                                                       */
/* ------------------------------------------------------------------------------------------ */

static hg_status write_chunk(struct store *store, unsigned partition, struct hg_error *err)
{
    struct store_part *part = &store->parts[partition];
    struct set_slot *buffer = buffer_of(store, partition);
    uint64_t number = store->n_chunks;
    buffer[0] = (struct set_slot){part->last, part->fill};
    if (number < store->memory_chunks) {
        if (!store->memory) {
            store->memory = malloc(store->memory_chunks * store->chunk_bytes);
        }
        if (!store->memory) {
            return hg_fail_nomem(err);
        }
        memcpy(store->memory + number * store->chunk_bytes, buffer, store->chunk_bytes);
    } else {
        hg_status status =
            write_at(store, buffer, store->chunk_bytes, number * store->chunk_bytes, err);
        if (status) {
            return status;
        }
    }
    store->n_chunks++;
    part->last = number + 1;
    part->fill = 1;
    return HG_OK;
}

hg_status store_add(struct store *store, uint64_t low, uint64_t high, struct hg_error *err)
{
    unsigned partition = store_partition(low);
    struct store_part *part = &store->parts[partition];
    if (!store->buffers) {
        store->buffers = malloc((STORE_PARTITIONS + 1) * store->chunk_bytes);
        if (!store->buffers) {
            return hg_fail_nomem(err);
        }
    }
    if (part->fill == chunk_slots(store)) {
        hg_status status = write_chunk(store, partition, err);
        if (status) {
            return status;
        }
    }
    part->fill += part->fill == 0;
    buffer_of(store, partition)[part->fill++] = (struct set_slot){low, high};
    part->n++;
    return HG_OK;
}

size_t store_memory(const struct store *store)
{
    uint64_t n = store->n_chunks < store->memory_chunks ? store->n_chunks : store->memory_chunks;
    return n * store->chunk_bytes;
}

hg_status store_to_file(struct store *store, struct hg_error *err)
{
    size_t n = store_memory(store);
    hg_status status = n > 0 ? write_at(store, store->memory, n, 0, err) : HG_OK;
    if (status) {
        return status;
    }
    store_drop_memory(store);
    return HG_OK;
}

void store_drop_memory(struct store *store)
{
    free(store->memory);
    store->memory = NULL;
    store->memory_chunks = 0;
}

static hg_status get_chunk(struct store *store,
                           uint64_t number,
                           const struct set_slot **ret,
                           struct hg_error *err)
{
    if (number < store->memory_chunks) {
        *ret = (const struct set_slot *)(const void *)(store->memory + number * store->chunk_bytes);
        return HG_OK;
    }
    struct set_slot *buffer = buffer_of(store, STORE_PARTITIONS);
    *ret = buffer;
    return read_at(store, buffer, store->chunk_bytes, number * store->chunk_bytes, err);
}

hg_status store_each(
    struct store *store,
    unsigned partition,
    hg_status (*each)(void *arg, uint64_t low, uint64_t high, struct hg_error *err),
    void *arg,
    struct hg_error *err)
{
    const struct store_part *part = &store->parts[partition];
    const struct set_slot *chunk = part->fill ? buffer_of(store, partition) : NULL;
    uint64_t before = part->last;
    uint64_t fill = part->fill;
    hg_status status = HG_OK;
    while (!status && chunk) {
        for (uint64_t i = 1; !status && i < fill; i++) {
            status = each(arg, chunk[i].low, chunk[i].high, err);
        }
        if (status || before == 0) {
            break;
        }
        status = get_chunk(store, before - 1, &chunk, err);
        if (!status) {
            before = chunk[0].low;
            fill = chunk[0].high;
        }
    }
    return status;
}

void store_forget(struct store *store, unsigned partition)
{
    store->parts[partition] = (struct store_part){0};
}
