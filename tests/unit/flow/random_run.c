#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fakes.h"
#include "plugin/module.h"
#include "random_rows.h"

bool random_stopped;

void random_rule_file(const char *id, char *ret, size_t size)
{
    const char *folder = getenv("HG_PLUGIN_DIR");
    (void)snprintf(ret, size, "%s/%s.so", folder ? folder : ".", id);
}

static int find(void *arg,
                int kind,
                const char *id,
                const char *file,
                const char *sha256,
                const struct hg_plugin **ret,
                struct hg_error *err)
{
    const struct hg_module *module = NULL;
    if (kind == HG_KIND_CONNECTOR || strncmp(id, "toy_", 4) == 0) {
        return fake_plugins.find(arg, kind, id, file, sha256, ret, err);
    }
    int r = hg_module_open(file, sha256, &module, err);
    *ret = r < 0 ? NULL : hg_module_plugin(module, kind, id);
    return r < 0 ? r : *ret ? HG_OK : hg_error_set(err, HG_ENOTFOUND, "no rule %s", id);
}

static bool is_stopped(void)
{
    return random_stopped;
}

int random_run(const json_t *task,
               struct hg_flow_session *session,
               json_t **ret_result,
               struct hg_error *err)
{
    static const struct hg_flow_plugins plugins = {NULL, find};
    random_source_use();
    heard.cancel = is_stopped;
    int r = fake_run_with(task, &plugins, session, ret_result, err);
    hg_flow_session_scrub(session);
    return r;
}
