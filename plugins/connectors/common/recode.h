/*
 * Encodings, and a stage that makes UTF-8 of them.
 */
#ifndef SRC_RECODE_H
#define SRC_RECODE_H

#include "stage.h"

enum src_encoding { SRC_UTF8 = 0, SRC_UTF16LE, SRC_UTF16BE, SRC_LATIN1, SRC_WINDOWS1252 };

/* By number of enum src_encoding, ended by NULL. */
extern const char *const src_encoding_names[];

/*
 * Text that is not of the encoding becomes the byte 0xFF, which no UTF-8 has, so that it is found
 * where the row is known. Owns `from`, also when it cannot be made.
 */
hg_status src_recode_stage(struct src_stage *from,
                           enum src_encoding encoding,
                           struct src_stage **ret,
                           struct hg_error *err);

#endif
