/* Fuzzer of shingles.c and minhash.c: an entry for libFuzzer, and a main that makes texts by itself, always the same.
 *
 *   gcc -fsanitize=address,undefined ... && ./minhash 20000     number of inputs to try
 *   clang -fsanitize=fuzzer,address,undefined -DLIBFUZZER ...  to search longer
 *
 * An input is the number of words of a shingle and a text, of which what is no UTF-8 is left out. What holds: no fault;
 * shingles are those of a text split plainly; the signature is their smallest values, with vectors and without.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fold.h"
#include "minhash.h"
#include "numbers.h"
#include "shingles.h"
#include "utf8.h"

#define MOST 8192

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* ---- plainly ---- */

static uint32_t fold_of(uint32_t code)
{
    size_t run = 0;
    while (run + 1 < sizeof fold_runs / sizeof *fold_runs && fold_runs[run + 1].first <= code)
        run++;
    return fold_runs[run].value + fold_runs[run].rise * (code - fold_runs[run].first);
}

static uint32_t code_at(const uint8_t *text, size_t *at)
{
    const size_t bytes = text[*at] < 0x80 ? 1 : text[*at] < 0xE0 ? 2 : text[*at] < 0xF0 ? 3 : 4;
    uint32_t code = bytes == 1 ? text[*at] : text[*at] & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++)
        code = code << 6 | (text[*at + i] & 63u);
    *at += bytes;
    return code;
}

/* Words of a text, each ended by 0 in `letters`; their number. */
static size_t split(const uint8_t *text, size_t size, uint32_t *letters)
{
    size_t words = 0, end = 0;
    bool open = false;
    for (size_t at = 0; at < size;) {
        const uint32_t value = fold_of(code_at(text, &at)), code = value & ((1u << FOLD_KIND) - 1);
        const enum fold_kind kind = value >> FOLD_KIND;
        if (kind == FOLD_DROPPED)
            continue;
        if (open && (kind == FOLD_SEPARATOR || kind == FOLD_ALONE)) {
            letters[end++] = 0;
            words++;
            open = false;
        }
        if (kind == FOLD_SEPARATOR)
            continue;
        for (size_t i = 0; kind == FOLD_MANY && i < 3 && fold_many[code][i]; i++)
            letters[end++] = fold_many[code][i];
        if (kind != FOLD_MANY)
            letters[end++] = code;
        open = kind != FOLD_ALONE;
        if (!open) {
            letters[end++] = 0;
            words++;
        }
    }
    if (open)
        letters[end] = 0;
    return words + open;
}

static uint64_t word_hash(const struct shingles_table *table, const uint32_t **letters)
{
    uint64_t sum = 0;
    size_t place = 0;
    const uint32_t *at = *letters;
    for (; *at; at++) {
        sum += *at * table->factors[place++];
        if (place == SHINGLES_PLACES) {
            sum = shingles_mix(sum);
            place = 1;
        }
    }
    *letters = at + 1;
    return shingles_mix(sum);
}

/* ---- what holds ---- */

static void check(const struct shingles_table *table, const struct minhash_seeds *seeds, const uint8_t *text, size_t size, size_t n)
{
    static uint32_t letters[3 * MOST + 1];
    static uint64_t words[MOST];
    const size_t count = split(text, size, letters), shingles_count = count < n ? count > 0 : count - n + 1;
    const size_t width = count < n ? count : n;
    const uint32_t *at = letters;
    for (size_t i = 0; i < count; i++)
        words[i] = word_hash(table, &at);
    require(shingles_count <= (size + 1) / 2, "no more shingles than promised");
    uint32_t expected[MINHASH_SIZE], found[MINHASH_SIZE];
    memset(expected, 255, sizeof expected);
    struct shingles shingles;
    uint64_t window[SHINGLES_WINDOW];
    size_t got = 0, have = 0;
    shingles_open(&shingles, table, text, size, n);
    for (size_t i = 0; i < shingles_count; i++, got++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < width; k++)
            sum = sum * 0xA0761D6478BD642Bu + words[i + k];
        const uint64_t hash = shingles_mix(sum);
        if (got == have) {
            have = shingles_next(&shingles, window);
            got = 0;
        }
        require(got < have && window[got] == hash, "the shingles of a plain split");
        for (size_t p = 0; p < MINHASH_SIZE; p++) {
            const uint32_t value = ((uint32_t)(hash >> 32) ^ seeds->xors[p]) * seeds->factors[p];
            expected[p] = value < expected[p] ? value : expected[p];
        }
    }
    require(got == have && shingles_next(&shingles, window) == 0, "no more of them");
    minhash(seeds, table, text, size, n, found);
    require(memcmp(found, expected, sizeof found) == 0, "the smallest values");
    uint64_t keys[MINHASH_SIZE];
    uint8_t small[MINHASH_SIZE];
    minhash_bands(found, MINHASH_SIZE / n, n, keys);
    minhash_small(found, small);
}

static void check_bytes(const struct shingles_table *table, const struct minhash_seeds *seeds, const uint8_t *bytes, size_t size)
{
    uint8_t *const text = malloc(size ? size : 1); /* a block of its own, so that a read past the end is seen */
    require(text != NULL, "memory");
    size_t kept = 0, at = 1;
    while (at < size) {
        const size_t good = utf8_fault(bytes + at, size - at);
        memcpy(text + kept, bytes + at, good);
        kept += good;
        at += good + 1;
    }
    uint8_t *const exact = realloc(text, kept ? kept : 1);
    require(exact != NULL, "memory");
    check(table, seeds, exact, kept, size ? 1 + bytes[0] % SHINGLES_WORDS : 1);
    free(exact);
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct shingles_table *table;
    static struct minhash_seeds seeds;
    if (!table) {
        table = shingles_table();
        minhash_seeds(&seeds);
    }
    check_bytes(table, &seeds, data, size < MOST ? size : MOST);
    return 0;
}
#else
static size_t grow(uint8_t *bytes, uint64_t *state)
{
    static const char *const parts[] = {"a",  "b",        " ",        "0",        ".",    "\xC3\x9F", "\xCF\x82",
                                        "\n", "\xCC\x81", "\xE6\xBC\xA2", "\xEF\xAC\x83", "\xC2\xAD", "\xEA\xB0\x81",
                                        "\xF0\xB0\x80\x80"};
    const size_t want = below(state, 8) ? below(state, 100) : below(state, MOST - 8), words = 1 + below(state, 14);
    size_t size = 1;
    bytes[0] = (uint8_t)(below(state, 2) ? below(state, 8) : below(state, 256));
    while (size < want) {
        const char *const part = parts[below(state, words)];
        if (below(state, 8) == 0) {
            bytes[size++] = (uint8_t)next_number(state);
        } else {
            memcpy(bytes + size, part, strlen(part));
            size += strlen(part);
        }
    }
    return size;
}

int main(int count, char **values)
{
    static uint8_t bytes[MOST];
    struct minhash_seeds seeds;
    struct shingles_table *const table = shingles_table();
    uint64_t state = 88172645463325252u; /* the seed in Marsaglia's paper */
    if (count > 2) /* another seed, for long runs: spread by the golden ratio (Knuth) */
        state ^= strtoull(values[2], NULL, 10) * 0x9E3779B97F4A7C15u;
    const long inputs = count > 1 ? strtol(values[1], NULL, 10) : 1000;
    require(table != NULL, "memory");
    minhash_seeds(&seeds);
    for (long i = 0; i < inputs; i++)
        check_bytes(table, &seeds, bytes, grow(bytes, &state));
    free(table);
    printf("%ld inputs\n", inputs);
    return 0;
}
#endif
