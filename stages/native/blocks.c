/* From a page to blocks: see blocks.h. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "unicode.h"

/* ---- names ---- */

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

static const struct {
    const char *name;
    uint8_t tag, what, kind, level;
    uint32_t flag;
} elements[] = { /* sorted by name */
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

/* -1: not known. */
static int element_of(const struct html_span *name)
{
    size_t low = 0, high = ELEMENTS;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const size_t size = strlen(elements[middle].name), least = size < name->size ? size : name->size;
        const int order = memcmp(name->at, elements[middle].name, least);
        if (order == 0 && size == name->size)
            return (int)middle;
        if (order < 0 || (order == 0 && name->size < size))
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

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

#define STATES 2048
#define LETTERS 28 /* a to z, "-" and "_" as one, anything else */

struct blocks_names {
    uint16_t next[STATES][LETTERS];
    uint16_t found[STATES]; /* groups */
    uint16_t states;
    uint16_t bits[0x3000]; /* of code points, as in unicode.h; those above are letters */
};

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

struct blocks_names *blocks_names(void)
{
    struct blocks_names *const names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->states = 1;
    for (unsigned group = 0; group < BLOCKS_GROUPS; group++) {
        const char *at = fragments[group];
        while (*at) {
            const size_t size = strcspn(at, " ");
            if (!add_fragment(names, at, size, group)) {
                free(names);
                return NULL;
            }
            at += size + (at[size] == ' ');
        }
    }
    close_fragments(names);
    const size_t runs = sizeof unicode_runs / sizeof *unicode_runs;
    for (size_t i = 0; i < runs && unicode_runs[i].first < 0x3000; i++) {
        const uint32_t end = i + 1 < runs && unicode_runs[i + 1].first < 0x3000 ? unicode_runs[i + 1].first : 0x3000;
        for (uint32_t code = unicode_runs[i].first; code < end; code++)
            names->bits[code] = unicode_runs[i].bits;
    }
    return names;
}

void blocks_names_free(struct blocks_names *names) { free(names); }

#define NAME_BYTES 200 /* of a class or id that are looked at */

static unsigned groups_in(const struct blocks_names *names, const struct html_span *value)
{
    unsigned found = 0, state = 0;
    for (size_t i = 0; i < value->size && i < NAME_BYTES; i++) {
        state = names->next[state][letter_of(value->at[i])];
        found |= names->found[state];
    }
    return found;
}

/* ---- the walk ---- */

struct open {
    uint64_t signature;
    uint32_t flags, container, item;
    uint8_t tag, kind, level;
    bool skip;
    uint8_t groups[BLOCKS_GROUPS];
};

#define TITLE_WORDS 64

struct walk {
    const struct blocks_names *names;
    struct blocks *blocks;
    struct open stack[BLOCKS_DEEPEST];
    size_t depth; /* elements on the stack; the first is the page */
    size_t links; /* open a elements: 0 or 1 */
    struct block block; /* being filled */
    size_t block_text;  /* where its text begins */
    bool space;         /* wanted before the next word */
    unsigned breaks;    /* br in a row */
    uint32_t rows;
    uint64_t title[TITLE_WORDS];
    size_t title_count;
    bool in_title, titled;
    bool ld; /* in a script of JSON-LD */
    bool failed;
};

static bool grow(void **data, size_t *room, size_t wanted, size_t width)
{
    if (wanted <= *room)
        return true;
    size_t size = *room ? *room : 256;
    while (size < wanted)
        size *= 2;
    void *const grown = realloc(*data, size * width);
    if (!grown)
        return false;
    *data = grown;
    *room = size;
    return true;
}

static struct open *top(struct walk *walk) { return walk->stack + walk->depth - 1; }

static bool text_room(struct walk *walk, size_t more)
{
    struct blocks *const blocks = walk->blocks;
    if (!grow((void **)&blocks->text, &blocks->text_room, blocks->text_size + more, 1))
        walk->failed = true;
    return !walk->failed;
}

static uint32_t code_at(const uint8_t *at, size_t *size)
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

#define UPPER 1u
#define LETTER 31u
#define NUMBER (1u << 6)
#define BLANK (1u << 7)

static unsigned bits_of(const struct blocks_names *names, uint32_t code) { return code < 0x3000 ? names->bits[code] : 16u; }

/* Ends of sentences and their like in European and some other scripts. */
static bool is_end(uint32_t code)
{
    return code == '.' || code == '!' || code == '?' || code == 0x2026 || code == 0x3002 || code == 0xFF01 || code == 0xFF1F ||
           code == 0x0589 || code == 0x061F || code == 0x06D4 || code == 0x0964 || code == ';' || code == 0x37E;
}

static bool is_comma(uint32_t code)
{
    return code == ',' || code == 0x3001 || code == 0xFF0C || code == 0x060C || code == 0x055D || code == 0x0387 || code == 0xB7;
}

#define FNV UINT64_C(0x100000001B3)
#define FNV_START UINT64_C(0xCBF29CE484222325)

static uint64_t hash_of(uint64_t hash, const void *bytes, size_t size)
{
    const uint8_t *const at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * FNV;
    return hash;
}

/* Words of a text by their hashes, ASCII letters in lower case: for titles. */
static bool in_title(const struct walk *walk, uint64_t word)
{
    for (size_t i = 0; i < walk->title_count; i++)
        if (walk->title[i] == word)
            return true;
    return false;
}

/* Counts in the finished text of a block. */
static void count(struct walk *walk, struct block *block)
{
    const uint8_t *const text = (const uint8_t *)walk->blocks->text + block->text;
    uint64_t word = FNV_START;
    bool inside = false;
    uint32_t last = 0;
    for (size_t at = 0, size; at < block->size; at += size) {
        const uint32_t code = code_at(text + at, &size);
        const unsigned bits = bits_of(walk->names, code);
        if (bits & BLANK) {
            block->lines += code == '\n';
        } else {
            block->characters++;
            block->words += !inside || (last && bits_of(walk->names, last) & BLANK);
            block->uppers += (bits & UPPER) != 0;
            block->digits += (bits & NUMBER) != 0;
            block->marks += is_end(code);
            block->commas += is_comma(code);
            block->symbols += !(bits & (LETTER | NUMBER)) && !is_end(code) && !is_comma(code);
            block->lower = block->lower || (block->characters == 1 && bits & LETTER && !(bits & UPPER));
            inside = true;
        }
        if (bits & (LETTER | NUMBER | 32u)) {
            for (size_t i = 0; i < size; i++)
                word = (word ^ (text[at + i] >= 'A' && text[at + i] <= 'Z' ? text[at + i] | 32 : text[at + i])) * FNV;
        } else if (word != FNV_START) {
            block->title_words += walk->title_count && in_title(walk, word);
            word = FNV_START;
        }
        last = code;
    }
    if (word != FNV_START)
        block->title_words += walk->title_count && in_title(walk, word);
    block->ends = is_end(last) || last == ':' || last == 0x201D || last == 0xBB || last == '"';
    block->hash = hash_of(FNV_START, text, block->size);
}

static void start_block(struct walk *walk)
{
    walk->block = (struct block){0};
    walk->block_text = walk->blocks->text_size;
    walk->space = false;
    walk->breaks = 0;
}

static void add_to_containers(struct walk *walk, const struct block *block, bool paragraph)
{
    for (uint32_t at = block->container;; at = walk->blocks->container[at].parent) {
        struct container *const container = walk->blocks->container + at;
        container->characters += block->characters;
        container->link_characters += block->link_characters;
        container->marks += block->marks;
        container->blocks++;
        container->paragraphs += paragraph;
        if (at == 0)
            break;
    }
}

/* What has been gathered becomes a block, if it is anything. */
static void cut(struct walk *walk)
{
    struct blocks *const blocks = walk->blocks;
    struct block *const block = &walk->block;
    while (blocks->text_size > walk->block_text && (blocks->text[blocks->text_size - 1] == '\n' || blocks->text[blocks->text_size - 1] == ' '))
        blocks->text_size--;
    const size_t size = blocks->text_size - walk->block_text;
    if (size && !walk->failed) {
        const struct open *const open = top(walk);
        block->text = walk->block_text;
        block->size = (uint32_t)size;
        block->container = open->container;
        block->flags = open->flags;
        block->signature = open->signature;
        block->tag = open->tag;
        block->kind = open->kind;
        block->level = open->level;
        block->depth = (uint8_t)(walk->depth > 255 ? 255 : walk->depth);
        block->item = open->item;
        block->row = open->flags & FLAG(TABLE) ? walk->rows : 0;
        memcpy(block->groups, open->groups, sizeof block->groups);
        count(walk, block);
        if (block->link_characters > block->characters)
            block->link_characters = block->characters;
        if (block->characters && grow((void **)&blocks->block, &blocks->room, blocks->count + 1, sizeof *blocks->block)) {
            blocks->block[blocks->count++] = *block;
            add_to_containers(walk, block, open->tag == T_P);
        }
    }
    start_block(walk);
}

static void add_text(struct walk *walk, const struct html_span *text)
{
    struct blocks *const blocks = walk->blocks;
    const bool pre = top(walk)->flags & FLAG(PRE);
    if (!text_room(walk, text->size + 2))
        return;
    char *to = blocks->text + blocks->text_size;
    const uint8_t *at = text->at, *const end = at + text->size;
    size_t characters = 0;
    while (at < end) {
        const bool blank = *at <= ' ' || (*at == 0xC2 && at + 1 < end && at[1] == 0xA0);
        if (blank && pre && (*at == '\n' || *at == ' ' || *at == '\t')) {
            *to++ = (char)*at++;
            continue;
        }
        if (blank) {
            walk->space = true;
            at += 1 + (*at == 0xC2);
            continue;
        }
        const uint8_t *const word = at;
        while (at < end && *at > ' ' && !(*at == 0xC2 && at + 1 < end && at[1] == 0xA0))
            characters += (*at++ & 0xC0) != 0x80;
        if (walk->space && to > blocks->text + walk->block_text && to[-1] != '\n')
            *to++ = ' ';
        walk->space = false;
        walk->breaks = 0;
        memcpy(to, word, (size_t)(at - word));
        to += at - word;
    }
    blocks->text_size = (size_t)(to - blocks->text);
    if (walk->links)
        walk->block.link_characters += (uint32_t)characters;
}

static void line_break(struct walk *walk)
{
    if (++walk->breaks == 2) {
        cut(walk);
        return;
    }
    if (walk->blocks->text_size > walk->block_text && text_room(walk, 1)) {
        walk->blocks->text[walk->blocks->text_size++] = '\n';
        walk->block.breaks++;
    }
    walk->space = false;
}

static const struct html_span *attribute(const struct html_token *token, const char *name)
{
    const size_t size = strlen(name);
    for (size_t i = 0; i < token->attribute_count; i++)
        if (token->attributes[i].name.size == size && memcmp(token->attributes[i].name.at, name, size) == 0)
            return &token->attributes[i].value;
    return NULL;
}

static bool holds(const struct html_span *value, const char *what)
{
    const size_t size = strlen(what);
    for (size_t i = 0; value && i + size <= value->size; i++)
        if (memcmp(value->at + i, what, size) == 0)
            return true;
    return false;
}

static bool is_value(const struct html_span *value, const char *what)
{
    return value && value->size == strlen(what) && memcmp(value->at, what, value->size) == 0;
}

static uint32_t role_of(const struct html_token *token)
{
    const struct html_span *const role = attribute(token, "role");
    if (!role)
        return 0;
    return is_value(role, "navigation") || is_value(role, "menu") || is_value(role, "menubar") ? FLAG(NAV)
           : is_value(role, "main")                                                             ? FLAG(MAIN)
           : is_value(role, "contentinfo")                                                      ? FLAG(FOOTER)
           : is_value(role, "banner")                                                           ? FLAG(HEADER)
           : is_value(role, "complementary")                                                    ? FLAG(ASIDE)
           : is_value(role, "article")                                                          ? FLAG(ARTICLE)
           : is_value(role, "dialog") || is_value(role, "alertdialog")                          ? FLAG(DIALOG)
           : is_value(role, "search") || is_value(role, "form")                                 ? FLAG(FORM)
                                                                                                : 0;
}

static bool is_hidden(const struct html_token *token)
{
    const struct html_span *const style = attribute(token, "style");
    return attribute(token, "hidden") || is_value(attribute(token, "aria-hidden"), "true") || holds(style, "display:none") ||
           holds(style, "display: none") || holds(style, "visibility:hidden");
}

/* Where schema.org's microdata or RDFa say that text is. */
static uint32_t property_of(const struct html_token *token)
{
    const struct html_span *property = attribute(token, "itemprop");
    property = property ? property : attribute(token, "property");
    if (holds(property, "articleBody") || is_value(property, "text") || is_value(property, "content:encoded"))
        return FLAG(BODY);
    return attribute(token, "itemtype") ? FLAG(ITEM) : 0;
}

/* The kinds that a script of JSON-LD names. */
static uint32_t kinds_in(const struct html_span *text)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = {
        {"Article\"", PAGE_ARTICLE},   {"BlogPosting\"", PAGE_ARTICLE}, {"Product\"", PAGE_PRODUCT},
        {"ItemList\"", PAGE_LIST},     {"CollectionPage\"", PAGE_LIST}, {"SearchResultsPage\"", PAGE_LIST},
        {"QAPage\"", PAGE_FORUM},      {"DiscussionForumPosting\"", PAGE_FORUM},
    };
    uint32_t found = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        found |= (uint32_t)holds(text, kinds[i].name) << kinds[i].kind;
    return found;
}

static void put_part(char **to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        *(*to)++ = from[i] < ' ' ? ' ' : (char)from[i]; /* so the marks between parts are none of it */
}

static void fact(struct walk *walk, const char *kind, const struct html_span *name, const struct html_span *value, size_t most)
{
    struct blocks *const blocks = walk->blocks;
    const size_t kind_size = strlen(kind), name_size = !name ? 0 : name->size < 64 ? name->size : 64;
    if (!value || !value->size || value->size > most || blocks->facts_count == FACTS_MOST)
        return;
    if (!grow((void **)&blocks->facts, &blocks->facts_room, blocks->facts_size + kind_size + name_size + value->size + 3, 1)) {
        walk->failed = true;
        return;
    }
    char *to = blocks->facts + blocks->facts_size;
    put_part(&to, (const uint8_t *)kind, kind_size);
    *to++ = FACT_PART;
    put_part(&to, name ? name->at : NULL, name_size);
    *to++ = FACT_PART;
    put_part(&to, value->at, value->size);
    *to++ = FACT_END;
    blocks->facts_size = (size_t)(to - blocks->facts);
    blocks->facts_count++;
}

static void fact_of(struct walk *walk, const struct html_token *token, uint8_t tag)
{
    const struct html_span *const rel = attribute(token, "rel");
    if (tag == T_HTML)
        fact(walk, "lang", NULL, attribute(token, "lang") ? attribute(token, "lang") : attribute(token, "xml:lang"), 64);
    else if (tag == T_A && holds(rel, "license"))
        fact(walk, "link", rel, attribute(token, "href"), FACT_BYTES);
    else if (tag == T_TIME)
        fact(walk, "time", attribute(token, "itemprop"), attribute(token, "datetime"), 64);
    else if (tag == T_LINK)
        fact(walk, "link", rel, attribute(token, "href"), FACT_BYTES);
    else if (tag == T_META) {
        static const char *const names[] = {"property", "name", "http-equiv", "itemprop"};
        const struct html_span *name = NULL;
        for (size_t i = 0; i < 4 && !name; i++)
            name = attribute(token, names[i]);
        fact(walk, "meta", name, name ? attribute(token, "content") : NULL, FACT_BYTES);
    }
}

static void meta(struct walk *walk, const struct html_token *token)
{
    const struct html_span *const property = attribute(token, "property"), *const content = attribute(token, "content");
    if (!is_value(property, "og:type") || !content)
        return;
    walk->blocks->kinds |= holds(content, "article") || holds(content, "news") ? 1u << PAGE_OG_ARTICLE
                           : holds(content, "product")                         ? 1u << PAGE_OG_PRODUCT
                                                                               : 1u << PAGE_OG_WEBSITE;
}

static void pop_to(struct walk *walk, size_t depth)
{
    if (depth < walk->depth) {
        cut(walk);
        walk->links = 0;
        walk->depth = depth;
    }
}

/* Ends the nearest open element of these tags, if none of the barriers stands in between. */
static void end_nearest(struct walk *walk, const uint8_t *tags, const uint8_t *barriers)
{
    for (size_t at = walk->depth - 1; at > 0; at--) {
        const uint8_t tag = walk->stack[at].tag;
        for (const uint8_t *one = tags; *one; one++)
            if (*one == tag) {
                pop_to(walk, at);
                return;
            }
        for (const uint8_t *one = barriers; *one; one++)
            if (*one == tag)
                return;
    }
}

static bool is_heading(uint8_t tag) { return tag >= T_H1 && tag <= T_H6; }

/* What a start tag ends without saying so. */
static void implied_ends(struct walk *walk, uint8_t tag, unsigned what)
{
    static const uint8_t p[] = {T_P, 0}, li[] = {T_LI, 0}, terms[] = {T_DT, T_DD, 0}, cells[] = {T_TD, T_TH, 0};
    static const uint8_t rows[] = {T_TR, 0}, bodies[] = {T_TBODY, T_THEAD, T_TFOOT, 0}, table[] = {T_TABLE, 0};
    static const uint8_t lists[] = {T_UL, T_OL, T_MENU, T_TABLE, T_TD, T_TH, 0}, dl[] = {T_DL, T_TABLE, T_TD, T_TH, 0};
    static const uint8_t p_stops[] = {T_TABLE, T_TD, T_TH, T_BUTTON, T_OBJECT, T_LI, T_DIV, T_SECTION, T_ARTICLE, T_ASIDE, 0};
    if (what & ENDS_P)
        end_nearest(walk, p, p_stops);
    if (is_heading(tag) && is_heading(top(walk)->tag))
        pop_to(walk, walk->depth - 1);
    switch (tag) {
    case T_LI:
        end_nearest(walk, li, lists);
        break;
    case T_DT:
    case T_DD:
        end_nearest(walk, terms, dl);
        break;
    case T_TD:
    case T_TH:
        end_nearest(walk, cells, (const uint8_t[]){T_TR, T_TABLE, 0});
        break;
    case T_TR:
        end_nearest(walk, rows, table);
        break;
    case T_TBODY:
    case T_THEAD:
    case T_TFOOT:
        end_nearest(walk, bodies, table);
        break;
    default:
        break;
    }
}

static uint8_t place_of(uint8_t tag)
{
    return tag == T_OL                    ? PLACE_ORDERED
           : tag == T_UL || tag == T_MENU ? PLACE_LIST
           : tag == T_LI                  ? PLACE_ITEM
           : tag == T_TABLE               ? PLACE_TABLE
           : tag == T_TD                  ? PLACE_CELL
           : tag == T_TH                  ? PLACE_HEAD
                                          : PLACE_OTHER;
}

static void push(struct walk *walk, const struct html_token *token, int element)
{
    struct blocks *const blocks = walk->blocks;
    if (walk->depth == BLOCKS_DEEPEST)
        return;
    if (!grow((void **)&blocks->container, &blocks->containers_room, blocks->containers + 1, sizeof *blocks->container)) {
        walk->failed = true;
        return;
    }
    const struct open *const parent = top(walk);
    struct open *const open = walk->stack + walk->depth++;
    *open = *parent;
    open->tag = elements[element].tag;
    open->flags |= elements[element].flag | role_of(token) | property_of(token) | (is_hidden(token) ? FLAG(HIDDEN) : 0);
    open->skip |= (elements[element].what & SKIP) != 0;
    if (elements[element].kind || elements[element].tag == T_P) {
        if (!(elements[element].tag == T_P && parent->kind != BLOCK_HEADING && parent->kind)) {
            open->kind = elements[element].kind;
            open->level = elements[element].level;
        }
    }
    const struct html_span *const class = attribute(token, "class"), *const id = attribute(token, "id");
    const unsigned groups = (class ? groups_in(walk->names, class) : 0) | (id ? groups_in(walk->names, id) : 0);
    for (unsigned group = 0; group < BLOCKS_GROUPS; group++)
        if (groups >> group & 1 && open->groups[group] < 255)
            open->groups[group]++;
    open->signature = (parent->signature ^ (uint64_t)(open->tag + 1)) * FNV;
    if (class)
        open->signature = hash_of(open->signature, class->at, class->size < 64 ? class->size : 64);
    open->container = (uint32_t)blocks->containers;
    blocks->container[blocks->containers++] = (struct container){.parent = parent->container, .place = place_of(open->tag)};
    if (open->tag == T_LI || open->tag == T_DT || open->tag == T_DD)
        open->item = open->container;
    if (open->tag == T_TR)
        walk->rows++;
}

static void start_tag(struct walk *walk, struct html_tokenizer *html, const struct html_token *token)
{
    const int element = element_of(&token->name);
    html_switch(html, token);
    if (element < 0)
        return;
    const unsigned what = elements[element].what;
    const uint8_t tag = elements[element].tag;
    walk->blocks->articles += tag == T_ARTICLE;
    walk->blocks->h1s += tag == T_H1;
    fact_of(walk, token, tag);
    if (tag == T_META) {
        meta(walk, token);
    } else if (tag == T_SCRIPT) {
        walk->ld = holds(attribute(token, "type"), "ld+json");
    } else if (tag == T_A) {
        walk->links = 1;
        walk->block.links++;
    } else if (tag == T_TITLE) {
        walk->in_title = !walk->titled;
    } else if (tag == T_BR) {
        line_break(walk);
    }
    if (what & CUT) {
        implied_ends(walk, tag, what);
        cut(walk);
        if (!(what & VOID) && !(token->self_closing && (tag == T_SVG || tag == T_MATH)))
            push(walk, token, element);
        if (tag == T_SVG || tag == T_MATH)
            html->foreign = true;
    }
}

static void end_tag(struct walk *walk, struct html_tokenizer *html, const struct html_token *token)
{
    const int element = element_of(&token->name);
    if (element < 0)
        return;
    const uint8_t tag = elements[element].tag;
    if (tag == T_A)
        walk->links = 0;
    if (tag == T_BR)
        line_break(walk);
    if (tag == T_TITLE)
        walk->in_title = false, walk->titled = walk->titled || walk->title_count;
    if (!(elements[element].what & CUT))
        return;
    if (tag == T_SVG || tag == T_MATH)
        html->foreign = false;
    const bool heading = is_heading(tag);
    const bool in_table = tag == T_TD || tag == T_TH || tag == T_TR || tag == T_TBODY || tag == T_THEAD || tag == T_TFOOT || tag == T_TABLE;
    for (size_t at = walk->depth - 1; at > 0; at--) {
        const uint8_t open = walk->stack[at].tag;
        if (open == tag || (heading && is_heading(open))) {
            pop_to(walk, at);
            return;
        }
        if (!in_table && (open == T_TD || open == T_TH))
            break; /* a cell holds its own */
        if (in_table && open == T_TABLE)
            break;
        if (tag == T_LI && (open == T_UL || open == T_OL))
            break;
        if (tag == T_P && open != T_P)
            break;
    }
    cut(walk);
}

static void title_text(struct walk *walk, const struct html_span *text)
{
    fact(walk, "title", NULL, text, FACT_BYTES);
    uint64_t word = FNV_START;
    for (size_t at = 0, size; at <= text->size; at += size) {
        size = 1;
        const uint32_t code = at < text->size ? code_at(text->at + at, &size) : ' ';
        if (bits_of(walk->names, code) & (LETTER | NUMBER | 32u)) {
            for (size_t i = 0; i < size; i++)
                word = (word ^ (text->at[at + i] >= 'A' && text->at[at + i] <= 'Z' ? text->at[at + i] | 32 : text->at[at + i])) * FNV;
        } else if (word != FNV_START) {
            if (walk->title_count < TITLE_WORDS)
                walk->title[walk->title_count++] = word;
            word = FNV_START;
        }
    }
}

static void ld_text(struct walk *walk, const struct html_span *text)
{
    walk->blocks->kinds |= kinds_in(text);
    fact(walk, "ld", NULL, text, FACT_SCRIPT);
}

bool blocks_read(struct blocks *blocks, const struct blocks_names *names, const uint8_t *page, size_t size)
{
    struct walk *const walk = calloc(1, sizeof *walk);
    struct html_tokenizer html;
    struct html_token token;
    blocks->count = blocks->containers = blocks->text_size = blocks->nodes = blocks->articles = blocks->h1s = 0;
    blocks->facts_size = blocks->facts_count = 0;
    blocks->kinds = 0;
    if (!walk || !grow((void **)&blocks->container, &blocks->containers_room, 1, sizeof *blocks->container)) {
        free(walk);
        return false;
    }
    walk->names = names;
    walk->blocks = blocks;
    walk->depth = 1;
    walk->stack[0].signature = FNV_START;
    blocks->container[blocks->containers++] = (struct container){0};
    start_block(walk);
    html_begin(&html, page, size, HTML_DATA);
    bool raw = false;
    while (!walk->failed) {
        const enum html_kind kind = html_next(&html, &token);
        if (kind == HTML_END_OF_FILE)
            break;
        blocks->nodes += kind != HTML_END;
        if (kind == HTML_START) {
            start_tag(walk, &html, &token);
            raw = html.mode != HTML_DATA;
        } else if (kind == HTML_END) {
            raw = walk->ld = false;
            end_tag(walk, &html, &token);
        } else if (kind == HTML_TEXT) {
            if (walk->in_title)
                title_text(walk, &token.text);
            else if (walk->ld)
                ld_text(walk, &token.text);
            else if (!raw && !top(walk)->skip)
                add_text(walk, &token.text);
        }
    }
    cut(walk);
    const bool good = !walk->failed && !html.failed;
    html_end(&html);
    free(walk);
    return good;
}

void blocks_free(struct blocks *blocks)
{
    free(blocks->block);
    free(blocks->container);
    free(blocks->text);
    free(blocks->facts);
    memset(blocks, 0, sizeof *blocks);
}
