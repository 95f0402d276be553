/* From a page to blocks: see blocks.h. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "blocks_count.h"
#include "blocks_facts.h"
#include "blocks_names.h"
#include "html.h"

struct open {
    uint64_t signature;
    uint32_t flags, container, item;
    uint8_t tag, kind, level;
    bool skip;
    uint8_t groups[BLOCKS_GROUPS];
};

#define MEMORY 256

struct walk {
    const struct blocks_names *names;
    struct blocks *blocks;
    struct open stack[BLOCKS_DEEPEST];
    size_t depth; /* elements on the stack; the first is the page */
    bool linked;  /* in an a element */
    struct block block; /* being filled */
    size_t block_text;  /* where its text begins */
    bool space;         /* wanted before the next word */
    unsigned breaks;    /* br in a row */
    uint32_t rows;
    struct title title;
    struct {
        uint64_t name;
        unsigned groups;
    } memory[MEMORY]; /* groups of class names met before, by their hash: a page has few, time and again */
    bool in_title, titled;
    bool ld; /* in a script of JSON-LD */
    bool failed;
};

bool blocks_grow(void **data, size_t *room, size_t wanted, size_t width)
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
    if (!blocks_grow((void **)&blocks->text, &blocks->text_room, blocks->text_size + more, 1))
        walk->failed = true;
    return !walk->failed;
}

/* ---- blocks ---- */

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
        blocks_count(walk->names, &walk->title, (const uint8_t *)blocks->text + block->text, block);
        if (block->link_characters > block->characters)
            block->link_characters = block->characters;
        if (block->characters && blocks_grow((void **)&blocks->block, &blocks->room, blocks->count + 1, sizeof *blocks->block)) {
            blocks->block[blocks->count++] = *block;
            add_to_containers(walk, block, open->tag == T_P);
        }
    }
    start_block(walk);
}

static bool is_blank(const uint8_t *at, const uint8_t *end)
{
    return *at <= ' ' || (*at == 0xC2 && at + 1 < end && at[1] == 0xA0); /* no-break space */
}

/* As it stands but for runs of blanks, of which one is kept as it comes: in a pre. */
static char *put_pre(struct walk *walk, char *to, const uint8_t *at, const uint8_t *end)
{
    const char *const start = walk->blocks->text + walk->block_text;
    while (at < end) {
        if (*at == '\n' || *at == ' ' || *at == '\t') {
            *to++ = (char)*at++;
            continue;
        }
        if (is_blank(at, end)) {
            walk->space = true;
            at += 1 + (*at == 0xC2);
            continue;
        }
        if (walk->space && to > start && to[-1] != '\n')
            *to++ = ' ';
        walk->space = false;
        walk->breaks = 0;
        while (at < end && !is_blank(at, end))
            *to++ = (char)*at++;
    }
    return to;
}

/* Runs of blanks become one space; one at the end waits for the next word. */
static char *put_words(struct walk *walk, char *to, const uint8_t *at, const uint8_t *end)
{
    while (at < end && is_blank(at, end)) {
        walk->space = true;
        at += 1 + (*at == 0xC2);
    }
    if (at == end)
        return to;
    if (walk->space && to > walk->blocks->text + walk->block_text && to[-1] != '\n')
        *to++ = ' ';
    bool blank = false;
    while (at < end) {
        const uint8_t byte = *at++;
        if (byte == 0xC2 && at < end && *at == 0xA0) {
            at++;
            *to = ' ';
            to += !blank;
            blank = true;
            continue;
        }
        const bool is = byte <= ' '; /* no branch: words are short */
        *to = is ? ' ' : (char)byte;
        to += !(is && blank);
        blank = is;
    }
    walk->space = blank;
    walk->breaks = 0;
    return to - blank;
}

static uint32_t characters_in(const uint8_t *at, const uint8_t *end)
{
    uint32_t found = 0;
    while (at < end) {
        const bool blank = is_blank(at, end);
        found += !blank && (*at & 0xC0) != 0x80;
        at += 1 + (blank && *at == 0xC2);
    }
    return found;
}

