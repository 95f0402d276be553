/* The HTML tokenizer: see html.h. */
#include "html.h"

#include <stdlib.h>
#include <string.h>

#include "entities.h"

#define REPLACEMENT "\xEF\xBF\xBD"
#define NOTHING ((enum html_kind)-1) /* in place of a token: look again */

static bool is_space(uint8_t byte) { return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\f' || byte == '\r'; }
static bool is_letter(uint8_t byte) { return (uint8_t)((byte | 32) - 'a') < 26; }
static bool is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }
static bool is_upper(uint8_t byte) { return (uint8_t)(byte - 'A') < 26; }

/* ---- room ---- */

struct html_block {
    struct html_block *next;
    uint8_t bytes[];
};

#define BLOCK 65536 /* bytes, at least */

/* Room for so many bytes in one piece; NULL: memory. What is used of it is added to room->used. */
static uint8_t *room_for(struct html_room *room, size_t most)
{
    if (!room->newest || room->size - room->used < most) {
        const size_t size = most > BLOCK ? most : BLOCK;
        struct html_block *const block = malloc(sizeof *block + size);
        if (!block)
            return NULL;
        block->next = room->newest;
        *room = (struct html_room){block, 0, size};
    }
    return room->newest->bytes + room->used;
}

static void free_blocks(struct html_block *block)
{
    while (block) {
        struct html_block *const next = block->next;
        free(block);
        block = next;
    }
}

static void free_room(struct html_room *room)
{
    free_blocks(room->newest);
    *room = (struct html_room){NULL, 0, 0};
}

static void reset_room(struct html_room *room)
{
    room->used = 0;
    if (!room->newest)
        return;
    free_blocks(room->newest->next);
    room->newest->next = NULL;
    if (room->size > 16 * BLOCK) /* one giant text need not be remembered */
        free_room(room);
}

/* ---- character references ---- */

/* What code points mean that Windows-1252 has in place of control characters (13.2.5.80), from 0x80 on; 0: itself. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0,
    0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
};

/* Code points and names are written to `out`, which moves on. */
static void put_code(uint8_t **out, uint32_t code)
{
    uint8_t *const bytes = *out;
    size_t size = 1;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        code = 0xFFFD;
    if (code >= 0x80 && code < 0xA0 && windows_1252[code - 0x80])
        code = windows_1252[code - 0x80];
    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
    } else if (code < 0x800) {
        bytes[0] = (uint8_t)(0xC0 | code >> 6);
        size = 2;
    } else if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xE0 | code >> 12);
        size = 3;
    } else {
        bytes[0] = (uint8_t)(0xF0 | code >> 18);
        size = 4;
    }
    for (size_t i = 1; i < size; i++)
        bytes[i] = (uint8_t)(0x80 | (code >> 6 * (size - 1 - i) & 0x3F));
    *out += size;
}

static uint32_t digit_of(uint8_t byte)
{
    if (is_digit(byte))
        return byte - '0';
    const uint32_t letter = (uint32_t)((byte | 32) - 'a');
    return letter < 6 ? letter + 10 : 99;
}

/* "&#...": bytes read, 0 where it is no reference. */
static size_t numeric(uint8_t **out, const uint8_t *text, size_t size)
{
    const bool hex = size > 2 && (text[2] | 32) == 'x';
    const uint32_t base = hex ? 16 : 10;
    size_t at = hex ? 3 : 2;
    const size_t first = at;
    uint32_t code = 0;
    for (; at < size && digit_of(text[at]) < base; at++)
        code = code > 0x10FFFF ? code : code * base + digit_of(text[at]);
    if (at == first)
        return 0;
    put_code(out, code);
    return at + (at < size && text[at] == ';');
}

/* The longest name that the text behind "&" begins with: narrowed letter by letter. NULL: none. */
static const struct entity *named(const uint8_t *text, size_t size, size_t *taken)
{
    const struct entity *found = NULL;
    size_t low = 0, high = ENTITIES;
    for (size_t i = 0; i < size && i < ENTITIES_LONGEST && low < high; i++) {
        size_t from = low, to = high; /* the first that has this letter or a later one here */
        while (from < to) {
            const size_t middle = from + (to - from) / 2;
            if ((uint8_t)entities[middle].name[i] < text[i])
                from = middle + 1;
            else
                to = middle;
        }
        low = from;
        to = high;
        while (from < to) {
            const size_t middle = from + (to - from) / 2;
            if ((uint8_t)entities[middle].name[i] <= text[i])
                from = middle + 1;
            else
                to = middle;
        }
        high = from;
        if (low < high && !entities[low].name[i + 1]) {
            found = entities + low;
            *taken = i + 1;
        }
    }
    return found;
}

