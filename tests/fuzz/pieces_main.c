/* Fuzzer of pieces.c: an entry for libFuzzer, and a main that makes tokenizers and texts by itself, always the same.
 *
 *   gcc -fsanitize=address,undefined ... && ./pieces 20000      number of inputs to try
 *   clang -fsanitize=fuzzer,address,undefined -DLIBFUZZER ...  to search longer
 *
 * An input is a tokenizer of a few characters with merges in any order, and rows of any bytes. What holds: no fault; the
 * tokens are those of plain merging, from the model and again from the cache, for any number of threads; what is not
 * UTF-8 is found where plain reading finds it; cuts with and without SIMD agree; a small cache answers what was put in,
 * or nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "added.h"
#include "pieces.h"
#include "pieces_cache.h"
#include "pieces_cut.h"

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ---- a tokenizer and rows from bytes ---- */

#define SINGLES 10
#define MERGES 40
#define PIECES (SINGLES + MERGES)
#define BYTES PIECES /* the first id of the byte tokens, which stand behind the pieces */
#define IDS (BYTES + 256)
#define ROWS 8

static const char *const singles[SINGLES] = {"\xE2\x96\x81", "a", "b", "c", "1", "\n", ".", "\xC3\xA9", "\xE2\x82\xAC", "<"};

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

static unsigned next_byte(struct source *source) { return source->at < source->size ? source->bytes[source->at++] : 0; }

struct tokenizer {
    uint8_t text[1 << 16];
    int64_t offsets[IDS + 1];
    uint32_t merges[3 * MERGES], merges_count, bytes[256];
    enum pieces_prefix prefix, later, normal;
    bool split;
};

static uint32_t find_piece(const struct tokenizer *tokenizer, uint32_t count, const uint8_t *text, size_t size)
{
    for (uint32_t id = 0; id < count; id++)
        if ((size_t)(tokenizer->offsets[id + 1] - tokenizer->offsets[id]) == size &&
            memcmp(tokenizer->text + tokenizer->offsets[id], text, size) == 0)
            return id;
    return IDS;
}

static bool is_merge(const struct tokenizer *tokenizer, uint32_t left, uint32_t right)
{
    for (uint32_t i = 0; i < tokenizer->merges_count; i++)
        if (tokenizer->merges[3 * i] == left && tokenizer->merges[3 * i + 1] == right)
            return true;
    return false;
}

/* Merges of any two pieces that are there, so that ranks rise in no derivation if the order is turned round below. */
static void make_tokenizer(struct tokenizer *tokenizer, struct source *source)
{
    uint32_t count = 0;
    tokenizer->merges_count = 0;
    tokenizer->offsets[0] = 0;
    for (; count < SINGLES; count++) {
        const size_t size = strlen(singles[count]);
        memcpy(tokenizer->text + tokenizer->offsets[count], singles[count], size);
        tokenizer->offsets[count + 1] = tokenizer->offsets[count] + (int64_t)size;
    }
    const unsigned order = next_byte(source);
    const unsigned wanted = next_byte(source) % (MERGES + 1);
    for (unsigned i = 0; i < wanted; i++) {
        const uint32_t left = next_byte(source) % count, right = next_byte(source) % count;
        const int64_t left_size = tokenizer->offsets[left + 1] - tokenizer->offsets[left];
        const int64_t right_size = tokenizer->offsets[right + 1] - tokenizer->offsets[right];
        uint8_t *end = tokenizer->text + tokenizer->offsets[count];
        if (is_merge(tokenizer, left, right) || left_size + right_size > 60)
            continue;
        memcpy(end, tokenizer->text + tokenizer->offsets[left], (size_t)left_size);
        memcpy(end + left_size, tokenizer->text + tokenizer->offsets[right], (size_t)right_size);
        uint32_t product = find_piece(tokenizer, count, end, (size_t)(left_size + right_size));
        if (product == IDS) {
            product = count++;
            tokenizer->offsets[count] = tokenizer->offsets[count - 1] + left_size + right_size;
        }
        const uint32_t merge[3] = {left, right, product};
        memcpy(tokenizer->merges + 3 * tokenizer->merges_count++, merge, sizeof merge);
    }
    if (order & 1)
        for (uint32_t i = 0; i < tokenizer->merges_count / 2; i++) {
            uint32_t swap[3], *one = tokenizer->merges + 3 * i;
            uint32_t *other = tokenizer->merges + 3 * (tokenizer->merges_count - 1 - i);
            memcpy(swap, one, sizeof swap);
            memcpy(one, other, sizeof swap);
            memcpy(other, swap, sizeof swap);
        }
    for (; count < BYTES; count++)
        tokenizer->offsets[count + 1] = tokenizer->offsets[count]; /* ids without a piece */
    for (unsigned byte = 0; byte < 256; byte++, count++) {
        const int size = sprintf((char *)tokenizer->text + tokenizer->offsets[count], "<0x%02X>", byte);
        tokenizer->offsets[count + 1] = tokenizer->offsets[count] + size;
        tokenizer->bytes[byte] = count;
    }
    tokenizer->prefix = (enum pieces_prefix)(order >> 1 & 3) % 3;
    tokenizer->later = (enum pieces_prefix)(order >> 4 & 3) % 3;
    tokenizer->normal = (enum pieces_prefix)(order >> 6 & 3) % 3;
    tokenizer->split = order & 8;
}

