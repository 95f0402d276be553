/* Names of HTML and what they tell: see blocks_names.h. */
#include "blocks_names.h"

#include <stdlib.h>
#include <string.h>

#include "unicode.h"

static const struct element elements[] = {
    {"a", T_A, INLINE, 0, 0, 0},
    {"address", T_ADDRESS, CUT | ENDS_P, 0, 0, FLAG(ADDRESS)},
    {"area", T_VOID, VOID, 0, 0, 0},
    {"article", T_ARTICLE, CUT | ENDS_P, 0, 0, FLAG(ARTICLE)},
    {"aside", T_ASIDE, CUT | ENDS_P, 0, 0, FLAG(ASIDE)},
    {"audio", T_AUDIO, CUT | SKIP, 0, 0, 0},
    {"base", T_VOID, VOID, 0, 0, 0},
    {"blockquote", T_BLOCKQUOTE, CUT | ENDS_P, BLOCK_QUOTE, 0, FLAG(QUOTE)},
    {"body", T_BODY, INLINE, 0, 0, 0},
    {"br", T_BR, VOID, 0, 0, 0},
    {"button", T_BUTTON, CUT | SKIP, 0, 0, 0},
    {"canvas", T_CANVAS, CUT | SKIP, 0, 0, 0},
    {"caption", T_CAPTION, CUT, BLOCK_CAPTION, 0, 0},
    {"center", T_CENTER, CUT | ENDS_P, 0, 0, 0},
    {"col", T_VOID, VOID, 0, 0, 0},
    {"dd", T_DD, CUT | ENDS_P, BLOCK_TERM, 0, 0},
    {"details", T_DETAILS, CUT | ENDS_P, 0, 0, FLAG(DETAILS)},
    {"dialog", T_DIALOG, CUT | ENDS_P, 0, 0, FLAG(DIALOG)},
    {"dir", T_UL, CUT | ENDS_P, 0, 0, FLAG(LIST)},
    {"div", T_DIV, CUT | ENDS_P, 0, 0, 0},
    {"dl", T_DL, CUT | ENDS_P, 0, 0, FLAG(DL)},
    {"dt", T_DT, CUT | ENDS_P, BLOCK_TERM, 0, 0},
    {"embed", T_VOID, VOID, 0, 0, 0},
    {"fieldset", T_FIELDSET, CUT | ENDS_P, 0, 0, FLAG(FORM)},
    {"figcaption", T_FIGCAPTION, CUT | ENDS_P, BLOCK_CAPTION, 0, 0},
    {"figure", T_FIGURE, CUT | ENDS_P, 0, 0, FLAG(FIGURE)},
    {"footer", T_FOOTER, CUT | ENDS_P, 0, 0, FLAG(FOOTER)},
    {"form", T_FORM, CUT | ENDS_P, 0, 0, FLAG(FORM)},
    {"h1", T_H1, CUT | ENDS_P, BLOCK_HEADING, 1, 0},
    {"h2", T_H2, CUT | ENDS_P, BLOCK_HEADING, 2, 0},
    {"h3", T_H3, CUT | ENDS_P, BLOCK_HEADING, 3, 0},
    {"h4", T_H4, CUT | ENDS_P, BLOCK_HEADING, 4, 0},
    {"h5", T_H5, CUT | ENDS_P, BLOCK_HEADING, 5, 0},
    {"h6", T_H6, CUT | ENDS_P, BLOCK_HEADING, 6, 0},
    {"head", T_HEAD, INLINE, 0, 0, 0},
    {"header", T_HEADER, CUT | ENDS_P, 0, 0, FLAG(HEADER)},
    {"hgroup", T_HEADER, CUT | ENDS_P, 0, 0, 0},
    {"hr", T_HR, VOID | CUT | ENDS_P, 0, 0, 0},
    {"html", T_HTML, INLINE, 0, 0, 0},
    {"iframe", T_IFRAME, CUT | SKIP, 0, 0, 0},
    {"img", T_VOID, VOID, 0, 0, 0},
    {"input", T_VOID, VOID, 0, 0, 0},
    {"label", T_LABEL, CUT, BLOCK_LABEL, 0, FLAG(LABEL)},
    {"legend", T_LEGEND, CUT, BLOCK_LABEL, 0, 0},
    {"li", T_LI, CUT | ENDS_P, BLOCK_ITEM, 0, 0},
    {"link", T_LINK, VOID, 0, 0, 0},
    {"main", T_MAIN, CUT | ENDS_P, 0, 0, FLAG(MAIN)},
    {"math", T_MATH, CUT | SKIP, 0, 0, 0},
    {"menu", T_MENU, CUT | ENDS_P, 0, 0, FLAG(LIST)},
    {"meta", T_META, VOID, 0, 0, 0},
    {"nav", T_NAV, CUT | ENDS_P, 0, 0, FLAG(NAV)},
    {"noscript", T_NOSCRIPT, CUT, 0, 0, FLAG(NOSCRIPT)},
    {"object", T_OBJECT, CUT, 0, 0, 0},
    {"ol", T_OL, CUT | ENDS_P, 0, 0, FLAG(LIST)},
    {"option", T_OPTION, INLINE, 0, 0, 0},
    {"p", T_P, CUT | ENDS_P, 0, 0, 0},
    {"param", T_VOID, VOID, 0, 0, 0},
    {"pre", T_PRE, CUT | ENDS_P, BLOCK_CODE, 0, FLAG(PRE)},
    {"script", T_SCRIPT, SKIP, 0, 0, 0},
    {"section", T_SECTION, CUT | ENDS_P, 0, 0, FLAG(SECTION)},
    {"select", T_SELECT, CUT | SKIP, 0, 0, 0},
    {"source", T_VOID, VOID, 0, 0, 0},
    {"style", T_STYLE, SKIP, 0, 0, 0},
    {"summary", T_SUMMARY, CUT | ENDS_P, BLOCK_LABEL, 0, 0},
    {"svg", T_SVG, CUT | SKIP, 0, 0, 0},
    {"table", T_TABLE, CUT, 0, 0, FLAG(TABLE)},
    {"tbody", T_TBODY, CUT, 0, 0, 0},
    {"td", T_TD, CUT, BLOCK_CELL, 0, 0},
    {"template", T_TEMPLATE, CUT | SKIP, 0, 0, 0},
    {"textarea", T_TEXTAREA, CUT | SKIP, 0, 0, 0},
    {"tfoot", T_TFOOT, CUT, 0, 0, 0},
    {"th", T_TH, CUT, BLOCK_CELL, 0, 0},
    {"thead", T_THEAD, CUT, 0, 0, 0},
    {"time", T_TIME, INLINE, 0, 0, 0},
    {"title", T_TITLE, SKIP, 0, 0, 0},
    {"tr", T_TR, CUT, 0, 0, 0},
    {"track", T_VOID, VOID, 0, 0, 0},
    {"ul", T_UL, CUT | ENDS_P, 0, 0, FLAG(LIST)},
    {"video", T_VIDEO, CUT | SKIP, 0, 0, 0},
    {"wbr", T_VOID, VOID, 0, 0, 0},
};
#define ELEMENTS (sizeof elements / sizeof *elements)

