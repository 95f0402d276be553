/* Added tokens: see added.h. */
#include "added.h"

#include <stdlib.h>
#include <string.h>

#include "pretokenize.h"

#if defined(__x86_64__) && !defined(PLAIN_C)
#include <immintrin.h>
#define VECTORS
#endif

#define NONE UINT32_MAX

/* Children of a node stand side by side, by their bytes. */
struct node {
    uint32_t children;
    uint16_t count;
    uint8_t byte;
    uint32_t token; /* that ends here, or NONE */
};

struct added {
    struct node *nodes;
    size_t node_count;
    uint32_t first[256]; /* nodes by the first byte, or NONE */
    struct {
        int32_t id, flags;
        uint32_t size;
    } *tokens;
    uint8_t *words;
    uint8_t low[2][16], high[2][16]; /* families that have this half of a byte at their first and at their second place */
    bool wide;                       /* the processor has AVX2 */
};

/* ---- the trie ---- */

static int by_text(const void *left, const void *right)
{
    const struct added_token *a = left, *b = right;
    const int order = memcmp(a->text, b->text, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

/* The tokens from `begin` to `end` share `depth` bytes: makes the nodes of what comes behind, answers the first. */
static uint32_t grow(struct added *added, const struct added_token *tokens, size_t begin, size_t end, size_t depth,
                     uint16_t *count)
{
    const uint32_t first = (uint32_t)added->node_count;
    *count = 0;
    while (begin < end && tokens[begin].size == depth) /* it ends at the parent */
        begin++;
    for (size_t i = begin; i < end; i++)
        if (i == begin || tokens[i].text[depth] != tokens[i - 1].text[depth]) {
            added->nodes[added->node_count++] = (struct node){0, 0, tokens[i].text[depth], NONE};
            (*count)++;
        }
    size_t from = begin;
    for (uint16_t k = 0; k < *count; k++) {
        struct node *node = added->nodes + first + k;
        size_t to = from;
        while (to < end && tokens[to].text[depth] == node->byte)
            to++;
        if (tokens[from].size == depth + 1)
            node->token = (uint32_t)from;
        node->children = grow(added, tokens, from, to, depth + 1, &node->count);
        from = to;
    }
    return first;
}

/* Families go by the first byte: those of eight different ones are told apart. */
static void add_fingerprint(struct added *added, const struct added_token *token, unsigned family)
{
    const uint8_t bit = (uint8_t)(1u << family % 8);
    added->low[0][token->text[0] & 15] |= bit;
    added->high[0][token->text[0] >> 4] |= bit;
    for (unsigned half = 0; half < 16; half++) {
        if (token->size == 1 || (token->text[1] & 15) == half)
            added->low[1][half] |= bit;
        if (token->size == 1 || token->text[1] >> 4 == (int)half)
            added->high[1][half] |= bit;
    }
}

static bool fill(struct added *added, struct added_token *tokens, size_t count, const uint8_t *words)
{
    size_t bytes = 0;
    unsigned family = 0;
    uint16_t roots;
    qsort(tokens, count, sizeof *tokens, by_text);
    for (size_t i = 0; i < count; i++)
        bytes += tokens[i].size;
    added->nodes = malloc((bytes + 1) * sizeof *added->nodes);
    added->tokens = malloc((count + 1) * sizeof *added->tokens);
    added->words = words ? malloc(ADDED_LIMIT / 8) : NULL;
    if (!added->nodes || !added->tokens || (words && !added->words))
        return false;
    if (words)
        memcpy(added->words, words, ADDED_LIMIT / 8);
    memset(added->first, 0xFF, sizeof added->first);
    for (size_t i = 0; i < count; i++) {
        added->tokens[i].id = tokens[i].id;
        added->tokens[i].flags = tokens[i].flags;
        added->tokens[i].size = (uint32_t)tokens[i].size;
        family += i && tokens[i].text[0] != tokens[i - 1].text[0];
        add_fingerprint(added, tokens + i, family);
    }
    const uint32_t first = grow(added, tokens, 0, count, 0, &roots);
    for (uint32_t i = first; i < first + roots; i++)
        added->first[added->nodes[i].byte] = i;
#ifdef VECTORS
    added->wide = __builtin_cpu_supports("avx2");
#endif
    return true;
}

struct added *added_build(const struct added_token *tokens, size_t count, const uint8_t *words)
{
    struct added *added = calloc(1, sizeof *added);
    struct added_token *sorted = malloc((count + 1) * sizeof *sorted);
    bool good = added && sorted;
    if (good) {
        if (count)
            memcpy(sorted, tokens, count * sizeof *sorted);
        good = fill(added, sorted, count, words);
    }
    free(sorted);
    if (good)
        return added;
    added_free(added);
    return NULL;
}

void added_free(struct added *added)
{
    if (!added)
        return;
    free(added->nodes);
    free(added->tokens);
    free(added->words);
    free(added);
}

/* The longest token at the front, or NONE. */
static uint32_t token_at(const struct added *added, const uint8_t *text, size_t left)
{
    uint32_t found = NONE, at = added->first[text[0]];
    for (size_t i = 1; at != NONE; i++) {
        const struct node *node = added->nodes + at;
        if (node->token != NONE)
            found = node->token;
        at = NONE;
        for (uint16_t k = 0; i < left && k < node->count; k++)
            if (added->nodes[node->children + k].byte == text[i])
                at = node->children + k;
    }
    return found;
}

/* ---- places where a token may begin ---- */

#ifdef VECTORS

static inline __attribute__((target("avx2"))) __m256i families(const uint8_t low[16], const uint8_t high[16], __m256i bytes)
{
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i lows = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low));
    const __m256i highs = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)high));
    return _mm256_and_si256(_mm256_shuffle_epi8(lows, _mm256_and_si256(bytes, nibble)),
                            _mm256_shuffle_epi8(highs, _mm256_and_si256(_mm256_srli_epi16(bytes, 4), nibble)));
}

