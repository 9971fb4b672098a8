#include "base/mem.h"

#include <stdint.h>
#include <unistd.h>

#include "headgate/plugin.h"

void hg_closep(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

pthread_mutex_t *hg_lock(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) != 0) {
        abort(); /* only a destroyed mutex fails: a defect that must not go on */
    }
    return mutex;
}

int hg_grow(void *items, size_t n_used, size_t *n_room, size_t item_size)
{
    if (n_used < *n_room) {
        return HG_OK;
    }
    size_t room = *n_room < 8 ? 8 : *n_room + *n_room / 2;
    if (room > SIZE_MAX / item_size) {
        return HG_ENOMEM;
    }
    void **slot = (void **)items;
    void *grown = realloc(*slot, room * item_size);
    if (!grown) {
        return HG_ENOMEM;
    }
    *slot = grown;
    *n_room = room;
    return HG_OK;
}