/* At "&": bytes read, at least one. */
static size_t reference(uint8_t **out, const uint8_t *text, size_t size, bool attribute)
{
    size_t taken = 0;
    if (size > 1 && text[1] == '#') {
        taken = numeric(out, text, size);
    } else if (size > 1 && (is_letter(text[1]) || is_digit(text[1]))) {
        const struct entity *const entity = named(text + 1, size - 1, &taken);
        const uint8_t next = entity && taken + 1 < size ? text[taken + 1] : 0;
        /* In a value an old name before "=" or a letter is a query: "?a=1&copy=2". */
        if (entity && !(attribute && text[taken] != ';' && (next == '=' || is_letter(next) || is_digit(next)))) {
            const size_t value = strlen(entity->value);
            memcpy(*out, entity->value, value);
            *out += value;
            return taken + 1;
        }
        taken = 0;
    }
    if (!taken)
        *(*out)++ = '&';
    return taken ? taken : 1;
}

/* How a text reads: with references, as the value of an attribute, with NUL replaced. */
enum { REFERENCES = 1, VALUE = 2, NUL = 4 };

/* Few pages have a carriage return or a NUL: who has none need not be searched for them again. */
static bool reads_as_it_stands(const struct html_tokenizer *html, const uint8_t *text, size_t size, int how)
{
    return !size || (!(html->returns && memchr(text, '\r', size)) && !(how & REFERENCES && memchr(text, '&', size)) &&
                     !(html->nuls && how & NUL && memchr(text, 0, size)));
}

/* No reference is shorter than half of what it stands for ("&nGt;" is six bytes), and NUL becomes three: three times the
 * size is room enough. */
static struct html_span read_text(struct html_tokenizer *html, const uint8_t *text, size_t size, int how)
{
    struct html_room *const room = &html->room;
    if (reads_as_it_stands(html, text, size, how))
        return (struct html_span){text, size};
    uint8_t *const start = room_for(room, 3 * size + 8), *out = start;
    for (size_t at = 0; at < size && start;) {
        if (text[at] == '&' && how & REFERENCES) {
            at += reference(&out, text + at, size - at, how & VALUE);
        } else if (text[at] == '\r') {
            *out++ = '\n';
            at += 1 + (at + 1 < size && text[at + 1] == '\n');
        } else if (!text[at] && how & NUL) {
            memcpy(out, REPLACEMENT, 3);
            out += 3;
            at++;
        } else {
            *out++ = text[at++];
        }
    }
    if (start)
        room->used += (size_t)(out - start);
    return (struct html_span){start, (size_t)(out - start)};
}

/* A name in lower case. */
static struct html_span read_name(struct html_room *room, const uint8_t *text, size_t size)
{
    bool low = true;
    for (size_t i = 0; i < size && low; i++)
        low = !is_upper(text[i]) && text[i];
    if (low)
        return (struct html_span){text, size};
    uint8_t *const start = room_for(room, 3 * size), *out = start;
    for (size_t i = 0; i < size && start; i++) {
        if (text[i]) {
            *out++ = is_upper(text[i]) ? text[i] | 32 : text[i];
        } else {
            memcpy(out, REPLACEMENT, 3);
            out += 3;
        }
    }
    if (start)
        room->used += (size_t)(out - start);
    return (struct html_span){start, (size_t)(out - start)};
}

/* ---- tags ---- */

/* What a byte ends in a tag. */
enum { BLANK = 1, ENDS_NAME = 2, ENDS_KEY = 4, ENDS_VALUE = 8 };

