/* Merging: see bpe_merge.h. */
#include "bpe_merge.h"

#include <stdlib.h>

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
        waiting[i] = model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] << 6 | (uint32_t)i;
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
        first[i] = model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] << 6 | (uint32_t)i;
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
        const uint32_t rank = i + 1 < size ? model->byte_pairs[bytes[i] << 8 | bytes[i + 1]] : NO_RANK;
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
