/* Merging: see bpe_merge.h. */
#include "bpe_merge.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(PLAIN_C)
#include <immintrin.h>
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NO_PAIR (NO_RANK << 6) /* NO_RANK with a place below 64 beside it */

static bool make_room(struct bpe_room *room, size_t size)
{
    if (size <= room->size)
        return true;
    free(room->symbols);
    free(room->heap);
    free(room->found);
    room->symbols = malloc(size * sizeof *room->symbols);
    room->heap = malloc(2 * size * sizeof *room->heap); /* a pair for each symbol, and one more for each merge */
    room->found = malloc(size * sizeof *room->found);
    room->size = room->symbols && room->heap && room->found ? size : 0;
    return room->size != 0;
}

/* Up to 60 symbols, which stay at the places of their first bytes: `there` has a bit for each. `waiting` has rank and
 * place of each pair, so that the least is the one to be joined, and places behind the last and joined ones are NONE.
 * tokens has room for 64. Answers their number. */
size_t bpe_merge_few(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    uint32_t ids[64], waiting[64];
    const size_t whole = (size + 7) / 8 * 8;
    uint64_t there = (UINT64_C(1) << size) - 1;
    for (size_t i = size - 1; i < whole; i++)
        waiting[i] = NONE;
    for (size_t i = 0; i < size; i++)
        ids[i] = model->byte_ids[bytes[i]];
    for (size_t i = 0; i + 1 < size; i++)
        waiting[i] = byte_rank(model, bytes + i) << 6 | (uint32_t)i;
    for (;;) {
        uint32_t least = NONE;
        for (size_t i = 0; i < whole; i++)
            least = waiting[i] < least ? waiting[i] : least;
        if (least >= NO_PAIR)
            break;
        const uint32_t at = least & 63;
        const uint64_t behind = there & ~UINT64_C(1) << at;
        const uint32_t right = (uint32_t)__builtin_ctzll(behind);
        const uint64_t further = behind & (behind - 1), before = there & ((UINT64_C(1) << at) - 1);
        const uint32_t id = model->joined[least >> 6];
        there &= ~(UINT64_C(1) << right);
        ids[at] = id;
        waiting[right] = NONE;
        waiting[at] = NONE;
        if (further)
            waiting[at] = rank_of(model, id, ids[__builtin_ctzll(further)]) << 6 | at;
        if (before) {
            const uint32_t left = 63 - (uint32_t)__builtin_clzll(before);
            waiting[left] = rank_of(model, ids[left], id) << 6 | left;
        }
    }
    size_t count = 0;
    for (; there; there &= there - 1)
        tokens[count++] = ids[__builtin_ctzll(there)];
    return count;
}

#if defined(__x86_64__) && !defined(PLAIN_C)
#define TARGET __attribute__((target("avx2,bmi,bmi2")))

