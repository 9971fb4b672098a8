#include "json_number.h"

int hg_json_number_step(enum hg_json_number state, unsigned char c)
{
    bool digit = c >= '0' && c <= '9';
    switch (state) {
    case NUMBER_MINUS:
        return c == '0' ? NUMBER_ZERO : digit ? NUMBER_INT : -1;
    case NUMBER_ZERO:
    case NUMBER_INT:
        if (digit) {
            return state == NUMBER_INT ? NUMBER_INT : -1;
        }
        return c == '.' ? NUMBER_POINT : c == 'e' || c == 'E' ? NUMBER_E : -1;
    case NUMBER_POINT:
        return digit ? NUMBER_FRACTION : -1;
    case NUMBER_FRACTION:
        return digit ? NUMBER_FRACTION : c == 'e' || c == 'E' ? NUMBER_E : -1;
    case NUMBER_E:
        return c == '+' || c == '-' ? NUMBER_E_SIGN : digit ? NUMBER_EXPONENT : -1;
    default:
        return digit ? NUMBER_EXPONENT : -1;
    }
}

bool hg_json_number_is_whole(enum hg_json_number state)
{
    return state == NUMBER_ZERO || state == NUMBER_INT || state == NUMBER_FRACTION ||
           state == NUMBER_EXPONENT;
}
