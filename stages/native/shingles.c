/* Words and shingles of texts: see shingles.h. */
#include "shingles.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"

#define WORD 0xA0761D6478BD642Bu     /* base of words: 3 modulo 8 (the first secret of wyhash, its last bits made 011) */
#define CODE ((1u << FOLD_KIND) - 1) /* of a value; of letters, whose kind is 0, it is all of it */
#define BETWEEN ((uint32_t)FOLD_SEPARATOR << FOLD_KIND)

struct shingles_table *shingles_table(void)
{
    struct shingles_table *const table = malloc(sizeof *table + FOLD_LIMIT * sizeof *table->fold);
    const size_t runs = sizeof fold_runs / sizeof *fold_runs;
    if (!table)
        return NULL;
    for (uint64_t i = 0; i < SHINGLES_PLACES; i++)
        table->factors[i] = shingles_mix((i + 1) * 0x9E3779B97F4A7C15u) | 1;
    for (size_t i = 0; i < runs; i++) {
        const uint32_t end = i + 1 < runs ? fold_runs[i + 1].first : FOLD_LIMIT;
        for (uint32_t code = fold_runs[i].first; code < end; code++)
            table->fold[code] = fold_runs[i].value + fold_runs[i].rise * (code - fold_runs[i].first);
    }
    return table;
}

void shingles_open(struct shingles *shingles, const struct shingles_table *table, const uint8_t *text, size_t size,
                   size_t n)
{
    shingles->table = table;
    shingles->at = text;
    shingles->end = text + size;
    shingles->sum = 0;
    shingles->place = shingles->held = 0;
    shingles->n = n;
    shingles->any = false;
    shingles->leaving = 1;
    for (size_t i = 0; i < n; i++)
        shingles->leaving *= WORD;
}

/* ---- words ---- */

/* The next code point of well-formed UTF-8. */
static inline uint32_t decode(const uint8_t **at)
{
    const uint8_t *const text = *at;
    if (text[0] < 0x80) {
        *at = text + 1;
        return text[0];
    }
    if (text[0] < 0xE0) {
        *at = text + 2;
        return (text[0] & 31u) << 6 | (text[1] & 63u);
    }
    if (text[0] < 0xF0) {
        *at = text + 3;
        return (text[0] & 15u) << 12 | (text[1] & 63u) << 6 | (text[2] & 63u);
    }
    *at = text + 4;
    return (text[0] & 7u) << 18 | (text[1] & 63u) << 12 | (text[2] & 63u) << 6 | (text[3] & 63u);
}

struct word {
    uint64_t sum;
    size_t place; /* 0: no letter yet */
};

static inline struct word with_letter(struct word word, const uint64_t *factors, uint32_t code)
{
    word.sum += code * factors[word.place];
    if (++word.place == SHINGLES_PLACES)
        word = (struct word){shingles_mix(word.sum), 1};
    return word;
}

static struct word with_letters(struct word word, const uint64_t *factors, const uint32_t *many)
{
    for (size_t i = 0; i < 3 && many[i]; i++)
        word = with_letter(word, factors, many[i]);
    return word;
}

/* Up to `room` words, fewer where the text is over. A character that is a word by itself may end one before it and be
 * one: then there must be room for two. Whether a letter or a separator comes is what a processor cannot foresee, so
 * that no branch asks: each is added, a word is written at every place, and counts where one ends. */
static size_t read_words(struct shingles *shingles, uint64_t *words, size_t room)
{
    const uint32_t *const fold = shingles->table->fold;
    const uint64_t *const factors = shingles->table->factors;
    const uint8_t *at = shingles->at, *const end = shingles->end;
    struct word word = {shingles->sum, shingles->place};
    size_t count = 0;
    while (at < end && count < room) {
        const uint8_t *const here = at;
        const uint32_t value = *at < 0x80 ? fold[*at++] : fold[decode(&at)], code = value & CODE;
        if (value <= BETWEEN) {
            const bool letter = value <= CODE;
            words[count] = word.sum;
            count += !letter && word.place;
            word = with_letter(word, factors, code);
            word.sum &= -(uint64_t)letter;
            word.place &= -(size_t)letter;
            continue;
        }
        const enum fold_kind kind = value >> FOLD_KIND;
        if (kind == FOLD_MANY)
            word = with_letters(word, factors, fold_many[code]);
        else if (kind == FOLD_UNASSIGNED)
            word = with_letter(word, factors, code);
        if (kind != FOLD_ALONE)
            continue;
        if (word.place) {
            words[count++] = word.sum;
            word = (struct word){0, 0};
        }
        if (count == room)
            at = here; /* it is read again */
        else
            words[count++] = with_letter(word, factors, code).sum;
    }
    if (at == end && word.place && count < room) {
        words[count++] = word.sum;
        word = (struct word){0, 0};
    }
    shingles->at = at;
    shingles->sum = word.sum;
    shingles->place = word.place;
    for (size_t i = 0; i < count; i++)
        words[i] = shingles_mix(words[i]);
    return count;
}

/* ---- shingles ---- */

static uint64_t polynomial(const uint64_t *words, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum = sum * WORD + words[i];
    return sum;
}

size_t shingles_next(struct shingles *shingles, uint64_t *hashes)
{
    uint64_t *const words = shingles->words;
    const size_t n = shingles->n, before = shingles->held;
    const size_t total = before + read_words(shingles, words + before, SHINGLES_WINDOW);
    if (total < n) {
        const bool only = total && !shingles->any;
        if (only)
            hashes[0] = shingles_mix(polynomial(words, total));
        shingles->any = true;
        return only;
    }
    const size_t count = total - n + 1;
    uint64_t sum = polynomial(words, n);
    hashes[0] = shingles_mix(sum);
    for (size_t i = 1; i < count; i++) {
        sum = sum * WORD + (words[i + n - 1] - words[i - 1] * shingles->leaving);
        hashes[i] = shingles_mix(sum);
    }
    memmove(words, words + count, (n - 1) * sizeof *words);
    shingles->held = n - 1;
    shingles->any = true;
    return count;
}
