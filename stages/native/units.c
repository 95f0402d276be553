/* Gathering units: see units.h. */
#include "units.h"

#include <stdlib.h>
#include <string.h>

/* Room for `wanted` elements of `width` bytes, twice as many as before at least. */
static bool grow(void **block, size_t *room, size_t wanted, size_t width)
{
    if (wanted <= *room)
        return true;
    size_t size = *room ? *room : 1024;
    while (size < wanted)
        size *= 2;
    void *const grown = realloc(*block, size * width);
    if (!grown)
        return false;
    *block = grown;
    *room = size;
    return true;
}

bool units_add(struct units_made *made, const uint8_t *text, size_t size, const uint32_t *tokens, size_t count)
{
    const size_t text_end = made->count ? (size_t)made->text_at[made->count] : 0;
    const size_t tokens_end = made->count ? (size_t)made->tokens_at[made->count] : 0;
    size_t room = made->units_room; /* of two arrays */
    if (!grow((void **)&made->text, &made->text_room, text_end + size, sizeof *made->text) ||
        !grow((void **)&made->tokens, &made->tokens_room, tokens_end + count, sizeof *made->tokens) ||
        !grow((void **)&made->text_at, &room, made->count + 2, sizeof *made->text_at) ||
        !grow((void **)&made->tokens_at, &made->units_room, made->count + 2, sizeof *made->tokens_at))
        return false;
    if (!made->count)
        made->text_at[0] = made->tokens_at[0] = 0;
    memcpy(made->text + text_end, text, size);
    for (size_t i = 0; i < count; i++)
        made->tokens[tokens_end + i] = (int32_t)tokens[i];
    made->count++;
    made->text_at[made->count] = (int64_t)(text_end + size);
    made->tokens_at[made->count] = (int64_t)(tokens_end + count);
    return true;
}

void units_free(struct units_made *made)
{
    void *const blocks[] = {made->text, made->text_at, made->tokens, made->tokens_at};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    memset(made, 0, sizeof *made);
}
