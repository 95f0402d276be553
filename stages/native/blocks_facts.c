/* What a page says about itself: see blocks_facts.h. */
#include "blocks_facts.h"

#include <string.h>

bool span_holds(const struct html_span *value, const char *what)
{
    if (!value)
        return false;
    const size_t size = strlen(what);
    const uint8_t *at = value->at, *const end = at + value->size;
    while ((size_t)(end - at) >= size && (at = memchr(at, *what, (size_t)(end - at) - size + 1))) {
        if (memcmp(at, what, size) == 0)
            return true;
        at++;
    }
    return false;
}

bool span_is(const struct html_span *value, const char *what)
{
    return value && value->size == strlen(what) && memcmp(value->at, what, value->size) == 0;
}

/* As span_holds, whatever the case of ASCII letters; `what` is in lower case. For short values. */
static bool mentions(const struct html_span *value, const char *what)
{
    const size_t size = strlen(what);
    for (size_t from = 0; value && from + size <= value->size; from++) {
        size_t i = 0;
        while (i < size && (value->at[from + i] | 32) == (uint8_t)what[i])
            i++;
        if (i == size)
            return true;
    }
    return false;
}

/* Marks between parts are none of a part. */
static char *put_part(char *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[i] < ' ' ? ' ' : (char)from[i];
    return to + size;
}

static bool put_fact(struct blocks *blocks, const char *kind, const struct html_span *name, const struct html_span *value,
                     size_t most)
{
    const size_t kind_size = strlen(kind), name_size = !name ? 0 : name->size < 64 ? name->size : 64;
    if (!value || !value->size || value->size > most || blocks->facts_count == FACTS_MOST)
        return true;
    if (!blocks_grow((void **)&blocks->facts, &blocks->facts_room, blocks->facts_size + kind_size + name_size + value->size + 3, 1))
        return false;
    char *to = put_part(blocks->facts + blocks->facts_size, (const uint8_t *)kind, kind_size);
    *to++ = FACT_PART;
    if (name)
        to = put_part(to, name->at, name_size);
    *to++ = FACT_PART;
    to = put_part(to, value->at, value->size);
    *to++ = FACT_END;
    blocks->facts_size = (size_t)(to - blocks->facts);
    blocks->facts_count++;
    return true;
}

static bool meta(struct blocks *blocks, const struct blocks_names *names, const found_attributes found)
{
    const struct html_span *const content = found[A_CONTENT];
    const struct html_span *const name = found[A_PROPERTY]     ? found[A_PROPERTY]
                                         : found[A_NAME]       ? found[A_NAME]
                                         : found[A_HTTP_EQUIV] ? found[A_HTTP_EQUIV]
                                                               : found[A_ITEMPROP];
    if (span_is(found[A_PROPERTY], "og:type") && content)
        blocks->kinds |= span_holds(content, "article") || span_holds(content, "news") ? 1u << PAGE_OG_ARTICLE
                         : span_holds(content, "product")                              ? 1u << PAGE_OG_PRODUCT
                                                                                       : 1u << PAGE_OG_WEBSITE;
    return !name || !is_wanted_meta(names, name) || put_fact(blocks, "meta", name, content, FACT_BYTES);
}

bool facts_of_tag(struct blocks *blocks, const struct blocks_names *names, uint8_t tag, const found_attributes found)
{
    const struct html_span *const rel = found[A_REL];
    switch (tag) {
    case T_HTML:
        return put_fact(blocks, "lang", NULL, found[A_LANG] ? found[A_LANG] : found[A_XML_LANG], 64);
    case T_A:
        return !mentions(rel, "license") || put_fact(blocks, "link", rel, found[A_HREF], FACT_BYTES);
    case T_LINK:
        return !(mentions(rel, "license") || mentions(rel, "canonical")) ||
               put_fact(blocks, "link", rel, found[A_HREF], FACT_BYTES);
    case T_TIME: /* the first, and those that say of what they are the time */
        if (blocks->times && !found[A_ITEMPROP])
            return true;
        blocks->times += found[A_DATETIME] != NULL;
        return put_fact(blocks, "time", found[A_ITEMPROP], found[A_DATETIME], 64);
    case T_META:
        return meta(blocks, names, found);
    default:
        return true;
    }
}

bool facts_of_title(struct blocks *blocks, const struct html_span *text)
{
    return put_fact(blocks, "title", NULL, text, FACT_BYTES);
}

/* The kinds that a script of JSON-LD names: all ends of strings are looked at. */
static uint32_t kinds_in(const struct html_span *text)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = {
        {"Article", PAGE_ARTICLE},    {"BlogPosting", PAGE_ARTICLE}, {"Product", PAGE_PRODUCT},
        {"ItemList", PAGE_LIST},      {"CollectionPage", PAGE_LIST}, {"SearchResultsPage", PAGE_LIST},
        {"QAPage", PAGE_FORUM},       {"DiscussionForumPosting", PAGE_FORUM},
    };
    const uint8_t *at = text->at, *const end = at + text->size;
    uint32_t found = 0;
    for (; at < end && (at = memchr(at, '"', (size_t)(end - at))); at++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            const size_t size = strlen(kinds[i].name);
            if ((size_t)(at - text->at) >= size && at[-1] == (uint8_t)kinds[i].name[size - 1] &&
                memcmp(at - size, kinds[i].name, size) == 0)
                found |= 1u << kinds[i].kind;
        }
    return found;
}

bool facts_of_ld(struct blocks *blocks, const struct html_span *text)
{
    blocks->kinds |= kinds_in(text);
    return put_fact(blocks, "ld", NULL, text, FACT_SCRIPT);
}
