/* Tokens of an HTML text as lines, for the conformance tests: html_tokens MODE LAST < text */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

static void put(const struct html_span *span)
{
    for (size_t i = 0; i < span->size; i++)
        printf("%02x", span->at[i]);
}

static void put_id(const struct html_span *span)
{
    printf(span->at ? " =" : " -");
    put(span);
}

int main(int count, char **values)
{
    static uint8_t text[1 << 20];
    struct html_tokenizer html;
    struct html_token token;
    if (count != 3)
        return 2;
    const size_t size = fread(text, 1, sizeof text, stdin);
    html_begin(&html, text, size, (enum html_mode)atoi(values[1]));
    html.last = (struct html_span){(const uint8_t *)values[2], strlen(values[2])};
    while (html_next(&html, &token) != HTML_END_OF_FILE) {
        if (token.kind == HTML_START && !html_attributes(&html, &token))
            return 2;
        printf("%d %d %d ", token.kind, token.self_closing, token.quirks);
        put(token.kind == HTML_TEXT || token.kind == HTML_COMMENT ? &token.text : &token.name);
        if (token.kind == HTML_DOCTYPE) {
            put_id(&token.public_id);
            put_id(&token.system_id);
        }
        for (size_t i = 0; i < token.attribute_count; i++) {
            printf(" ");
            put(&token.attributes[i].name);
            printf("=");
            put(&token.attributes[i].value);
        }
        printf("\n");
    }
    html_end(&html);
    return 0;
}
