#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/zone.h"

/* What python's zoneinfo says. */
static const struct {
    const char *zone;
    int64_t time_s;
    int32_t offset_s;
} oracle[] = {
    {"Europe/Berlin", INT64_C(2153350799), 3600},
    {"Europe/Berlin", INT64_C(2153350800), 7200},
    {"Europe/Berlin", INT64_C(4128627599), 7200},
    {"Europe/Berlin", INT64_C(4128627600), 3600},
    {"America/New_York", INT64_C(-2208988800), -18000},
    {"America/New_York", INT64_C(1325239140), -18000},
    {"America/New_York", INT64_C(1325239200), -18000},
    {"America/New_York", INT64_C(1772953140), -18000},
    {"America/New_York", INT64_C(1772953200), -14400},
    {"America/New_York", INT64_C(1793512740), -14400},
    {"America/New_York", INT64_C(1793512800), -18000},
    {"America/New_York", INT64_C(2857075200), -14400},
    {"America/New_York", INT64_C(10397894400), -14400},
    {"Australia/Lord_Howe", INT64_C(-2208988800), 36000},
    {"Australia/Lord_Howe", INT64_C(1325239140), 39600},
    {"Australia/Lord_Howe", INT64_C(1325239200), 39600},
    {"Australia/Lord_Howe", INT64_C(1772953140), 39600},
    {"Australia/Lord_Howe", INT64_C(1772953200), 39600},
    {"Australia/Lord_Howe", INT64_C(1793512740), 39600},
    {"Australia/Lord_Howe", INT64_C(1793512800), 39600},
    {"Australia/Lord_Howe", INT64_C(2857075200), 37800},
    {"Australia/Lord_Howe", INT64_C(10397894400), 37800},
    {"Europe/Dublin", INT64_C(-2208988800), -1521},
    {"Europe/Dublin", INT64_C(1325239140), 0},
    {"Europe/Dublin", INT64_C(1325239200), 0},
    {"Europe/Dublin", INT64_C(1772953140), 0},
    {"Europe/Dublin", INT64_C(1772953200), 0},
    {"Europe/Dublin", INT64_C(1793512740), 0},
    {"Europe/Dublin", INT64_C(1793512800), 0},
    {"Europe/Dublin", INT64_C(2857075200), 3600},
    {"Europe/Dublin", INT64_C(10397894400), 3600},
    {"Pacific/Apia", INT64_C(-2208988800), -41216},
    {"Pacific/Apia", INT64_C(1325239140), -36000},
    {"Pacific/Apia", INT64_C(1325239200), 50400},
    {"Pacific/Apia", INT64_C(1772953140), 46800},
    {"Pacific/Apia", INT64_C(1772953200), 46800},
    {"Pacific/Apia", INT64_C(1793512740), 46800},
    {"Pacific/Apia", INT64_C(1793512800), 46800},
    {"Pacific/Apia", INT64_C(2857075200), 46800},
    {"Pacific/Apia", INT64_C(10397894400), 46800},
    {"Asia/Kolkata", INT64_C(-2208988800), 19270},
    {"Asia/Kolkata", INT64_C(1325239140), 19800},
    {"Asia/Kolkata", INT64_C(1325239200), 19800},
    {"Asia/Kolkata", INT64_C(1772953140), 19800},
    {"Asia/Kolkata", INT64_C(1772953200), 19800},
    {"Asia/Kolkata", INT64_C(1793512740), 19800},
    {"Asia/Kolkata", INT64_C(1793512800), 19800},
    {"Asia/Kolkata", INT64_C(2857075200), 19800},
    {"Asia/Kolkata", INT64_C(10397894400), 19800},
    {"Pacific/Chatham", INT64_C(-2208988800), 44100},
    {"Pacific/Chatham", INT64_C(1325239140), 49500},
    {"Pacific/Chatham", INT64_C(1325239200), 49500},
    {"Pacific/Chatham", INT64_C(1772953140), 49500},
    {"Pacific/Chatham", INT64_C(1772953200), 49500},
    {"Pacific/Chatham", INT64_C(1793512740), 49500},
    {"Pacific/Chatham", INT64_C(1793512800), 49500},
    {"Pacific/Chatham", INT64_C(2857075200), 45900},
    {"Pacific/Chatham", INT64_C(10397894400), 45900},
};