/* The same with `waiting` in 1 to 4 registers of eight: what was just written can be read again at once. */
TARGET static ALWAYS_INLINE size_t merge_lanes(const struct bpe_model *model, const uint8_t *bytes, size_t size,
                                               uint32_t *tokens, const int registers)
{
    uint32_t ids[40], first[32];
    __m256i waiting[4], places[4];
    uint64_t there = (UINT64_C(1) << size) - 1;
    for (size_t i = 0; i < size; i++)
        ids[i] = model->byte_ids[bytes[i]];
    for (size_t i = 0; i + 1 < size; i++)
        first[i] = byte_rank(model, bytes + i) << 6 | (uint32_t)i;
    for (size_t i = size - 1; i < 8 * (size_t)registers; i++)
        first[i] = NONE;
    for (int i = 0; i < registers; i++) {
        waiting[i] = _mm256_loadu_si256((const __m256i *)(const void *)(first + 8 * i));
        places[i] = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(8 * i));
    }
    for (;;) {
        __m256i low = waiting[0];
        for (int i = 1; i < registers; i++)
            low = _mm256_min_epu32(low, waiting[i]);
        __m128i half = _mm_min_epu32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0x4E));
        half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0xB1));
        const uint32_t least = (uint32_t)_mm_cvtsi128_si32(half);
        if (least >= NO_PAIR)
            break;
        const uint32_t at = least & 63;
        const uint64_t behind = there & ~UINT64_C(1) << at;
        const uint32_t right = (uint32_t)__builtin_ctzll(behind);
        const uint64_t further = behind & (behind - 1), before = there & ((UINT64_C(1) << at) - 1);
        const uint32_t id = model->joined[least >> 6];
        uint32_t next = NONE, last = NONE;
        ids[at] = id;
        there &= ~(UINT64_C(1) << right);
        if (further)
            next = rank_of(model, id, ids[__builtin_ctzll(further)]) << 6 | at;
        const uint32_t left = before ? 63 - (uint32_t)__builtin_clzll(before) : 63;
        if (before)
            last = rank_of(model, ids[left], id) << 6 | left;
        const __m256i at_ = _mm256_set1_epi32((int)at), right_ = _mm256_set1_epi32((int)right);
        const __m256i left_ = _mm256_set1_epi32((int)left), next_ = _mm256_set1_epi32((int)next);
        const __m256i last_ = _mm256_set1_epi32((int)last);
        for (int i = 0; i < registers; i++) {
            waiting[i] = _mm256_or_si256(waiting[i], _mm256_cmpeq_epi32(places[i], right_));
            waiting[i] = _mm256_blendv_epi8(waiting[i], next_, _mm256_cmpeq_epi32(places[i], at_));
            waiting[i] = _mm256_blendv_epi8(waiting[i], last_, _mm256_cmpeq_epi32(places[i], left_));
        }
    }
    size_t count = 0;
    for (; there; there &= there - 1)
        tokens[count++] = ids[__builtin_ctzll(there)];
    return count;
}

TARGET size_t bpe_merge_vectors(const struct bpe_model *model, const uint8_t *bytes, size_t size, uint32_t *tokens)
{
    if (size <= 9)
        return merge_lanes(model, bytes, size, tokens, 1);
    if (size <= 17)
        return merge_lanes(model, bytes, size, tokens, 2);
    if (size <= 33)
        return merge_lanes(model, bytes, size, tokens, 4);
    return bpe_merge_few(model, bytes, size, tokens);
}

/* Merging is a chain of waits: for the least rank, the merge's result, the ranks of its two new pairs. So several
 * pretokens are worked on by turns, a merge each, with hardly a branch: a processor looks a few hundred instructions
 * ahead, four turns or so, and more than eight bring nothing. (Tried and no faster: a table of pairs so sparse that one
 * look tells; it falls out of the second-level cache.) Symbols stand at places 1 to size; at place 0 and
 * behind the last stands NOBODY, which is in no pair. */
#define ABREAST 8
#define NOBODY BPE_MOST_IDS

struct turn {
    uint32_t waiting[40], ids[34];
    uint64_t there;
    struct mergeable *of;
};

/* A line of no pairs stands for those that `maybe` says no to. */
static const uint64_t no_pairs[LINE] __attribute__((aligned(64))) = {EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, EMPTY};

static inline const uint64_t *line_of(const struct bpe_model *model, uint64_t hash)
{
    const uint64_t bit = hash >> (64 - MAYBE_BITS);
    const uintptr_t yes = -(uintptr_t)(model->maybe[bit / 8] >> bit % 8 & 1);
    return (const uint64_t *)(((uintptr_t)(model->pairs + pair_place(model, hash)) & yes) | ((uintptr_t)no_pairs & ~yes));
}

