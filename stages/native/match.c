/* Buckets to matches: see match.h. */
#include "match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unite.h"

#if defined(__x86_64__) && !defined(PLAIN_C)
#define AVX2
#include <immintrin.h>
#endif

/* ---- two signatures ---- */

static size_t equal_bytes(const uint8_t *one, const uint8_t *other)
{
    size_t equal = 0;
    for (size_t i = 0; i < MATCH_SIZE; i++)
        equal += one[i] == other[i];
    return equal;
}

#ifdef AVX2
#define VECTORS __attribute__((target("avx2")))

/* 0 or -1 a byte, summed for three registers; the 16 bytes behind them apart. */
VECTORS static inline size_t equal_vectors(const uint8_t *one, const uint8_t *other)
{
    const __m128i zero = _mm_setzero_si128();
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < 96; i += 32)
        sum = _mm256_sub_epi8(sum, _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)(one + i)),
                                                     _mm256_loadu_si256((const void *)(other + i))));
    const __m128i last =
        _mm_cmpeq_epi8(_mm_loadu_si128((const void *)(one + 96)), _mm_loadu_si128((const void *)(other + 96)));
    const __m128i half =
        _mm_sub_epi8(_mm_add_epi8(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)), last);
    const __m128i sums = _mm_sad_epu8(half, zero);
    return (size_t)(_mm_cvtsi128_si64(sums) + _mm_extract_epi64(sums, 1));
}

/* The first from `begin` on that is at least so alike; `count` where there is none. */
VECTORS static size_t next_vectors(const uint8_t *one, const uint8_t *others, size_t begin, size_t count, size_t needed)
{
    while (begin < count && equal_vectors(one, others + begin * MATCH_SIZE) < needed)
        begin++;
    return begin;
}
#endif

static size_t next_alike(const uint8_t *one, const uint8_t *others, size_t begin, size_t count, size_t needed)
{
#ifdef AVX2
    if (__builtin_cpu_supports("avx2"))
        return next_vectors(one, others, begin, count, needed);
#endif
    while (begin < count && equal_bytes(one, others + begin * MATCH_SIZE) < needed)
        begin++;
    return begin;
}

/* ---- what a call holds ---- */

struct distinct {
    const uint8_t *signature;
    uint32_t node;
};

struct room {
    /* Nodes, numbered as they come: a table of open addresses from numbers to nodes, a power of two, 0 for free. */
    uint32_t *table, *numbers, *parents;
    size_t mask, nodes;
    /* The bucket at hand: its different signatures, a table of them by hash, and copies side by side to compare with. */
    struct distinct *distinct;
    uint32_t *slots, *nodes_beside;
    uint8_t *beside;
};

static size_t power_above(size_t count)
{
    size_t power = 4;
    while (power < 2 * count)
        power *= 2;
    return power;
}

static size_t bucket_end(const struct match_how *how, size_t begin)
{
    size_t end = begin + 1;
    while (end < how->rows && how->keys[end] == how->keys[begin])
        end++;
    return end;
}

static void room_free(struct room *room)
{
    void *const blocks[] = {room->table, room->numbers, room->parents, room->distinct,
                            room->slots, room->nodes_beside, room->beside};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}

/* For the rows that share a key, and the largest bucket of them. */
static bool room_make(struct room *room, const struct match_how *how)
{
    size_t rows = 0, largest = 0;
    for (size_t begin = 0, end; begin < how->rows; begin = end) {
        end = bucket_end(how, begin);
        rows += end - begin > 1 ? end - begin : 0;
        largest = end - begin > largest ? end - begin : largest;
    }
    const size_t beside = largest < how->most ? largest : how->most;
    memset(room, 0, sizeof *room);
    room->mask = power_above(rows) - 1;
    room->table = calloc(room->mask + 1, sizeof *room->table);
    room->numbers = malloc((rows + 1) * sizeof *room->numbers);
    room->parents = malloc((rows + 1) * sizeof *room->parents);
    room->distinct = malloc((largest + 1) * sizeof *room->distinct);
    room->slots = malloc(power_above(largest) * sizeof *room->slots);
    room->nodes_beside = malloc((beside + 1) * sizeof *room->nodes_beside);
    room->beside = malloc((beside + 1) * MATCH_SIZE);
    return room->table && room->numbers && room->parents && room->distinct && room->slots && room->nodes_beside &&
           room->beside;
}

/* The node of a number, a new one if need be. Fibonacci hashing (Knuth). */
static uint32_t node_of(struct room *room, uint32_t number)
{
    size_t at = (number * UINT64_C(0x9E3779B97F4A7C15) >> 32) & room->mask;
    for (; room->table[at]; at = (at + 1) & room->mask)
        if (room->numbers[room->table[at] - 1] == number)
            return room->table[at] - 1;
    const uint32_t node = (uint32_t)room->nodes++;
    room->table[at] = node + 1;
    room->numbers[node] = number;
    room->parents[node] = node;
    return node;
}

static const uint8_t *signature_of(const struct match_how *how, uint32_t number)
{
    size_t low = 0, high = how->blocks_count; /* the last block that does not begin behind the number is below high */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (how->blocks[middle].first <= number)
            low = middle + 1;
        else
            high = middle;
    }
    const struct match_block *const block = how->blocks + low - 1;
    const bool found = low && number - block->first < block->rows;
    return found ? block->signatures + (size_t)(number - block->first) * MATCH_SIZE : NULL;
}

/* ---- a bucket ---- */

