/* Words and shingles of texts: see shingles.h. */
#include "shingles.h"

#include <stdlib.h>
#include <string.h>

#include "fold.h"

#define START 0x9E3779B97F4A7C15u  /* 2^64 by the golden ratio, odd: of a word without letters, so that length counts */
#define LETTER 0xD6E8FEB86659FD93u /* base of letters: odd, its bits evenly spread (the multiplier of Evensen's rrmxmx) */
#define WORD 0xA0761D6478BD642Bu   /* base of words: 3 modulo 8 (the first secret of wyhash, its last bits made 011) */

uint32_t *shingles_fold(void)
{
    uint32_t *const fold = malloc(FOLD_LIMIT * sizeof *fold);
    const size_t runs = sizeof fold_runs / sizeof *fold_runs;
    for (size_t i = 0; fold && i < runs; i++) {
        const uint32_t end = i + 1 < runs ? fold_runs[i + 1].first : FOLD_LIMIT;
        for (uint32_t code = fold_runs[i].first; code < end; code++)
            fold[code] = fold_runs[i].value + fold_runs[i].rise * (code - fold_runs[i].first);
    }
    return fold;
}

void shingles_open(struct shingles *shingles, const uint32_t *fold, const uint8_t *text, size_t size, size_t n)
{
    shingles->fold = fold;
    shingles->at = text;
    shingles->end = text + size;
    shingles->letters = START;
    shingles->n = n;
    shingles->held = 0;
    shingles->open = shingles->any = false;
    shingles->leaving = 1;
    for (size_t i = 0; i < n; i++)
        shingles->leaving *= WORD;
}

/* ---- words ---- */

#define CODE ((1u << FOLD_KIND) - 1) /* of a value; of letters, whose kind is 0, it is all of it */

static inline uint64_t letter(uint64_t letters, uint32_t code) { return (letters ^ code) * LETTER; }

/* Bytes of a code point by the first of them, in well-formed UTF-8. */
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

static uint64_t letters_of(uint64_t letters, const uint32_t *many)
{
    for (size_t i = 0; i < 3 && many[i]; i++)
        letters = letter(letters, many[i]);
    return letters;
}

/* Up to `room` words, fewer where the text is over. A character that is a word by itself may end one before it and be
 * one: then there must be room for two. Letters come first, being 9 of 10. */
static size_t read_words(struct shingles *shingles, uint64_t *words, size_t room)
{
    const uint32_t *const fold = shingles->fold;
    const uint8_t *at = shingles->at, *const end = shingles->end;
    uint64_t letters = shingles->letters;
    bool open = shingles->open;
    size_t count = 0;
    while (at < end && count < room) {
        const uint8_t *const here = at;
        const uint32_t value = fold[decode(&at)], code = value & CODE;
        const enum fold_kind kind = value >> FOLD_KIND;
        if (value <= CODE) {
            letters = letter(letters, code);
            open = true;
        } else if (kind == FOLD_SEPARATOR || kind == FOLD_ALONE) {
            if (open) {
                words[count++] = shingles_mix(letters);
                letters = START;
                open = false;
                if (kind == FOLD_ALONE && count == room) {
                    at = here; /* it is read again */
                    break;
                }
            }
            if (kind == FOLD_ALONE)
                words[count++] = shingles_mix(letter(START, code));
        } else if (kind != FOLD_DROPPED) {
            letters = kind == FOLD_MANY ? letters_of(letters, fold_many[code]) : letter(letters, code);
            open = true;
        }
    }
    if (at == end && open && count < room) {
        words[count++] = shingles_mix(letters);
        letters = START;
        open = false;
    }
    shingles->at = at;
    shingles->letters = letters;
    shingles->open = open;
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
