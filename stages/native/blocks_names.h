/* Names of HTML and what they tell, and what characters count as: tables made once and shared by all pages. */
#ifndef FLORILEGIUM_BLOCKS_NAMES_H
#define FLORILEGIUM_BLOCKS_NAMES_H

#include "blocks.h"
#include "html.h"

/* What an element is to us. */
enum {
    CUT = 1,       /* ends a block, goes on the stack */
    VOID = 2,      /* has no end tag */
    SKIP = 4,      /* its text is none of the page's */
    ENDS_P = 8,    /* its start ends an open p */
    INLINE = 16,   /* known, changes nothing */
};

enum tag {
    T_OTHER, T_A, T_ADDRESS, T_ARTICLE, T_ASIDE, T_BLOCKQUOTE, T_BODY, T_BR, T_BUTTON, T_CANVAS, T_CAPTION, T_CENTER, T_DD,
    T_DETAILS, T_DIALOG, T_DIV, T_DL, T_DT, T_FIELDSET, T_FIGCAPTION, T_FIGURE, T_FOOTER, T_FORM, T_H1, T_H2, T_H3, T_H4,
    T_H5, T_H6, T_HEAD, T_HEADER, T_HR, T_HTML, T_IFRAME, T_LABEL, T_LEGEND, T_LI, T_MAIN, T_MATH, T_MENU, T_NAV,
    T_NOSCRIPT, T_OBJECT, T_OL, T_OPTION, T_P, T_PRE, T_SCRIPT, T_SECTION, T_SELECT, T_STYLE, T_SUMMARY, T_SVG, T_TABLE,
    T_TBODY, T_TD, T_TEMPLATE, T_TEXTAREA, T_TFOOT, T_TH, T_THEAD, T_TITLE, T_TR, T_UL, T_VIDEO, T_AUDIO, T_VOID, T_META, T_LINK, T_TIME, TAGS
};

/* Flags of blocks: what stands above them. */
enum {
    F_NAV, F_FOOTER, F_HEADER, F_ASIDE, F_ARTICLE, F_MAIN, F_FORM, F_TABLE, F_LIST, F_FIGURE, F_SECTION, F_QUOTE, F_PRE,
    F_DL, F_HIDDEN, F_NOSCRIPT, F_DIALOG, F_DETAILS, F_LABEL, F_ADDRESS, F_BODY, F_ITEM, FLAGS
};
#define FLAG(name) (UINT32_C(1) << F_##name)

#define GROUP_CONSENT 1 /* of the fragments */
#define GROUP_COMMENT 5

struct element {
    const char *name;
    uint8_t tag, what, kind, level;
    uint32_t flag;
};

/* Attributes that are looked at. */
enum attribute {
    A_ARIA_HIDDEN, A_CLASS, A_CONTENT, A_DATETIME, A_HIDDEN, A_HREF, A_HTTP_EQUIV, A_ID, A_ITEMPROP, A_ITEMTYPE, A_LANG,
    A_NAME, A_PROPERTY, A_REL, A_ROLE, A_STYLE, A_TYPE, A_XML_LANG, ATTRIBUTES
};

#define SLOTS 512   /* of a table of names */
#define STATES 2048 /* of the fragments */
#define LETTERS 28  /* a to z, "-" and "_" as one, anything else */
#define CODES 0x3000 /* those above are letters */

struct names_table {
    struct {
        const char *name;
        uint32_t size, number;
    } slot[SLOTS];
};

struct blocks_names {
    struct names_table elements, attributes, metas;
    char *metas_text;
    uint64_t counts[128]; /* of ASCII: see counts_of */
    uint8_t letter[256];
    uint16_t next[STATES][LETTERS];
    uint16_t found[STATES]; /* groups */
    uint16_t states;
    uint16_t bits[CODES]; /* of code points, as in unicode.h */
};

/* NULL: not known. */
const struct element *element_of(const struct blocks_names *names, const struct html_span *name);

/* ATTRIBUTES where it is none that is looked at. */
enum attribute attribute_of(const struct blocks_names *names, const struct html_span *name);

/* Whether a meta of this name is a fact; case and spaces around it do not matter. */
bool is_wanted_meta(const struct blocks_names *names, const struct html_span *name);

#define NAME_BYTES 200 /* of a class or id that are looked at */

/* Groups of the fragments in a class or id, a bit each. */
unsigned groups_in(const struct blocks_names *names, const struct html_span *value);

/* ---- characters ---- */

#define UPPER 1u
#define LETTER 31u
#define MARK (1u << 5) /* accents that combine */
#define NUMBER (1u << 6)
#define BLANK (1u << 7)
#define WORD (LETTER | MARK | NUMBER)

static inline uint32_t code_at(const uint8_t *at, size_t *size)
{
    const uint8_t lead = *at;
    if (lead < 0x80)
        return *size = 1, lead;
    if (lead < 0xE0)
        return *size = 2, (uint32_t)(lead & 0x1F) << 6 | (at[1] & 0x3F);
    if (lead < 0xF0)
        return *size = 3, (uint32_t)(lead & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
    return *size = 4, (uint32_t)(lead & 7) << 18 | (uint32_t)(at[1] & 0x3F) << 12 | (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
}

static inline unsigned bits_of(const struct blocks_names *names, uint32_t code)
{
    return code < CODES ? names->bits[code] : 16u;
}

/* Ends of sentences and their like in European and some other scripts. */
static inline bool is_end(uint32_t code)
{
    if (code < 0x80)
        return code == '.' || code == '!' || code == '?' || code == ';';
    return code == 0x2026 || code == 0x37E || code == 0x3002 || code == 0xFF01 || code == 0xFF1F || code == 0x0589 ||
           code == 0x061F || code == 0x06D4 || code == 0x0964;
}

static inline bool is_comma(uint32_t code)
{
    if (code < 0x80)
        return code == ',';
    return code == 0xB7 || code == 0x0387 || code == 0x055D || code == 0x060C || code == 0x3001 || code == 0xFF0C;
}

/* What a character counts as: numbers of eight bits in one of 64, so that up to COUNTS_MOST characters are counted by
 * additions. */
enum { N_CHARACTERS, N_UPPERS, N_DIGITS, N_MARKS, N_COMMAS, N_SYMBOLS, N_LINES };
#define COUNTS_MOST 255

static inline uint64_t counts_of(uint32_t code, unsigned bits)
{
    if (bits & BLANK)
        return (uint64_t)(code == '\n') << 8 * N_LINES;
    const bool mark = is_end(code), comma = is_comma(code);
    return UINT64_C(1) << 8 * N_CHARACTERS | (uint64_t)((bits & UPPER) != 0) << 8 * N_UPPERS |
           (uint64_t)((bits & NUMBER) != 0) << 8 * N_DIGITS | (uint64_t)mark << 8 * N_MARKS | (uint64_t)comma << 8 * N_COMMAS |
           (uint64_t)(!(bits & (LETTER | NUMBER)) && !mark && !comma) << 8 * N_SYMBOLS;
}

#endif
