/* MinHash signatures: see minhash.h. */
#include "minhash.h"

#include <string.h>

#if defined(__x86_64__) && !defined(PLAIN_C)
#define AVX2
#include <immintrin.h>
#endif

static uint64_t draw(uint64_t *state) { return shingles_mix(*state += 0x9E3779B97F4A7C15u); }

void minhash_seeds(struct minhash_seeds *seeds)
{
    uint64_t state = MINHASH_SEED;
    for (size_t i = 0; i < MINHASH_SIZE; i++)
        seeds->xors[i] = (uint32_t)(draw(&state) >> 32);
    for (size_t i = 0; i < MINHASH_SIZE; i++)
        seeds->factors[i] = (uint32_t)(draw(&state) >> 32) | 1;
}

/* ---- smallest values ---- */

static void take(const struct minhash_seeds *seeds, const uint64_t *hashes, size_t count, uint32_t *signature)
{
    for (size_t k = 0; k < count; k++) {
        const uint32_t hash = (uint32_t)(hashes[k] >> 32);
        for (size_t i = 0; i < MINHASH_SIZE; i++) {
            const uint32_t value = (hash ^ seeds->xors[i]) * seeds->factors[i];
            signature[i] = value < signature[i] ? value : signature[i];
        }
    }
}

#ifdef AVX2
#define VECTORS __attribute__((target("avx2")))
#define HALF 7 /* registers at a time: 14 with what they are computed with are more than the 16 that there are */

VECTORS static inline __m256i load(const uint32_t *numbers) { return _mm256_loadu_si256((const void *)numbers); }

VECTORS static void take_half(const uint32_t *xors, const uint32_t *factors, const uint64_t *hashes, size_t count,
                              uint32_t *signature)
{
    __m256i least[HALF];
    for (size_t i = 0; i < HALF; i++)
        least[i] = load(signature + 8 * i);
    for (size_t k = 0; k < count; k++) {
        const __m256i hash = _mm256_set1_epi32((int)(uint32_t)(hashes[k] >> 32));
        for (size_t i = 0; i < HALF; i++) {
            const __m256i value = _mm256_mullo_epi32(_mm256_xor_si256(hash, load(xors + 8 * i)), load(factors + 8 * i));
            least[i] = _mm256_min_epu32(least[i], value);
        }
    }
    for (size_t i = 0; i < HALF; i++)
        _mm256_storeu_si256((void *)(signature + 8 * i), least[i]);
}

VECTORS static void take_vectors(const struct minhash_seeds *seeds, const uint64_t *hashes, size_t count,
                                 uint32_t *signature)
{
    for (size_t at = 0; at < MINHASH_SIZE; at += MINHASH_SIZE / 2)
        take_half(seeds->xors + at, seeds->factors + at, hashes, count, signature + at);
}
#endif

void minhash(const struct minhash_seeds *seeds, const struct shingles_table *table, const uint8_t *text, size_t size,
             size_t n, uint32_t *signature)
{
    struct shingles shingles;
    uint64_t hashes[SHINGLES_WINDOW];
    memset(signature, 255, MINHASH_SIZE * sizeof *signature);
    shingles_open(&shingles, table, text, size, n);
#ifdef AVX2
    const bool vectors = __builtin_cpu_supports("avx2");
#endif
    for (size_t count; (count = shingles_next(&shingles, hashes));) {
#ifdef AVX2
        if (vectors) {
            take_vectors(seeds, hashes, count, signature);
            continue;
        }
#endif
        take(seeds, hashes, count, signature);
    }
}

/* ---- what signatures are found and compared by ---- */

void minhash_bands(const uint32_t *signature, size_t bands, size_t rows, uint64_t *keys)
{
    for (size_t band = 0; band < bands; band++) {
        uint64_t key = shingles_mix(MINHASH_SEED + band);
        for (size_t row = 0; row < rows; row++)
            key = shingles_mix(key ^ signature[band * rows + row]);
        keys[band] = key;
    }
}

void minhash_small(const uint32_t *signature, uint8_t *small)
{
    for (size_t i = 0; i < MINHASH_SIZE; i++) {
        uint32_t x = signature[i];
        x = (x ^ x >> 16) * 0x85EBCA6Bu;
        x = (x ^ x >> 13) * 0xC2B2AE35u;
        small[i] = (uint8_t)(x ^ x >> 16);
    }
}
