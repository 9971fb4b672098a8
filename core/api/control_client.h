/*
 * The client's side of api/control.h.
 */
#ifndef HG_API_CONTROL_CLIENT_H
#define HG_API_CONTROL_CLIENT_H

#include "api/control.h"

#endif
