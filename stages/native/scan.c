/* The one walk over the bytes of a page. What it counts, and by which rules, is told in scan.h. */
#include "scan.h"

#include <stdbool.h>
#include <string.h>

/* FNV-1a, 32 bits: basis and prime of its authors (draft-eastlake-fnv, section 5). */
#define BASIS 2166136261u
#define STEP(hash, byte) (((hash) ^ (uint32_t)(byte)) * 16777619u)
#define FOLD(hash) ((uint16_t)(((hash) >> 16) ^ (hash)))

/* The same as constants, for `case`: N2('l', 'i') is scan_name("li", 2). */
#define H1(a) STEP(BASIS, a)
#define H2(a, b) STEP(H1(a), b)
#define H3(a, b, c) STEP(H2(a, b), c)
#define H4(a, b, c, d) STEP(H3(a, b, c), d)
#define H5(a, b, c, d, e) STEP(H4(a, b, c, d), e)
#define H6(a, b, c, d, e, f) STEP(H5(a, b, c, d, e), f)
#define H7(a, b, c, d, e, f, g) STEP(H6(a, b, c, d, e, f), g)
#define H8(a, b, c, d, e, f, g, h) STEP(H7(a, b, c, d, e, f, g), h)
#define H9(a, b, c, d, e, f, g, h, i) STEP(H8(a, b, c, d, e, f, g, h), i)
#define H10(a, b, c, d, e, f, g, h, i, j) STEP(H9(a, b, c, d, e, f, g, h, i), j)
#define N1(a) FOLD(H1(a))
#define N2(a, b) FOLD(H2(a, b))
#define N3(a, b, c) FOLD(H3(a, b, c))
#define N4(a, b, c, d) FOLD(H4(a, b, c, d))
#define N5(a, b, c, d, e) FOLD(H5(a, b, c, d, e))
#define N6(a, b, c, d, e, f) FOLD(H6(a, b, c, d, e, f))
#define N7(a, b, c, d, e, f, g) FOLD(H7(a, b, c, d, e, f, g))
#define N8(a, b, c, d, e, f, g, h) FOLD(H8(a, b, c, d, e, f, g, h))
#define N9(a, b, c, d, e, f, g, h, i) FOLD(H9(a, b, c, d, e, f, g, h, i))
#define N10(a, b, c, d, e, f, g, h, i, j) FOLD(H10(a, b, c, d, e, f, g, h, i, j))

enum kind {
    OTHER, BLOCK, P, LI, DT, TR, TD, TBODY, CAPTION, OPTION, OPTGROUP, RT, A, HEAD, BODY, VOID, RULE, RAW, PLAINTEXT, KINDS
};

#define BIT(kind) (1u << (kind))

/* ends[x]: kinds of open elements that a start tag of kind x ends, as long as one of them is on top. */
static const uint32_t ends[KINDS] = {
    [BLOCK] = BIT(P),
    [RULE] = BIT(P),
    [P] = BIT(P),
    [LI] = BIT(P) | BIT(LI),
    [DT] = BIT(P) | BIT(DT),
    [TD] = BIT(P) | BIT(TD),
    [TR] = BIT(P) | BIT(TD) | BIT(TR) | BIT(CAPTION),
    [TBODY] = BIT(P) | BIT(TD) | BIT(TR) | BIT(CAPTION) | BIT(TBODY),
    [CAPTION] = BIT(P) | BIT(CAPTION),
    [OPTION] = BIT(OPTION),
    [OPTGROUP] = BIT(OPTION) | BIT(OPTGROUP),
    [RT] = BIT(RT),
    [A] = BIT(A),
    [BODY] = BIT(HEAD),
};

