/* What a page says about itself, gathered on the way: see FACT_PART in blocks.h. */
#ifndef FLORILEGIUM_BLOCKS_FACTS_H
#define FLORILEGIUM_BLOCKS_FACTS_H

#include "blocks_names.h"

/* The values of a start tag's attributes by enum attribute; NULL: it has none of that name. */
typedef const struct html_span *found_attributes[ATTRIBUTES];

bool span_holds(const struct html_span *value, const char *what);
bool span_is(const struct html_span *value, const char *what);

/* Facts of a start tag, the title, a script of JSON-LD. False: memory. */
bool facts_of_tag(struct blocks *blocks, const struct blocks_names *names, uint8_t tag, const found_attributes found);
bool facts_of_title(struct blocks *blocks, const struct html_span *text);
bool facts_of_ld(struct blocks *blocks, const struct html_span *text);

#endif
