/* Symmetric trees: see trees.h. */
#include "trees.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 32 /* taken together: bytes of one vector register */

/* Compilers make of this what the machine has. */
typedef uint8_t bytes __attribute__((vector_size(ROWS)));
#define NUMBERS 8
typedef float numbers __attribute__((vector_size(4 * NUMBERS)));
typedef int32_t counts __attribute__((vector_size(4 * NUMBERS)));

bool trees_check(const struct trees *trees)
{
    bool good = trees->features <= 256 && trees->borders_at[0] == 0;
    for (size_t i = 0; i < trees->features && good; i++)
        good = trees->borders_at[i] <= trees->borders_at[i + 1] &&
               trees->borders_at[i + 1] - trees->borders_at[i] <= TREES_BORDERS;
    for (size_t i = 0; i < trees->count * TREES_DEPTH && good; i++)
        good = trees->feature[i] < trees->features;
    return good;
}

/* Each row's number of borders that it is above. There are ten borders a feature on average: to compare with all of them
 * takes less time than to search. */
static inline __attribute__((always_inline)) void place(const struct trees *trees, const float *rows, size_t count,
                                                        uint8_t *columns)
{
    for (size_t i = 0; i < trees->features; i++) {
        const float *const borders = trees->borders + trees->borders_at[i];
        const size_t many = trees->borders_at[i + 1] - trees->borders_at[i];
        float values[ROWS] = {0};
        for (size_t row = 0; row < count && many; row++)
            values[row] = rows[row * trees->features + i];
        for (size_t from = 0; from < ROWS && many; from += NUMBERS) {
            numbers value;
            counts above = {0};
            memcpy(&value, values + from, sizeof value);
            for (size_t k = 0; k < many; k++)
                above -= (counts)(value > borders[k]);
            for (size_t row = 0; row < NUMBERS; row++)
                columns[i * ROWS + from + row] = (uint8_t)above[row];
        }
    }
}

static inline __attribute__((always_inline)) void score(const struct trees *trees, const float *rows, size_t count,
                                                        uint8_t *columns, int32_t *out)
{
    int32_t sums[ROWS];
    place(trees, rows, count, columns);
    for (size_t row = 0; row < ROWS; row++)
        sums[row] = trees->bias;
    for (size_t tree = 0; tree < trees->count; tree++) {
        const uint8_t *const feature = trees->feature + tree * TREES_DEPTH, *const border = trees->border + tree * TREES_DEPTH;
        const int16_t *const leaves = trees->leaves + tree * TREES_LEAVES;
        bytes found = {0};
        uint8_t leaf[ROWS];
        for (unsigned level = 0; level < TREES_DEPTH; level++) {
            bytes column;
            memcpy(&column, columns + (size_t)feature[level] * ROWS, ROWS);
            found |= (bytes)(column > border[level]) & (uint8_t)(1 << level);
        }
        memcpy(leaf, &found, ROWS);
        for (size_t row = 0; row < ROWS; row++)
            sums[row] += leaves[leaf[row]];
    }
    memcpy(out, sums, count * sizeof *out);
}

#if defined(__x86_64__) && !defined(PLAIN_C)
#define DISPATCHED
__attribute__((target("avx2"))) static void score_vectors(const struct trees *trees, const float *rows, size_t count,
                                                          uint8_t *columns, int32_t *out)
{
    score(trees, rows, count, columns, out);
}
#endif

static void score_plainly(const struct trees *trees, const float *rows, size_t count, uint8_t *columns, int32_t *out)
{
    score(trees, rows, count, columns, out);
}

bool trees_score(const struct trees *trees, const float *rows, size_t count, int32_t *out)
{
    uint8_t *const columns = calloc(trees->features + 1, ROWS);
    void (*scored)(const struct trees *, const float *, size_t, uint8_t *, int32_t *) = score_plainly;
#ifdef DISPATCHED
    if (__builtin_cpu_supports("avx2"))
        scored = score_vectors;
#endif
    for (size_t from = 0; from < count && columns; from += ROWS)
        scored(trees, rows + from * trees->features, count - from < ROWS ? count - from : ROWS, columns, out + from);
    free(columns);
    return columns;
}
