"""Writes entities.h: the named character references of the HTML standard, sorted by name.

usage: python -m florilegium.stages.native.entities > stages/native/entities.h

Python's `html.entities.html5` is the standard's table (section 13.5); names without a semicolon are the old ones that
stand without it too.
"""

import sys
from html.entities import html5

LINE = 118


def written() -> str:
    """The header."""
    names = sorted(html5)
    text = "".join(names)
    lines: list[str] = []
    row = ""
    for name in names:
        value = "".join(f"\\{byte:03o}" for byte in html5[name].encode())
        one = f'{{"{name}", "{value}"}}, '
        if len(row) + len(one) > LINE - 4:
            lines.append(f"    {row.rstrip()}")
            row = ""
        row += one
    lines.append(f"    {row.rstrip()}")
    longest = max(map(len, names))
    body = "\n".join(lines)
    return f"""/* Named character references of HTML, sorted by name: made by entities.py, not by hand. */
#ifndef FLORILEGIUM_ENTITIES_H
#define FLORILEGIUM_ENTITIES_H

#define ENTITIES {len(names)}
#define ENTITIES_LONGEST {longest} /* bytes of a name, the semicolon included */

/* {len(text)} bytes of names; the value is UTF-8. */
static const struct entity {{
    const char *name, *value;
}} entities[ENTITIES] = {{
{body}
}};

#endif
"""


if __name__ == "__main__":
    sys.stdout.write(written())
