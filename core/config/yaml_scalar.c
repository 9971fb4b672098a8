#include "config/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(text, *words) == 0) {
            return true;
        }
    }
    return false;
}

static const char digits[] = "0123456789";

static bool all_of(const char *text, const char *characters)
{
    return *text && text[strspn(text, characters)] == '\0';
}

/* 0 when it is no integer, else its base. */
static int integer_base(const char *text)
{
    if (strncmp(text, "0x", 2) == 0 && all_of(text + 2, "0123456789abcdefABCDEF")) {
        return 16;
    }
    if (strncmp(text, "0o", 2) == 0 && all_of(text + 2, "01234567")) {
        return 8;
    }
    return all_of(text + (*text == '-' || *text == '+'), digits) ? 10 : 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t whole = strspn(text, digits);
    text += whole;
    size_t fraction = 0;
    if (*text == '.') {
        text++;
        fraction = strspn(text, digits);
        text += fraction;
    }
    if (whole + fraction == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        return all_of(text, digits);
    }
    return *text == '\0';
}

static bool set_integer(struct hg_yaml_node *node, int base)
{
    errno = 0;
    node->type = HG_YAML_INT;
    node->integer = strtoll(node->text + (base == 10 ? 0 : 2), NULL, base);
    return errno == 0;
}

bool hg_yaml_resolve(struct hg_yaml_node *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const trues[] = {"true", "True", "TRUE", NULL};
    static const char *const falses[] = {"false", "False", "FALSE", NULL};
    static const char *const no_numbers[] = {".inf",
                                             ".Inf",
                                             ".INF",
                                             "+.inf",
                                             "+.Inf",
                                             "+.INF",
                                             "-.inf",
                                             "-.Inf",
                                             "-.INF",
                                             ".nan",
                                             ".NaN",
                                             ".NAN",
                                             NULL};
    node->type = HG_YAML_TEXT;
    if (!node->plain) {
        return true;
    }
    int base = integer_base(node->text);
    if (base > 0) {
        return set_integer(node, base);
    }
    if (is_one_of(node->text, nulls)) {
        node->type = HG_YAML_NULL;
    } else if (is_one_of(node->text, trues) || is_one_of(node->text, falses)) {
        node->type = HG_YAML_BOOL;
        node->boolean = is_one_of(node->text, trues);
    } else if (is_real(node->text)) {
        node->type = HG_YAML_REAL;
        node->real = strtod(node->text, NULL);
        return isfinite(node->real);
    }
    return !is_one_of(node->text, no_numbers);
}
