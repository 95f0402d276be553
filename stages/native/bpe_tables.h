/* Known pretokens and their tokens, by their bytes: see bpe.h. */
#ifndef FLORILEGIUM_BPE_TABLES_H
#define FLORILEGIUM_BPE_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bpe_model.h"

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NARROW_BYTES 15
#define WIDE_BYTES 60
#define NARROW_SMALL 7 /* tokens in a narrow entry: of 16 bits, of 20 (BPE_MOST_IDS) */
#define NARROW_LARGE 6
#define WIDE_SMALL 30
#define WIDE_LARGE 15
#define ASKED 0x80u     /* since room was last wanted beside it */
#define COUNT 0x7Fu
#define ELSEWHERE 0x7Fu /* as a count: more tokens than there is room for, so in a wide entry */

/* Two to a cache line. Key: the bytes, zeros, the number of bytes in the last. `head` is the number of tokens and ASKED:
 * where tokens are small the last of `seven`, else the last of `bytes`, before which six tokens stand in 20 bits each,
 * the lower bits first. */
struct narrow {
    uint64_t key[2];
    union {
        uint16_t seven[8];
        uint8_t bytes[16];
    };
};

/* Two lines. Key: the bytes, zeros, the number of bytes in the last four. */
struct wide {
    uint64_t key[8];
    uint32_t head;
    union {
        uint16_t thirty[30];
        uint32_t fifteen[15];
    };
};

/* Entries stand at most so many places behind that of their hash, or not at all. Below half full, all but a few in a
 * million find room in so many. */
#define REACH 16

struct bpe_tables {
    struct narrow *narrow;
    struct wide *wide;
    uint32_t narrow_shift, wide_shift; /* 2^(64 - shift) pairs, entries */
    uint32_t narrow_least, wide_least; /* shifts of the largest tables */
    size_t narrow_used, wide_used;
    bool small; /* tokens are uint16 */
    bool singles_stay; /* entries of one token make no room for others */
    bool lost;  /* an entry of a single token had no room: what was kept at first may no longer be there as a whole */
};

/* Where tokens are not small. */
static inline uint32_t narrow_token(const struct narrow *entry, size_t i)
{
    const uint8_t *const at = entry->bytes + 20 * i / 8;
    return ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16) >> 20 * i % 8 & 0xFFFFF;
}

static ALWAYS_INLINE uint32_t head_of(const struct narrow *entry, bool small)
{
    return small ? entry->seven[7] : entry->bytes[15];
}

static ALWAYS_INLINE void ask(struct narrow *entry, bool small)
{
    if (small)
        entry->seven[7] |= ASKED;
    else
        entry->bytes[15] |= ASKED;
}

static ALWAYS_INLINE void forget(struct narrow *entry, bool small)
{
    if (small)
        entry->seven[7] &= (uint16_t)~ASKED;
    else
        entry->bytes[15] &= (uint8_t)~ASKED;
}

static inline uint64_t narrow_hash(const uint64_t key[2]) { return key[0] * factors[0] + key[1] * factors[1]; }

static inline uint64_t wide_hash(const uint64_t key[8])
{
    uint64_t hash = 0;
    for (int i = 0; i < 8; i++)
        hash += key[i] * factors[i];
    return hash;
}

static inline size_t narrow_size(uint32_t shift) { return ((size_t)2 << (64 - shift)) * sizeof(struct narrow); }
static inline size_t wide_size(uint32_t shift) { return ((size_t)1 << (64 - shift)) * sizeof(struct wide); }

/* The entry of this key, or an empty one for it, or NULL where neither is near. */
static ALWAYS_INLINE struct narrow *narrow_near(const struct bpe_tables *tables, const uint64_t key[2])
{
    const size_t mask = ((size_t)2 << (64 - tables->narrow_shift)) - 1;
    const size_t place = 2 * (narrow_hash(key) >> tables->narrow_shift);
    for (size_t i = 0; i < REACH; i++) {
        struct narrow *const entry = tables->narrow + ((place + i) & mask);
        if ((entry->key[0] == key[0] && entry->key[1] == key[1]) || entry->key[1] == 0)
            return entry;
    }
    return NULL;
}

static inline bool same_key(const uint64_t a[8], const uint64_t b[8])
{
    uint64_t differs = 0;
    for (int i = 0; i < 8; i++)
        differs |= a[i] ^ b[i];
    return differs == 0;
}

static struct wide *wide_near(const struct bpe_tables *tables, const uint64_t key[8])
{
    const size_t mask = ((size_t)1 << (64 - tables->wide_shift)) - 1, place = wide_hash(key) >> tables->wide_shift;
    for (size_t i = 0; i < REACH; i++) {
        struct wide *const entry = tables->wide + ((place + i) & mask);
        if (entry->head == 0 || same_key(entry->key, key))
            return entry;
    }
    return NULL;
}

/* ---- keys ---- */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LAST_BYTE(byte) ((uint64_t)(byte))
#else
#define LAST_BYTE(byte) ((uint64_t)(byte) << 56)
#endif

/* 64 times FF, 64 times 00: from 64 - n on, a mask of the first n bytes. */
#define EIGHT(b) b, b, b, b, b, b, b, b
#define ALL(b) EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b), EIGHT(b)
static const uint8_t first_bytes[128] = {ALL(0xFF), ALL(0)};

static ALWAYS_INLINE void narrow_key(uint64_t key[2], const uint8_t *bytes, size_t size, const uint8_t *limit)
{
    uint64_t mask[2];
    if (limit - bytes >= 16) {
        memcpy(key, bytes, 16);
        memcpy(mask, first_bytes + 64 - size, 16);
        key[0] &= mask[0];
        key[1] &= mask[1];
    } else {
        key[0] = key[1] = 0;
        memcpy(key, bytes, size);
    }
    key[1] |= LAST_BYTE(size);
}

static ALWAYS_INLINE void wide_key(uint64_t key[8], const uint8_t *bytes, size_t size, const uint8_t *limit)
{
    const uint32_t count = (uint32_t)size;
    if (limit - bytes >= 64) {
        uint64_t mask[8];
        memcpy(key, bytes, 64);
        memcpy(mask, first_bytes + 64 - size, 64);
        for (int i = 0; i < 8; i++)
            key[i] &= mask[i];
    } else {
        memset(key, 0, 64);
        memcpy(key, bytes, size);
    }
    memcpy((uint8_t *)key + WIDE_BYTES, &count, sizeof count);
}

/* entry: what narrow_near, wide_near answered for the key. tokens: seven may be read. Where no entry may make room for
 * it, the pretoken is not kept. */
void bpe_narrow_keep(struct bpe_tables *tables, struct narrow *entry, const uint64_t key[2], const uint32_t *tokens,
                     size_t count);

/* More tokens than an entry takes are not kept: they are merged anew each time. */
void bpe_wide_keep(struct bpe_tables *tables, struct wide *entry, const uint64_t key[8], const uint32_t *tokens,
                   size_t count);

/* Empty tables: so many entries fill a quarter of them, and a little room for wide ones is always there. bound: bytes
 * that they may grow to. False where memory ran out; bpe_tables_free is needed all the same. */
bool bpe_tables_start(struct bpe_tables *tables, size_t narrow, size_t wide, size_t bound, bool small);
void bpe_tables_free(struct bpe_tables *tables);

#endif
