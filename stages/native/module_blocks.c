/* Pages to main text seen from Python: a capsule that holds a model, and pages through it. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "blocks_text.h"
#include "trees.h"
#include "utf8.h"

#define CAPSULE "florilegium.stages._native.blocks"

struct held {
    struct blocks_names *names;
    struct trees trees;
    Py_buffer buffers[5];
    size_t taken;
    int32_t least, hope;
    uint32_t most;
};

static void drop(struct held *held)
{
    while (held->taken)
        PyBuffer_Release(held->buffers + --held->taken);
    blocks_names_free(held->names);
    trees_close(&held->trees);
    PyMem_Free(held);
}

static void drop_capsule(PyObject *capsule) { drop(PyCapsule_GetPointer(capsule, CAPSULE)); }

/* borders, borders_at, feature, border, leaves, in their types */
static bool read_trees(PyObject *const parts[5], int32_t bias, struct held *held)
{
    while (held->taken < 5) {
        if (PyObject_GetBuffer(parts[held->taken], held->buffers + held->taken, PyBUF_SIMPLE))
            return false;
        held->taken++;
    }
    const Py_buffer *const buffers = held->buffers;
    const size_t count = (size_t)buffers[2].len / TREES_DEPTH;
    const uint32_t *const at = buffers[1].buf;
    bool good = buffers[1].len == (BLOCKS_FEATURES + 1) * (Py_ssize_t)sizeof(uint32_t) &&
                buffers[2].len == (Py_ssize_t)(count * TREES_DEPTH) && buffers[3].len == buffers[2].len &&
                buffers[4].len == (Py_ssize_t)(count * TREES_LEAVES * sizeof(int16_t));
    good = good && (Py_ssize_t)(at[BLOCKS_FEATURES] * sizeof(float)) == buffers[0].len;
    if (good) {
        held->trees = (struct trees){BLOCKS_FEATURES, count, buffers[0].buf, at,  buffers[2].buf,
                                     buffers[3].buf,  buffers[4].buf, NULL,  bias};
        good = trees_open(&held->trees);
    }
    if (!good)
        PyErr_SetString(PyExc_ValueError, "the parts of the model do not fit together, or not to these features");
    return good;
}

PyObject *module_blocks_model(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *parts[5], *capsule = NULL;
    int bias, least, hope;
    unsigned most;
    const char *metas = "";
    Py_ssize_t metas_size = 0;
    if (!PyArg_ParseTuple(arguments, "OOOOOiiiI|y#:blocks_model", &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &bias,
                          &least, &hope, &most, &metas, &metas_size))
        return NULL;
    struct held *const held = PyMem_Calloc(1, sizeof *held);
    if (!held)
        return PyErr_NoMemory();
    held->least = least;
    held->hope = hope;
    held->most = most;
    held->names = blocks_names(metas, (size_t)metas_size);
    if (!held->names)
        PyErr_NoMemory();
    else if (read_trees(parts, bias, held))
        capsule = PyCapsule_New(held, CAPSULE, drop_capsule);
    if (!capsule)
        drop(held);
    return capsule;
}

/* What pages become, back to back. */
struct found {
    struct blocks_text text, facts, visible;
    int64_t *text_at, *facts_at, *visible_at;
    int32_t *blocks; /* -1: more than there may be */
};

static bool read_page(const struct held *held, struct blocks *blocks, const uint8_t *page, size_t size, bool markdown,
                      bool visible, struct found *found, size_t i)
{
    if (!blocks_read(blocks, held->names, page, size))
        return false;
    const bool many = blocks->count > held->most;
    int32_t *const scores = many ? NULL : malloc((blocks->count + 1) * sizeof *scores);
    bool *const kept = many ? NULL : malloc(blocks->count + 1);
    bool good = many || (scores && kept && blocks_choose(blocks, &held->trees, held->least, held->hope, scores, kept) &&
                         blocks_join(blocks, kept, markdown, &found->text));
    free(scores);
    free(kept);
    found->blocks[i] = many ? -1 : (int32_t)blocks->count;
    good = good && blocks_put_facts(blocks, &found->facts) && (!visible || many || blocks_put_all(blocks, &found->visible));
    found->text_at[i + 1] = (int64_t)found->text.size;
    found->facts_at[i + 1] = (int64_t)found->facts.size;
    found->visible_at[i + 1] = (int64_t)found->visible.size;
    return good;
}

static bool is_utf8(const uint8_t *text, int64_t size) { return utf8_fault(text, (size_t)size) == (size_t)size; }

static PyObject *bytes_of(const void *from, size_t size) { return PyBytes_FromStringAndSize(from, (Py_ssize_t)size); }

