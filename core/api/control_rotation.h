/*
 * What both sides of the control socket tell each other of a rotation of the master key.
 */
#ifndef HG_API_CONTROL_ROTATION_H
#define HG_API_CONTROL_ROTATION_H

#include <jansson.h>

#include "vault/rotate.h"

/* NULL without memory; owned by the caller. */
json_t *hg_control_rotation_json(const struct hg_rotation *rotation);
/* The same back; what is missing is zero. */
void hg_control_rotation_read(const json_t *json, struct hg_rotation *ret);

#endif
