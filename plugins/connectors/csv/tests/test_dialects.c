/* What rows and fields come out of which text, by table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_host.h"

struct test_case {
    const char *more; /* of the configuration */
    const char *columns;
    const char *text;
    size_t n;         /* of the text when it holds NULs, else 0 */
    const char *rows; /* NULL: the read fails with `rejects` in its message */
    const char *rejects;
};

#define AB        "\"a\":\"utf8\",\"b\":\"utf8\""
#define A         "\"a\":\"utf8\""
#define NUL(text) text, sizeof(text) - 1

/* clang-format off */
static const struct test_case cases[] = {
    /* RFC 4180. */
    {"", AB, "a,b\n1,2\n", 0, "1|2\n", ""},
    {"", AB, "a,b\r\n1,2\r\n", 0, "1|2\n", ""},
    {"", AB, "a,b\r1,2\r", 0, "1|2\n", ""},
    {"", AB, "a,b\n1,2", 0, "1|2\n", ""},
    {"", AB, "a,b\r\n1,2", 0, "1|2\n", ""},
    {"", AB, "a,b\r1,2", 0, "1|2\n", ""},
    {"", AB, "a,b", 0, "", ""},
    {"", AB, "a,b\n", 0, "", ""},
    {"", AB, "a,b\n1,2\r\n3,4\r5,6\n", 0, "1|2\n3|4\n5|6\n", ""},
    {"", AB, "a,b\n\"1\",\"2\"\n", 0, "1|2\n", ""},
    {"", AB, "a,b\n\"1,5\",2\n", 0, "1,5|2\n", ""},
    {"", AB, "a,b\n\"x\ny\",2\n", 0, "x\\ny|2\n", ""},
    {"", AB, "a,b\n\"x\r\ny\",2\r\n", 0, "x\\r\\ny|2\n", ""},
    {"", AB, "a,b\n\"say \"\"hi\"\"\",2\n", 0, "say \"hi\"|2\n", ""},
    {"", AB, "a,b\n\"\"\"\",2\n", 0, "\"|2\n", ""},
    {"", AB, "a,b\n\"\"\"\"\"\",2\n", 0, "\"\"|2\n", ""},
    {"", AB, "a,b\n1,\"2\"", 0, "1|2\n", ""},
    {"", AB, "a,b\n1,\"2\"\r", 0, "1|2\n", ""},
    {"", AB, "\"a\",\"b\"\n1,2\n", 0, "1|2\n", ""},
    {"", AB, "\"a\",b\r\n1,2\r\n", 0, "1|2\n", ""},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":\"a \\\"q\\\"\"}", "\"a \"\"q\"\"\",b\n1,2\n", 0, "1\n", ""},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":\"a\\nb\"}", "\"a\nb\",c\n1,2\n", 0, "1\n", ""},
    {"", AB, "a,b\n 1 , 2 \n", 0, " 1 | 2 \n", ""},
    {"", AB, "a,b\n1,2\n\n3,4\n\n\n", 0, "1|2\n3|4\n", ""},
    {"", AB, "a,b\r\n\r\n1,2\r\n\r\n", 0, "1|2\n", ""},
    {"", AB, "\n\n\na,b\n1,2\n", 0, "1|2\n", ""},
    {"", AB, "\xEF\xBB\xBF" "a,b\n1,2\n", 0, "1|2\n", ""},
    {"", AB, "\xEF\xBB\xBF\"a\",b\n1,2\n", 0, "1|2\n", ""},
    /* Nulls and empty texts. */
    {"", AB, "a,b\n,\n", 0, "~|~\n", ""},
    {"", AB, "a,b\n\"\",\n", 0, "|~\n", ""},
    {"", AB, "a,b\n,\"\"\n", 0, "~|\n", ""},
    {"", AB, "a,b\n,\"\"", 0, "~|\n", ""},
    {"", AB, "a,b\n1,", 0, "1|~\n", ""},
    {"", A, "a\n1\n\n2\n", 0, "1\n~\n2\n", ""},
    {"", A, "a\n\"\"\n", 0, "\n", ""},
    {"", A, "a\n1\n\n", 0, "1\n~\n", ""},
    {"", "\"a\":\"int64\",\"b\":\"float64\"", "a,b\n\"\",\"\"\n", 0, "~|~\n", ""},
    {",\"missing\":[\"NA\",\"-\"]", AB, "a,b\nNA,-\nNAN,--\n", 0, "~|~\nNAN|--\n", ""},
    {",\"missing\":[\"NA\"]", AB, "a,b\n\"NA\",NA\n", 0, "NA|~\n", ""},
    {",\"missing\":[\"NA\"]", "\"a\":\"int64\",\"b\":\"int64\"", "a,b\n\"NA\",NA\n", 0, "~|~\n", ""},
    {",\"missing\":[\"-999\"]", "\"a\":\"int64\",\"b\":\"float64\"", "a,b\n-999,-999\n-9990,1\n", 0, "~|~\n-9990|1\n", ""},
    {"", "\"a\":{\"type\":\"int32\",\"missing\":[\"x\"]},\"b\":\"int32\"", "a,b\nx,1\n1,x\n", 0, "~|1\n", "t.csv:3|b|\"x\" is not an int32\n"},
    {",\"missing\":[\"NA\"]", "\"a\":{\"type\":\"int32\",\"missing\":[\"x\"]}", "a\nx\nNA\n1\n", 0, "~\n~\n1\n", ""},
    {"", "\"a\":{\"type\":\"int32\",\"required\":true}", "a,b\n1,\n,2\n", 0, "1\n", "t.csv:3|a|the field is empty, but the column is required\n"},
    {",\"missing\":[\"NA\"]", "\"a\":{\"type\":\"utf8\",\"required\":true}", "a,b\nNA,2\n\"NA\",3\n", 0, "NA\n", "t.csv:2|a|\"NA\" stands for no value, but the column is required\n"},
    /* Columns. */
    {"", "\"b\":\"utf8\"", "a,b,c\n1,2,3\n", 0, "2\n", ""},
    {"", "\"c\":\"utf8\",\"a\":\"utf8\"", "a,b,c\n1,2,3\n", 0, "1|3\n", ""},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":\"c\"},\"y\":{\"type\":\"utf8\",\"source\":1}", "a,b,c\n1,2,3\n", 0, "1|3\n", ""},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":\"a\"},\"y\":{\"type\":\"int64\",\"source\":\"a\"}", "a,b\n7,2\n", 0, "7|7\n", ""},
    {",\"header\":false", AB, "1,2\n3,4\n", 0, "1|2\n3|4\n", ""},
    {",\"header\":false", "\"a\":{\"type\":\"utf8\",\"source\":3}", "1,2,3\n4,5,6", 0, "3\n6\n", ""},
    {",\"header\":false", AB, "", 0, "", ""},
    {",\"header\":false", AB, "\n\n", 0, "", ""},
    {",\"header\":false", AB, "1,2\n3,4,5\n", 0, "1|2\n", "t.csv:2||3 fields found, 2 expected\n"},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":\"a\"}", "a,c,c\n1,2,3\n", 0, "1\n", ""},
    {"", "\"x\":{\"type\":\"utf8\",\"source\":3}", "a,c,c\n1,2,3\n", 0, "3\n", ""},
    {"", "\"c\":\"utf8\"", "a,c,c\n1,2,3\n", 0, NULL, "t.csv:1: the header has the field \"c\" twice, as number 2 and 3"},
    {"", "\"d\":\"utf8\"", "a,b,c\n1,2,3\n", 0, NULL, "t.csv:1: the header has no field \"d\"; found: a, b, c"},
    {"", "\"d\":\"utf8\"", "\n\na;b\n1,2,3\n", 0, NULL, "t.csv:3: the header has no field \"d\"; found: a;b"},
    {"", "\"a\":{\"type\":\"utf8\",\"source\":4}", "a,b,c\n1,2,3\n", 0, NULL, "t.csv:1: column \"a\" is field 4, but the row has 3"},
    {"", A, "", 0, NULL, "t.csv: is empty where a header was expected"},
    {"", A, "\n\n", 0, NULL, "t.csv: is empty where a header was expected"},
    {"", A, "\"a\n1\n", 0, NULL, "t.csv:1: the header cannot be read: the quote at byte 1 of the row is never closed"},
    {"", A, "x\"y\n1\n", 0, NULL, "t.csv:1: the header cannot be read: a quote inside an unquoted field, at byte 2 of the row"},
    /* Rows with another number of fields. */
    {"", AB, "a,b\n1\n2,3\n", 0, "2|3\n", "t.csv:2||1 field found, 2 expected\n"},
    {"", AB, "a,b\n1,2,3\n4,5\n", 0, "4|5\n", "t.csv:2||3 fields found, 2 expected\n"},
    {"", AB, "a,b\n1,2,\n4,5\n", 0, "4|5\n", "t.csv:2||3 fields found, 2 expected\n"},
    {"", AB, "a,b\n\"1\"\n2,3\n", 0, "2|3\n", "t.csv:2||1 field found, 2 expected\n"},
    {"", AB, "a,b\n\"1\",2,3\n4,5\n", 0, "4|5\n", "t.csv:2||3 fields found, 2 expected\n"},
    {",\"ragged\":\"pad\"", AB, "a,b\n1\n2,3\n", 0, "1|~\n2|3\n", ""},
    {",\"ragged\":\"pad\"", AB, "a,b\n\"1\"\n2,3\n", 0, "1|~\n2|3\n", ""},
    {",\"ragged\":\"pad\"", AB, "a,b\n1,2,3\n4", 0, "4|~\n", "t.csv:2||3 fields found, 2 expected\n"},
    {",\"ragged\":\"pad\"", "\"c\":\"utf8\",\"a\":\"utf8\"", "a,b,c\n1,2\n\n1\n", 0, "1|~\n1|~\n", ""},
    {"", AB, "a,b\n1,2\n3\n", 0, "1|2\n", "t.csv:3||1 field found, 2 expected\n"},
    {"", AB, "a,b,\n1,2,\n", 0, "1|2\n", ""},
    /* Broken quotes, and going on behind them. */
    {"", AB, "a,b\n1\"x,2\n3,4\n", 0, "3|4\n", "t.csv:2||a quote inside an unquoted field, at byte 2 of the row\n"},
    {"", AB, "a,b\n1,2\"\n3,4\n", 0, "3|4\n", "t.csv:2||a quote inside an unquoted field, at byte 4 of the row\n"},
    {"", AB, "a,b\n1, \"2\"\n3,4\n", 0, "3|4\n", "t.csv:2||a quote inside an unquoted field, at byte 4 of the row\n"},
    {"", AB, "a,b\n\"1\"x,2\n3,4\n", 0, "3|4\n", "t.csv:2||text behind a closing quote, at byte 4 of the row\n"},
    {"", AB, "a,b\n\"1\" ,2\n3,4\n", 0, "3|4\n", "t.csv:2||text behind a closing quote, at byte 4 of the row\n"},
    {"", AB, "a,b\n\"1,2\n3,4\n", 0, "3|4\n", "t.csv:2||the quote at byte 1 of the row is never closed\n"},
    {"", AB, "a,b\n1,\"2\n3,4\n5,6", 0, "3|4\n5|6\n", "t.csv:2||the quote at byte 3 of the row is never closed\n"},
    {"", AB, "a,b\n\"1,2\n3,\"4\"\n5,6\n", 0, "3|4\n5|6\n", "t.csv:2||text behind a closing quote, at byte 9 of the row\n"},
    {"", AB, "a,b\n\"x\ny\"z,2\n3,4\n", 0, "3|4\n", "t.csv:2||text behind a closing quote, at byte 6 of the row\nt.csv:3||a quote inside an unquoted field, at byte 2 of the row\n"},
    {"", AB, "a,b\n1,\"", 0, "", "t.csv:2||the quote at byte 3 of the row is never closed\n"},
    {"", AB, "a,b\n\"\r\n1,2\r\n", 0, "1|2\n", "t.csv:2||the quote at byte 1 of the row is never closed\n"},
    {"", AB, "a,b\n\"a\"\"\n1,2\n", 0, "1|2\n", "t.csv:2||the quote at byte 1 of the row is never closed\n"},
    {"", AB, "a,b\n\"x\ny\",1\n\"z\n3,4\n", 0, "x\\ny|1\n3|4\n", "t.csv:4||the quote at byte 1 of the row is never closed\n"},
    /* Other delimiters, quotes, escapes, comments. */
    {",\"delimiter\":\";\"", AB, "a;b\n1,5;2\n", 0, "1,5|2\n", ""},
    {",\"delimiter\":\"\\\\t\"", AB, "a\tb\n1\t2\n", 0, "1|2\n", ""},
    {",\"delimiter\":\"\\t\"", AB, "a\tb\n1\t\n", 0, "1|~\n", ""},
    {",\"delimiter\":\"|\"", AB, "a|b\n\"1|\"|2\n", 0, "1||2\n", ""},
    {",\"delimiter\":\" \"", AB, "a b\n1 2\n", 0, "1|2\n", ""},
    {",\"delimiter\":\"auto\"", AB, "a,b\n1,2\n", 0, "1|2\n", ""},
    {",\"delimiter\":\"auto\"", AB, "a;b\n1,5;2,5\n", 0, "1,5|2,5\n", ""},
    {",\"delimiter\":\"auto\"", AB, "a\tb\n1,5\t2\n", 0, "1,5|2\n", ""},
    {",\"delimiter\":\"auto\"", AB, "a|b\n1|2", 0, "1|2\n", ""},
    {",\"delimiter\":\"auto\"", AB, "\"a\";\"b\"\n\"x,y,z\";2\n", 0, "x,y,z|2\n", ""},
    {",\"delimiter\":\"auto\"", A, "a\n1\n", 0, "1\n", ""},
    {",\"quote\":\"'\"", AB, "a,b\n'1,''',\"2\n", 0, "1,'|\"2\n", ""},
    {",\"quote\":\"\"", AB, "a,b\n\"1,2\"\n", 0, "\"1|2\"\n", ""},
    {",\"escape\":\"\\\\\"", AB, "a,b\n\"x\\\"y\",\"\\\\\"\n", 0, "x\"y|\\\n", ""},
    {",\"escape\":\"\\\\\"", AB, "a,b\nx\\,y,2\n", 0, "x,y|2\n", ""},
    {",\"escape\":\"\\\\\"", AB, "a,b\nx\\\ny,2\n", 0, "x\\ny|2\n", ""},
    {",\"escape\":\"\\\\\",\"quote\":\"\"", AB, "a,b\n\"x\\,\",2\n", 0, "\"x,\"|2\n", ""},
    {",\"escape\":\"\\\\\"", AB, "a,b\n\"x\"\"y\",2\n3,4\n", 0, "3|4\n", "t.csv:2||text behind a closing quote, at byte 4 of the row\n"},
    {",\"escape\":\"\\\\\"", AB, "a,b\n1,2\\", 0, "", "t.csv:2||nothing behind the escape character, at byte 4 of the row\n"},
    {",\"escape\":\"\\\\\"", AB, "a,b\n1,\"2\\", 0, "", "t.csv:2||the quote at byte 3 of the row is never closed\n"},
    {",\"escape\":\"\\\"\"", AB, "a,b\n\"x\"\"y\",2\n", 0, "x\"y|2\n", ""},
    {",\"comment\":\"#\"", AB, "# hi\na,b\n1,2\n#3,4\n5,#6\n", 0, "1|2\n5|#6\n", ""},
    {",\"comment\":\"#\"", AB, "a,b\n#\"\n1,2\n#", 0, "1|2\n", ""},
    {",\"comment\":\"#\"", AB, "a,b\n\"#\",2\n", 0, "#|2\n", ""},
    {",\"skip_lines\":2", AB, "one, \"two\n\na,b\n1,2\n", 0, "1|2\n", ""},
    {",\"skip_lines\":2", AB, "x\r\ny\r\na,b\r\n1,2\r\n3\r\n", 0, "1|2\n", "t.csv:5||1 field found, 2 expected\n"},
    {",\"skip_lines\":9", AB, "a,b\n", 0, NULL, "is empty where a header was expected"},
    {",\"trim\":true", AB, " a ,b\n  1 ,\t2\t\n", 0, "1|2\n", ""},
    {",\"trim\":true", AB, "a,b\n   ,\" 2 \"\n", 0, "~| 2 \n", ""},
    {",\"trim\":true", AB, "a,b\n \"1\" , \"2\"  \n", 0, "1|2\n", ""},
    {",\"trim\":true,\"delimiter\":\"\\\\t\"", AB, "a\tb\n\t 2\n", 0, "~|2\n", ""},
    {",\"trim\":true", "\"a\":\"int64\"", "a,b\n 5 ,x\n", 0, "5\n", ""},
    /* Bytes that are no text. */
    {"", AB, NUL("a,b\n1,\0\n3,4\n"), .rows = "3|4\n", .rejects = "t.csv:2||a NUL byte at byte 3 of the row (byte 7 of the text)\n"},
    {"", AB, "a,b\n1,\xFFx\n3,4\n", 0, "3|4\n", "t.csv:2||not valid utf-8 at byte 3 of the row (byte 7 of the text)\n"},
    {"", AB, "a,b\n\"1\",\xC3\n3,4\n", 0, "3|4\n", "t.csv:2||not valid utf-8 at byte 5 of the row (byte 9 of the text)\n"},
    {"", AB, "a,b\n1,\xED\xA0\x80\n3,4\n", 0, "3|4\n", "t.csv:2||not valid utf-8 at byte 3 of the row (byte 7 of the text)\n"},
    {"", AB, "a,b\n\xC3\xA9,\xE2\x82\xAC\xF0\x9F\x98\x80\n", 0, "\xC3\xA9|\xE2\x82\xAC\xF0\x9F\x98\x80\n", ""},
    {"", AB, NUL("a,b\0\n1,2\n"), .rows = NULL, .rejects = "t.csv:1: there are NUL bytes in the header"},
    /* Encodings. */
    {",\"encoding\":\"latin1\"", AB, "a,b\n\xE9,\x80\n", 0, "\xC3\xA9|\xC2\x80\n", ""},
    {",\"encoding\":\"windows-1252\"", AB, "a,b\n\xE9,\x80\n", 0, "\xC3\xA9|\xE2\x82\xAC\n", ""},
    {",\"encoding\":\"windows-1252\"", AB, "a,b\n\x81,1\n2,3\n", 0, "2|3\n", "t.csv:2||not valid windows-1252 at byte 1 of the row (byte 5 of the recoded text)\n"},
    {",\"encoding\":\"utf-16le\"", A, NUL("\xFF\xFE" "a\0\n\0\xE9\0\n\0"), .rows = "\xC3\xA9\n", .rejects = ""},
    {",\"encoding\":\"utf-16be\"", A, NUL("\0a\0\n\0\xE9\0\n"), .rows = "\xC3\xA9\n", .rejects = ""},
    {",\"encoding\":\"utf-16le\"", A, NUL("a\0\n\0\x3D\xD8\x00\xDE\n\0"), .rows = "\xF0\x9F\x98\x80\n", .rejects = ""},
    {",\"encoding\":\"utf-16le\"", A, NUL("a\0\n\0\x00\xDE\n\0x\0\n\0"), .rows = "x\n", .rejects = "t.csv:2||not valid utf-16le at byte 1 of the row (byte 3 of the recoded text)\n"},
    {",\"encoding\":\"utf-16le\"", A, NUL("a\0\n\0x\0\n"), .rows = "", .rejects = "t.csv:2||not valid utf-16le at byte 2 of the row (byte 4 of the recoded text)\n"},
    {"", A, NUL("\xFF\xFE" "a\0\n\0"), .rows = NULL, .rejects = "t.csv: is UTF-16 (little endian), not plain text"},
    {"", A, NUL("PK\x03\x04zip......"), .rows = NULL, .rejects = "t.csv: is a ZIP archive or an Excel workbook, not plain text"},
    {",\"compression\":\"none\"", A, NUL("\x1F\x8B\x08\0\0\0\0\0"), .rows = NULL, .rejects = "t.csv: is compressed with gzip, not plain text"},
    /* Booleans. */
    {"", "\"a\":\"bool\"", "a,b\ntrue,\nFALSE,\nt,\nN,\nyes,\n0,\n1,\non,\nOff,\n,\n", 0, "true\nfalse\ntrue\nfalse\ntrue\nfalse\ntrue\ntrue\nfalse\n~\n", ""},
    {"", "\"a\":\"bool\"", "a,b\n2,\nja,\ntru,\ntrue,\n", 0, "true\n", "t.csv:2|a|\"2\" is not a bool\nt.csv:3|a|\"ja\" is not a bool\nt.csv:4|a|\"tru\" is not a bool\n"},
    /* Integers. */
    {"", "\"a\":\"int32\"", "a,b\n2147483647,\n-2147483648,\n+7,\n007,\n-0,\n", 0, "2147483647\n-2147483648\n7\n7\n0\n", ""},
    {"", "\"a\":\"int32\"", "a,b\n2147483648,\n-2147483649,\n99999999999999999999,\n", 0, "", "t.csv:2|a|\"2147483648\" is out of range for an int32\nt.csv:3|a|\"-2147483649\" is out of range for an int32\nt.csv:4|a|\"99999999999999999999\" is out of range for an int32\n"},
    {"", "\"a\":\"int64\"", "a,b\n9223372036854775807,\n-9223372036854775808,\n0000000000000000000000000000001,\n", 0, "9223372036854775807\n-9223372036854775808\n1\n", ""},
    {"", "\"a\":\"int64\"", "a,b\n9223372036854775808,\n-9223372036854775809,\n", 0, "", "t.csv:2|a|\"9223372036854775808\" is out of range for an int64\nt.csv:3|a|\"-9223372036854775809\" is out of range for an int64\n"},
    {"", "\"a\":\"int64\"", "a,b\n1.0,\n1e3,\n-,\n+,\n1 ,\n0x1,\n--1,\n", 0, "", "t.csv:2|a|\"1.0\" is not an int64\nt.csv:3|a|\"1e3\" is not an int64\nt.csv:4|a|\"-\" is not an int64\nt.csv:5|a|\"+\" is not an int64\nt.csv:6|a|\"1 \" is not an int64 (trim: true takes the spaces around it away)\nt.csv:7|a|\"0x1\" is not an int64\nt.csv:8|a|\"--1\" is not an int64\n"},
    {",\"thousands\":\"'\"", "\"a\":\"int64\"", "a,b\n1'234'567,\n12'34,\n1234,\n'123,\n", 0, "1234567\n1234\n", "t.csv:3|a|\"12'34\" is not an int64\nt.csv:5|a|\"'123\" is not an int64\n"},
    /* Floats. */
    {"", "\"a\":\"float64\"", "a,b\n1.5,\n-.5,\n5.,\n1e3,\n1E-2,\n+2,\n0,\n", 0, "1.5\n-0.5\n5\n1000\n0.01\n2\n0\n", ""},
    {"", "\"a\":\"float64\"", "a,b\nnan,\nInf,\n-INFINITY,\n", 0, "nan\ninf\n-inf\n", ""},
    {"", "\"a\":\"float64\"", "a,b\n.,\n1.2.3,\n1e,\n0x10,\nabc,\n1e400,\n1 2,\n", 0, "", "t.csv:2|a|\".\" is not a float64\nt.csv:3|a|\"1.2.3\" is not a float64\nt.csv:4|a|\"1e\" is not a float64\nt.csv:5|a|\"0x10\" is not a float64\nt.csv:6|a|\"abc\" is not a float64\nt.csv:7|a|\"1e400\" is out of range for a float64\nt.csv:8|a|\"1 2\" is not a float64\n"},
    {",\"decimal_mark\":\",\",\"delimiter\":\";\",\"thousands\":\".\"", "\"a\":\"float64\"", "a;b\n1.234,5;\n1,5;\n1.23;\n", 0, "1234.5\n1.5\n", "t.csv:4|a|\"1.23\" is not a float64\n"},
    {",\"decimal_mark\":\",\",\"delimiter\":\";\"", "\"a\":\"float64\"", "a;b\n1,25;\n1.25;\n", 0, "1.25\n", "t.csv:3|a|\"1.25\" is not a float64\n"},
    {"", "\"a\":\"float64\"", "a,b\n4.9e-324,\n1e-400,\n1.7976931348623157e308,\n", 0, "4.9406564584124654e-324\n0\n1.7976931348623157e+308\n", ""},
    /* Decimals. */
    {"", "\"a\":\"decimal(10,2)\"", "a,b\n1.25,\n-1.2,\n7,\n.5,\n1.500,\n1e2,\n12345678.99,\n", 0, "1.25\n-1.20\n7.00\n0.50\n1.50\n100.00\n12345678.99\n", ""},
    {"", "\"a\":\"decimal(10,2)\"", "a,b\n1.255,\n123456789,\nx,\nnan,\n", 0, "", "t.csv:2|a|\"1.255\" has more than 2 digits behind the decimal mark (decimal(10,2))\nt.csv:3|a|\"123456789\" has more digits than a decimal(10,2) holds\nt.csv:4|a|\"x\" is not a decimal(10,2)\nt.csv:5|a|\"nan\" is not a decimal(10,2)\n"},
    {"", "\"a\":\"decimal(38,0)\"", "a,b\n99999999999999999999999999999999999999,\n-99999999999999999999999999999999999999,\n", 0, "99999999999999999999999999999999999999\n-99999999999999999999999999999999999999\n", ""},
    {"", "\"a\":\"decimal(38,38)\"", "a,b\n.12345678901234567890123456789012345678,\n1,\n", 0, "0.12345678901234567890123456789012345678\n", "t.csv:3|a|\"1\" has more digits than a decimal(38,38) holds\n"},
    {"", "\"a\":\"decimal(4, 1)\"", "a,b\n999.9,\n1000,\n", 0, "999.9\n", "t.csv:3|a|\"1000\" has more digits than a decimal(4,1) holds\n"},
    /* Dates. */
    {"", "\"a\":\"date\"", "a,b\n1970-01-01,\n2024-02-29,\n0001-01-01,\n9999-12-31,\n1969-12-31,\n", 0, "0d\n19782d\n-719162d\n2932896d\n-1d\n", ""},
    {"", "\"a\":\"date\"", "a,b\n2026-02-31,\n2023-02-29,\n2026-13-01,\n2026-00-01,\n0000-01-01,\nundefined,\n2026-1-1,\n2026-01-01T00:00,\n", 0, "", "t.csv:2|a|\"2026-02-31\" is no date that exists\nt.csv:3|a|\"2023-02-29\" is no date that exists\nt.csv:4|a|\"2026-13-01\" is no date that exists\nt.csv:5|a|\"2026-00-01\" is no date that exists\nt.csv:6|a|\"0000-01-01\" is no date that exists\nt.csv:7|a|\"undefined\" is not a date\nt.csv:8|a|\"2026-1-1\" is not a date\nt.csv:9|a|\"2026-01-01T00:00\" is not a date\n"},
    {",\"date_format\":\"%d.%m.%Y\"", "\"a\":\"date\"", "a,b\n31.12.1970,\n1.1.1970,\n1970-01-01,\n", 0, "364d\n0d\n", "t.csv:4|a|\"1970-01-01\" is not a date written as %d.%m.%Y\n"},
    {"", "\"a\":{\"type\":\"date\",\"format\":\"%Y%m%d\"}", "a,b\n19700102,\n1970012,\n", 0, "1d\n", "t.csv:3|a|\"1970012\" is not a date written as %Y%m%d\n"},
    {"", "\"a\":{\"type\":\"date\",\"format\":\"%Y-%m\"}", "a,b\n1970-02,\n", 0, "31d\n", ""},
    {"", "\"a\":{\"type\":\"date\",\"format\":\"%b %d %Y\"}", "a,b\nJan 1 1970,\nfebruary 01 1970,\nFoo 1 1970,\n", 0, "0d\n31d\n", "t.csv:4|a|\"Foo 1 1970\" is not a date written as %b %d %Y\n"},
    {"", "\"a\":{\"type\":\"date\",\"format\":\"%d/%m/%y\"}", "a,b\n01/01/70,\n01/01/69,\n01/01/68,\n", 0, "0d\n-365d\n35794d\n", ""},
    {"", "\"a\":{\"type\":\"date\",\"format\":\"%Y-%j\"}", "a,b\n1970-001,\n1972-366,\n1970-366,\n", 0, "0d\n1095d\n", "t.csv:4|a|\"1970-366\" is no date that exists\n"},
    /* Timestamps. */
    {"", "\"a\":\"timestamp\"", "a,b\n1970-01-01 00:00:01,\n1970-01-01T00:00:01Z,\n1970-01-01T02:00:00+02:00,\n1970-01-01T00:00:00.5,\n1970-01-01 00:01,\n1970-01-02,\n1970-01-01T00:00:00-0130,\n1969-12-31T23:59:59.999999999Z,\n", 0, "1000000us\n1000000us\n0us\n500000us\n60000000us\n86400000000us\n5400000000us\n-1us\n", ""},
    {"", "\"a\":\"timestamp\"", "a,b\n1970-01-01 24:00:00,\n1970-01-01 00:60:00,\n1970-01-01 00:00:60,\n1970-02-30 00:00:00,\nx,\n1970-01-01 ,\n", 0, "", "t.csv:2|a|\"1970-01-01 24:00:00\" is no timestamp that exists\nt.csv:3|a|\"1970-01-01 00:60:00\" is no timestamp that exists\nt.csv:4|a|\"1970-01-01 00:00:60\" is no timestamp that exists\nt.csv:5|a|\"1970-02-30 00:00:00\" is no timestamp that exists\nt.csv:6|a|\"x\" is not a timestamp\nt.csv:7|a|\"1970-01-01 \" is not a timestamp (trim: true takes the spaces around it away)\n"},
    {",\"timezone\":\"+02:00\"", "\"a\":\"timestamp\"", "a,b\n1970-01-01 02:00:00,\n1970-01-01 00:00:00Z,\n1970-01-01 02:00:00.25,\n", 0, "0us\n0us\n250000us\n", ""},
    {",\"timezone\":\"none\"", "\"a\":\"timestamp\"", "a,b\n1970-01-01 02:00:00,\n1970-01-01 00:00:00Z,\n", 0, "7200000000us\n", "t.csv:3|a|\"1970-01-01 00:00:00Z\" has a time zone, but timezone is none\n"},
    {",\"timestamp_format\":\"%d/%m/%Y %H:%M:%S\"", "\"a\":\"timestamp\"", "a,b\n02/01/1970 00:00:01,\n", 0, "86401000000us\n", ""},
    {",\"timestamp_format\":\"%d/%m/%Y %I:%M %p\"", "\"a\":\"timestamp\"", "a,b\n01/01/1970 12:00 AM,\n01/01/1970 12:30 pm,\n01/01/1970 1:05 PM,\n", 0, "0us\n45000000000us\n47100000000us\n", ""},
    {",\"timestamp_format\":\"%FT%T.%f%z\"", "\"a\":\"timestamp\"", "a,b\n1970-01-01T00:00:00.25+01:00,\n1970-01-01T00:00:00.000001Z,\n", 0, "-3599750000us\n1us\n", ""},
    {",\"timestamp_format\":\"%s\"", "\"a\":\"timestamp\"", "a,b\n0,\n1700000000,\n-1,\n999999999999,\n", 0, "0us\n1700000000000000us\n-1000000us\n", "t.csv:5|a|\"999999999999\" is out of range for a timestamp\n"},
    {",\"timestamp_format\":\"%Y-%m-%d %H:%M:%S %Z\"", "\"a\":\"timestamp\"", "a,b\n1970-01-01 00:00:01 UTC,\n1970-01-01 00:00:01 CET,\n", 0, "1000000us\n", "t.csv:3|a|\"1970-01-01 00:00:01 CET\" is not a timestamp written as %Y-%m-%d %H:%M:%S %Z\n"},
    /* Several things at once: the first column at fault is named, the others are not. */
    {"", "\"a\":\"int32\",\"b\":\"date\"", "a,b\nx,y\n1,y\n1,1970-01-02\n\"2\",\"1970-01-03\"\n", 0, "1|1d\n2|2d\n", "t.csv:2|a|\"x\" is not an int32\nt.csv:3|b|\"y\" is not a date\n"},
    {"", "\"a\":\"bool\",\"b\":\"utf8\"", "a,b\ntrue,x\n7,y\nfalse,z\n1,\"w\"\"\"\n", 0, "true|x\nfalse|z\ntrue|w\"\n", "t.csv:3|a|\"7\" is not a bool\n"},
    {"", "\"a\":\"utf8\",\"b\":\"int64\"", "a,b\n\"x\ny\",1\n\"l1\nl2\nl3\",z\nq,2\n", 0, "x\\ny|1\nq|2\n", "t.csv:4|b|\"z\" is not an int64\n"},
};
/* clang-format on */