static size_t slot_of(const uint8_t *signature)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < MATCH_SIZE; i += 8) {
        uint64_t part;
        memcpy(&part, signature + i, sizeof part);
        hash = (hash ^ part) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return (size_t)hash;
}

/* Joins rows of equal signatures. The number of different ones, or -1 where a number, told in `unknown`, has none. */
static ptrdiff_t collapse(struct room *room, const struct match_how *how, size_t begin, size_t end, uint32_t *unknown)
{
    const size_t mask = power_above(end - begin) - 1;
    size_t count = 0;
    memset(room->slots, 0, (mask + 1) * sizeof *room->slots);
    for (size_t row = begin; row < end; row++) {
        const uint8_t *const signature = signature_of(how, how->numbers[row]);
        if (!signature) {
            *unknown = how->numbers[row];
            return -1;
        }
        const uint32_t node = node_of(room, how->numbers[row]);
        size_t at = slot_of(signature) & mask;
        while (room->slots[at] && memcmp(room->distinct[room->slots[at] - 1].signature, signature, MATCH_SIZE) != 0)
            at = (at + 1) & mask;
        if (room->slots[at]) {
            unite_join(room->parents, room->distinct[room->slots[at] - 1].node, node);
        } else {
            room->distinct[count++] = (struct distinct){signature, node};
            room->slots[at] = (uint32_t)count;
        }
    }
    return (ptrdiff_t)count;
}

static void put_beside(struct room *room, size_t at, const struct distinct *one)
{
    memcpy(room->beside + at * MATCH_SIZE, one->signature, MATCH_SIZE);
    room->nodes_beside[at] = one->node;
}

static bool connected(struct room *room, uint32_t one, uint32_t other)
{
    return unite_find(room->parents, one) == unite_find(room->parents, other);
}

static void match_pairs(struct room *room, size_t count, size_t needed)
{
    for (size_t i = 0; i < count; i++)
        put_beside(room, i, room->distinct + i);
    for (size_t i = 0; i + 1 < count; i++) {
        const uint32_t node = room->nodes_beside[i];
        for (size_t k = i + 1; k < count; k++) {
            if (connected(room, node, room->nodes_beside[k]))
                continue;
            k = next_alike(room->beside + i * MATCH_SIZE, room->beside, k, count, needed);
            if (k < count)
                unite_join(room->parents, node, room->nodes_beside[k]);
        }
    }
}

static int by_bytes(const void *one, const void *other)
{
    return memcmp(((const struct distinct *)one)->signature, ((const struct distinct *)other)->signature, MATCH_SIZE);
}

/* Whether one has a match is a matter of signatures alone, so that it is compared until it has one, connected or not. */
static void match_leaders(struct room *room, size_t count, size_t needed, size_t most)
{
    size_t leaders = 0;
    qsort(room->distinct, count, sizeof *room->distinct, by_bytes);
    for (size_t i = 0; i < count; i++) {
        const struct distinct *const one = room->distinct + i;
        bool matched = false;
        for (size_t k = 0; k < leaders; k++) {
            if (matched && connected(room, one->node, room->nodes_beside[k]))
                continue;
            k = next_alike(one->signature, room->beside, k, leaders, needed);
            if (k < leaders) {
                unite_join(room->parents, one->node, room->nodes_beside[k]);
                matched = true;
            }
        }
        if (!matched && leaders < most)
            put_beside(room, leaders++, one);
    }
}

static bool match_bucket(struct room *room, const struct match_how *how, size_t begin, size_t end, uint32_t *unknown)
{
    if (how->needed == 0) {
        const uint32_t first = node_of(room, how->numbers[begin]);
        for (size_t row = begin + 1; row < end; row++)
            unite_join(room->parents, first, node_of(room, how->numbers[row]));
        return true;
    }
    const ptrdiff_t count = collapse(room, how, begin, end, unknown);
    if (count < 0)
        return false;
    if ((size_t)count <= how->most)
        match_pairs(room, (size_t)count, how->needed);
    else
        match_leaders(room, (size_t)count, how->needed, how->most);
    return true;
}

/* ---- the forest ---- */

static int by_value(const void *one, const void *other)
{
    const uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static bool make_forest(struct room *room, struct match_result *result)
{
    uint32_t *const least = room->table; /* not wanted any more; a number a node fits */
    unite_label(room->parents, room->nodes);
    for (size_t i = 0; i < room->nodes; i++) { /* a root comes before its members */
        const uint32_t root = room->parents[i], number = room->numbers[i];
        least[root] = root == i || number < least[root] ? number : least[root];
    }
    result->edges = malloc((room->nodes + 1) * sizeof *result->edges);
    for (size_t i = 0; result->edges && i < room->nodes; i++) {
        const uint32_t smallest = least[room->parents[i]];
        if (room->numbers[i] != smallest)
            result->edges[result->count++] = (uint64_t)smallest << 32 | room->numbers[i];
    }
    if (result->edges)
        qsort(result->edges, result->count, sizeof *result->edges, by_value);
    return result->edges;
}

struct match_result match(const struct match_how *how)
{
    struct match_result result = {MATCH_DONE, NULL, 0, 0};
    struct room room;
    if (!room_make(&room, how))
        result.status = MATCH_MEMORY;
    for (size_t begin = 0, end; begin < how->rows && result.status == MATCH_DONE; begin = end) {
        end = bucket_end(how, begin);
        if (end - begin > 1 && !match_bucket(&room, how, begin, end, &result.unknown))
            result.status = MATCH_UNKNOWN;
    }
    if (result.status == MATCH_DONE && !make_forest(&room, &result))
        result.status = MATCH_MEMORY;
    room_free(&room);
    return result;
}
