/* Arrays that grow by doubling, so that n pushes take time linear in n. */
#ifndef FLORILEGIUM_MEASURE_ROOM_H
#define FLORILEGIUM_MEASURE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* array: address of a pointer to things of `width` bytes, which has room for `*room`. False: no memory, all stays. */
static inline bool room_for(void *array, size_t *room, size_t wanted, size_t width)
{
    if (wanted <= *room)
        return true;
    size_t larger = *room ? *room : 64;
    void *old;
    while (larger < wanted)
        larger *= 2;
    memcpy(&old, array, sizeof old);
    void *const found = realloc(old, larger * width);
    if (!found)
        return false;
    memcpy(array, &found, sizeof found);
    *room = larger;
    return true;
}

#define ROOM_FOR(array, room, wanted) room_for(&(array), &(room), (wanted), sizeof *(array))

#endif
