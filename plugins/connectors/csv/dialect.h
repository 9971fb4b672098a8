/*
 * How a file separates its rows and fields.
 */
#ifndef CSV_DIALECT_H
#define CSV_DIALECT_H

#include <stdbool.h>
#include <stdint.h>

/* What a byte means outside of quotes. */
enum csv_class { CSV_PLAIN = 0, CSV_DELIMITER, CSV_LF, CSV_CR, CSV_QUOTE, CSV_ESCAPE };

struct csv_dialect {
    char delimiter;
    char quote;   /* NUL: quotes mean nothing */
    char escape;  /* NUL: a quote is written as two; else the byte behind it is taken as it is */
    char comment; /* NUL: none; else rows that begin with it are passed over */
    bool trim;    /* spaces and tabs around a field are no part of it */
    uint8_t classes[256];
};

/* Fills in the classes from the bytes. */
void csv_dialect_prepare(struct csv_dialect *dialect);

static inline uint8_t csv_class_of(const struct csv_dialect *dialect, char c)
{
    return dialect->classes[(unsigned char)c];
}

/* True for what `trim` takes away. */
static inline bool csv_is_blank(const struct csv_dialect *dialect, char c)
{
    return (c == ' ' || c == '\t') && c != dialect->delimiter;
}

#endif
