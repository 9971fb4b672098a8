#include "dialect.h"

#include <string.h>

void csv_dialect_prepare(struct csv_dialect *dialect)
{
    memset(dialect->classes, CSV_PLAIN, sizeof dialect->classes);
    dialect->classes[(unsigned char)dialect->delimiter] = CSV_DELIMITER;
    dialect->classes['\n'] = CSV_LF;
    dialect->classes['\r'] = CSV_CR;
    if (dialect->quote) {
        dialect->classes[(unsigned char)dialect->quote] = CSV_QUOTE;
    }
    if (dialect->escape) {
        dialect->classes[(unsigned char)dialect->escape] = CSV_ESCAPE;
    }
}