static enum kind kind_of(uint16_t name)
{
    switch (name) {
    case N7('a','d','d','r','e','s','s'): case N7('a','r','t','i','c','l','e'): case N5('a','s','i','d','e'):
    case N10('b','l','o','c','k','q','u','o','t','e'): case N6('c','e','n','t','e','r'):
    case N7('d','e','t','a','i','l','s'): case N3('d','i','v'): case N2('d','l'):
    case N8('f','i','e','l','d','s','e','t'): case N6('f','i','g','u','r','e'): case N6('f','o','o','t','e','r'):
    case N4('f','o','r','m'): case N2('h','1'): case N2('h','2'): case N2('h','3'): case N2('h','4'): case N2('h','5'):
    case N2('h','6'): case N6('h','e','a','d','e','r'): case N4('m','a','i','n'): case N4('m','e','n','u'):
    case N3('n','a','v'): case N2('o','l'): case N3('p','r','e'): case N7('s','e','c','t','i','o','n'):
    case N5('t','a','b','l','e'): case N2('u','l'):
        return BLOCK;
    case N1('p'):
        return P;
    case N2('l','i'):
        return LI;
    case N2('d','t'): case N2('d','d'):
        return DT;
    case N2('t','r'):
        return TR;
    case N2('t','d'): case N2('t','h'):
        return TD;
    case N5('t','b','o','d','y'): case N5('t','h','e','a','d'): case N5('t','f','o','o','t'):
        return TBODY;
    case N7('c','a','p','t','i','o','n'): case N8('c','o','l','g','r','o','u','p'):
        return CAPTION;
    case N6('o','p','t','i','o','n'):
        return OPTION;
    case N8('o','p','t','g','r','o','u','p'):
        return OPTGROUP;
    case N2('r','t'): case N2('r','p'):
        return RT;
    case N1('a'):
        return A;
    case N4('h','e','a','d'):
        return HEAD;
    case N4('b','o','d','y'):
        return BODY;
    case N4('a','r','e','a'): case N4('b','a','s','e'): case N2('b','r'): case N3('c','o','l'):
    case N5('e','m','b','e','d'): case N5('f','r','a','m','e'): case N3('i','m','g'): case N5('i','n','p','u','t'):
    case N4('l','i','n','k'): case N4('m','e','t','a'): case N5('p','a','r','a','m'): case N6('s','o','u','r','c','e'):
    case N5('t','r','a','c','k'): case N3('w','b','r'):
        return VOID;
    case N2('h','r'):
        return RULE;
    case N6('s','c','r','i','p','t'): case N5('s','t','y','l','e'): case N8('t','e','x','t','a','r','e','a'):
    case N5('t','i','t','l','e'): case N3('x','m','p'): case N6('i','f','r','a','m','e'):
    case N7('n','o','e','m','b','e','d'): case N8('n','o','f','r','a','m','e','s'):
        return RAW;
    case N9('p','l','a','i','n','t','e','x','t'):
        return PLAINTEXT;
    default:
        return OTHER;
    }
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }
static bool is_letter(uint8_t c) { return (uint8_t)((c | 0x20) - 'a') < 26; }
static uint8_t lower(uint8_t c) { return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c; }
static bool ends_name(uint8_t c) { return is_space(c) || c == '/' || c == '>'; }

uint16_t scan_name(const uint8_t *name, size_t size)
{
    uint32_t hash = BASIS;
    for (size_t i = 0; i < size; i++)
        hash = STEP(hash, lower(name[i]));
    return FOLD(hash);
}

/* Position of the next byte c at or behind i; size if there is none. */
static size_t find(const uint8_t *html, size_t size, size_t i, uint8_t c)
{
    if (i >= size)
        return size;
    const uint8_t *at = memchr(html + i, c, size - i);
    return at ? (size_t)(at - html) : size;
}

/* Position behind the comment that begins ("<!--") at i. */
static size_t comment_end(const uint8_t *html, size_t size, size_t i)
{
    const size_t body = i + 4;
    for (size_t k = find(html, size, body, '>'); k < size; k = find(html, size, k + 1, '>')) {
        const size_t inside = k - body;
        if (inside == 0 || (inside == 1 && html[body] == '-'))
            return k + 1;
        if (inside >= 2 && html[k - 1] == '-' && html[k - 2] == '-')
            return k + 1;
        if (inside >= 3 && html[k - 1] == '!' && html[k - 2] == '-' && html[k - 3] == '-')
            return k + 1;
    }
    return size;
}

/* Position behind the tag whose name ends at i, its attributes counted; 0 if the input ends inside of it. */
static size_t tag_end(const uint8_t *html, size_t size, size_t i, int64_t *attributes)
{
    for (;;) {
        while (i < size && (is_space(html[i]) || html[i] == '/'))
            i++;
        if (i >= size)
            return 0;
        if (html[i] == '>')
            return i + 1;
        ++*attributes;
        i++; /* whatever it is, '=' too, it begins a name */
        while (i < size && !ends_name(html[i]) && html[i] != '=')
            i++;
        while (i < size && is_space(html[i]))
            i++;
        if (i >= size || html[i] != '=')
            continue;
        i++;
        while (i < size && is_space(html[i]))
            i++;
        if (i < size && (html[i] == '"' || html[i] == '\'')) {
            i = find(html, size, i + 1, html[i]);
            if (i < size)
                i++;
        } else {
            while (i < size && !is_space(html[i]) && html[i] != '>')
                i++;
        }
    }
}