/* True when it comes out as it should. */
static bool check_case(struct fake *fake, const struct test_case *c, size_t number)
{
    fake_clear(fake);
    fake_write(fake, "t.csv", c->text, c->n ? c->n : strlen(c->text));
    char *config = fake_config(fake, "t.csv", c->columns, c->more);
    char *rows = fake_read(fake, config, NULL, 16384, false);
    free(config);
    if (!c->rows) {
        if (rows || !strstr(fake->err.message, c->rejects)) {
            print_error("case %zu: \"%s\" expected, \"%s\" found\n",
                        number,
                        c->rejects,
                        rows ? rows : fake->err.message);
            free(rows);
            return false;
        }
        return true;
    }
    if (!rows) {
        print_error("case %zu: %s\n", number, fake->err.message);
        return false;
    }
    const char *rejects = fake->rejects ? fake->rejects : "";
    if (strcmp(rows, c->rows) != 0 || strcmp(rejects, c->rejects) != 0) {
        print_error("case %zu (%s):\n%s\nrows:\n%s\nrejects:\n%s\n",
                    number,
                    c->more,
                    c->text,
                    rows,
                    rejects);
        free(rows);
        return false;
    }
    free(rows);
    return true;
}

static void test_cases(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    size_t n_wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        n_wrong += !check_case(&fake, &cases[i], i);
    }
    fake_done(&fake);
    assert_int_equal(n_wrong, 0);
}