static const char *const attributes[ATTRIBUTES] = { /* enum attribute */
    "aria-hidden", "class", "content", "datetime", "hidden", "href", "http-equiv", "id", "itemprop", "itemtype", "lang",
    "name", "property", "rel", "role", "style", "type", "xml:lang",
};

/* Fragments of class and id names by what they tell; a name may hold several. */
static const char *const fragments[BLOCKS_GROUPS] = {
    "nav menu breadcrumb crumb topbar toolbar tabs pager pagination paging sitemap navigation krumel ariane",
    "cookie consent gdpr privacy onetrust didomi usercentrics datenschutz rodo",
    "sidebar side-bar aside rail widget spalte colright col-right rightcol secondary sidenav",
    "share social facebook twitter follow addthis whatsapp telegram linkedin teilen udostepnij",
    "related recommend teaser similar popular trending mostread most-read latest readnext read-more readmore more- also "
    "upsell crosssell aehnlich verwandt podobne polecane outbrain taboola promo ranking",
    "comment disqus respond reply kommentar komentar comentari commentaire review",
    "footer foot copyright impressum imprint legal bottom fuss stopka colophon",
    "header masthead logo brand head- -head topline kopf",
    "advert sponsor werbung reklam anzeige banner ad-slot adslot dfp google-ad adsense pubblicit publicid ads-",
    "meta byline author date time publish posted tags tag- category credit autor datum copyright-holder info",
    "form search login signup sign-up register newsletter subscribe input abo- suche szukaj buscar recherche",
    "content article post entry story text body main artikel inhalt prose richtext rich-text editor tekst texto article- beitrag",
    "product price sku cart buy shop spec descr warenkorb koszyk",
    "thread forum answer question message topic post-body viewtopic faq",
    "modal popup overlay dialog toast notice alert tooltip dropdown hidden sr-only visually screen-reader skip print offscreen",
    "list grid card item listing result gallery carousel slider slick swiper row tile thumb",
};

