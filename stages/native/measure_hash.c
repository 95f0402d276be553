/* The hash of a text: see measure_hash.h. */
#include "measure_hash.h"

#include <string.h>

#include "caseless.h"
#include "measure_read.h"

/* ---- BLAKE2b, RFC 7693, section 3 ---- */

#define BLOCK 128

struct blake {
    uint64_t state[8], total;
};

/* The initial values: those of SHA-512. */
static const uint64_t initial[8] = {
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
};

static const uint8_t sigma[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static inline uint64_t turned(uint64_t value, int by) { return value >> by | value << (64 - by); }

#define MIX(a, b, c, d, x, y)                                                                                          \
    do {                                                                                                               \
        v[a] += v[b] + (x);                                                                                            \
        v[d] = turned(v[d] ^ v[a], 32);                                                                                \
        v[c] += v[d];                                                                                                  \
        v[b] = turned(v[b] ^ v[c], 24);                                                                                \
        v[a] += v[b] + (y);                                                                                            \
        v[d] = turned(v[d] ^ v[a], 16);                                                                                \
        v[c] += v[d];                                                                                                  \
        v[b] = turned(v[b] ^ v[c], 63);                                                                                \
    } while (0)

static uint64_t read_64(const uint8_t *bytes)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* A block of `size` bytes; less than BLOCK only as the last, and zeros behind. */
static void compress(struct blake *blake, const uint8_t block[BLOCK], size_t size, bool last)
{
    uint64_t v[16], m[16];
    blake->total += size;
    for (int i = 0; i < 16; i++)
        m[i] = read_64(block + 8 * i);
    memcpy(v, blake->state, sizeof blake->state);
    memcpy(v + 8, initial, sizeof initial);
    v[12] ^= blake->total;
    v[14] = last ? ~v[14] : v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *const s = sigma[round % 10];
        MIX(0, 4, 8, 12, m[s[0]], m[s[1]]);
        MIX(1, 5, 9, 13, m[s[2]], m[s[3]]);
        MIX(2, 6, 10, 14, m[s[4]], m[s[5]]);
        MIX(3, 7, 11, 15, m[s[6]], m[s[7]]);
        MIX(0, 5, 10, 15, m[s[8]], m[s[9]]);
        MIX(1, 6, 11, 12, m[s[10]], m[s[11]]);
        MIX(2, 7, 8, 13, m[s[12]], m[s[13]]);
        MIX(3, 4, 9, 14, m[s[14]], m[s[15]]);
    }
    for (int i = 0; i < 8; i++)
        blake->state[i] ^= v[i] ^ v[i + 8];
}

static void begin(struct blake *blake)
{
    memcpy(blake->state, initial, sizeof initial);
    blake->state[0] ^= 0x01010000 ^ HASH_BYTES; /* no key, no tree */
    blake->total = 0;
}

/* ---- the text ---- */

enum { ROOM = 8 * BLOCK, LONGEST = sizeof caseless_spellings[0].text };

/* Text on its way into the hash. */
struct out {
    struct blake blake;
    size_t filled;
    bool blank; /* it ends in a blank, or is empty: no blank may follow */
    uint8_t bytes[ROOM];
};

/* Hashes what is full; one byte at least stays, and a blank before it, which may be the last. */
static void flush(struct out *out)
{
    size_t done = 0;
    for (; out->filled - done > BLOCK + 1; done += BLOCK)
        compress(&out->blake, out->bytes + done, BLOCK, false);
    memmove(out->bytes, out->bytes + done, out->filled - done);
    out->filled -= done;
}

static void end(struct out *out, uint8_t hash[HASH_BYTES])
{
    out->filled -= out->blank && out->filled;
    flush(out);
    if (out->filled > BLOCK) { /* by one byte */
        compress(&out->blake, out->bytes, BLOCK, false);
        out->bytes[0] = out->bytes[BLOCK];
        out->filled = 1;
    }
    memset(out->bytes + out->filled, 0, BLOCK - out->filled);
    compress(&out->blake, out->bytes, out->filled, true);
    for (int i = 0; i < HASH_BYTES; i++)
        hash[i] = (uint8_t)(out->blake.state[i / 8] >> 8 * (i % 8));
}

static inline void put(struct out *out, uint8_t byte)
{
    out->bytes[out->filled] = byte;
    out->filled += !(byte == ' ' && out->blank);
    out->blank = byte == ' ';
}

/* Accents that stand for themselves are spelt as a blank and a mark. */
static void put_spelling(struct out *out, uint32_t code)
{
    size_t low = 0, high = CASELESS_SPELLINGS;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (caseless_spellings[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < caseless_spellings[low].size; i++)
        put(out, caseless_spellings[low].text[i]);
}

/* ASCII up to where the room ends; answers what is behind it. */
static const uint8_t *put_ascii(struct out *out, const uint8_t *at, const uint8_t *stop)
{
    const uint8_t *const full = (size_t)(stop - at) < ROOM - out->filled ? stop : at + (ROOM - out->filled);
    size_t filled = out->filled;
    bool blank = out->blank;
    for (; at < full && *at < 0x80; at++) {
        const uint8_t byte = caseless_ascii[*at];
        out->bytes[filled] = byte;
        filled += !(byte == ' ' && blank);
        blank = byte == ' ';
    }
    out->filled = filled;
    out->blank = blank;
    return at;
}

/* A character beyond ASCII; false: it is left to Python. */
static bool put_code(struct out *out, uint32_t code)
{
    const unsigned class = caseless_class(code);
    if (class == CASELESS_LEFT)
        return false;
    if (class == CASELESS_BLANK) {
        put(out, ' ');
    } else if (class == CASELESS_SPELT) {
        put_spelling(out, code);
    } else {
        out->filled = (size_t)(read_put(out->bytes + out->filled, code + (uint32_t)caseless_steps[class - CASELESS_STEPS]) -
                               out->bytes);
        out->blank = false;
    }
    return true;
}

bool hash_text(const uint8_t *text, size_t size, uint8_t hash[HASH_BYTES])
{
    struct out out;
    begin(&out.blake);
    out.filled = 0;
    out.blank = true;
    for (const uint8_t *at = text; at < text + size;) {
        if (ROOM - out.filled < LONGEST + 4)
            flush(&out);
        at = put_ascii(&out, at, text + size);
        if (at < text + size && *at >= 0x80 && ROOM - out.filled >= LONGEST + 4 && !put_code(&out, read_code(&at)))
            return false;
    }
    end(&out, hash);
    return true;
}
