/* Fuzzer of added.c: tokens and rows of a few bytes, torn and put together at random.
 *
 *   gcc -fsanitize=address,undefined ... && ./added 20000      number of inputs to try
 *
 * What holds for any bytes: no fault; rows out are the rows in, cut; they are cut as plain reading from left to right
 * does it; a row that is no text stays as it is; what a normalizer may change is found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "added.h"

#define ROWS 8
#define MOST 1024
#define TOKENS 12
#define MARKED 0x301 /* the one code point that changes */

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static const char *const parts[] = {
    "a", "b", "ab", " ", "  ", "\n", "<", "<a>", "\xC3\xA9", "\xCC\x81", "\xC2\xA0", "\xE2\x80\x83", "_", "\xE4\xB8\xAD", ">",
    "aa", "\xF0\x9F\x9A\xA2", "\xC2", "\xE2\x80", "\xFF", "\x80", "\t",
};
#define PARTS (sizeof parts / sizeof *parts)
#define WHOLE 17 /* of them are valid UTF-8 */

static uint8_t words[ADDED_LIMIT / 8];

/* ---- plain reading ---- */

static const char *const spaces[] = {" ", "\n", "\t", "\xC2\xA0", "\xE2\x80\x83", "\xE2\x80\x80"};
static const char *const letters[] = {"a", "b", "_", "\xC3\xA9", "\xCC\x81", "\xE4\xB8\xAD"};

static size_t starts(const char *const *many, size_t count, const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(many[i]) <= size && memcmp(many[i], text, strlen(many[i])) == 0)
            return strlen(many[i]);
    return 0;
}

static size_t ends(const char *const *many, size_t count, const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(many[i]) <= size && memcmp(many[i], text + size - strlen(many[i]), strlen(many[i])) == 0)
            return strlen(many[i]);
    return 0;
}

#define SPACES spaces, sizeof spaces / sizeof *spaces
#define LETTERS letters, sizeof letters / sizeof *letters

struct piece {
    size_t end;
    int32_t kind;
};

/* The pieces of a row; 0 where matches overlap. */
static size_t cut(const struct added_token *tokens, size_t count, const uint8_t *text, size_t size, int32_t kind,
                  struct piece *pieces)
{
    size_t found = 0, covered = 0;
    for (size_t at = 0; at < size;) {
        const struct added_token *best = NULL;
        for (size_t i = 0; i < count; i++)
            if (tokens[i].size <= size - at && memcmp(tokens[i].text, text + at, tokens[i].size) == 0 &&
                (!best || best->size < tokens[i].size))
                best = tokens + i;
        if (!best) {
            at++;
            continue;
        }
        size_t start = at, stop = at + best->size;
        at = stop;
        if ((best->flags & ADDED_SINGLE_WORD) && (ends(LETTERS, text, start) || starts(LETTERS, text + stop, size - stop)))
            continue;
        if (best->flags & ADDED_LSTRIP) {
            while (start > covered && ends(SPACES, text, start) && start - ends(SPACES, text, start) >= covered)
                start -= ends(SPACES, text, start);
            start = start > covered ? start : covered;
        }
        while ((best->flags & ADDED_RSTRIP) && stop < size && starts(SPACES, text + stop, size - stop))
            stop += starts(SPACES, text + stop, size - stop);
        if (start < covered || start >= stop)
            return 0;
        if (start > covered)
            pieces[found++] = (struct piece){start, covered && kind == ADDED_TEXT ? ADDED_LATER : kind};
        pieces[found++] = (struct piece){stop, best->id};
        covered = stop;
    }
    if (covered < size || size == 0)
        pieces[found++] = (struct piece){size, covered && kind == ADDED_TEXT ? ADDED_LATER : kind};
    return found;
}

/* ---- what holds ---- */

static void check_row(const struct added_rows *rows, const struct added_token *tokens, size_t count, size_t row,
                      const struct added_split *split)
{
    static struct piece pieces[MOST + 1];
    const size_t begin = (size_t)rows->offsets[row], size = (size_t)rows->offsets[row + 1] - begin;
    const int32_t kind = rows->kinds ? rows->kinds[row] : ADDED_TEXT;
    const bool text = kind < 0 && kind != ADDED_HARD;
    size_t wanted = text ? cut(tokens, count, rows->data + begin, size, kind, pieces) : 1;
    if (!text || !wanted)
        pieces[0] = (struct piece){size, text ? ADDED_HARD : kind};
    wanted = wanted ? wanted : 1;
    if (!split->count) {
        require(wanted == 1 && pieces[0].kind == kind, "what has a token is cut");
        return;
    }
    require((size_t)(split->firsts[row + 1] - split->firsts[row]) == wanted, "as many pieces");
    for (size_t i = 0; i < wanted; i++) {
        const size_t at = (size_t)split->firsts[row] + i;
        require(split->kinds[at] == pieces[i].kind, "what the pieces are");
        require((size_t)split->offsets[at + 1] == begin + pieces[i].end, "where they end");
    }
}

