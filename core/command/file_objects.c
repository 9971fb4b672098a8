#include "command/file_objects.h"

#include <stdlib.h>

#include "base/mem.h"
#include "config/yaml_json.h"

static const struct hg_object_member user_members[] = {
    {"username", HG_OBJECT_TEXT, true, offsetof(struct hg_file_user, username)},
    {"password", HG_OBJECT_SECRET, true, offsetof(struct hg_file_user, password)},
    {"role", HG_OBJECT_TEXT, true, offsetof(struct hg_file_user, role)},
    {NULL, HG_OBJECT_NONE, false, 0},
};

/* A name is for one; the first has it. */
static int check_name(const struct hg_object *object,
                      const char *member,
                      const char *name,
                      const char *what,
                      json_t *seen,
                      struct hg_diagnostics *diagnostics,
                      struct hg_error *err)
{
    char pointer[32];
    (void)snprintf(pointer, sizeof pointer, "/%s", member);
    struct hg_yaml_place at = hg_yaml_find(object->node, pointer, false);
    const char *first = json_string_value(json_object_get(seen, name));
    if (first) {
        hg_diagnostics_add(diagnostics,
                           object->file,
                           at.line,
                           at.column,
                           NULL,
                           "there is %s \"%s\" already, at %s",
                           what,
                           name,
                           first);
        return HG_OK;
    }
    json_t *place = json_sprintf("%s:%d:%d", object->file, at.line, at.column);
    return json_object_set_new(seen, name, place) < 0 ? hg_error_nomem(err) : HG_OK;
}

/* HG_OK also for one that was complained of. */
static int read_user(const struct hg_object *object,
                     struct hg_file_user *user,
                     json_t *seen,
                     struct hg_diagnostics *diagnostics,
                     struct hg_error *err)
{
    struct hg_error why = HG_ERROR_INIT;
    user->file = object->label;
    int r = hg_object_read(object, user_members, user, diagnostics, err);
    if (r < 0) {
        return r == HG_EINVAL ? HG_OK : r;
    }
    r = hg_file_user_check(user, &why);
    if (r < 0) {
        hg_object_complain(object, &why, diagnostics);
        return HG_OK;
    }
    return check_name(object, "username", user->username, "a user", seen, diagnostics, err);
}

static int read_users(const struct hg_host_config *config,
                      struct hg_file_objects *ret,
                      struct hg_diagnostics *diagnostics,
                      struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    ret->users = calloc(config->users.n + 1, sizeof *ret->users);
    ret->n_users = config->users.n;
    int r = ret->users && seen ? HG_OK : hg_error_nomem(err);
    for (size_t i = 0; r == HG_OK && i < ret->n_users; i++) {
        r = read_user(&config->users.items[i], &ret->users[i], seen, diagnostics, err);
    }
    return r;
}

int hg_file_objects_read(const struct hg_host_config *config,
                         struct hg_file_objects *ret,
                         struct hg_diagnostics *diagnostics,
                         struct hg_error *err)
{
    size_t before = hg_diagnostics_count(diagnostics);
    int r = read_users(config, ret, diagnostics, err);
    size_t n = hg_diagnostics_count(diagnostics) - before;
    if (r == HG_OK && n > 0) {
        return hg_error_set(err, HG_EINVAL, "the host's files have %zu error(s)", n);
    }
    return r;
}

void hg_file_objects_free(struct hg_file_objects *objects)
{
    free(objects->users);
    *objects = (struct hg_file_objects){.users = NULL};
}
