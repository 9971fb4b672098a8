#include "command/check_channels.h"

#include <stdio.h>

#include "api/control.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/db.h"

static void look_at_file(const char *file,
                         const json_t *known,
                         const char *hint,
                         struct hg_diagnostics *found)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics ignored = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_yaml_freep) struct hg_yaml *yaml = NULL;
    struct hg_error err = HG_ERROR_INIT;
    int r = hg_yaml_read(file, &yaml, &ignored, &err);
    const struct hg_yaml_node *list = r == HG_OK ? hg_yaml_get(yaml->root, "on_failure") : NULL;
    for (size_t i = 0; list && list->type == HG_YAML_LIST && i < list->n; i++) {
        const struct hg_yaml_node *item = list->items[i];
        const char *name = hg_yaml_text(item);
        if (name && !json_object_get(known, name)) {
            hg_diagnostics_add(found,
                               file,
                               item->line,
                               item->column,
                               hint,
                               "warning: on_failure: there is no alert channel \"%s\"",
                               name);
        }
    }
}

static void look_at_files(const struct hg_host_config *config,
                          const json_t *known,
                          const char *hint,
                          struct hg_diagnostics *found)
{
    for (char **file = config->pipeline_files; file && *file; file++) {
        look_at_file(*file, known, hint, found);
    }
}

/* ---- without a host of one's own ---- */

static json_t *names_of_files(const struct hg_host_config *config)
{
    json_t *names = json_object();
    for (size_t i = 0; names && i < config->channels.n; i++) {
        const char *name = hg_yaml_text(hg_yaml_get(config->channels.items[i].node, "name"));
        if (name) {
            (void)json_object_set_new(names, name, json_true());
        }
    }
    return names;
}

/* Those of a database, by whoever can say them; NULL when nobody can. Owned by the caller. */
static json_t *names_of_database(const struct hg_host_config *config)
{
    HG_CLEANUP(hg_db_returnp) struct hg_db *db = NULL;
    json_t *names = NULL;
    if (hg_control_channel_names(config->data_dir, &names, NULL) < 0 && config->metadata_url &&
        hg_db_connect(config->metadata_url, "headgate check", &db, NULL) == HG_OK) {
        (void)hg_channel_names_on(db, &names, NULL);
    }
    return names;
}

void hg_check_channels(const struct hg_host_config *config)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics found = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *known = names_of_files(config);
    look_at_files(config, known, NULL, &found);
    if (!known || found.n == 0) {
        return; /* nobody need be asked */
    }
    HG_CLEANUP(hg_json_decrefp) json_t *others = names_of_database(config);
    if (others) {
        (void)json_object_update(known, others);
    }
    hg_diagnostics_free(&found);
    look_at_files(config,
                  known,
                  others ? "Make it, or correct the name; until then nobody is told."
                         : "No file has it; one that was made through the API is not seen "
                           "from here while no host runs.",
                  &found);
    hg_diagnostics_print(&found, stderr);
}

/* ---- of a host ---- */

void hg_check_channels_of(const struct hg_host_config *config, struct hg_alerts *alerts)
{
    HG_CLEANUP(hg_diagnostics_free) struct hg_diagnostics found = HG_DIAGNOSTICS_INIT;
    HG_CLEANUP(hg_json_decrefp) json_t *known = NULL;
    struct hg_error err = HG_ERROR_INIT;
    if (hg_channel_names(alerts, &known, &err) < 0) {
        hg_log_error("cannot tell whether the alert channels of the pipelines are there", &err);
        return;
    }
    look_at_files(config, known, NULL, &found);
    for (size_t i = 0; i < found.n; i++) {
        char place[32];
        const struct hg_diagnostic *item = &found.items[i];
        (void)snprintf(place, sizeof place, "%d:%d", item->line, item->column);
        hg_log(HG_LOG_WARNING,
               "a pipeline names an alert channel that there is not: nobody is told when it fails",
               "file",
               item->file,
               "place",
               place,
               "error",
               item->message + sizeof "warning: " - 1,
               NULL);
    }
}