PyObject *module_blocks_read(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *result = NULL;
    Py_buffer data, offsets;
    int markdown, visible;
    if (!PyArg_ParseTuple(arguments, "Oy*y*pp:blocks_read", &capsule, &data, &offsets, &markdown, &visible))
        return NULL;
    const struct held *const held = PyCapsule_GetPointer(capsule, CAPSULE);
    const Py_ssize_t pages = held ? module_rows(&offsets, data.len, "offsets") : -1;
    struct found found = {0};
    if (pages < 0)
        goto done;
    found.text_at = calloc((size_t)pages + 1, sizeof *found.text_at);
    found.facts_at = calloc((size_t)pages + 1, sizeof *found.facts_at);
    found.visible_at = calloc((size_t)pages + 1, sizeof *found.visible_at);
    found.blocks = calloc((size_t)pages + 1, sizeof *found.blocks);
    bool good = found.text_at && found.facts_at && found.visible_at && found.blocks, valid = true;
    Py_BEGIN_ALLOW_THREADS
    struct blocks blocks = {0};
    const int64_t *const at = offsets.buf;
    for (Py_ssize_t i = 0; i < pages && valid; i++)
        valid = is_utf8((const uint8_t *)data.buf + at[i], at[i + 1] - at[i]);
    for (Py_ssize_t i = 0; i < pages && good && valid; i++)
        good = read_page(held, &blocks, (const uint8_t *)data.buf + at[i], (size_t)(at[i + 1] - at[i]), markdown, visible,
                         &found, (size_t)i);
    blocks_free(&blocks);
    Py_END_ALLOW_THREADS
    if (!valid)
        PyErr_SetString(PyExc_ValueError, "a page is no UTF-8");
    else if (good)
        result = Py_BuildValue("NNNNNNN", bytes_of(found.text.text, found.text.size),
                               bytes_of(found.text_at, ((size_t)pages + 1) * sizeof *found.text_at),
                               bytes_of(found.facts.text, found.facts.size),
                               bytes_of(found.facts_at, ((size_t)pages + 1) * sizeof *found.facts_at),
                               bytes_of(found.blocks, (size_t)pages * sizeof *found.blocks),
                               bytes_of(found.visible.text, found.visible.size),
                               bytes_of(found.visible_at, ((size_t)pages + 1) * sizeof *found.visible_at));
    else
        PyErr_NoMemory();
done:
    free(found.text.text);
    free(found.facts.text);
    free(found.visible.text);
    free(found.text_at);
    free(found.facts_at);
    free(found.visible_at);
    free(found.blocks);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    return result;
}

/* The matrix of features, a row a block. */
static bool put_features(const struct blocks *blocks, float *rows)
{
    static const size_t tile = BLOCKS_FEATURES * TREES_ROWS;
    struct blocks_view *const page = blocks_view(blocks);
    float *const columns = calloc(tile, sizeof *columns);
    const bool good = page && columns;
    for (size_t count; good && (count = blocks_view_next(page, columns)); rows += count * BLOCKS_FEATURES)
        for (size_t at = 0; at < count * BLOCKS_FEATURES; at++)
            rows[at] = columns[at % BLOCKS_FEATURES * TREES_ROWS + at / BLOCKS_FEATURES];
    free(columns);
    blocks_view_free(page);
    return good;
}

/* One page looked at: a list of (text, kind, level, score, kept) and the matrix of features. */
PyObject *module_blocks_explain(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *rows = NULL, *result = NULL;
    Py_buffer page;
    if (!PyArg_ParseTuple(arguments, "Oy*:blocks_explain", &capsule, &page))
        return NULL;
    const struct held *const held = PyCapsule_GetPointer(capsule, CAPSULE);
    struct blocks blocks = {0};
    int32_t *scores = NULL;
    bool *kept = NULL;
    float *features = NULL;
    if (!held)
        goto done;
    if (!is_utf8(page.buf, page.len)) {
        PyErr_SetString(PyExc_ValueError, "the page is no UTF-8");
        goto done;
    }
    if (!blocks_read(&blocks, held->names, page.buf, (size_t)page.len) ||
        !(scores = malloc((blocks.count + 1) * sizeof *scores)) || !(kept = malloc(blocks.count + 1)) ||
        !(features = malloc((blocks.count + 1) * BLOCKS_FEATURES * sizeof *features)) || !put_features(&blocks, features) ||
        !blocks_choose(&blocks, &held->trees, held->least, held->hope, scores, kept)) {
        PyErr_NoMemory();
        goto done;
    }
    rows = PyList_New(0);
    for (size_t i = 0; i < blocks.count && rows; i++) {
        const struct block *const block = blocks.block + i;
        PyObject *const row = Py_BuildValue("s#iiiO", blocks.text + block->text, (Py_ssize_t)block->size, blocks_shown(block),
                                            block->level, scores[i], kept[i] ? Py_True : Py_False);
        if (!row || PyList_Append(rows, row))
            Py_CLEAR(rows);
        Py_XDECREF(row);
    }
    if (rows)
        result = Py_BuildValue("NN", rows, bytes_of(features, blocks.count * BLOCKS_FEATURES * sizeof *features));
done:
    free(scores);
    free(kept);
    free(features);
    blocks_free(&blocks);
    PyBuffer_Release(&page);
    return result;
}
