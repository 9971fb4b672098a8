/*
 * Partitions to come, and what is too old.
 */
#ifndef HG_PIPELINE_RETENTION_H
#define HG_PIPELINE_RETENTION_H

#include "base/error.h"

struct hg_pipelines;

/* Makes the partitions of the weeks to come and drops runs older than `retention` says. */
int hg_retention_keep(struct hg_pipelines *service, struct hg_error *err);
/* Drops rejected rows that are too old. */
int hg_retention_keep_quarantine(struct hg_pipelines *service, struct hg_error *err);
/* Drops bars against fences of so long ago that no server has a statement of theirs any more. */
int hg_retention_keep_bars(struct hg_pipelines *service, struct hg_error *err);
/* Drops the staged rows of pipelines that are gone, once nobody can retry their runs any more. */
int hg_retention_keep_stages(struct hg_pipelines *service, struct hg_error *err);
/* Removes logs of this host that are too old. */
int hg_retention_keep_logs(struct hg_pipelines *service, struct hg_error *err);
/* Drops rows of the audit log that are older than `retention` says. */
int hg_retention_keep_audit(struct hg_pipelines *service, struct hg_error *err);

#endif
