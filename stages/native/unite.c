/* Components of a graph: see unite.h. */
#include "unite.h"

uint32_t unite_find(uint32_t *parents, uint32_t node)
{
    while (parents[node] != node)
        node = parents[node] = parents[parents[node]];
    return node;
}

bool unite_join(uint32_t *parents, uint32_t one, uint32_t other)
{
    one = unite_find(parents, one);
    other = unite_find(parents, other);
    if (one < other)
        parents[other] = one;
    else
        parents[one] = other;
    return one != other;
}

void unite_label(uint32_t *parents, size_t count)
{
    for (size_t i = 0; i < count; i++) /* the parent, being smaller, has its label already */
        parents[i] = parents[parents[i]];
}
