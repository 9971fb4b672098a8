#include "command/file_objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/yaml_json.h"

static const struct hg_object_member user_members[] = {
    {"username", HG_OBJECT_TEXT, true, offsetof(struct hg_file_user, username)},
    {"password", HG_OBJECT_SECRET, true, offsetof(struct hg_file_user, password)},
    {"role", HG_OBJECT_TEXT, true, offsetof(struct hg_file_user, role)},
    {NULL, HG_OBJECT_NONE, false, 0},
};

/* What the body of a channel holds that a wish only points to. */
struct channel_body {
    struct hg_channel_wish wish;
    json_t *to; /* owned by the objects */
    bool enabled;
};

static const struct hg_object_member channel_members[] = {
    {"name", HG_OBJECT_TEXT, true, offsetof(struct channel_body, wish.name)},
    {"kind", HG_OBJECT_TEXT, true, offsetof(struct channel_body, wish.kind)},
    {"url", HG_OBJECT_TEXT, false, offsetof(struct channel_body, wish.url)},
    {"to", HG_OBJECT_LIST, false, offsetof(struct channel_body, to)},
    {"secret", HG_OBJECT_SECRET, false, offsetof(struct channel_body, wish.secret)},
    {"enabled", HG_OBJECT_FLAG, false, offsetof(struct channel_body, enabled)},
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

/* Who knows the address of an incoming webhook may write there: it is a secret, though a URL. */
static bool shows_a_secret(const struct hg_object *object, const struct hg_channel_wish *wish)
{
    const struct hg_yaml_node *url = hg_yaml_get(object->node, "url");
    return strcmp(wish->kind, "slack") == 0 && url && !url->filled;
}

static int check_channel(const struct hg_host_config *config,
                         const struct hg_object *object,
                         const struct hg_file_channel *channel,
                         struct hg_error *err)
{
    int r = hg_file_channel_check(config, channel, err);
    if (r == HG_OK && shows_a_secret(object, &channel->wish)) {
        (void)hg_error_set(
            err, HG_EINVAL, "the URL of a channel of kind slack is a secret as a whole");
        (void)hg_error_hint(err, "Write what is secret of it as ${NAME} or ${file:PATH}.");
        r = hg_error_at(err, "/url");
    }
    return r;
}

/* HG_OK also for one that was complained of. */
static int read_channel(const struct hg_host_config *config,
                        const struct hg_object *object,
                        struct hg_file_channel *channel,
                        bool *enabled,
                        json_t *seen,
                        struct hg_diagnostics *diagnostics,
                        struct hg_error *err)
{
    struct channel_body body = {.enabled = true};
    struct hg_error why = HG_ERROR_INIT;
    int r = hg_object_read(object, channel_members, &body, diagnostics, err);
    channel->wish = body.wish;
    channel->wish.to = body.to;
    channel->wish.enabled = enabled;
    channel->file = object->label;
    *enabled = body.enabled;
    if (r < 0) {
        return r == HG_EINVAL ? HG_OK : r;
    }
    r = check_channel(config, object, channel, &why);
    if (r < 0) {
        hg_object_complain(object, &why, diagnostics);
        return HG_OK;
    }
    return check_name(object, "name", body.wish.name, "an alert channel", seen, diagnostics, err);
}

static int read_channels(const struct hg_host_config *config,
                         struct hg_file_objects *ret,
                         struct hg_diagnostics *diagnostics,
                         struct hg_error *err)
{
    HG_CLEANUP(hg_json_decrefp) json_t *seen = json_object();
    const struct hg_objects *objects = &config->channels;
    ret->channels = calloc(objects->n + 1, sizeof *ret->channels);
    ret->enabled = calloc(objects->n + 1, sizeof *ret->enabled);
    ret->n_channels = objects->n;
    int r = ret->channels && ret->enabled && seen ? HG_OK : hg_error_nomem(err);
    for (size_t i = 0; r == HG_OK && i < objects->n; i++) {
        r = read_channel(config,
                         &objects->items[i],
                         &ret->channels[i],
                         &ret->enabled[i],
                         seen,
                         diagnostics,
                         err);
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
    r = r < 0 ? r : read_channels(config, ret, diagnostics, err);
    size_t n = hg_diagnostics_count(diagnostics) - before;
    if (r == HG_OK && n > 0) {
        return hg_error_set(err, HG_EINVAL, "the host's files have %zu error(s)", n);
    }
    return r;
}

void hg_file_objects_free(struct hg_file_objects *objects)
{
    for (size_t i = 0; objects->channels && i < objects->n_channels; i++) {
        json_decref((json_t *)(uintptr_t)objects->channels[i].wish.to);
    }
    free(objects->users);
    free(objects->channels);
    free(objects->enabled);
    *objects = (struct hg_file_objects){.users = NULL};
}
