/* Groups of near duplicates seen from Python: checks what match.c and unite.c take for granted, and lets the GIL go. */
#include "module.h"

#include <stdlib.h>

#include "match.h"
#include "unite.h"

/* ---- matches ---- */

static bool check_rows(const struct match_how *how)
{
    for (size_t row = 1; row < how->rows; row++) {
        const bool falls = how->keys[row] < how->keys[row - 1];
        if (falls || (how->keys[row] == how->keys[row - 1] && how->numbers[row] < how->numbers[row - 1])) {
            PyErr_Format(PyExc_ValueError, "row %zu: expected rows that rise by key and number", row);
            return false;
        }
    }
    return true;
}

struct held_blocks {
    struct match_block *blocks;
    Py_buffer *buffers;
    Py_ssize_t count;
};

static void let_blocks_go(struct held_blocks *held)
{
    while (held->count)
        PyBuffer_Release(held->buffers + --held->count);
    free(held->blocks);
    free(held->buffers);
}

/* One block, behind those that are held. */
static bool hold_block(PyObject *given, struct held_blocks *held)
{
    unsigned long long first;
    Py_buffer *const buffer = held->buffers + held->count;
    if (!PyArg_ParseTuple(given, "Ky*:block", &first, buffer))
        return false;
    const struct match_block *const before = held->count ? held->blocks + held->count - 1 : NULL;
    const unsigned long long least = before ? before->first + before->rows : 0;
    const unsigned long long rows = (unsigned long long)buffer->len / MATCH_SIZE;
    held->count++;
    if (buffer->len % MATCH_SIZE || first < least || first > UINT32_MAX || rows > (1ull << 32) - first) {
        PyErr_Format(PyExc_ValueError, "block of %llu: expected rows of %d bytes, behind the block before, below 2^32",
                     first, MATCH_SIZE);
        return false;
    }
    held->blocks[held->count - 1] = (struct match_block){(uint32_t)first, (size_t)rows, buffer->buf};
    return true;
}

static bool hold_blocks(PyObject *given, struct held_blocks *held)
{
    const Py_ssize_t count = PyTuple_Size(given);
    if (count < 0)
        return false;
    held->blocks = calloc((size_t)count + 1, sizeof *held->blocks);
    held->buffers = calloc((size_t)count + 1, sizeof *held->buffers);
    if (!held->blocks || !held->buffers) {
        PyErr_NoMemory();
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (!hold_block(PyTuple_GetItem(given, i), held))
            return false;
    return true;
}

/* Pairs of uint32; frees the edges. */
static PyObject *pairs_of(const struct match_result *result)
{
    PyObject *const pairs = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(result->count * sizeof *result->edges));
    uint32_t *const out = pairs ? (uint32_t *)(void *)PyBytes_AsString(pairs) : NULL;
    for (size_t i = 0; out && i < result->count; i++) {
        out[2 * i] = (uint32_t)(result->edges[i] >> 32);
        out[2 * i + 1] = (uint32_t)result->edges[i];
    }
    free(result->edges);
    return pairs;
}

static PyObject *matches_of(struct match_how *how)
{
    struct match_result result;
    if (!check_rows(how))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = match(how);
    Py_END_ALLOW_THREADS
    if (result.status == MATCH_DONE)
        return pairs_of(&result);
    if (result.status == MATCH_MEMORY)
        return PyErr_NoMemory();
    return PyErr_Format(PyExc_ValueError, "document %lu: its signature is in none of the blocks",
                        (unsigned long)result.unknown);
}

