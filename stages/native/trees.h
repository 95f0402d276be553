/* Boosted trees of one question a level (symmetric, "oblivious" trees): many rows at a time, the same sums everywhere.
 *
 * Theory. A tree of depth d asks all rows the same d questions, "is the feature above this border", and the d answers
 * are the number of a leaf. A feature is first turned into the number of its borders that it is above, one byte; then a
 * question is a comparison of bytes, carried out for 32 rows at once, and no branch depends on the data. Leaves are whole
 * numbers of 16 bits, so that sums do not depend on their order, nor on the machine. To look a leaf up for 32 rows is to
 * shuffle bytes: a tree's 64 low bytes and its 64 high bytes are four registers of sixteen each, of which the answers of
 * the lower four questions pick a byte and those of the upper two the register (as in Lucchese et al. 2015, QuickScorer,
 * one walks through all trees, not through one tree's branches).
 */
#ifndef FLORILEGIUM_TREES_H
#define FLORILEGIUM_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREES_DEPTH 6
#define TREES_LEAVES (1 << TREES_DEPTH)
#define TREES_BORDERS 254 /* of a feature, at most */
#define TREES_ROWS 32     /* taken together: bytes of one vector register */

struct trees {
    size_t features, count;
    const float *borders;       /* of all features, rising within each */
    const uint32_t *borders_at; /* features + 1 */
    const uint8_t *feature;     /* count x TREES_DEPTH: what each level asks about, the lowest bit of a leaf's number first */
    const uint8_t *border;      /* the number of the border it asks about */
    const int16_t *leaves;      /* count x TREES_LEAVES */
    uint8_t *planes;            /* count x 2 x TREES_LEAVES: the low bytes of a tree's leaves, then the high ones */
    int32_t bias;
};

/* Checks that the parts fit together, so that nothing outside of them is read, and makes the planes.
 * False: they do not, or memory (then planes is NULL). */
bool trees_open(struct trees *trees);
void trees_close(struct trees *trees);

/* Sums of the leaves of TREES_ROWS rows, of which the first `count` are wanted: columns is features x TREES_ROWS,
 * places features x TREES_ROWS bytes of room. */
void trees_score(const struct trees *trees, const float *columns, size_t count, uint8_t *places, int32_t *out);

#endif