TARGET static ALWAYS_INLINE uint32_t rank_in_line(const uint64_t *line, uint64_t key, uint32_t *further)
{
    const __m256i wanted = _mm256_set1_epi64x((long long)key);
    const __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)line);
    const __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(line + 4));
    const __m256i in_a = _mm256_cmpeq_epi64(_mm256_srli_epi64(a, 24), wanted);
    const __m256i in_b = _mm256_cmpeq_epi64(_mm256_srli_epi64(b, 24), wanted);
    const uint32_t found = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(in_a)) |
                           (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(in_b)) << 4;
    const uint32_t none = (uint32_t)((int32_t)(found - 1) >> 31); /* all bits where it is not there */
    *further |= none & (uint32_t)(line[LINE - 1] != EMPTY);
    const uint32_t rank = (uint32_t)line[__builtin_ctz(found | 1 << (LINE - 1))];
    return (rank | none) & NO_RANK;
}

/* Ranks of a pair of symbols, branchless but for lines that are full. */
TARGET static ALWAYS_INLINE uint32_t rank_abreast(const struct bpe_model *model, uint32_t left, uint32_t right)
{
    uint32_t full = 0;
    const uint32_t rank = rank_in_line(line_of(model, pair_hash(left, right)), (uint64_t)left << 20 | right, &full);
    return __builtin_expect(full, 0) ? rank_of(model, left, right) : rank;
}

TARGET static ALWAYS_INLINE __m128i two_pairs(const struct byte_pair *pairs, const uint8_t *bytes)
{
    uint16_t a, b;
    memcpy(&a, bytes, 2);
    memcpy(&b, bytes + 1, 2);
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)(pairs + a)),
                              _mm_loadl_epi64((const __m128i *)(const void *)(pairs + b)));
}

/* Fields of eight entries, in order: of each 64 bits, the lower 32 and the upper 32. */
TARGET static ALWAYS_INLINE __m256i halves_of(__m256i a, __m256i b, const int which)
{
    const __m256 x = _mm256_castsi256_ps(a), y = _mm256_castsi256_ps(b);
    const __m256 both = which ? _mm256_shuffle_ps(x, y, 0xDD) : _mm256_shuffle_ps(x, y, 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(both), 0xD8);
}

/* Symbols are bytes, and the results of firm pairs. */
TARGET static ALWAYS_INLINE void turn_start(const struct bpe_model *model, struct turn *turn, struct mergeable *of,
                                            const int lanes)
{
    const uint8_t *const bytes = of->bytes;
    const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), size = _mm256_set1_epi32((int)of->size);
    const __m256i one_on = _mm256_setr_epi32(7, 0, 1, 2, 3, 4, 5, 6), one_back = _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0);
    const __m256i much = _mm256_set1_epi32(MUCH);
    __m256i rank[4], border[5], before[5];
    turn->of = of;
    for (int i = 0; i < lanes; i++)
        turn->ids[i + 1] = model->byte_ids[bytes[i]];
    turn->ids[0] = turn->ids[of->size + 1] = NOBODY;
    for (int i = 0; i < lanes / 8; i++) { /* lane 0 is the first pair: these are one place behind those of `waiting` */
        __m256i four[2];
        for (int k = 0; k < 2; k++)
            four[k] = _mm256_set_m128i(two_pairs(model->byte_pairs, bytes + 8 * i + 4 * k + 2),
                                       two_pairs(model->byte_pairs, bytes + 8 * i + 4 * k));
        const __m256i past = _mm256_cmpgt_epi32(_mm256_add_epi32(steps, _mm256_set1_epi32(8 * i + 2)), size);
        rank[i] = _mm256_or_si256(halves_of(four[0], four[1], 0), past);
        border[i] = _mm256_blendv_epi8(halves_of(four[0], four[1], 1), _mm256_set1_epi32(MUCH << 16 | MUCH), past);
        before[i + 1] = _mm256_permutevar8x32_epi32(_mm256_and_si256(border[i], much), one_on);
    }
    before[0] = border[lanes / 8] = _mm256_set1_epi32(MUCH << 16 | MUCH);
    uint32_t joined = 0; /* firm pairs */
    for (int i = 0; i < lanes / 8; i++) {
        const __m256i border_on = _mm256_blend_epi32(border[i], border[i + 1], 1);
        const __m256i behind = _mm256_permutevar8x32_epi32(_mm256_srli_epi32(border_on, 16), one_back);
        const __m256i left = _mm256_blend_epi32(before[i + 1], i ? before[i] : much, 1);
        const __m256i mine = _mm256_srli_epi32(rank[i], 1), low = _mm256_min_epi32(behind, left);
        const __m256i firm = _mm256_and_si256(_mm256_cmpgt_epi32(low, mine), _mm256_slli_epi32(rank[i], 31));
        joined |= (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(firm)) << 8 * i;
        const __m256i places = _mm256_add_epi32(steps, _mm256_set1_epi32(8 * i + 1));
        const __m256i waiting = _mm256_or_si256(_mm256_slli_epi32(mine, 6), places);
        _mm256_storeu_si256((__m256i *)(void *)(turn->waiting + 8 * i + 1), waiting);
    }
    turn->waiting[0] = NONE;
    uint64_t there = ((UINT64_C(2) << (of->size + 1)) - 1) & ~((uint64_t)joined << 2);
    turn->there = there;
    for (uint32_t bits = joined; bits; bits &= bits - 1) {
        const uint32_t at = (uint32_t)__builtin_ctz(bits) + 1;
        turn->ids[at] = model->joined[turn->waiting[at] >> 6];
        turn->waiting[at + 1] = NONE;
    }
    for (uint64_t bits = ((uint64_t)joined << 1 | joined) & there & ~UINT64_C(1); bits; bits &= bits - 1) {
        const uint32_t at = (uint32_t)__builtin_ctzll(bits), next = (uint32_t)__builtin_ctzll(there & ~UINT64_C(1) << at);
        turn->waiting[at] = rank_abreast(model, turn->ids[at], turn->ids[next]) << 6 | at;
    }
}

