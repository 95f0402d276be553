/* Symmetric trees: see trees.h. */
#include "trees.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(PLAIN_C)
#define AVX2
#include <immintrin.h>
#endif

static bool fits(const struct trees *trees)
{
    bool good = trees->features <= 256 && trees->borders_at[0] == 0;
    for (size_t i = 0; i < trees->features && good; i++)
        good = trees->borders_at[i] <= trees->borders_at[i + 1] &&
               trees->borders_at[i + 1] - trees->borders_at[i] <= TREES_BORDERS;
    for (size_t i = 0; i < trees->count * TREES_DEPTH && good; i++)
        good = trees->feature[i] < trees->features && trees->border[i] < TREES_BORDERS;
    return good;
}

bool trees_open(struct trees *trees)
{
    trees->planes = fits(trees) ? malloc(trees->count * 2 * TREES_LEAVES + 1) : NULL;
    if (!trees->planes)
        return false;
    for (size_t tree = 0; tree < trees->count; tree++) {
        uint8_t *const low = trees->planes + tree * 2 * TREES_LEAVES, *const high = low + TREES_LEAVES;
        for (size_t leaf = 0; leaf < TREES_LEAVES; leaf++) {
            const uint16_t value = (uint16_t)trees->leaves[tree * TREES_LEAVES + leaf];
            low[leaf] = value & 255;
            high[leaf] = value >> 8;
        }
    }
    return true;
}

void trees_close(struct trees *trees)
{
    free(trees->planes);
    trees->planes = NULL;
}

/* ---- in plain C ---- */

/* Each row's number of borders that it is above. There are ten borders a feature on average: to compare with all of them
 * takes less time than to search. */
static void place(const struct trees *trees, const float *columns, uint8_t *places)
{
    for (size_t i = 0; i < trees->features; i++) {
        const float *const borders = trees->borders + trees->borders_at[i], *const column = columns + i * TREES_ROWS;
        const size_t many = trees->borders_at[i + 1] - trees->borders_at[i];
        for (size_t row = 0; row < TREES_ROWS; row++) {
            unsigned above = 0;
            for (size_t k = 0; k < many; k++)
                above += column[row] > borders[k];
            places[i * TREES_ROWS + row] = (uint8_t)above;
        }
    }
}

static void add_leaves(const struct trees *trees, const uint8_t *places, int32_t *sums)
{
    for (size_t tree = 0; tree < trees->count; tree++) {
        const uint8_t *const feature = trees->feature + tree * TREES_DEPTH, *const border = trees->border + tree * TREES_DEPTH;
        const int16_t *const leaves = trees->leaves + tree * TREES_LEAVES;
        for (size_t row = 0; row < TREES_ROWS; row++) {
            unsigned leaf = 0;
            for (unsigned level = 0; level < TREES_DEPTH; level++)
                leaf |= (unsigned)(places[(size_t)feature[level] * TREES_ROWS + row] > border[level]) << level;
            sums[row] += leaves[leaf];
        }
    }
}

/* ---- with vectors ---- */

#ifdef AVX2
#define VECTORS __attribute__((target("avx2")))

VECTORS static __m256i above(const float *column, const float *borders, size_t many)
{
    const __m256 values = _mm256_loadu_ps(column);
    __m256i found = _mm256_setzero_si256();
    for (size_t k = 0; k < many; k++)
        found = _mm256_sub_epi32(
            found, _mm256_castps_si256(_mm256_cmp_ps(values, _mm256_broadcast_ss(borders + k), _CMP_GT_OQ)));
    return found;
}

VECTORS static void place_vectors(const struct trees *trees, const float *columns, uint8_t *places)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7); /* packing interleaves halves of registers */
    for (size_t i = 0; i < trees->features; i++) {
        const float *const borders = trees->borders + trees->borders_at[i], *const column = columns + i * TREES_ROWS;
        const size_t many = trees->borders_at[i + 1] - trees->borders_at[i];
        const __m256i first = _mm256_packs_epi32(above(column, borders, many), above(column + 8, borders, many));
        const __m256i second = _mm256_packs_epi32(above(column + 16, borders, many), above(column + 24, borders, many));
        const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(first, second), order);
        _mm256_storeu_si256((__m256i *)(void *)(places + i * TREES_ROWS), bytes);
    }
}

VECTORS static inline __m256i answer(const uint8_t *places, uint8_t feature, uint8_t border)
{
    const __m256i least = _mm256_set1_epi8((char)(border + 1));
    const __m256i place = _mm256_loadu_si256((const __m256i *)(const void *)(places + (size_t)feature * TREES_ROWS));
    return _mm256_cmpeq_epi8(_mm256_max_epu8(place, least), place);
}