/* Each run is marked code points with one code point before them; all of those that texts have are in runs. */
static void check_runs(const struct added_rows *rows)
{
    static uint16_t table[ADDED_LIMIT];
    uint8_t leads[256] = {0};
    size_t count, met = 0, inside = 0;
    table[MARKED] = 2;
    leads[0xCC] = 1;
    int64_t *places = added_runs(rows, table, 2, leads, &count), last = 0;
    require(places != NULL, "memory");
    for (size_t row = 0; row < rows->count; row++) {
        const int32_t kind = rows->kinds ? rows->kinds[row] : ADDED_TEXT;
        for (int64_t at = rows->offsets[row]; at + 2 <= rows->offsets[row + 1] && kind < 0 && kind != ADDED_HARD; at++)
            met += memcmp(rows->data + at, "\xCC\x81", 2) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        const int64_t begin = places[2 * i], end = places[2 * i + 1];
        size_t row = 0;
        require(begin >= last && begin < end, "runs rise");
        while (rows->offsets[row + 1] <= begin)
            row++;
        require(end <= rows->offsets[row + 1], "a run is in one row");
        size_t here = 0;
        for (int64_t at = begin; at + 2 <= end; at++)
            here += memcmp(rows->data + at, "\xCC\x81", 2) == 0;
        require(here > 0, "something may change");
        require(begin == rows->offsets[row] || begin == last || (rows->data[begin] & 0xC0) != 0x80, "it begins at a character");
        inside += here;
        last = end;
    }
    require(inside == met, "all that may change is in runs");
    free(places);
}

/* ---- inputs ---- */

static size_t grow(uint8_t *text, size_t most, size_t alphabet, uint64_t *state)
{
    size_t size = 0;
    for (size_t count = 1 + below(state, most); count; count--) {
        const char *part = parts[below(state, alphabet)];
        if (size + strlen(part) > MOST)
            break;
        memcpy(text + size, part, strlen(part));
        size += strlen(part);
    }
    return size;
}

static size_t make_tokens(struct added_token *tokens, uint8_t texts[TOKENS][64], uint64_t *state)
{
    const size_t wanted = below(state, TOKENS + 1), alphabet = 3 + below(state, WHOLE - 2);
    size_t count = 0;
    for (size_t i = 0; i < wanted; i++) {
        const size_t size = grow(texts[count], 4, alphabet, state);
        bool met = false;
        for (size_t k = 0; k < count; k++)
            met |= tokens[k].size == size && memcmp(tokens[k].text, texts[count], size) == 0;
        if (met)
            continue;
        tokens[count] = (struct added_token){texts[count], size, (int32_t)count, (int32_t)(below(state, 16) & below(state, 16) & 7)};
        count++;
    }
    return count;
}

static void try_one(uint64_t *state)
{
    static uint8_t texts[TOKENS][64], text[MOST];
    struct added_token tokens[TOKENS];
    int64_t offsets[ROWS + 1] = {0};
    int32_t kinds[ROWS];
    const size_t count = make_tokens(tokens, texts, state);
    const size_t size = grow(text, 120, below(state, 8) ? WHOLE : PARTS, state);
    for (size_t row = 0; row < ROWS; row++) {
        const size_t kind = below(state, 16);
        kinds[row] = kind == 0 ? 1000 : -1 - (int32_t)(kind % 4);
        offsets[row + 1] = row + 1 == ROWS ? (int64_t)size : offsets[row] + (int64_t)below(state, (size - (size_t)offsets[row]) / 2 + 1);
    }
    uint8_t *exact = malloc(size ? size : 1); /* a block of its own, so that a read past the end is seen */
    require(exact != NULL, "memory");
    memcpy(exact, text, size);
    const struct added_rows rows = {exact, offsets, below(state, 2) ? kinds : NULL, ROWS};
    struct added *added = added_build(tokens, count, words);
    struct added_split split;
    require(added && added_split(added, &rows, &split), "memory");
    for (size_t row = 0; row < ROWS; row++)
        check_row(&rows, tokens, count, row, &split);
    check_runs(&rows);
    added_split_free(&split);
    added_free(added);
    free(exact);
}

int main(int count, char **values)
{
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    static const uint32_t in_words[] = {'a', 'b', '_', 0xE9, 0x301, 0x4E2D};
    for (size_t i = 0; i < sizeof in_words / sizeof *in_words; i++)
        words[in_words[i] / 8] |= (uint8_t)(1u << in_words[i] % 8);
    for (long i = 0; i < inputs; i++)
        try_one(&state);
    printf("%ld inputs\n", inputs);
    return 0;
}