static void knows_offsets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof oracle / sizeof oracle[0]; i++) {
        struct hg_zone *zone = NULL;
        assert_int_equal(hg_zone_load(oracle[i].zone, &zone, NULL), HG_OK);
        int32_t found = hg_zone_offset_s(zone, oracle[i].time_s);
        if (found != oracle[i].offset_s) {
            print_error("%s at %lld\n", oracle[i].zone, (long long)oracle[i].time_s);
        }
        assert_int_equal(found, oracle[i].offset_s);
        hg_zone_free(zone);
    }
}

static void finds_transitions(void **state)
{
    (void)state;
    struct hg_zone *zone = NULL;
    assert_int_equal(hg_zone_load("America/New_York", &zone, NULL), HG_OK);
    int64_t at = INT64_C(1767225600); /* 2026-01-01 */
    int32_t before;
    int32_t behind;
    assert_true(hg_zone_next_transition(zone, at, &at, &before, &behind));
    assert_int_equal(at, INT64_C(1772953200));
    assert_int_equal(before, -18000);
    assert_int_equal(behind, -14400);
    assert_true(hg_zone_next_transition(zone, at, &at, &before, &behind));
    assert_int_equal(at, INT64_C(1793512800));
    assert_int_equal(behind, -18000);
    /* Behind the table the footer's rule goes on: second Sunday in March 2100. */
    at = INT64_C(4102444800);
    assert_true(hg_zone_next_transition(zone, at, &at, &before, &behind));
    assert_int_equal(at, INT64_C(4108690800));
    hg_zone_free(zone);
}

static void utc_never_changes(void **state)
{
    (void)state;
    struct hg_zone *zone = NULL;
    assert_int_equal(hg_zone_load("UTC", &zone, NULL), HG_OK);
    int64_t at = 0;
    int32_t before;
    int32_t behind;
    assert_int_equal(hg_zone_offset_s(zone, 1), 0);
    assert_false(hg_zone_next_transition(zone, 0, &at, &before, &behind));
    hg_zone_free(zone);
}

static void refuses_names(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "/etc/passwd",
                                        "../passwd",
                                        "Europe/../../passwd",
                                        "Europe/Berlin/",
                                        "Europe//Berlin",
                                        "a\nb",
                                        "Europe Berlin",
                                        "."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct hg_zone *zone = NULL;
        struct hg_error err = HG_ERROR_INIT;
        assert_int_equal(hg_zone_load(names[i], &zone, &err), HG_EINVAL);
        assert_null(zone);
        assert_non_null(strstr(err.message, "is no name of a time zone"));
        assert_int_not_equal(err.hint[0], '\0');
    }
    struct hg_zone *zone = NULL;
    assert_int_equal(hg_zone_load("Europe/Nowhere", &zone, NULL), HG_ENOTFOUND);
    assert_int_equal(hg_zone_load("Europe", &zone, NULL), HG_ENOTFOUND);
    assert_int_equal(hg_zone_load("tzdata.zi", &zone, NULL), HG_EINVAL);
    assert_null(zone);
}

/* A TZif file by hand: empty version 1 block, then `times` transitions and a footer. */
static size_t make_file(unsigned char *b, unsigned char n_times, const char *footer)
{
    static const unsigned char type[6] = {0, 0, 0x0E, 0x10, 0, 0}; /* +3600 */
    memset(b, 0, 1024);
    memcpy(b, "TZif2", 5);
    b[39] = 1; /* types */
    unsigned char *second = b + 44 + 6;
    memcpy(second, "TZif2", 5);
    second[35] = n_times;
    second[39] = 1;
    unsigned char *at = second + 44;
    for (unsigned char i = 0; i < n_times; i++) {
        at[i * 8 + 7] = (unsigned char)(i + 1);
    }
    at += n_times * 9;
    memcpy(at, type, sizeof type);
    at += sizeof type;
    memcpy(at, footer, strlen(footer));
    return (size_t)(at - b) + strlen(footer);
}