static const uint8_t ends[256] = {
    [' '] = BLANK | ENDS_NAME | ENDS_KEY | ENDS_VALUE,  ['\n'] = BLANK | ENDS_NAME | ENDS_KEY | ENDS_VALUE,
    ['\t'] = BLANK | ENDS_NAME | ENDS_KEY | ENDS_VALUE, ['\f'] = BLANK | ENDS_NAME | ENDS_KEY | ENDS_VALUE,
    ['\r'] = BLANK | ENDS_NAME | ENDS_KEY | ENDS_VALUE, ['/'] = ENDS_NAME | ENDS_KEY,
    ['>'] = ENDS_NAME | ENDS_KEY | ENDS_VALUE,          ['='] = ENDS_KEY,
};

static const uint8_t *after_spaces(const uint8_t *at, const uint8_t *end)
{
    while (at < end && ends[*at] & BLANK)
        at++;
    return at;
}

/* The value behind "=": where it ends, NULL where the input does. */
static const uint8_t *read_value(const uint8_t *at, const uint8_t *end, struct html_span *value)
{
    at = after_spaces(at, end);
    *value = (struct html_span){at, 0};
    if (at == end)
        return NULL;
    if (*at == '"' || *at == '\'') {
        const uint8_t *const close = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (!close)
            return NULL;
        *value = (struct html_span){at + 1, (size_t)(close - at - 1)};
        return close + 1;
    }
    while (at < end && !(ends[*at] & ENDS_VALUE))
        at++;
    value->size = (size_t)(at - value->at);
    return at < end ? at : NULL;
}

static bool same(const struct html_span *a, const struct html_span *b)
{
    return a->size == b->size && (!a->size || *a->at == *b->at) && memcmp(a->at, b->at, a->size) == 0;
}

/* As it stands. False: memory. */
static bool add_attribute(struct html_tokenizer *html, struct html_token *token, const struct html_span *name,
                          const struct html_span *value)
{
    if (token->attribute_count == html->attribute_room) {
        const size_t wanted = html->attribute_room ? 2 * html->attribute_room : 32;
        struct html_attribute *const grown = realloc(html->attributes, wanted * sizeof *grown);
        if (!grown)
            return false;
        html->attributes = grown;
        html->attribute_room = wanted;
    }
    html->attributes[token->attribute_count++] = (struct html_attribute){*name, *value};
    return true;
}

/* Above MANY attributes nobody looks for names that are there already, so that a tag of 200,000 stays linear: who reads a
 * page drops it for that. */
#define MANY 256

bool html_attributes(struct html_tokenizer *html, struct html_token *token)
{
    size_t count = 0;
    for (size_t i = 0; i < token->attribute_count; i++) {
        struct html_attribute *const into = html->attributes + count, from = html->attributes[i];
        into->name = read_name(&html->room, from.name.at, from.name.size);
        into->value = read_text(html, from.value.at, from.value.size, REFERENCES | VALUE | NUL);
        html->failed |= !into->name.at || !into->value.at;
        bool there = false;
        for (size_t k = 0; k < count && k < MANY && !there; k++)
            there = same(&html->attributes[k].name, &into->name);
        count += !there;
    }
    token->attribute_count = count;
    return !html->failed;
}

/* A tag from its name on: what is behind its ">", NULL where the input ends before. */
static const uint8_t *read_tag(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *at = html->at, *const end = html->end;
    const uint8_t *const name = at;
    while (at < end && !(ends[*at] & ENDS_NAME))
        at++;
    token->name = read_name(&html->room, name, (size_t)(at - name));
    for (;;) {
        at = after_spaces(at, end);
        if (at == end)
            return NULL;
        if (*at == '>')
            break;
        if (*at == '/') {
            at++;
            token->self_closing = at < end && *at == '>';
            continue;
        }
        struct html_span key = {at, 0}, value = {at, 0};
        at++; /* an "=" in front belongs to the name */
        while (at < end && !(ends[*at] & ENDS_KEY))
            at++;
        key.size = (size_t)(at - key.at);
        const uint8_t *const behind = after_spaces(at, end);
        if (behind < end && *behind == '=') {
            at = read_value(behind + 1, end, &value);
            if (!at)
                return NULL;
        }
        if (token->kind == HTML_START && !add_attribute(html, token, &key, &value)) {
            html->failed = true;
            return NULL;
        }
    }
    token->attributes = html->attributes;
    html->failed |= !token->name.at;
    return at + 1;
}

