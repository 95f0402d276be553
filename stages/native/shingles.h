/* Texts to words to shingles, as 64-bit hashes: what near duplicates have in common.
 *
 * Theory. Two texts are alike as far as they share runs of n words (shingles; Broder 1997). What a word is matters little
 * as long as it is the same for copies, so that words are cut by one table of code points (fold.py has the rules) and no
 * language is asked for: lower case, no diacritics, digits alike, anything else than letters between words, and one word
 * a character where a script has no spaces.
 *
 * A word's hash is the sum of its folded code points, each times an odd number drawn for its place (multilinear hashing,
 * Carter and Wegman 1979); a shingle's is a polynomial in its words' hashes, rolled from one shingle to the next (Karp and
 * Rabin 1987); both modulo 2^64. Each is then mixed by the finalizer of splitmix64, a bijection, so that shingles collide
 * only where their sums do. The base of the polynomial is 3 modulo 8: then base^k - 1 has few factors 2 for small k, and
 * texts that differ in the order of their words lose no more than 4 of the 64 bits for shingles of up to 8 words. Chance
 * collisions: 2^-60 a pair of shingles at worst, 2^-64 otherwise; among the 10^7 shingles of a document of 70 MB one with
 * odds of 1 to 20,000 at worst.
 */
#ifndef FLORILEGIUM_SHINGLES_H
#define FLORILEGIUM_SHINGLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHINGLES_WORDS 64   /* in a shingle, at most */
#define SHINGLES_WINDOW 512 /* shingles at a time: 4 KiB, whatever the size of the text */
#define SHINGLES_PLACES 64  /* letters of a word until its sum is mixed, and counts as the first letter of what follows */

/* What all texts are read by. */
struct shingles_table {
    uint64_t factors[SHINGLES_PLACES]; /* of letters: drawn by splitmix64 from the state 0, the lowest bit set */
    uint32_t fold[];                   /* what fold.h has as runs, a value a code point */
};

/* 4.25 MiB, to be freed. NULL: memory. */
struct shingles_table *shingles_table(void);

struct shingles {
    const struct shingles_table *table;
    const uint8_t *at, *end;
    uint64_t sum;     /* of the word that is being read */
    size_t place;     /* of its next letter; 0 where none is being read */
    uint64_t leaving; /* base^n: what the oldest word of a shingle counts when the next one has come */
    size_t n, held;   /* words carried over from the window before */
    bool any;         /* whether there was a shingle */
    uint64_t words[SHINGLES_WORDS - 1 + SHINGLES_WINDOW];
};

/* text: well-formed UTF-8 (utf8.h). n: 1 to SHINGLES_WORDS. */
void shingles_open(struct shingles *shingles, const struct shingles_table *table, const uint8_t *text, size_t size,
                   size_t n);

/* The next shingles in order, at most SHINGLES_WINDOW; 0 where the text is over. A text of 1 to n - 1 words has one
 * shingle, all of its words; one without words has none. There are no more shingles than (size + 1) / 2. */
size_t shingles_next(struct shingles *shingles, uint64_t *hashes);

/* The finalizer of splitmix64 (Steele, Lea and Flood 2014; constants: Stafford's mix 13). */
static inline uint64_t shingles_mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

#endif