static __attribute__((target("avx2"))) size_t place_wide(const struct added *added, const uint8_t *data, size_t at,
                                                         size_t size)
{
    for (; at + 33 <= size; at += 32) {
        const __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(data + at));
        const __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(data + at + 1));
        const __m256i found = _mm256_and_si256(families(added->low[0], added->high[0], first),
                                               families(added->low[1], added->high[1], second));
        const uint32_t none = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256()));
        if (none != UINT32_MAX)
            return at + (size_t)__builtin_ctz(~none);
    }
    return at;
}

#endif

/* The first place from `at` on where a token may begin, or `size`. */
static size_t place(const struct added *added, const uint8_t *data, size_t at, size_t size)
{
    for (;; at++) {
#ifdef VECTORS
        if (added->wide)
            at = place_wide(added, data, at, size);
#endif
        if (at >= size)
            return size;
        if (added->first[data[at]] != NONE)
            return at;
    }
}

/* ---- what is beside a token ---- */

/* The code point at the front, and its bytes; ADDED_LIMIT where the bytes are none. */
static uint32_t code_at(const uint8_t *text, size_t left, uint32_t *bytes)
{
    *bytes = text[0] < 0x80 ? 1 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
    if (*bytes > left || (text[0] & 0xC0) == 0x80)
        return ADDED_LIMIT;
    for (uint32_t i = 1; i < *bytes; i++)
        if ((text[i] & 0xC0) != 0x80)
            return ADDED_LIMIT;
    const uint32_t code = utf8_at(text, bytes);
    return code < ADDED_LIMIT ? code : ADDED_LIMIT;
}

static uint32_t code_before(const uint8_t *text, size_t at, uint32_t *bytes)
{
    size_t start = at - 1;
    while (start > 0 && at - start < 4 && (text[start] & 0xC0) == 0x80)
        start--;
    const uint32_t code = code_at(text + start, at - start, bytes);
    return *bytes == at - start ? code : ADDED_LIMIT;
}