/* The token of a tag whose name begins at html->at; a tag that the input cuts off is none. */
static enum html_kind tag(struct html_tokenizer *html, struct html_token *token, enum html_kind kind)
{
    token->kind = kind;
    const uint8_t *const behind = read_tag(html, token);
    html->at = behind ? behind : html->end;
    if (!behind)
        return token->kind = HTML_END_OF_FILE;
    if (kind == HTML_START) {
        const size_t size = token->name.size < sizeof html->last_name ? token->name.size : 0;
        memcpy(html->last_name, token->name.at, size);
        html->last = (struct html_span){html->last_name, size};
    }
    return kind;
}

/* ---- markup that is no tag ---- */

static bool begins(const uint8_t *at, const uint8_t *end, const char *what)
{
    const size_t size = strlen(what);
    if ((size_t)(end - at) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((is_upper(at[i]) ? at[i] | 32 : at[i]) != what[i])
            return false;
    return true;
}

static enum html_kind comment_of(struct html_tokenizer *html, struct html_token *token, const uint8_t *text,
                                 const uint8_t *text_end, const uint8_t *behind)
{
    token->text = read_text(html, text, (size_t)(text_end - text), NUL);
    html->failed |= !token->text.at;
    html->at = behind;
    return token->kind = HTML_COMMENT;
}

/* Behind "<!--". */
static enum html_kind comment(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *const start = html->at, *const end = html->end;
    if (begins(start, end, ">"))
        return comment_of(html, token, start, start, start + 1);
    if (begins(start, end, "->"))
        return comment_of(html, token, start, start, start + 2);
    for (const uint8_t *at = start; at < end; at++) {
        at = memchr(at, '-', (size_t)(end - at));
        if (!at)
            break;
        if (begins(at, end, "-->"))
            return comment_of(html, token, start, at, at + 3);
        if (begins(at, end, "--!>"))
            return comment_of(html, token, start, at, at + 4);
    }
    /* The end of the input, less what might have been the end of the comment. */
    const size_t size = (size_t)(end - start);
    size_t less = 0;
    if (size >= 3 && memcmp(end - 3, "--!", 3) == 0)
        less = 3;
    else if (size >= 2 && memcmp(end - 2, "--", 2) == 0)
        less = 2;
    else if (size >= 1 && end[-1] == '-')
        less = 1;
    return comment_of(html, token, start, end - less, end);
}

/* To the next ">". */
static enum html_kind bogus_comment(struct html_tokenizer *html, struct html_token *token, const uint8_t *text)
{
    const uint8_t *const close = text < html->end ? memchr(text, '>', (size_t)(html->end - text)) : NULL;
    return comment_of(html, token, text, close ? close : html->end, close ? close + 1 : html->end);
}

/* A quoted identifier at `at`; NULL where the doctype ends in it. */
static const uint8_t *identifier(struct html_tokenizer *html, const uint8_t *at, struct html_span *found)
{
    const uint8_t quote = *at++, *const start = at;
    while (at < html->end && *at != quote && *at != '>')
        at++;
    *found = read_text(html, start, (size_t)(at - start), NUL);
    return at < html->end && *at == quote ? at + 1 : NULL;
}

static bool is_quote(const uint8_t *at, const uint8_t *end) { return at < end && (*at == '"' || *at == '\''); }

/* Behind "<!doctype": what is behind it; what is odd in it makes quirks. */
static enum html_kind doctype(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *at = after_spaces(html->at, html->end), *const end = html->end;
    const uint8_t *const name = at;
    token->kind = HTML_DOCTYPE;
    while (at < end && !is_space(*at) && *at != '>')
        at++;
    token->name = read_name(&html->room, name, (size_t)(at - name));
    token->quirks = at == name || at == end;
    at = after_spaces(at, end);
    bool open = at < end && *at != '>';
    token->quirks |= at == end;
    if (open) {
        const bool is_public = begins(at, end, "public");
        if (is_public || begins(at, end, "system")) {
            at = after_spaces(at + 6, end);
            struct html_span *const first = is_public ? &token->public_id : &token->system_id;
            token->quirks |= !is_quote(at, end);
            const uint8_t *behind = is_quote(at, end) ? identifier(html, at, first) : at;
            token->quirks |= !behind;
            if (behind && behind != at) {
                behind = after_spaces(behind, end);
                if (is_public && is_quote(behind, end)) {
                    const uint8_t *const more = identifier(html, behind, &token->system_id);
                    token->quirks |= !more;
                    behind = more ? after_spaces(more, end) : behind;
                    token->quirks |= behind == end;
                } else {
                    token->quirks |= behind == end || (is_public && *behind != '>');
                }
            }
        } else {
            token->quirks = true;
        }
    }
    const uint8_t *const close = at < end ? memchr(at, '>', (size_t)(end - at)) : NULL;
    html->at = close ? close + 1 : end;
    return HTML_DOCTYPE;
}

/* At "<!". */
static enum html_kind declaration(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *const at = html->at + 2;
    if (begins(at, html->end, "--")) {
        html->at = at + 2;
        return comment(html, token);
    }
    if (begins(at, html->end, "doctype")) {
        html->at = at + 7;
        return doctype(html, token);
    }
    if (html->foreign && (size_t)(html->end - at) >= 7 && memcmp(at, "[CDATA[", 7) == 0) {
        html->at = at + 7;
        html->mode = HTML_CDATA;
        return NOTHING;
    }
    return bogus_comment(html, token, at);
}

/* ---- text ---- */

static enum html_kind text_of(struct html_tokenizer *html, struct html_token *token, const uint8_t *end, int how)
{
    token->text = read_text(html, html->at, (size_t)(end - html->at), how);
    html->failed |= !token->text.at;
    html->at = end;
    return token->kind = HTML_TEXT;
}

static enum html_kind data(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *const end = html->end, *at = html->at;
    for (; at < end; at++) {
        at = memchr(at, '<', (size_t)(end - at));
        if (!at)
            return text_of(html, token, end, REFERENCES);
        const uint8_t next = at + 1 < end ? at[1] : 0;
        const uint8_t after = at + 2 < end ? at[2] : 0;
        if (!is_letter(next) && next != '!' && next != '?' && !(next == '/' && at + 2 < end))
            continue;
        if (at > html->at)
            return text_of(html, token, at, REFERENCES);
        if (is_letter(next) || (next == '/' && is_letter(after))) {
            html->at = at + 1 + (next == '/');
            return tag(html, token, next == '/' ? HTML_END : HTML_START);
        }
        if (next == '!')
            return declaration(html, token);
        if (next == '?')
            return bogus_comment(html, token, at + 1);
        if (after != '>')
            return bogus_comment(html, token, at + 2);
        html->at = at + 3;
        return NOTHING; /* "</>" */
    }
    return html->at < end ? text_of(html, token, end, REFERENCES) : (token->kind = HTML_END_OF_FILE);
}

/* Whether "</" with the name of the last start tag, and what may stand behind a name, is here. */
static bool own_end(const struct html_tokenizer *html, const uint8_t *at)
{
    const size_t size = html->last.size;
    if ((size_t)(html->end - at) < size + 3 || at[1] != '/' || !size)
        return false;
    for (size_t i = 0; i < size; i++)
        if ((is_upper(at[2 + i]) ? at[2 + i] | 32 : at[2 + i]) != html->last.at[i])
            return false;
    const uint8_t behind = at[2 + size];
    return is_space(behind) || behind == '/' || behind == '>';
}

static bool name_at(const uint8_t *at, const uint8_t *end, const char *name)
{
    const size_t size = strlen(name);
    return begins(at, end, name) && at + size < end && (is_space(at[size]) || at[size] == '/' || at[size] == '>');
}

/* Where raw text ends: its end tag, or the end of the input. In a script, "<!--" hides end tags behind "<script" up to
 * the next, and "-->" shows all again (13.2.5.17 to 31). */
static const uint8_t *raw_end(const struct html_tokenizer *html)
{
    enum { SHOWN, ESCAPED, TWICE } state = SHOWN;
    const uint8_t *const end = html->end;
    const bool script = html->mode == HTML_SCRIPT;
    for (const uint8_t *at = html->at; at < end; at++) {
        if (state == SHOWN) {
            at = memchr(at, '<', (size_t)(end - at));
            if (!at)
                return end;
        }
        if (*at == '-' && begins(at, end, "-->")) {
            state = SHOWN;
        } else if (*at == '<') {
            if (state != TWICE && own_end(html, at))
                return at;
            if (script && state == SHOWN && begins(at, end, "<!--")) {
                state = ESCAPED;
                at += 1; /* "<!-->" ends at once */
            } else if (state == ESCAPED && name_at(at + 1, end, "script")) {
                state = TWICE;
            } else if (state == TWICE && begins(at, end, "</") && name_at(at + 2, end, "script")) {
                state = ESCAPED;
            }
        }
    }
    return end;
}

static enum html_kind raw(struct html_tokenizer *html, struct html_token *token, int how)
{
    const uint8_t *const end = raw_end(html);
    if (end > html->at)
        return text_of(html, token, end, how);
    html->mode = HTML_DATA;
    if (end == html->end)
        return token->kind = HTML_END_OF_FILE;
    html->at += 2;
    return tag(html, token, HTML_END);
}

static enum html_kind cdata(struct html_tokenizer *html, struct html_token *token)
{
    const uint8_t *const start = html->at, *const end = html->end;
    for (const uint8_t *at = start; at < end; at++) {
        at = memchr(at, ']', (size_t)(end - at));
        if (!at)
            break;
        if (!begins(at, end, "]]>"))
            continue;
        html->mode = HTML_DATA;
        if (at == start) {
            html->at = at + 3;
            return NOTHING;
        }
        token->text = read_text(html, start, (size_t)(at - start), 0);
        html->at = at + 3;
        return token->kind = HTML_TEXT;
    }
    return start < end ? text_of(html, token, end, 0) : (token->kind = HTML_END_OF_FILE);
}

/* ---- the outside ---- */

void html_begin(struct html_tokenizer *html, const uint8_t *text, size_t size, enum html_mode mode)
{
    memset(html, 0, sizeof *html);
    html->at = text;
    html->end = text + size;
    html->mode = mode;
    html->returns = size && memchr(text, '\r', size);
    html->nuls = size && memchr(text, 0, size);
}

void html_end(struct html_tokenizer *html)
{
    free_room(&html->room);
    free(html->attributes);
    html->attributes = NULL;
}

static enum html_kind next(struct html_tokenizer *html, struct html_token *token)
{
    switch (html->mode) {
    case HTML_RCDATA:
        return raw(html, token, REFERENCES | NUL);
    case HTML_RAWTEXT:
    case HTML_SCRIPT:
        return raw(html, token, NUL);
    case HTML_PLAINTEXT:
        return text_of(html, token, html->end, NUL);
    case HTML_CDATA:
        return cdata(html, token);
    default:
        return data(html, token);
    }
}

enum html_kind html_next(struct html_tokenizer *html, struct html_token *token)
{
    enum html_kind kind;
    reset_room(&html->room);
    do {
        *token = (struct html_token){.kind = HTML_END_OF_FILE};
        kind = html->at < html->end ? next(html, token) : HTML_END_OF_FILE;
    } while (kind == NOTHING);
    return html->failed ? HTML_END_OF_FILE : kind;
}

static bool named_as(const struct html_span *name, const char *other)
{
    return name->size == strlen(other) && memcmp(name->at, other, name->size) == 0;
}

void html_switch(struct html_tokenizer *html, const struct html_token *start)
{
    static const struct {
        const char *name;
        enum html_mode mode;
    } raw_texts[] = {
        {"script", HTML_SCRIPT},   {"style", HTML_RAWTEXT},   {"title", HTML_RCDATA},     {"textarea", HTML_RCDATA},
        {"iframe", HTML_RAWTEXT},  {"xmp", HTML_RAWTEXT},     {"noembed", HTML_RAWTEXT},  {"noframes", HTML_RAWTEXT},
        {"plaintext", HTML_PLAINTEXT},
    };
    for (size_t i = 0; i < sizeof raw_texts / sizeof *raw_texts; i++)
        if (*start->name.at == (uint8_t)*raw_texts[i].name && named_as(&start->name, raw_texts[i].name))
            html->mode = raw_texts[i].mode;
}
