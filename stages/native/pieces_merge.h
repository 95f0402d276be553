/* Short units to tokens, many at once.
 *
 * Theory. Merging as BPE is defined: the pair of lowest rank, the leftmost of equals, becomes one token; then the two
 * pairs that it is part of are looked up. Each step waits for memory twice (what the pair becomes, ranks of the new
 * pairs), and only the last step of a unit is a branch that is hard to foresee. So some units take their steps in turns:
 * while one waits the others go on. It needs no condition on the merges.
 *
 * A character (of an unknown one each byte) has a slot, and tokens stay in the slots of their first characters; `there`
 * has a bit for each. Pairs wait with rank and slot in one number, so that the least is the one to be merged. In the
 * slots before the first and behind the last stands an id that is in no pair.
 */
#ifndef FLORILEGIUM_PIECES_MERGE_H
#define FLORILEGIUM_PIECES_MERGE_H

#include "pieces_model.h"

#define MERGE_SLOTS 31 /* of a unit that this is for */

/* A unit, and room for MERGE_SLOTS tokens. */
struct merge_task {
    const uint8_t *text; /* valid UTF-8 */
    uint32_t *tokens;
    uint32_t size, count; /* bytes; and tokens, 0 as long as there are none */
    bool ascii;
};

/* Leaves those that need more slots as they are. */
void merge_units(const struct model *model, struct merge_task *tasks, size_t count);

#endif