/* White_Space of Unicode, which is \s in the library's expressions. */
static bool is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F ||
           code == 0x3000;
}

static bool is_word(const struct added *added, uint32_t code)
{
    return code < ADDED_LIMIT && added->words && added->words[code / 8] >> code % 8 & 1;
}

static bool is_single(const struct added *added, const uint8_t *text, size_t size, size_t start, size_t stop)
{
    uint32_t bytes;
    return (start == 0 || !is_word(added, code_before(text, start, &bytes))) &&
           (stop == size || !is_word(added, code_at(text + stop, size - stop, &bytes)));
}

static size_t spaces_before(const uint8_t *text, size_t start, size_t least)
{
    uint32_t bytes;
    while (start > least && is_space(code_before(text, start, &bytes)))
        start -= bytes;
    return start;
}

static size_t spaces_behind(const uint8_t *text, size_t stop, size_t size)
{
    uint32_t bytes;
    while (stop < size && is_space(code_at(text + stop, size - stop, &bytes)))
        stop += bytes;
    return stop;
}

/* ---- rows ---- */

static bool room_for(struct added_split *out, size_t more)
{
    if (out->count + more <= out->room)
        return true;
    const size_t room = 2 * out->room + more;
    int64_t *offsets = realloc(out->offsets, (room + 1) * sizeof *offsets);
    if (offsets)
        out->offsets = offsets;
    int32_t *kinds = realloc(out->kinds, room * sizeof *kinds);
    if (kinds)
        out->kinds = kinds;
    if (offsets && kinds)
        out->room = room;
    return offsets && kinds;
}

static bool put(struct added_split *out, int64_t end, int32_t kind)
{
    if (!room_for(out, 1))
        return false;
    out->kinds[out->count++] = kind;
    out->offsets[out->count] = end;
    return true;
}

static int32_t kind_of(const struct added_rows *rows, size_t row) { return rows->kinds ? rows->kinds[row] : ADDED_TEXT; }

static bool is_text(int32_t kind) { return kind < 0 && kind != ADDED_HARD; }

/* The rows before the first that has a token come out as they are. */
static bool begin(const struct added_rows *rows, size_t before, struct added_split *out)
{
    out->firsts = malloc((rows->count + 1) * sizeof *out->firsts);
    if (!out->firsts || !room_for(out, before + before / 8 + 64))
        return false;
    out->offsets[0] = rows->offsets[0];
    for (size_t row = 0; row < before; row++) {
        out->firsts[row] = (int64_t)row;
        if (!put(out, rows->offsets[row + 1], kind_of(rows, row)))
            return false;
    }
    return true;
}

struct search {
    const struct added *added;
    const struct added_rows *rows;
    struct added_split *out;
    size_t size; /* of the data */
    size_t next; /* no token begins before it, counted from where the search is */
};

/* A row in which tokens begin, perhaps. False where memory ran out. */
static bool split_row(struct search *search, size_t row, size_t begin_at, size_t size)
{
    const struct added *added = search->added;
    const uint8_t *text = search->rows->data + begin_at;
    struct added_split *out = search->out;
    const int32_t kind = kind_of(search->rows, row), later = kind == ADDED_TEXT ? ADDED_LATER : kind;
    const size_t before = out->count; /* rows out, where the first token has been found */
    const bool begun = out->firsts != NULL;
    size_t covered = 0; /* start_offset of the library */
    while (search->next < begin_at + size) {
        size_t start = search->next - begin_at;
        const uint32_t found = token_at(added, text + start, size - start);
        if (found == NONE) {
            search->next = place(added, search->rows->data, search->next + 1, search->size);
            continue;
        }
        const int32_t flags = added->tokens[found].flags;
        size_t stop = start + added->tokens[found].size;
        search->next = place(added, search->rows->data, begin_at + stop, search->size);
        if ((flags & ADDED_SINGLE_WORD) && !is_single(added, text, size, start, stop))
            continue;
        if (!out->firsts) {
            if (!begin(search->rows, row, out))
                return false;
            out->firsts[row] = (int64_t)out->count;
        }
        if (flags & ADDED_LSTRIP)
            start = start > covered ? spaces_before(text, start, covered) : covered;
        if (flags & ADDED_RSTRIP)
            stop = spaces_behind(text, stop, size);
        if (start < covered || start >= stop) {
            out->count = begun ? before : row;
            covered = size;
            if (search->next < begin_at + size)
                search->next = place(added, search->rows->data, begin_at + size, search->size);
            return put(out, (int64_t)(begin_at + size), ADDED_HARD);
        }
        if (start > covered && !put(out, (int64_t)(begin_at + start), covered ? later : kind))
            return false;
        if (!put(out, (int64_t)(begin_at + stop), added->tokens[found].id))
            return false;
        covered = stop;
    }
    if (out->firsts && (covered < size || size == 0))
        return put(out, (int64_t)(begin_at + size), covered ? later : kind);
    return true;
}

