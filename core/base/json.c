#include "base/json.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct list {
    void **items;
    size_t n;
    size_t room;
};

/* While a thread reads, nothing is freed, so that all of it can be when memory runs out. */
struct reading {
    jmp_buf way_out;
    struct list made;
    struct list dropped; /* of these */
};

static _Thread_local struct reading *current;

static void keep(struct list *list, void *memory)
{
    if (hg_grow(&list->items, list->n, &list->room, sizeof(void *)) < 0) {
        longjmp(current->way_out, 1);
    }
    list->items[list->n++] = memory;
}

static void free_all(struct list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        free(list->items[i]);
    }
    free(list->items);
}

static void *allocate(size_t n)
{
    struct reading *reading = current;
    if (!reading) {
        return malloc(n);
    }
    keep(&reading->made, NULL); /* the place first, then what is kept there */
    void *memory = malloc(n);
    if (!memory) {
        longjmp(reading->way_out, 1);
    }
    reading->made.items[reading->made.n - 1] = memory;
    return memory;
}

static void release(void *memory)
{
    if (current && memory) {
        keep(&current->dropped, memory);
    } else {
        free(memory);
    }
}

/* Before main(), for threads must not see the change. */
__attribute__((constructor)) static void take_over(void)
{
    json_set_alloc_funcs(allocate, release);
}

static void no_memory(json_error_t *error)
{
    memset(error, 0, sizeof *error);
    error->line = -1;
    error->column = -1;
    (void)snprintf(error->text, sizeof error->text, "out of memory");
    error->text[sizeof error->text - 1] = (char)json_error_out_of_memory;
}

json_t *hg_json_read(const char *text, size_t n, size_t flags, json_error_t *ret_error)
{
    struct reading reading = {.made = {NULL, 0, 0}};
    if (setjmp(reading.way_out) == 0) {
        current = &reading;
        json_t *json = json_loadb(text, n, flags, ret_error);
        current = NULL;
        free(reading.made.items);
        free_all(&reading.dropped);
        return json;
    }
    current = NULL;
    free_all(&reading.made);
    free(reading.dropped.items);
    if (ret_error) {
        no_memory(ret_error);
    }
    return NULL;
}

json_t *hg_json_read_text(const char *text, size_t flags, json_error_t *ret_error)
{
    return hg_json_read(text ? text : "", text ? strlen(text) : 0, flags, ret_error);
}
