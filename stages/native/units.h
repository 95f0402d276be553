/* Units of text and their tokens, as Arrow has lists: what a warm start is made of. */
#ifndef FLORILEGIUM_UNITS_H
#define FLORILEGIUM_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unit i is text[text_at[i]] up to text[text_at[i + 1]]; its tokens likewise. Offsets rise from 0. */
struct units {
    const uint8_t *text;
    const int64_t *text_at;
    const int32_t *tokens;
    const int64_t *tokens_at;
    size_t count;
};

/* Units that are gathered: the same, with room to grow. Starts as zeros. */
struct units_made {
    uint8_t *text;
    int64_t *text_at, *tokens_at;
    int32_t *tokens;
    size_t count, text_room, units_room, tokens_room;
};

/* False where memory ran out; what was there stays. */
bool units_add(struct units_made *made, const uint8_t *text, size_t size, const uint32_t *tokens, size_t count);
void units_free(struct units_made *made);

#endif