/* ---- plain merging ---- */

static size_t merge_plainly(const struct tokenizer *tokenizer, uint32_t *ids, size_t count)
{
    for (;;) {
        uint32_t best = MERGES;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++)
            for (uint32_t rank = 0; rank < best && rank < tokenizer->merges_count; rank++)
                if (tokenizer->merges[3 * rank] == ids[i] && tokenizer->merges[3 * rank + 1] == ids[i + 1]) {
                    best = rank;
                    at = i;
                }
        if (best == MERGES)
            return count;
        ids[at] = tokenizer->merges[3 * best + 2];
        memmove(ids + at + 1, ids + at + 2, (count - at - 2) * sizeof *ids);
        count--;
    }
}

static size_t lead_bytes(uint8_t lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

static int32_t kinds[ROWS];

static enum pieces_prefix prefix_of(const struct tokenizer *tokenizer, int32_t kind)
{
    return kind == ADDED_TEXT ? tokenizer->prefix : kind == ADDED_LATER ? tokenizer->later : tokenizer->normal;
}

/* Tokens of a row of valid UTF-8, part by part if the tokenizer splits before blanks. */
static size_t encode_plainly(const struct tokenizer *tokenizer, int32_t kind, const uint8_t *row, size_t size,
                             uint32_t *out)
{
    const enum pieces_prefix prefix = prefix_of(tokenizer, kind);
    if (kind >= 0)
        return out[0] = (uint32_t)kind, 1;
    size_t count = 0, part = 0;
    bool blank = size && (row[0] == ' ' || (size >= 3 && memcmp(row, singles[0], 3) == 0));
    if (size && (prefix == PIECES_ALWAYS || (prefix == PIECES_UNLESS && !blank)))
        out[count++] = 0;
    for (size_t at = 0; at < size;) {
        const size_t bytes = lead_bytes(row[at]);
        uint32_t id = find_piece(tokenizer, SINGLES, row + at, bytes);
        if (row[at] == ' ')
            id = 0;
        if (id == 0 && tokenizer->split)
            part = count = part + merge_plainly(tokenizer, out + part, count - part);
        if (id != IDS)
            out[count++] = id;
        for (size_t i = 0; id == IDS && i < bytes; i++)
            out[count++] = tokenizer->bytes[row[at + i]];
        at += bytes;
    }
    return part + merge_plainly(tokenizer, out + part, count - part);
}

/* Where a row is not UTF-8, by code points and their shortest forms. */
static int64_t invalid_plainly(const uint8_t *row, size_t size)
{
    for (size_t at = 0; at < size;) {
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        const size_t bytes = lead_bytes(row[at]);
        if (row[at] >= 0xF8 || (row[at] & 0xC0) == 0x80 || at + bytes > size)
            return (int64_t)at;
        uint32_t point = bytes == 1 ? row[at] : row[at] & (0x7Fu >> bytes);
        for (size_t i = 1; i < bytes; i++) {
            if ((row[at + i] & 0xC0) != 0x80)
                return (int64_t)at;
            point = point << 6 | (row[at + i] & 0x3F);
        }
        if (point < least[bytes] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
            return (int64_t)at;
        at += bytes;
    }
    return -1;
}

/* ---- what holds ---- */

static void check_rows(const struct tokenizer *tokenizer, struct pieces *pieces, const uint8_t *data,
                       const int64_t *offsets, int threads)
{
    const struct pieces_result found = pieces_encode(pieces, data, offsets, kinds, ROWS, threads);
    int64_t row = 0, bad = -1;
    for (; row < ROWS && bad < 0; row++)
        bad = kinds[row] >= 0 ? -1 : invalid_plainly(data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
    if (bad >= 0) {
        require(found.status == PIECES_INVALID && found.row == row - 1 && found.byte == bad, "the place that is not UTF-8");
        return;
    }
    require(found.status == PIECES_DONE, "what is UTF-8 is encoded");
    int64_t ends[ROWS + 1], hard[ROWS], left = 0;
    require(found.hard_rows <= ROWS, "no more rows are left than there are");
    uint32_t *tokens = pieces_take(pieces, ends, hard);
    require(tokens != NULL, "memory");
    require(ends[0] == 0 && ends[ROWS] == found.tokens, "all tokens belong to rows");
    for (row = 0; row < ROWS; row++) {
        const size_t size = (size_t)(offsets[row + 1] - offsets[row]);
        uint32_t *expected = malloc((size + 2) * sizeof *expected);
        require(expected != NULL, "memory");
        size_t count = encode_plainly(tokenizer, kinds[row], data + offsets[row], size, expected);
        if (kinds[row] == ADDED_HARD) {
            require(left < found.hard_rows && hard[left++] == row, "hard rows are named");
            count = 0;
        }
        require((size_t)(ends[row + 1] - ends[row]) == count, "number of tokens");
        for (size_t i = 0; i < count; i++) {
            const size_t at = (size_t)ends[row] + i;
            require((pieces_width(pieces) == 4 ? tokens[at] : ((uint16_t *)(void *)tokens)[at]) == expected[i], "tokens");
        }
        free(expected);
    }
    require(left == found.hard_rows, "no other row is left");
    pieces_give_back(pieces, tokens);
}

static void check_cuts(const struct cuts *built, const uint8_t *data, size_t size)
{
    struct cuts narrow = *built;
    narrow.wide = false;
    uint8_t *text = calloc(size + 64, 1);
    uint64_t *marks = calloc(size / 64 + 1, 8), *others = calloc(size / 64 + 1, 8);
    require(text && marks && others, "memory");
    memcpy(text, data, size);
    cuts_find(built, text, size, marks);
    cuts_find(&narrow, text, size, others);
    for (size_t at = 1; at < size; at++)
        require((marks[at / 64] >> at % 64 & 1) == (others[at / 64] >> at % 64 & 1), "cuts are the same with SIMD");
    if (size % 64)
        marks[size / 64] &= (UINT64_C(1) << size % 64) - 1;
    uint32_t *starts = calloc(size + CUTS_MORE, sizeof *starts);
    require(starts != NULL, "memory");
    for (int wide = 0; wide < 2; wide++) {
        const size_t count = cuts_list(wide ? built : &narrow, marks, size, starts);
        size_t listed = 0;
        for (size_t at = 0; at < size; at++)
            if (marks[at / 64] >> at % 64 & 1)
                require(listed < count && starts[listed++] == at, "a mark is listed");
        require(listed == count, "no more than the marks are listed");
    }
    free(starts);
    free(text);
    free(marks);
    free(others);
}

static void put_anew(void *to, const uint8_t *unit, size_t size, const uint32_t *tokens, size_t count)
{
    const struct cache_key key = cache_key_of(unit, size);
    cache_put(to, &key, unit, size, tokens, count);
}

struct seen {
    struct cache *other;
    size_t units;
};

static void look_up(void *to, const uint8_t *unit, size_t size, const uint32_t *tokens, size_t count)
{
    struct seen *seen = to;
    const struct cache_key key = cache_key_of(unit, size);
    struct cache_entry *entry = cache_find(seen->other, &key);
    require(entry != NULL, "what was put is there");
    seen->units++;
    uint32_t far = entry->state & 15;
    const bool small = seen->other->form == CACHE_16_16;
    if (far != CACHE_FAR) {
        require(far == count, "number of tokens in the other cache");
        return;
    }
    const uint8_t *log = cache_far(seen->other, entry, unit, size, &far);
    require(log && far == count, "what was walked over is in the log of the other");
    for (size_t i = 0; i < count; i++)
        require(log[i * (small ? 2 : 4)] == (uint8_t)tokens[i], "tokens in the other log");
}

/* What a cache has goes into a larger one, and back. */
static void check_walk(const struct cache *cache)
{
    struct cache copy;
    struct seen seen = {&copy, 0};
    require(cache_open(&copy, cache->form, 4 << 20), "memory");
    cache_reserve(&copy, 2 * cache->lines, cache->log_size);
    const size_t lines = copy.lines, log_size = copy.log_size;
    cache_walk(cache, true, put_anew, &copy);
    require(copy.lines == lines && copy.log_size == log_size, "what is reserved need not grow");
    cache_walk(cache, true, look_up, &seen);
    require(seen.units <= cache->used, "no more units than there are");
    cache_close(&copy);
}

/* A small cache in which much is put: `turn` makes the units differ between inputs. */
static void check_cache(const uint8_t *data, size_t size, unsigned turn)
{
    static struct cache caches[3];
    struct cache *cache = caches + turn % 3;
    if (!cache->table)
        require(cache_open(cache, (enum cache_form)(turn % 3), 1 << 20), "memory");
    uint8_t unit[300 + 16];
    for (size_t round = 0; round < 64; round++) {
        uint32_t tokens[40];
        const size_t bytes = 1 + (size_t)(turn * 31 + round * 7) % (round % 8 ? 20 : 300), count = (turn + round) % 40;
        for (size_t i = 0; i < bytes; i++)
            unit[i] = size ? data[(i + round) % size] : 0;
        memcpy(unit, &turn, bytes < sizeof turn ? bytes : sizeof turn);
        for (size_t i = 0; i < count; i++)
            tokens[i] = (uint32_t)((bytes * 257 + i + unit[0]) & 0xFFFF);
        const struct cache_key key = cache_key_of(unit, bytes);
        struct cache_entry *entry = cache_find(cache, &key);
        if (entry)
            entry->state |= CACHE_ASKED;
        if (entry)
            continue; /* a unit met before: with another number of tokens, which this test does not keep */
        cache_put(cache, &key, unit, bytes, tokens, count);
        entry = cache_find(cache, &key);
        require(entry != NULL, "what was put is there");
        uint32_t far;
        if ((entry->state & 15) != CACHE_FAR) {
            require((entry->state & 15) == count, "number of tokens kept");
            continue;
        }
        const uint8_t *log = cache_far(cache, entry, unit, bytes, &far);
        require(log && far == count, "what was written last is in the log");
        for (size_t i = 0; i < count; i++)
            require(log[i * (cache->form == CACHE_16_16 ? 2 : 4)] == (uint8_t)tokens[i], "tokens in the log");
    }
    if (turn % 256 < 3)
        check_walk(cache);
}

/* A model that begins with another's units gives the same tokens; with units that are damaged it gives any, but no fault. */
static void check_warm(const struct tokenizer *tokenizer, const struct pieces_spec *spec, struct pieces *from,
                       const uint8_t *data, const int64_t *offsets, unsigned turn)
{
    struct units_made made = {0};
    require(pieces_known(from, turn % 16 == 1 ? 3 : 1000, &made), "memory");
    const int64_t none = 0;
    const struct units units = {made.text, made.count ? made.text_at : &none, made.tokens,
                                made.count ? made.tokens_at : &none, made.count};
    for (int damaged = 0; damaged < 2; damaged++) {
        struct pieces *warm = pieces_build(spec);
        require(warm != NULL, "a model");
        pieces_begin(warm, &units);
        if (!damaged) {
            check_rows(tokenizer, warm, data, offsets, 1);
        } else if (pieces_encode(warm, data, offsets, kinds, ROWS, 2).status == PIECES_DONE) {
            pieces_drop(warm);
        }
        pieces_free(warm);
        for (size_t i = 0; made.count && i < (size_t)made.tokens_at[made.count]; i++)
            made.tokens[i] = (int32_t)((i + 1) * 2654435761u >> i % 24); /* Knuth's multiplier: any number */
        for (size_t i = 0; made.count && i < (size_t)made.text_at[made.count]; i += 1 + turn % 7)
            made.text[i] ^= (uint8_t)(turn + i);
        if (made.count > 1) /* two units become one of no bytes and one of more */
            made.text_at[1] = 0;
    }
    units_free(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct tokenizer tokenizer;
    static unsigned turn;
    struct source source = {bytes, size, 0};
    make_tokenizer(&tokenizer, &source);
    const struct pieces_spec spec = {
        .pieces = {tokenizer.text, tokenizer.offsets, IDS},
        .merges = tokenizer.merges,
        .merges_count = tokenizer.merges_count,
        .bytes = tokenizer.bytes,
        .prefix = tokenizer.prefix,
        .later = tokenizer.later,
        .normal = tokenizer.normal,
        .split = tokenizer.split,
        .width = next_byte(&source) & 1 ? 2 : 4,
    };
    int64_t offsets[ROWS + 1] = {0};
    for (unsigned row = 0; row < ROWS; row++) {
        const unsigned kind = next_byte(&source) % 32; /* mostly texts */
        kinds[row] = kind < 2 ? (int32_t)(kind * (IDS - 1)) : -1 - (int32_t)(kind % 4);
        if (kinds[row] == ADDED_HARD && kind > 8)
            kinds[row] = ADDED_TEXT;
    }
    for (unsigned row = 0; row + 1 < ROWS; row++)
        offsets[row + 1] = offsets[row] + next_byte(&source) % 64;
    const size_t left = size - source.at;
    offsets[ROWS] = (int64_t)left;
    for (unsigned row = 0; row < ROWS; row++)
        if (offsets[row] > (int64_t)left)
            offsets[row] = (int64_t)left;
    uint8_t *data = malloc(left ? left : 1); /* a block of its own, so that a read past the end is seen */
    require(data != NULL, "memory");
    memcpy(data, bytes + source.at, left);
    struct pieces *pieces = pieces_build(&spec);
    require(pieces != NULL, "a model");
    for (int times = 0; times < 2; times++)
        check_rows(&tokenizer, pieces, data, offsets, 1);
    if (turn % 16 == 0)
        check_rows(&tokenizer, pieces, data, offsets, 3);
    if (turn % 4 == 1)
        check_warm(&tokenizer, &spec, pieces, data, offsets, turn);
    pieces_free(pieces);
    struct cuts cuts;
    cuts_build(&cuts, &spec);
    check_cuts(&cuts, data, left);
    check_cache(data, left, turn++);
    free(data);
    return 0;
}

#ifndef LIBFUZZER

#define UNKNOWN "\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2"
static const char *const parts[] = {
    "a", "b", "c", "ab", "aa", "1", "11", "\n", "\n\n", ".", "\xC3\xA9", "\xE2\x82\xAC", " ", " ", "  ", "\xE2\x96\x81", "<x",
    " <x", "<", "\xF0\x9F\x98\x80", "\xE2\x96", "\xC3", "\xFF", "abcabc", ". a", "\xD0\xB6", "A",
    UNKNOWN UNKNOWN UNKNOWN, "\t",
};
#define PARTS (sizeof parts / sizeof *parts)
#define LONGEST_PART 40
#define MOST 1024

static size_t grow(uint8_t *input, uint64_t *state)
{
    const size_t head = 2 + 2 * MERGES + 2 * ROWS;
    const unsigned alphabet = 4 + (unsigned)(next_number(state) % (PARTS - 4));
    const bool clean = next_number(state) % 8 != 0;
    size_t size = 0;
    for (; size < head; size++)
        input[size] = (uint8_t)next_number(state);
    for (size_t count = next_number(state) % 200; count && size + LONGEST_PART < MOST; count--) {
        const char *part = parts[next_number(state) % alphabet];
        const bool faulty = strcmp(part, "\xE2\x96") == 0 || strcmp(part, "\xC3") == 0 || strcmp(part, "\xFF") == 0;
        if (clean && faulty)
            continue;
        memcpy(input + size, part, strlen(part));
        size += strlen(part);
    }
    return size;
}

int main(int count, char **values)
{
    static uint8_t input[MOST];
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    LLVMFuzzerTestOneInput(input, 0);
    for (long i = 0; i < inputs; i++)
        LLVMFuzzerTestOneInput(input, grow(input, &state));
    printf("%ld inputs\n", inputs);
    return 0;
}

#endif