VECTORS static inline __m256i sixteen(const uint8_t *plane)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)plane));
}

/* The bytes of a plane that the leaves' numbers name: `low` their lower four bits, five and six masks of the others. */
VECTORS static inline __m256i pick(const uint8_t *plane, __m256i low, __m256i five, __m256i six)
{
    const __m256i first = _mm256_blendv_epi8(_mm256_shuffle_epi8(sixteen(plane), low),
                                             _mm256_shuffle_epi8(sixteen(plane + 16), low), five);
    const __m256i second = _mm256_blendv_epi8(_mm256_shuffle_epi8(sixteen(plane + 32), low),
                                              _mm256_shuffle_epi8(sixteen(plane + 48), low), five);
    return _mm256_blendv_epi8(first, second, six);
}

struct picked {
    __m256i low, high;
};

VECTORS static inline struct picked leaves_of(const struct trees *trees, size_t tree, const uint8_t *places)
{
    const uint8_t *const feature = trees->feature + tree * TREES_DEPTH, *const border = trees->border + tree * TREES_DEPTH;
    const uint8_t *const plane = trees->planes + tree * 2 * TREES_LEAVES;
    __m256i low = _mm256_and_si256(answer(places, feature[0], border[0]), _mm256_set1_epi8(1));
    low = _mm256_or_si256(low, _mm256_and_si256(answer(places, feature[1], border[1]), _mm256_set1_epi8(2)));
    low = _mm256_or_si256(low, _mm256_and_si256(answer(places, feature[2], border[2]), _mm256_set1_epi8(4)));
    low = _mm256_or_si256(low, _mm256_and_si256(answer(places, feature[3], border[3]), _mm256_set1_epi8(8)));
    const __m256i five = answer(places, feature[4], border[4]), six = answer(places, feature[5], border[5]);
    return (struct picked){pick(plane, low, five, six), pick(plane + TREES_LEAVES, low, five, six)};
}

/* Two trees at a time: a pair of leaves of 16 bits, times one each, is added to a sum of 32 bits by one instruction. The
 * rows of the four sums are 0-3 and 16-19, 4-7 and 20-23, 8-11 and 24-27, 12-15 and 28-31: as unpacking leaves them. */
VECTORS static void add_leaves_vectors(const struct trees *trees, const uint8_t *places, int32_t *sums)
{
    const __m256i ones = _mm256_set1_epi16(1), zero = _mm256_setzero_si256();
    __m256i sum[4] = {zero, zero, zero, zero};
    for (size_t tree = 0; tree < trees->count; tree += 2) {
        const struct picked a = leaves_of(trees, tree, places);
        const struct picked b = tree + 1 < trees->count ? leaves_of(trees, tree + 1, places) : (struct picked){zero, zero};
        const __m256i a_first = _mm256_unpacklo_epi8(a.low, a.high), a_second = _mm256_unpackhi_epi8(a.low, a.high);
        const __m256i b_first = _mm256_unpacklo_epi8(b.low, b.high), b_second = _mm256_unpackhi_epi8(b.low, b.high);
        sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(_mm256_unpacklo_epi16(a_first, b_first), ones));
        sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(_mm256_unpackhi_epi16(a_first, b_first), ones));
        sum[2] = _mm256_add_epi32(sum[2], _mm256_madd_epi16(_mm256_unpacklo_epi16(a_second, b_second), ones));
        sum[3] = _mm256_add_epi32(sum[3], _mm256_madd_epi16(_mm256_unpackhi_epi16(a_second, b_second), ones));
    }
    for (size_t four = 0; four < 4; four++) {
        int32_t found[8];
        memcpy(found, sum + four, sizeof found);
        for (size_t row = 0; row < 4; row++) {
            sums[4 * four + row] += found[row];
            sums[16 + 4 * four + row] += found[4 + row];
        }
    }
}
#endif

void trees_score(const struct trees *trees, const float *columns, size_t count, uint8_t *places, int32_t *out)
{
    int32_t sums[TREES_ROWS];
    for (size_t row = 0; row < TREES_ROWS; row++)
        sums[row] = trees->bias;
#ifdef AVX2
    if (__builtin_cpu_supports("avx2")) {
        place_vectors(trees, columns, places);
        add_leaves_vectors(trees, places, sums);
        memcpy(out, sums, count * sizeof *out);
        return;
    }
#endif
    place(trees, columns, places);
    add_leaves(trees, places, sums);
    memcpy(out, sums, count * sizeof *out);
}
