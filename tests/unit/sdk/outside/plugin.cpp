// A rule in C++, for the header's sake: it is built and inspected, never run.
#include "headgate/batch.h"
#include "headgate/config.h"
#include "headgate/error.h"
#include "headgate/json.h"
#include "headgate/plugin.h"

namespace
{

struct rule {
    int64_t rows;
};

hg_status prepare(const hg_host *, const char *, const ArrowSchema *, bool, void **ret_inst,
                  hg_error *)
{
    static rule only = {0};
    *ret_inst = &only;
    return HG_OK;
}

hg_status check(void *inst, const ArrowArray *batch, hg_rule_results *ret, hg_error *err)
{
    if (batch->length < 0) {
        return hg_fail(err, HG_EDATA, "the batch has no length");
    }
    static_cast<rule *>(inst)->rows += batch->length;
    ret->n = 0;
    return HG_OK;
}

hg_status finish(void *, hg_rule_results *ret, hg_error *)
{
    ret->n = 0;
    return HG_OK;
}

void explain(void *, const ArrowArray *, uint32_t, int64_t, char *buf, size_t size)
{
    if (size > 0) {
        buf[0] = '\0';
    }
}

void close(void *)
{
}

const hg_rule_vtable vtable = {sizeof(hg_rule_vtable),
                               HG_VERDICT_FINISH,
                               HG_GRAIN_TABLE,
                               HG_DIM_VOLUME,
                               "rows",
                               prepare,
                               check,
                               finish,
                               explain,
                               close,
                               nullptr,
                               0,
                               0};

const hg_plugin plugin = {sizeof(hg_plugin),
                          0,
                          HG_KIND_RULE,
                          0,
                          "in_cpp",
                          "In C++",
                          "0.1.0",
                          "Counts rows.",
                          "",
                          "Apache-2.0",
                          "{\"type\":\"object\"}",
                          &vtable};

} // namespace

extern "C" {
HG_MODULE(&plugin);
}