PyObject *module_matches(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer keys, numbers;
    PyObject *given, *result = NULL;
    Py_ssize_t needed, most;
    struct held_blocks held = {NULL, NULL, 0};
    if (!PyArg_ParseTuple(arguments, "y*y*O!nn:matches", &keys, &numbers, &PyTuple_Type, &given, &needed, &most))
        return NULL;
    const Py_ssize_t rows = module_count(&keys, sizeof(uint64_t), "keys");
    const Py_ssize_t others = module_count(&numbers, sizeof(uint32_t), "numbers");
    if (rows < 0 || others < 0)
        goto done;
    if (rows != others || rows >= UINT32_MAX || needed < 0 || needed > MATCH_SIZE || most < 1) {
        PyErr_Format(PyExc_ValueError,
                     "%zd keys, %zd numbers, %zd equal bytes, most %zd: expected as many numbers as keys, fewer than "
                     "2^32 - 1, 0 to %d bytes and 1 or more",
                     rows, others, needed, most, MATCH_SIZE);
        goto done;
    }
    if (!hold_blocks(given, &held))
        goto done;
    struct match_how how = {keys.buf,       numbers.buf,    (size_t)rows, held.blocks, (size_t)held.count,
                            (size_t)needed, (size_t)most};
    result = matches_of(&how);
done:
    let_blocks_go(&held);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&numbers);
    return result;
}

/* ---- components ---- */

/* The first edge of a node that there is not; `count` where there is none. */
static size_t join_edges(uint32_t *parents, size_t nodes, const uint32_t *edges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (edges[2 * i] >= nodes || edges[2 * i + 1] >= nodes)
            return i;
        unite_join(parents, edges[2 * i], edges[2 * i + 1]);
    }
    return count;
}

/* Joins the edges of one buffer, pairs of uint32; false with an exception set. */
static bool join_given(uint32_t *parents, size_t nodes, PyObject *given)
{
    Py_buffer edges;
    bool good = false;
    if (PyObject_GetBuffer(given, &edges, PyBUF_SIMPLE))
        return false;
    const Py_ssize_t numbers = module_count(&edges, sizeof(uint32_t), "edges");
    if (numbers > 0 && numbers % 2) {
        PyErr_Format(PyExc_ValueError, "edges: %zd numbers are not pairs", numbers);
    } else if (numbers >= 0) {
        const size_t count = (size_t)numbers / 2;
        size_t done;
        Py_BEGIN_ALLOW_THREADS
        done = join_edges(parents, nodes, edges.buf, count);
        Py_END_ALLOW_THREADS
        good = done == count;
        if (!good)
            PyErr_Format(PyExc_ValueError, "edge %zu: expected nodes below %zu", done, nodes);
    }
    PyBuffer_Release(&edges);
    return good;
}

/* Joins the edges of all that an iterator has; false with an exception set. */
static bool join_all(uint32_t *parents, size_t nodes, PyObject *iterator)
{
    for (PyObject *given; (given = PyIter_Next(iterator));) {
        const bool good = join_given(parents, nodes, given);
        Py_DECREF(given);
        if (!good)
            return false;
    }
    return !PyErr_Occurred();
}

PyObject *module_unite(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_ssize_t nodes;
    PyObject *given;
    if (!PyArg_ParseTuple(arguments, "nO:unite", &nodes, &given))
        return NULL;
    if (nodes < 0 || nodes > UINT32_MAX)
        return PyErr_Format(PyExc_ValueError, "%zd nodes: expected 0 to 2^32 - 1", nodes);
    PyObject *const iterator = PyObject_GetIter(given);
    PyObject *labels = iterator ? PyByteArray_FromStringAndSize(NULL, nodes * (Py_ssize_t)sizeof(uint32_t)) : NULL;
    if (labels) {
        uint32_t *const parents = (void *)PyByteArray_AsString(labels);
        for (uint32_t i = 0; i < (uint32_t)nodes; i++)
            parents[i] = i;
        if (join_all(parents, (size_t)nodes, iterator)) {
            Py_BEGIN_ALLOW_THREADS
            unite_label(parents, (size_t)nodes);
            Py_END_ALLOW_THREADS
        } else {
            Py_CLEAR(labels);
        }
    }
    Py_XDECREF(iterator);
    return labels;
}
