/*
 * Memory and cleanup helpers.
 *
 *     HG_CLEANUP(hg_freep) char *text = NULL;     freed when the scope ends
 *     *ret_text = HG_TAKE(text);                  handed out instead
 */
#ifndef HG_BASE_MEM_H
#define HG_BASE_MEM_H

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define HG_CLEANUP(function) __attribute__((cleanup(function)))

/* Gives the pointer away and leaves NULL behind. */
#define HG_TAKE(pointer)                           \
    __extension__({                                \
        __typeof__(pointer) hg_taken_ = (pointer); \
        (pointer) = NULL;                          \
        hg_taken_;                                 \
    })

#define HG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Defines `name`, a cleanup function for variables of `type` (a pointer) freed with `free_call`. */
#define HG_DEFINE_CLEANUP(name, type, free_call)       \
    static inline void name(__typeof__(type) *pointer) \
    {                                                  \
        if (*pointer) {                                \
            free_call(*pointer);                       \
            *pointer = NULL;                           \
        }                                              \
    }

/* Cleanup of anything that came from malloc: give it the address of the pointer. */
static inline void hg_freep(void *pointer_to_pointer)
{
    void **p = (void **)pointer_to_pointer;
    free(*p);
    *p = NULL;
}

/* Cleanup of a file descriptor; -1 is none. */
void hg_closep(int *fd);

static inline void hg_fclosep(FILE **file)
{
    if (*file) {
        (void)fclose(*file);
        *file = NULL;
    }
}

static inline void hg_json_decrefp(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

/* Locks for the rest of the scope: HG_LOCK(&pool->mutex); */
static inline void hg_unlockp(pthread_mutex_t **mutex)
{
    if (*mutex) {
        (void)pthread_mutex_unlock(*mutex);
    }
}
#define HG_LOCK_JOIN_(a, b) a##b
#define HG_LOCK_NAME_(line) HG_LOCK_JOIN_(hg_lock_, line)
#define HG_LOCK(mutex)     \
    HG_CLEANUP(hg_unlockp) \
    __attribute__((unused)) pthread_mutex_t *HG_LOCK_NAME_(__LINE__) = hg_lock(mutex)
pthread_mutex_t *hg_lock(pthread_mutex_t *mutex);

/*
 * Makes *items (n_used used of *n_room, each of item_size bytes) hold one more at least, growing by
 * half again. *items is untouched on failure. Returns HG_OK or HG_ENOMEM.
 */
int hg_grow(void *items, size_t n_used, size_t *n_room, size_t item_size);

#endif
