/* Components of a graph given edge by edge, in 4 bytes a node: disjoint sets in one array.
 *
 * Theory (Tarjan 1975; van Leeuwen and van der Weide 1977 for halving). Each node points to a node of its set that is no
 * larger, the smallest to itself. A search makes every other node on its way point to its grandparent. The larger root
 * always goes below the smaller one, so that a component ends with its smallest node as its label, whatever the order of
 * the edges: without ranks, which need memory, a search costs O(log n) on average.
 */
#ifndef FLORILEGIUM_UNITE_H
#define FLORILEGIUM_UNITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* parents[i] <= i for all nodes; at first parents[i] = i. */
uint32_t unite_find(uint32_t *parents, uint32_t node);

/* Whether two sets have become one. */
bool unite_join(uint32_t *parents, uint32_t one, uint32_t other);

/* Every node points to the smallest of its component. */
void unite_label(uint32_t *parents, size_t count);

#endif
