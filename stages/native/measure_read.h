/* Code points of UTF-8 that was found well-formed (utf8.h). */
#ifndef FLORILEGIUM_MEASURE_READ_H
#define FLORILEGIUM_MEASURE_READ_H

#include <stdint.h>

/* The code point at `*at`, which goes behind it. */
static inline uint32_t read_code(const uint8_t **at)
{
    const uint8_t *const b = *at;
    if (b[0] < 0x80) {
        *at = b + 1;
        return b[0];
    }
    if (b[0] < 0xE0) {
        *at = b + 2;
        return (uint32_t)(b[0] & 0x1F) << 6 | (b[1] & 0x3F);
    }
    if (b[0] < 0xF0) {
        *at = b + 3;
        return (uint32_t)(b[0] & 0x0F) << 12 | (uint32_t)(b[1] & 0x3F) << 6 | (b[2] & 0x3F);
    }
    *at = b + 4;
    return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3F) << 12 | (uint32_t)(b[2] & 0x3F) << 6 | (b[3] & 0x3F);
}

/* Writes a code point; answers what is behind it. */
static inline uint8_t *read_put(uint8_t *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (uint8_t)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (uint8_t)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (uint8_t)(0xE0 | code >> 12);
        } else {
            *out++ = (uint8_t)(0xF0 | code >> 18);
            *out++ = (uint8_t)(0x80 | (code >> 12 & 0x3F));
        }
        *out++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    }
    *out++ = (uint8_t)(0x80 | (code & 0x3F));
    return out;
}

#endif