/* ---- tables ---- */

/* A hash of three letters and the size; a slot that is taken sends to the next. */
static size_t slot_of(const uint8_t *name, size_t size)
{
    return (name[0] * 7u + name[size / 2] * 31u + name[size - 1] * 13u + size * 61u) % SLOTS;
}

/* -1: not there. */
static int find_name(const struct names_table *table, const uint8_t *name, size_t size)
{
    if (!size)
        return -1;
    for (size_t at = slot_of(name, size); table->slot[at].name; at = (at + 1) % SLOTS)
        if (table->slot[at].size == size && memcmp(table->slot[at].name, name, size) == 0)
            return (int)table->slot[at].number;
    return -1;
}

/* Fewer than SLOTS names. */
static void add_name(struct names_table *table, const char *name, size_t size, size_t number)
{
    size_t at = slot_of((const uint8_t *)name, size);
    while (table->slot[at].name)
        at = (at + 1) % SLOTS;
    table->slot[at].name = name;
    table->slot[at].size = (uint32_t)size;
    table->slot[at].number = (uint32_t)number;
}

const struct element *element_of(const struct blocks_names *names, const struct html_span *name)
{
    const int found = find_name(&names->elements, name->at, name->size);
    return found < 0 ? NULL : elements + found;
}

enum attribute attribute_of(const struct blocks_names *names, const struct html_span *name)
{
    const int found = find_name(&names->attributes, name->at, name->size);
    return found < 0 ? ATTRIBUTES : (enum attribute)found;
}

#define META_BYTES 64 /* of a name that is looked for */

bool is_wanted_meta(const struct blocks_names *names, const struct html_span *name)
{
    uint8_t low[META_BYTES];
    size_t from = 0, to = name->size;
    while (from < to && name->at[from] <= ' ')
        from++;
    while (to > from && name->at[to - 1] <= ' ')
        to--;
    if (to - from > META_BYTES)
        return false;
    for (size_t i = from; i < to; i++)
        low[i - from] = name->at[i] >= 'A' && name->at[i] <= 'Z' ? name->at[i] | 32 : name->at[i];
    return find_name(&names->metas, low, to - from) >= 0;
}

/* ---- fragments ---- */

static unsigned letter_of(uint8_t byte)
{
    const uint8_t low = byte | 32;
    return low >= 'a' && low <= 'z' ? low - 'a' : byte == '-' || byte == '_' ? 26 : 27;
}

