/* Boosted trees of one question a level (symmetric, "oblivious" trees): many rows at a time, the same sums everywhere.
 *
 * Theory. A tree of depth d asks all rows the same d questions, "is the feature above this border", and the d answers
 * are the number of a leaf. A feature is first turned into the number of its borders that it is above, one byte; then a
 * question is a comparison of bytes, which compilers carry out for 32 rows at once, and no branch depends on the data.
 * Leaves are whole numbers, so that sums do not depend on their order, nor on the machine.
 */
#ifndef FLORILEGIUM_TREES_H
#define FLORILEGIUM_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREES_DEPTH 6
#define TREES_LEAVES (1 << TREES_DEPTH)
#define TREES_BORDERS 255 /* of a feature, at most */

struct trees {
    size_t features, count;
    const float *borders;       /* of all features, rising within each */
    const uint32_t *borders_at; /* features + 1 */
    const uint8_t *feature;     /* count x TREES_DEPTH: what each level asks about, the lowest bit of a leaf's number first */
    const uint8_t *border;      /* the number of the border it asks about */
    const int16_t *leaves;      /* count x TREES_LEAVES */
    int32_t bias;
};

/* Whether the parts fit together: nothing outside of them is read then. */
bool trees_check(const struct trees *trees);

/* Sums of the leaves of count rows of `features` numbers. False: memory. */
bool trees_score(const struct trees *trees, const float *rows, size_t count, int32_t *out);

#endif
