/* Numbers for fuzzers without a fuzzing library: xorshift64 (Marsaglia 2003), the same on every machine. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline size_t below(uint64_t *state, size_t limit) { return (size_t)(next_number(state) % limit); }

#endif