static bool add_fragment(struct blocks_names *names, const char *from, size_t size, unsigned group)
{
    unsigned state = 0;
    for (size_t i = 0; i < size; i++) {
        uint16_t *const to = &names->next[state][letter_of((uint8_t)from[i])];
        if (!*to) {
            if (names->states == STATES)
                return false;
            *to = names->states++;
        }
        state = *to;
    }
    names->found[state] |= (uint16_t)(1u << group);
    return true;
}

/* Aho and Corasick 1975: what a state lacks it takes from the longest state that is an end of it. */
static void close_fragments(struct blocks_names *names)
{
    uint16_t queue[STATES], fall[STATES] = {0};
    size_t head = 0, tail = 0;
    for (unsigned letter = 0; letter < LETTERS; letter++)
        if (names->next[0][letter])
            queue[tail++] = names->next[0][letter];
    while (head < tail) {
        const uint16_t state = queue[head++];
        names->found[state] |= names->found[fall[state]];
        for (unsigned letter = 0; letter < LETTERS; letter++) {
            uint16_t *const to = &names->next[state][letter];
            if (*to) {
                fall[*to] = names->next[fall[state]][letter];
                queue[tail++] = *to;
            } else {
                *to = names->next[fall[state]][letter];
            }
        }
    }
}

unsigned groups_in(const struct blocks_names *names, const struct html_span *value)
{
    unsigned found = 0, state = 0;
    for (size_t i = 0; i < value->size && i < NAME_BYTES; i++) {
        state = names->next[state][names->letter[value->at[i]]];
        found |= names->found[state];
    }
    return found;
}

/* ---- made once ---- */

static void read_characters(struct blocks_names *names)
{
    const size_t runs = sizeof unicode_runs / sizeof *unicode_runs;
    for (size_t i = 0; i < runs && unicode_runs[i].first < CODES; i++) {
        const uint32_t end = i + 1 < runs && unicode_runs[i + 1].first < CODES ? unicode_runs[i + 1].first : CODES;
        for (uint32_t code = unicode_runs[i].first; code < end; code++)
            names->bits[code] = unicode_runs[i].bits;
    }
    for (uint32_t code = 0; code < 128; code++)
        names->counts[code] = counts_of(code, names->bits[code]);
    for (unsigned byte = 0; byte < 256; byte++)
        names->letter[byte] = (uint8_t)letter_of((uint8_t)byte);
}

static bool read_fragments(struct blocks_names *names)
{
    names->states = 1;
    for (unsigned group = 0; group < BLOCKS_GROUPS; group++) {
        for (const char *at = fragments[group]; *at;) {
            const size_t size = strcspn(at, " ");
            if (!add_fragment(names, at, size, group))
                return false;
            at += size + (at[size] == ' ');
        }
    }
    close_fragments(names);
    return true;
}

static bool read_metas(struct blocks_names *names, const char *metas, size_t size)
{
    char *const text = names->metas_text = malloc(size + 1);
    if (!text)
        return false;
    memcpy(text, metas, size);
    text[size] = '\n';
    size_t count = 0;
    for (size_t from = 0, at = 0; at <= size && count < SLOTS / 2; at++) {
        if (text[at] != '\n')
            continue;
        if (at > from) {
            add_name(&names->metas, text + from, at - from, 0);
            count++;
        }
        from = at + 1;
    }
    return count < SLOTS / 2;
}

struct blocks_names *blocks_names(const char *metas, size_t size)
{
    struct blocks_names *const names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < ELEMENTS; i++)
        add_name(&names->elements, elements[i].name, strlen(elements[i].name), i);
    for (size_t i = 0; i < ATTRIBUTES; i++)
        add_name(&names->attributes, attributes[i], strlen(attributes[i]), i);
    read_characters(names);
    if (read_fragments(names) && read_metas(names, metas, size))
        return names;
    blocks_names_free(names);
    return NULL;
}

void blocks_names_free(struct blocks_names *names)
{
    if (names)
        free(names->metas_text);
    free(names);
}