/* Position of the end tag of the raw text element `name`, at or behind i; size if there is none. */
static size_t raw_end(const uint8_t *html, size_t size, size_t i, const uint8_t *name, size_t length)
{
    for (i = find(html, size, i, '<'); i < size; i = find(html, size, i + 1, '<')) {
        if (size - i < length + 3 || html[i + 1] != '/' || !ends_name(html[i + 2 + length]))
            continue;
        size_t k = 0;
        while (k < length && lower(html[i + 2 + k]) == lower(name[k]))
            k++;
        if (k == length)
            return i;
    }
    return size;
}

static bool opens_markup(const uint8_t *html, size_t size, size_t i)
{
    const uint8_t next = i + 1 < size ? html[i + 1] : 0;
    return is_letter(next) || next == '/' || next == '!' || next == '?';
}

static int64_t count_controls(const uint8_t *html, size_t size)
{
    int64_t total = 0;
    while (size) { /* sums of at most 255 ones fit a byte, so that the inner loop works on whole vectors */
        const size_t block = size < 255 ? size : 255;
        uint8_t sum = 0;
        for (size_t i = 0; i < block; i++) {
            const uint8_t c = html[i];
            sum = (uint8_t)(sum + ((c < 0x20) & (c != '\t') & (c != '\n') & (c != '\f') & (c != '\r')));
        }
        total += sum;
        html += block;
        size -= block;
    }
    return total;
}

static void end_tag(struct scan_room *room, size_t *depth, uint16_t name)
{
    if (!room->open[name])
        return;
    uint16_t top;
    do {
        top = room->stack[--*depth];
        room->open[top]--;
    } while (top != name);
}

static void start_tag(struct scan_room *room, size_t *depth, uint16_t name, enum kind kind)
{
    while (*depth && (ends[kind] & BIT(kind_of(room->stack[*depth - 1]))))
        room->open[room->stack[--*depth]]--;
    if (kind == VOID || kind == RULE || *depth == SCAN_DEPTH)
        return;
    room->stack[(*depth)++] = name;
    room->open[name]++;
}

struct scan_counts scan_html(const uint8_t *html, size_t size, struct scan_room *room)
{
    struct scan_counts counts = {0};
    size_t depth = 0;
    size_t i = 0;
    counts.controls = count_controls(html, size);
    while (i < size) {
        size_t from = i;
        while ((i = find(html, size, i, '<')) < size && !opens_markup(html, size, i))
            i++;
        counts.nodes += i > from;
        if (i >= size)
            break;
        if (size - i >= 4 && memcmp(html + i, "<!--", 4) == 0) {
            counts.nodes++;
            i = comment_end(html, size, i);
            continue;
        }
        const bool end = html[i + 1] == '/';
        from = i + 1 + end;
        if (from >= size || !is_letter(html[from])) {
            counts.nodes += !(end && from < size && html[from] == '>');
            i = find(html, size, from, '>') + 1;
            continue;
        }
        i = from;
        while (i < size && !ends_name(html[i]))
            i++;
        const size_t length = i - from;
        int64_t attributes = 0;
        i = tag_end(html, size, i, &attributes);
        if (attributes > counts.attributes)
            counts.attributes = attributes;
        if (!i)
            break;
        const uint16_t name = scan_name(html + from, length);
        if (end) {
            end_tag(room, &depth, name);
            continue;
        }
        const enum kind kind = kind_of(name);
        start_tag(room, &depth, name, kind);
        counts.nodes++;
        counts.links += kind == A;
        if ((int64_t)depth > counts.depth)
            counts.depth = (int64_t)depth;
        if (kind == RAW || kind == PLAINTEXT) {
            const size_t close = kind == RAW ? raw_end(html, size, i, html + from, length) : size;
            counts.nodes += close > i;
            i = close;
        }
    }
    while (depth)
        room->open[room->stack[--depth]]--;
    return counts;
}
