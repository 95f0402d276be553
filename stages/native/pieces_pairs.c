/* Ranks of pairs: see pieces_pairs.h. */
#include <stdlib.h>
#include <string.h>

#include "pieces_pairs.h"

#define LARGE 32           /* buckets of so many pairs are put first, in any order */
#define MOST_BITS 27       /* of the number of places: a table of 1 GiB */
#define SHIFTS 256         /* tried for a bucket before the table is made larger */

static unsigned bits_for(uint64_t count)
{
    unsigned bits = 6;
    while (UINT64_C(1) << bits < count)
        bits++;
    return bits;
}

struct buckets {
    struct pair *pairs; /* bucket by bucket */
    uint32_t *starts, *ends;
    size_t count;
};

/* Of a pair that is there more than once the last stays. */
static uint32_t without_doubles(struct pair *pairs, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < kept && pairs[at].ids >> 24 != pairs[i].ids >> 24)
            at++;
        pairs[at] = pairs[i];
        kept += at == kept;
    }
    return kept;
}

static bool sort(struct buckets *buckets, unsigned shift, const uint32_t *merges, uint32_t count)
{
    buckets->count = (size_t)1 << (64 - shift);
    buckets->pairs = malloc((count + (size_t)1) * sizeof *buckets->pairs);
    buckets->starts = calloc(buckets->count, sizeof *buckets->starts);
    buckets->ends = calloc(buckets->count, sizeof *buckets->ends);
    if (!buckets->pairs || !buckets->starts || !buckets->ends)
        return false;
    for (uint32_t rank = 0; rank < count; rank++)
        buckets->ends[pairs_hash(pairs_key(merges[3 * (size_t)rank], merges[3 * (size_t)rank + 1])) >> shift]++;
    for (size_t i = 0, at = 0; i < buckets->count; i++) {
        buckets->starts[i] = (uint32_t)at;
        at += buckets->ends[i];
        buckets->ends[i] = buckets->starts[i];
    }
    for (uint32_t rank = 0; rank < count; rank++) {
        const uint32_t *merge = merges + 3 * (size_t)rank;
        const uint64_t key = pairs_key(merge[0], merge[1]);
        buckets->pairs[buckets->ends[pairs_hash(key) >> shift]++] = (struct pair){key << 24 | rank, merge[2]};
    }
    for (size_t i = 0; i < buckets->count; i++)
        buckets->ends[i] =
            buckets->starts[i] + without_doubles(buckets->pairs + buckets->starts[i], buckets->ends[i] - buckets->starts[i]);
    return true;
}

/* Gives all pairs of a bucket free places under this shift, or none. `taken` has a bit for each place. */
static bool put(struct pairs *pairs, uint64_t *taken, const struct pair *from, const struct pair *to, uint32_t shift)
{
    for (const struct pair *pair = from; pair < to; pair++) {
        const size_t place = pairs_place(pairs, pairs_hash(pair->ids >> 24), shift);
        if (!(taken[place / 64] >> place % 64 & 1)) {
            taken[place / 64] |= UINT64_C(1) << place % 64;
            continue;
        }
        while (pair-- > from) {
            const size_t back = pairs_place(pairs, pairs_hash(pair->ids >> 24), shift);
            taken[back / 64] &= ~(UINT64_C(1) << back % 64);
        }
        return false;
    }
    for (const struct pair *pair = from; pair < to; pair++)
        pairs->places[pairs_place(pairs, pairs_hash(pair->ids >> 24), shift)] = *pair;
    return true;
}

/* False where the table is too small, or there is no memory for it: then places is NULL. */
static bool put_all(struct pairs *pairs, const struct buckets *buckets, unsigned bits)
{
    pairs->places_shift = 64 - bits;
    pairs->places = malloc(sizeof *pairs->places << bits);
    uint64_t *taken = calloc((size_t)1 << bits >> 6, sizeof *taken);
    if (!pairs->places || !taken) {
        free(pairs->places);
        free(taken);
        pairs->places = NULL;
        return false;
    }
    memset(pairs->places, 0xFF, sizeof *pairs->places << bits);
    bool all = true;
    for (uint32_t size = LARGE; size && all; size--)
        for (size_t i = 0; i < buckets->count && all; i++) {
            const uint32_t count = buckets->ends[i] - buckets->starts[i];
            if ((count < LARGE ? count : LARGE) != size)
                continue;
            uint32_t shift = 0;
            while (shift < SHIFTS &&
                   !put(pairs, taken, buckets->pairs + buckets->starts[i], buckets->pairs + buckets->ends[i], shift))
                shift++;
            all = shift < SHIFTS;
            pairs->shifts[i] = (uint8_t)shift;
        }
    free(taken);
    return all;
}

bool pairs_build(struct pairs *pairs, const uint32_t *merges, uint32_t count)
{
    struct buckets buckets = {0};
    unsigned bits = bits_for(2 * (uint64_t)count);
    pairs->shifts_shift = 64 - (bits - 2);
    pairs->shifts = calloc((size_t)1 << (bits - 2), sizeof *pairs->shifts);
    bool built = pairs->shifts && sort(&buckets, pairs->shifts_shift, merges, count);
    while (built && !put_all(pairs, &buckets, bits)) {
        built = pairs->places && ++bits <= MOST_BITS;
        free(pairs->places);
        pairs->places = NULL;
    }
    free(buckets.pairs);
    free(buckets.starts);
    free(buckets.ends);
    return built;
}

void pairs_free(struct pairs *pairs)
{
    free(pairs->places);
    free(pairs->shifts);
}
