/*
 * Writes bars as CSV to standard output: make_bars ROWS YEAR [shuffled]. The same rows on every
 * machine, 71 bytes each on average, sorted by symbol and minute, or each far from its neighbours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MINUTES = 390, DAYS = 28, MONTHS = 12, OPENING = 570, BUFFER_BYTES = 1 << 20 };

/* A prime above any number of rows, so that its multiples modulo that number are all different. */
static const int64_t SHUFFLE_STEP = INT64_C(2654435761);

static uint64_t state = UINT64_C(88172645463325252);

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* In units of 1/10,000. */
static void put_price(uint32_t price)
{
    (void)printf("%" PRIu32 ".%04" PRIu32 ",", price / 10000, price % 10000);
}

static void put_row(int64_t row, int year)
{
    const int64_t day = row / MINUTES;
    const int minute = (int)(row % MINUTES) + OPENING;
    const uint64_t random = next_random();
    const uint32_t open = 500000 + (uint32_t)(random % 4000000);
    const uint32_t low = open - (uint32_t)(random >> 32 & 0xFFF);
    const uint32_t high = open + (uint32_t)(random >> 44 & 0xFFF);
    (void)printf("S%03" PRId64 ",%04d-%02d-%02d %02d:%02d:00,",
                 day / (DAYS * MONTHS),
                 year,
                 (int)(day / DAYS % MONTHS) + 1,
                 (int)(day % DAYS) + 1,
                 minute / 60,
                 minute % 60);
    put_price(open);
    put_price(high);
    put_price(low);
    put_price(low + (high - low) / 2);
    (void)printf("%" PRIu64 ",%" PRIu64 "\n", random >> 20 & 0xFFFFF, random >> 50 & 0x3FF);
}

int main(int argc, char **argv)
{
    static char buffer[BUFFER_BYTES];
    const int64_t rows = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
    const int year = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    const int64_t step = argc > 3 ? SHUFFLE_STEP : 1;
    if (rows < 1 || rows >= SHUFFLE_STEP || year < 1) {
        (void)fprintf(stderr, "usage: make_bars ROWS YEAR [shuffled]\n");
        return 2;
    }
    (void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    (void)printf("symbol,ts,open,high,low,close,volume,trades\n");
    for (int64_t row = 0; row < rows; row++) {
        put_row(row * step % rows, year);
    }
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
