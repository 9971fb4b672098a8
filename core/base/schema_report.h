/*
 * How violations of a JSON Schema are told.
 */
#ifndef HG_BASE_SCHEMA_REPORT_H
#define HG_BASE_SCHEMA_REPORT_H

/*
 * Called for each violation: `pointer` is a JSON pointer into the value, "" for the whole; `detail`
 * says what was found and what was expected, `hint` what to do ("" when there is nothing to say).
 * All borrowed until the call returns.
 */
typedef void hg_schema_report(void *arg, const char *pointer, const char *detail, const char *hint);

#endif