static void add_text(struct walk *walk, const struct html_span *text)
{
    struct blocks *const blocks = walk->blocks;
    if (!text_room(walk, text->size + 2))
        return;
    const uint8_t *const at = text->at, *const end = at + text->size;
    const bool pre = top(walk)->flags & FLAG(PRE);
    char *const to = blocks->text + blocks->text_size;
    blocks->text_size = (size_t)((pre ? put_pre : put_words)(walk, to, at, end) - blocks->text);
    if (walk->linked)
        walk->block.link_characters += characters_in(at, end);
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

/* ---- elements ---- */

static uint32_t role_of(const struct html_span *role)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } roles[] = {
        {"navigation", FLAG(NAV)},     {"menu", FLAG(NAV)},           {"menubar", FLAG(NAV)},
        {"main", FLAG(MAIN)},          {"contentinfo", FLAG(FOOTER)}, {"banner", FLAG(HEADER)},
        {"complementary", FLAG(ASIDE)}, {"article", FLAG(ARTICLE)},    {"dialog", FLAG(DIALOG)},
        {"alertdialog", FLAG(DIALOG)}, {"search", FLAG(FORM)},        {"form", FLAG(FORM)},
    };
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (span_is(role, roles[i].name))
            return roles[i].flag;
    return 0;
}

static bool is_hidden(const found_attributes found)
{
    const struct html_span *const style = found[A_STYLE];
    return found[A_HIDDEN] || span_is(found[A_ARIA_HIDDEN], "true") || span_holds(style, "display:none") ||
           span_holds(style, "display: none") || span_holds(style, "visibility:hidden");
}

/* Where schema.org's microdata or RDFa say that text is. */
static uint32_t property_of(const found_attributes found)
{
    const struct html_span *const property = found[A_ITEMPROP] ? found[A_ITEMPROP] : found[A_PROPERTY];
    if (span_holds(property, "articleBody") || span_is(property, "text") || span_is(property, "content:encoded"))
        return FLAG(BODY);
    return found[A_ITEMTYPE] ? FLAG(ITEM) : 0;
}