/* One merge; false where none is left. */
TARGET static ALWAYS_INLINE bool turn_once(const struct bpe_model *model, struct turn *turn, const int lanes)
{
    __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)turn->waiting);
    for (int i = 8; i < lanes; i += 8)
        low = _mm256_min_epu32(low, _mm256_loadu_si256((const __m256i *)(const void *)(turn->waiting + i)));
    __m128i half = _mm_min_epu32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_min_epu32(half, _mm_shuffle_epi32(half, 0xB1));
    const uint32_t least = (uint32_t)_mm_cvtsi128_si32(half);
    if (least >= NO_PAIR)
        return false;
    const uint32_t at = least & 63;
    const uint64_t behind = turn->there & ~UINT64_C(1) << at;
    const uint32_t right = (uint32_t)__builtin_ctzll(behind), further = (uint32_t)__builtin_ctzll(behind & (behind - 1));
    const uint32_t left = 63 - (uint32_t)__builtin_clzll(turn->there & ((UINT64_C(1) << at) - 1));
    const uint32_t id = model->joined[least >> 6];
    const uint32_t before = turn->ids[left], after = turn->ids[further];
    uint32_t full = 0;
    uint32_t next = rank_in_line(line_of(model, pair_hash(id, after)), (uint64_t)id << 20 | after, &full);
    uint32_t last = rank_in_line(line_of(model, pair_hash(before, id)), (uint64_t)before << 20 | id, &full);
    if (__builtin_expect(full, 0)) {
        next = rank_of(model, id, after);
        last = rank_of(model, before, id);
    }
    turn->there &= ~(UINT64_C(1) << right);
    turn->ids[at] = id;
    turn->waiting[right] = NONE;
    turn->waiting[at] = next << 6 | at;
    turn->waiting[left] = last << 6 | left;
    return true;
}

TARGET static ALWAYS_INLINE void turn_end(const struct turn *turn)
{
    struct mergeable *const of = turn->of;
    uint64_t there = turn->there & (turn->there - 1); /* but for the first and the last */
    uint32_t count = (uint32_t)__builtin_popcountll(there) - 1;
    of->count = count;
    for (uint32_t i = 0; i < count; i += 4) /* four at once: more than there are is cheaper than to ask each time */
        for (uint32_t k = 0; k < 4; k++, there &= there - 1)
            of->tokens[i + k] = turn->ids[__builtin_ctzll(there | UINT64_C(1) << 63) & 31];
}