static int parse(const unsigned char *b, size_t n)
{
    struct hg_zone *zone = NULL;
    int r = hg_zone_parse(b, n, &zone, NULL);
    assert_true((r == HG_OK) == (zone != NULL));
    hg_zone_free(zone);
    return r;
}

static void survives_bad_files(void **state)
{
    (void)state;
    unsigned char b[1024];
    size_t n = make_file(b, 3, "\n<+01>-1\n");
    assert_int_equal(parse(b, n), HG_OK);
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_equal(parse(b, cut), HG_EDATA);
    }
    static const char *const footers[] = {"",
                                          "\n",
                                          "\nEST\n",
                                          "\nE5\n",
                                          "\nEST5EDT\n",
                                          "\nEST5EDT,M3.2.0\n",
                                          "\nEST5EDT,M13.2.0,M11.1.0\n",
                                          "\nEST5EDT,M3.6.0,M11.1.0\n",
                                          "\nEST5EDT,J0,J5\n",
                                          "\nEST5EDT,M3.2.0,M11.1.0x\n",
                                          "\nEST168\n",
                                          "EST5\n"};
    for (size_t i = 0; i < sizeof footers / sizeof footers[0]; i++) {
        n = make_file(b, 1, footers[i]);
        assert_int_equal(parse(b, n), HG_EDATA);
    }
    n = make_file(b, 3, "\n<+01>-1\n");
    b[44 + 6 + 31] = 1; /* a leap second, in front of the footer */
    memmove(b + n - 9 + 12, b + n - 9, 9);
    memset(b + n - 9, 0, 12);
    assert_int_equal(parse(b, n + 12), HG_EDATA);
    n = make_file(b, 3, "\n<+01>-1\n");
    b[44 + 6 + 44 + 8 + 7] = 1; /* the second transition is not behind the first */
    assert_int_equal(parse(b, n), HG_EDATA);
    n = make_file(b, 3, "\n<+01>-1\n");
    b[44 + 6 + 44 + 24] = 1; /* a type that is not there */
    assert_int_equal(parse(b, n), HG_EDATA);
    n = make_file(b, 3, "\n<+01>-1\n");
    b[4] = 0; /* version 1 */
    assert_int_equal(parse(b, n), HG_EDATA);
}

/* Days of the year in the footer's other forms, and a summer that spans the new year. */
static void knows_rules_by_day(void **state)
{
    (void)state;
    unsigned char b[1024];
    struct hg_zone *zone = NULL;
    size_t n = make_file(b, 1, "\nAAA0BBB,J60/0,300/0\n");
    assert_int_equal(hg_zone_parse(b, n, &zone, NULL), HG_OK);
    /* J60 is 1 March also in the leap year 2024. */
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1709251199)), 0);
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1709251200)), 3600);
    /* Day 300 counted from 0 with the leap day is 27 October 2024, at midnight of summer time. */
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1729983599)), 3600 - 0);
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1729983600)), 0);
    hg_zone_free(zone);
    n = make_file(b, 1, "\nAAA-10BBB,M10.1.0,M4.1.0/3\n");
    assert_int_equal(hg_zone_parse(b, n, &zone, NULL), HG_OK);
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1767225600)), 39600); /* 1 January */
    assert_int_equal(hg_zone_offset_s(zone, INT64_C(1782864000)), 36000); /* 1 July */
    hg_zone_free(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_offsets),
        cmocka_unit_test(finds_transitions),
        cmocka_unit_test(utc_never_changes),
        cmocka_unit_test(refuses_names),
        cmocka_unit_test(survives_bad_files),
        cmocka_unit_test(knows_rules_by_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
