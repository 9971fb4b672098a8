/*
 * A read of files whose rows are the JSON objects of their lines.
 */
#ifndef JSONL_READER_H
#define JSONL_READER_H

#include "file_reader.h"

extern const struct src_format jsonl_format;

#endif