static void pop_to(struct walk *walk, size_t depth)
{
    if (depth < walk->depth) {
        cut(walk);
        walk->linked = false;
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

static unsigned groups_of(struct walk *walk, const struct html_span *value)
{
    if (!value || !value->size)
        return 0;
    const uint64_t name = hash_of(1, value->at, value->size < NAME_BYTES ? value->size : NAME_BYTES);
    if (walk->memory[name % MEMORY].name != name) {
        walk->memory[name % MEMORY].name = name;
        walk->memory[name % MEMORY].groups = groups_in(walk->names, value);
    }
    return walk->memory[name % MEMORY].groups;
}

static void push(struct walk *walk, const struct element *element, const found_attributes found)
{
    struct blocks *const blocks = walk->blocks;
    if (walk->depth == BLOCKS_DEEPEST)
        return;
    if (!blocks_grow((void **)&blocks->container, &blocks->containers_room, blocks->containers + 1, sizeof *blocks->container)) {
        walk->failed = true;
        return;
    }
    const struct open *const parent = top(walk);
    struct open *const open = walk->stack + walk->depth++;
    *open = *parent;
    open->tag = element->tag;
    open->flags |= element->flag | role_of(found[A_ROLE]) | property_of(found) | (is_hidden(found) ? FLAG(HIDDEN) : 0);
    open->skip |= (element->what & SKIP) != 0;
    if (element->kind || element->tag == T_P) {
        if (!(element->tag == T_P && parent->kind != BLOCK_HEADING && parent->kind)) {
            open->kind = element->kind;
            open->level = element->level;
        }
    }
    const struct html_span *const class = found[A_CLASS];
    const unsigned groups = groups_of(walk, class) | groups_of(walk, found[A_ID]);
    for (unsigned group = 0; groups >> group; group++)
        if (groups >> group & 1 && open->groups[group] < 255)
            open->groups[group]++;
    open->signature = mixed(parent->signature, open->tag);
    if (class && class->size)
        open->signature = hash_of(open->signature, class->at, class->size < 64 ? class->size : 64);
    open->container = (uint32_t)blocks->containers;
    blocks->container[blocks->containers++] = (struct container){.parent = parent->container, .place = place_of(open->tag)};
    if (open->tag == T_LI || open->tag == T_DT || open->tag == T_DD)
        open->item = open->container;
    if (open->tag == T_TR)
        walk->rows++;
}

static bool has_rel(const struct html_token *token)
{
    for (size_t i = 0; i < token->attribute_count; i++) {
        const struct html_span *const name = &token->attributes[i].name;
        if (name->size == 3 && (name->at[0] | 32) == 'r' && (name->at[1] | 32) == 'e' && (name->at[2] | 32) == 'l')
            return true;
    }
    return false;
}

/* Whether what its attributes say changes anything: most tags are links and marks of letters. */
static bool is_looked_at(const struct element *element, const struct html_token *token)
{
    switch (element->tag) {
    case T_A:
        return has_rel(token);
    case T_HTML:
    case T_LINK:
    case T_META:
    case T_SCRIPT:
    case T_TIME:
        return true;
    default:
        return element->what & CUT;
    }
}

static void find_attributes(struct walk *walk, struct html_tokenizer *html, struct html_token *token, found_attributes found)
{
    memset(found, 0, ATTRIBUTES * sizeof *found);
    if (!html_attributes(html, token))
        return;
    for (size_t i = 0; i < token->attribute_count; i++) {
        const enum attribute one = attribute_of(walk->names, &token->attributes[i].name);
        if (one != ATTRIBUTES)
            found[one] = &token->attributes[i].value;
    }
}

static void start_tag(struct walk *walk, struct html_tokenizer *html, struct html_token *token)
{
    const struct element *const element = element_of(walk->names, &token->name);
    html_switch(html, token);
    if (!element)
        return;
    const unsigned what = element->what;
    const uint8_t tag = element->tag;
    found_attributes found = {0};
    if (token->attribute_count && is_looked_at(element, token)) {
        find_attributes(walk, html, token, found);
        walk->failed |= !facts_of_tag(walk->blocks, walk->names, tag, found);
    }
    walk->blocks->articles += tag == T_ARTICLE;
    walk->blocks->h1s += tag == T_H1;
    if (tag == T_SCRIPT) {
        walk->ld = span_holds(found[A_TYPE], "ld+json");
    } else if (tag == T_A) {
        walk->linked = true;
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
            push(walk, element, found);
        if (tag == T_SVG || tag == T_MATH)
            html->foreign = true;
    }
}

static void end_tag(struct walk *walk, struct html_tokenizer *html, const struct html_token *token)
{
    const struct element *const element = element_of(walk->names, &token->name);
    if (!element)
        return;
    const uint8_t tag = element->tag;
    if (tag == T_A)
        walk->linked = false;
    if (tag == T_BR)
        line_break(walk);
    if (tag == T_TITLE)
        walk->in_title = false, walk->titled = walk->titled || walk->title.count;
    if (!(element->what & CUT))
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

static void page_text(struct walk *walk, const struct html_span *text, bool raw)
{
    if (walk->in_title) {
        walk->failed |= !facts_of_title(walk->blocks, text);
        title_add(&walk->title, walk->names, text->at, text->size);
    } else if (walk->ld) {
        walk->failed |= !facts_of_ld(walk->blocks, text);
    } else if (!raw && !top(walk)->skip) {
        add_text(walk, text);
    }
}

bool blocks_read(struct blocks *blocks, const struct blocks_names *names, const uint8_t *page, size_t size)
{
    struct walk *const walk = calloc(1, sizeof *walk);
    struct html_tokenizer html;
    struct html_token token;
    blocks->count = blocks->containers = blocks->text_size = blocks->nodes = blocks->articles = blocks->h1s = 0;
    blocks->facts_size = blocks->facts_count = blocks->times = 0;
    blocks->kinds = 0;
    if (!walk || !blocks_grow((void **)&blocks->container, &blocks->containers_room, 1, sizeof *blocks->container)) {
        free(walk);
        return false;
    }
    walk->names = names;
    walk->blocks = blocks;
    walk->depth = 1;
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
            page_text(walk, &token.text, raw);
        }
    }
    cut(walk);
    const bool good = !walk->failed && !html.failed;
    html_end(&html);
    free(walk);
    return good;
}

enum block_kind blocks_shown(const struct block *block)
{
    return block->flags & (FLAG(NAV) | FLAG(FOOTER))               ? BLOCK_NAVIGATION
           : block->groups[GROUP_COMMENT] && !(block->flags & FLAG(BODY)) ? BLOCK_COMMENT
                                                                     : (enum block_kind)block->kind;
}

void blocks_free(struct blocks *blocks)
{
    free(blocks->block);
    free(blocks->container);
    free(blocks->text);
    free(blocks->facts);
    memset(blocks, 0, sizeof *blocks);
}