bool added_split(const struct added *added, const struct added_rows *rows, struct added_split *out)
{
    memset(out, 0, sizeof *out);
    struct search search = {added, rows, out, (size_t)rows->offsets[rows->count], 0};
    search.next = place(added, rows->data, (size_t)rows->offsets[0], search.size);
    for (size_t row = 0; row < rows->count; row++) {
        const size_t begin_at = (size_t)rows->offsets[row], end = (size_t)rows->offsets[row + 1];
        const int32_t kind = kind_of(rows, row);
        const bool text = is_text(kind);
        bool good = true;
        if (out->firsts)
            out->firsts[row] = (int64_t)out->count;
        if (!text && search.next < end)
            search.next = place(added, rows->data, end, search.size);
        if (text && search.next < end)
            good = split_row(&search, row, begin_at, end - begin_at);
        else if (out->firsts)
            good = put(out, (int64_t)end, kind);
        if (!good) {
            added_split_free(out);
            return false;
        }
    }
    if (out->firsts)
        out->firsts[rows->count] = (int64_t)out->count;
    return true;
}

void added_split_free(struct added_split *split)
{
    free(split->offsets);
    free(split->kinds);
    free(split->firsts);
    memset(split, 0, sizeof *split);
}

/* ---- what a normalizer may change ---- */

struct runs {
    int64_t *places;
    size_t count, room;
};

static bool put_run(struct runs *runs, int64_t begin_at, int64_t end)
{
    if (2 * runs->count + 2 > runs->room) {
        const size_t room = 2 * runs->room + 256;
        int64_t *places = realloc(runs->places, room * sizeof *places);
        if (!places)
            return false;
        runs->places = places;
        runs->room = room;
    }
    runs->places[2 * runs->count] = begin_at;
    runs->places[2 * runs->count++ + 1] = end;
    return true;
}

int64_t *added_runs(const struct added_rows *rows, const uint16_t *table, uint16_t mask, const uint8_t *leads,
                    size_t *count)
{
    struct runs runs = {malloc(sizeof *runs.places), 0, 0};
    bool good = runs.places != NULL;
    for (size_t row = 0; row < rows->count && good; row++) {
        const int64_t end = rows->offsets[row + 1];
        int64_t least = rows->offsets[row]; /* end of the run before */
        int64_t at = is_text(kind_of(rows, row)) ? least : end, begin_at;
        while (at < end && good) {
            uint32_t bytes, code;
            if (!leads[rows->data[at]]) { /* continuation bytes lead nothing */
                at++;
                continue;
            }
            begin_at = at;
            while (at < end && leads[rows->data[at]] &&
                   (code = code_at(rows->data + at, (size_t)(end - at), &bytes)) < ADDED_LIMIT && table[code] & mask)
                at += bytes;
            if (at == begin_at) {
                at++;
                continue;
            }
            while (begin_at > least && (rows->data[--begin_at] & 0xC0) == 0x80)
                ;
            good = put_run(&runs, begin_at, at);
            least = at;
        }
    }
    *count = runs.count;
    if (good)
        return runs.places;
    free(runs.places);
    return NULL;
}