TARGET static ALWAYS_INLINE void merge_abreast(const struct bpe_model *model, struct mergeable *all, size_t count,
                                               const int lanes)
{
    struct turn turns[ABREAST], *by_turns[ABREAST];
    size_t begun = 0, active = 0;
    for (; active < ABREAST && begun < count; active++)
        turn_start(model, by_turns[active] = turns + active, all + begun++, lanes);
    while (active) {
        for (size_t i = 0; i < active; i++) {
            if (turn_once(model, by_turns[i], lanes))
                continue;
            turn_end(by_turns[i]);
            if (begun < count)
                turn_start(model, by_turns[i], all + begun++, lanes);
            else
                by_turns[i--] = by_turns[--active];
        }
    }
}

TARGET void bpe_merge_abreast(const struct bpe_model *model, struct mergeable *all, size_t count, int lanes)
{
    if (lanes == 16)
        merge_abreast(model, all, count, 16);
    else
        merge_abreast(model, all, count, 32);
}
#endif

static void heap_down(uint64_t *heap, size_t size, size_t at)
{
    const uint64_t value = heap[at];
    for (size_t child; (child = 2 * at + 1) < size; at = child) {
        if (child + 1 < size && heap[child + 1] < heap[child])
            child++;
        if (heap[child] >= value)
            break;
        heap[at] = heap[child];
    }
    heap[at] = value;
}

static void heap_add(uint64_t *heap, size_t *size, uint64_t value)
{
    size_t at = (*size)++;
    for (; at > 0 && heap[(at - 1) / 2] > value; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = value;
}

/* Many: a heap of rank and place. An entry is out of date where the pair at its place has another rank by now. */
size_t bpe_merge_many(const struct bpe_model *model, const uint8_t *bytes, size_t size, struct bpe_room *room)
{
    if (!make_room(room, size))
        return SIZE_MAX;
    struct symbol *const symbols = room->symbols;
    uint64_t *const heap = room->heap;
    size_t waiting = 0;
    for (size_t i = 0; i < size; i++) {
        const uint32_t rank = i + 1 < size ? byte_rank(model, bytes + i) : NO_RANK;
        symbols[i] = (struct symbol){model->byte_ids[bytes[i]], rank, (uint32_t)i - 1, (uint32_t)i + 1};
        if (rank != NO_RANK)
            heap[waiting++] = (uint64_t)rank << 32 | i;
    }
    for (size_t i = waiting / 2; i-- > 0;)
        heap_down(heap, waiting, i);
    while (waiting) {
        const uint32_t at = (uint32_t)heap[0], rank = (uint32_t)(heap[0] >> 32);
        heap[0] = heap[--waiting];
        heap_down(heap, waiting, 0);
        struct symbol *const left = symbols + at;
        if (left->rank != rank)
            continue;
        struct symbol *const right = symbols + left->next;
        right->rank = NO_RANK;
        left->id = model->joined[rank];
        left->next = right->next;
        left->rank = NO_RANK;
        if (left->next < size) {
            symbols[left->next].before = at;
            left->rank = rank_of(model, left->id, symbols[left->next].id);
            if (left->rank != NO_RANK)
                heap_add(heap, &waiting, (uint64_t)left->rank << 32 | at);
        }
        if (at > 0) {
            struct symbol *const first = symbols + left->before;
            first->rank = rank_of(model, first->id, left->id);
            if (first->rank != NO_RANK)
                heap_add(heap, &waiting, (uint64_t)first->rank << 32 | left->before);
        }
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i = symbols[i].next)
        room->found[count++] = symbols[i].id;
    return count;
}

void bpe_room_free(struct bpe_room *room)
{
    free(room->symbols);
    free(room->heap);
    free(room->found);
}