struct bad_config {
    const char *columns;
    const char *more;
    const char *pointer;
    const char *message;
};

/* clang-format off */
static const struct bad_config bad_configs[] = {
    {"", "", "/columns", "names no column"},
    {"\"a\":\"float\"", "", "/columns/a/type", "this is no type"},
    {"\"a\":\"decimal(39,2)\"", "", "/columns/a/type", "this is no type"},
    {"\"a\":\"decimal(4,5)\"", "", "/columns/a/type", "this is no type"},
    {"\"a\":7", "", "/columns/a", "neither a type nor an object"},
    {"\"a/b~\":\"x\"", "", "/columns/a~1b~0/type", "column \"a/b~\": this is no type"},
    {"\"a\":{\"type\":\"utf8\",\"format\":\"%Y\"}", "", "/columns/a/format", "only dates and timestamps"},
    {"\"a\":{\"type\":\"date\",\"format\":\"%Q\"}", "", "/columns/a/format", "unknown directive"},
    {"\"a\":{\"type\":\"date\",\"format\":\"%m\"}", "", "/columns/a/format", "no year"},
    {"\"a\":{\"type\":\"date\",\"format\":\"%Y %H\"}", "", "/columns/a/format", "time of day"},
    {"\"a\":{\"type\":\"timestamp\",\"format\":\"%F %T%z\"}", ",\"timezone\":\"none\"", "/columns/a/format", "timezone is none"},
    {"\"a\":{\"type\":\"utf8\",\"source\":0}", "", "/columns/a/source", "neither a name nor a number"},
    {"\"a\":{\"type\":\"utf8\",\"source\":\"x\"}", ",\"header\":false", "/columns/a/source", "without a header"},
    {"\"a\":\"utf8\",\"a\":\"utf8\"", "", "/columns/a", "two of that name"},
    {A, ",\"delimiter\":\"ab\"", "/delimiter", "not one ASCII character"},
    {A, ",\"delimiter\":\"\"", "/delimiter", "not one ASCII character"},
    {A, ",\"delimiter\":\"\\\"\"", "/quote", "means something else"},
    {A, ",\"delimiter\":\"\\n\"", "/delimiter", "means something else"},
    {A, ",\"comment\":\",\"", "/comment", "means something else"},
    {A, ",\"escape\":\",\"", "/escape", "means something else"},
    {A, ",\"thousands\":\".\"", "/thousands", "also the decimal mark"},
    {A, ",\"timezone\":\"Europe/Berlin\"", "/timezone", "not UTC, an offset"},
    {A, ",\"max_line_bytes\":5", "/max_line_bytes", "65536"},
    {A, ",\"encoding\":\"ebcdic\"", "/encoding", "ebcdic"},
    {A, ",\"foo\":1", "/foo", "no known key"},
};
/* clang-format on */

static void test_bad_configs(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake);
    for (size_t i = 0; i < sizeof bad_configs / sizeof bad_configs[0]; i++) {
        const struct bad_config *c = &bad_configs[i];
        char *config = fake_config(&fake, "t.csv", c->columns, c->more);
        char *rows = fake_read(&fake, config, NULL, 1, false);
        if (rows || fake.err.code != HG_EINVAL || strcmp(fake.err.pointer, c->pointer) != 0 ||
            !strstr(fake.err.message, c->message)) {
            fail_msg("config %zu: \"%s\" at \"%s\"", i, fake.err.message, fake.err.pointer);
        }
        free(rows);
        free(config);
    }
    fake_done(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_bad_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
