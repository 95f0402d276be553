/* MinHash signatures: 112 numbers of a text, of which two texts share as many as their shingles overlap.
 *
 * Theory (Broder 1997). The smallest value of a hash over two sets is the same with a chance of their Jaccard similarity,
 * the share of the union that both have. Of 112 such hashes (permutations) the share that agrees estimates it with a
 * standard error of sqrt(J (1 - J) / 112), at most .047. Bands of r hashes in a row find pairs without comparing all: b
 * bands agree somewhere with a chance of 1 - (1 - J^r)^b (14 x 8 in FineWeb; 20 x 5 finds nearly all from J = .8 on and
 * leaves the rest to verification). 112 = 14 x 8 is also 14 vector registers of 8.
 *
 * Permutation i takes the upper 32 bits h of a shingle's hash to (h ^ xor[i]) * factor[i] modulo 2^32, a bijection since
 * the factor is odd. Texts of N shingles that share none agree in about N / 2^32 of the places by chance: .0025 at 10^7
 * shingles, 70 MB of text.
 */
#ifndef FLORILEGIUM_MINHASH_H
#define FLORILEGIUM_MINHASH_H

#include <stddef.h>
#include <stdint.h>

#include "shingles.h"

#define MINHASH_SIZE 112

/* Drawn by splitmix64 from the state MINHASH_SEED: of each number drawn the upper 32 bits; first all xors, then all
 * factors with their lowest bit set. */
#define MINHASH_SEED 0x666C6F72696C6567u /* "florileg" */

struct minhash_seeds {
    uint32_t xors[MINHASH_SIZE], factors[MINHASH_SIZE];
};

void minhash_seeds(struct minhash_seeds *seeds);

/* The signature of a text of well-formed UTF-8 over shingles of n words (shingles.h); without words all bits are set. */
void minhash(const struct minhash_seeds *seeds, const struct shingles_table *table, const uint8_t *text, size_t size,
             size_t n, uint32_t *signature);

/* A key of 64 bits of each band: `rows` hashes in a row; bands x rows <= MINHASH_SIZE. Equal hashes in different bands
 * have different keys. */
void minhash_bands(const uint32_t *signature, size_t bands, size_t rows, uint64_t *keys);

/* A byte of each hash: the lowest of murmur3's finalizer of it (Appleby), since a smallest value's own upper bits are
 * nearly always 0 and its lowest depend on the lowest of the shingle's hash alone. */
void minhash_small(const uint32_t *signature, uint8_t *small);

#endif
