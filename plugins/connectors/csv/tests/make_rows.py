"""Writes random rows in several dialects, and what a reader has to find in them.

make_rows.py FOLDER SEED: files NAME.csv, NAME.expected and NAME.more (the dialect as the end of a
configuration). Every field is text; the expected form is "a|b|c" with line ends as \\n and \\r.
"""
import csv
import random
import sys

DIALECTS = {
    "rfc": ({"lineterminator": "\r\n"}, ""),
    "unix": ({"lineterminator": "\n"}, ""),
    "mac": ({"lineterminator": "\r"}, ""),
    "all": ({"lineterminator": "\n", "quoting": csv.QUOTE_ALL}, ""),
    "semicolon": ({"delimiter": ";", "lineterminator": "\n"}, ',"delimiter":";"'),
    "tab": ({"delimiter": "\t", "lineterminator": "\r\n"}, ',"delimiter":"\\\\t"'),
    "apostrophe": ({"quotechar": "'", "lineterminator": "\n"}, ',"quote":"\'"'),
    "escape": (
        {"doublequote": False, "escapechar": "\\", "lineterminator": "\n"},
        ',"escape":"\\\\"',
    ),
    "nothing": (
        {"quoting": csv.QUOTE_NONE, "escapechar": "\\", "lineterminator": "\n"},
        ',"escape":"\\\\","quote":""',
    ),
}
PIECES = ["a", "b", "0", "7", ",", ";", "\t", '"', "'", "\\", "\n", "\r", "\r\n", " ", "|",
          "é", "€", "😀", "word", '""', "long " * 9]


def text(rng, options):
    """The writer leaves line ends other than its own without quotes, unless all are quoted."""
    pieces = PIECES
    if options.get("quoting") != csv.QUOTE_ALL:
        pieces = [p for p in PIECES if p not in "\r\n" or p in options["lineterminator"]]
    return "".join(rng.choice(pieces) for _ in range(rng.choice([0, 0, 1, 1, 2, 3, 5, 12])))


def shown(field, unquoted_empty):
    if field == "" and unquoted_empty:
        return "~"
    return field.replace("\n", "\\n").replace("\r", "\\r")


def main():
    folder, seed = sys.argv[1], int(sys.argv[2])
    rng = random.Random(seed)
    for name, (options, more) in DIALECTS.items():
        n = rng.randint(2, 9)
        rows = [[text(rng, options) for _ in range(n)] for _ in range(rng.choice([3, 60, 900]))]
        # A file of QUOTE_ALL is the only one where an empty text is one.
        null = options.get("quoting") != csv.QUOTE_ALL
        with open(f"{folder}/{name}.csv", "w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, **options)
            writer.writerow([f"c{i}" for i in range(n)])
            writer.writerows(rows)
        with open(f"{folder}/{name}.expected", "w", newline="", encoding="utf-8") as out:
            for row in rows:
                out.write("|".join(shown(field, null) for field in row) + "\n")
        with open(f"{folder}/{name}.more", "w", encoding="utf-8") as out:
            out.write(more + "\n")
            out.write(",".join(f'"c{i}":"utf8"' for i in range(n)) + "\n")


main()
