/* Added tokens seen from Python: checks what added.c takes for granted, and lets the GIL go. */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "added.h"

#define CAPSULE "florilegium.stages._native.added"

static void drop(PyObject *capsule)
{
    added_free(PyCapsule_GetPointer(capsule, CAPSULE));
}

/* (text, id, flags); the text is borrowed. */
static bool read_token(PyObject *given, struct added_token *token)
{
    PyObject *text;
    char *bytes;
    Py_ssize_t size;
    int id, flags;
    if (!PyArg_ParseTuple(given, "Sii", &text, &id, &flags) || PyBytes_AsStringAndSize(text, &bytes, &size))
        return false;
    if (size == 0 || size > UINT16_MAX || id < 0) {
        PyErr_SetString(PyExc_ValueError, "an added token: its text is empty or too long, or its id negative");
        return false;
    }
    *token = (struct added_token){(const uint8_t *)bytes, (size_t)size, id, flags};
    return true;
}

PyObject *module_added(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *given, *capsule = NULL;
    Py_buffer words = {0};
    if (!PyArg_ParseTuple(arguments, "O!z*:added", &PyTuple_Type, &given, &words))
        return NULL;
    const Py_ssize_t count = PyTuple_Size(given);
    struct added_token *tokens = PyMem_Calloc((size_t)count + 1, sizeof *tokens);
    bool good = tokens && (!words.buf || words.len == ADDED_LIMIT / 8);
    if (!tokens)
        PyErr_NoMemory();
    else if (!good)
        PyErr_SetString(PyExc_ValueError, "words: a bit a code point is wanted");
    for (Py_ssize_t i = 0; i < count && good; i++)
        good = read_token(PyTuple_GetItem(given, i), tokens + i);
    if (good) {
        struct added *added = added_build(tokens, (size_t)count, words.buf);
        capsule = added ? PyCapsule_New(added, CAPSULE, drop) : PyErr_NoMemory();
        if (added && !capsule)
            added_free(added);
    }
    PyMem_Free(tokens);
    PyBuffer_Release(&words);
    return capsule;
}

/* The rows of an array; false with ValueError set. */
static bool read_rows(const Py_buffer *data, const Py_buffer *offsets, const Py_buffer *kinds, struct added_rows *rows)
{
    const Py_ssize_t count = offsets->len / (Py_ssize_t)sizeof(int64_t) - 1;
    const int64_t *at = offsets->buf;
    bool good = count >= 0 && ((uintptr_t)at | (uintptr_t)kinds->buf) % sizeof(int32_t) == 0 &&
                (!kinds->buf || kinds->len == count * (Py_ssize_t)sizeof(int32_t));
    good = good && (uintptr_t)at % sizeof(int64_t) == 0 && at[0] == 0 && at[count] == data->len;
    for (Py_ssize_t i = 0; i < count && good; i++)
        good = at[i] <= at[i + 1];
    if (!good)
        PyErr_SetString(PyExc_ValueError, "offsets must rise from 0 to the size of the data, and kinds fit them");
    *rows = (struct added_rows){data->buf, at, kinds->buf, (size_t)count};
    return good;
}

static PyObject *copied(const void *numbers, size_t count, size_t width)
{
    return PyBytes_FromStringAndSize(numbers, (Py_ssize_t)(count * width));
}

static PyObject *answer(const struct added_split *split, size_t rows)
{
    if (!split->count)
        return Py_NewRef(Py_None);
    PyObject *offsets = copied(split->offsets, split->count + 1, sizeof *split->offsets);
    PyObject *kinds = copied(split->kinds, split->count, sizeof *split->kinds);
    PyObject *firsts = copied(split->firsts, rows + 1, sizeof *split->firsts);
    PyObject *result = offsets && kinds && firsts ? PyTuple_Pack(3, offsets, kinds, firsts) : NULL;
    Py_XDECREF(offsets);
    Py_XDECREF(kinds);
    Py_XDECREF(firsts);
    return result;
}

PyObject *module_added_split(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *result = NULL;
    Py_buffer data, offsets, kinds = {0};
    struct added_rows rows;
    if (!PyArg_ParseTuple(arguments, "Oy*y*z*:added_split", &capsule, &data, &offsets, &kinds))
        return NULL;
    const struct added *added = PyCapsule_GetPointer(capsule, CAPSULE);
    if (added && read_rows(&data, &offsets, &kinds, &rows)) {
        struct added_split split;
        bool good;
        Py_BEGIN_ALLOW_THREADS
        good = added_split(added, &rows, &split);
        Py_END_ALLOW_THREADS
        result = good ? answer(&split, rows.count) : PyErr_NoMemory();
        if (good)
            added_split_free(&split);
    }
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    return result;
}

PyObject *module_added_runs(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *result = NULL;
    Py_buffer data, offsets, kinds = {0}, table, leads;
    struct added_rows rows;
    int mask;
    if (!PyArg_ParseTuple(arguments, "y*y*z*y*iy*:added_runs", &data, &offsets, &kinds, &table, &mask, &leads))
        return NULL;
    if (table.len != ADDED_LIMIT * (Py_ssize_t)sizeof(uint16_t) || leads.len != 256) {
        PyErr_SetString(PyExc_ValueError, "table, leads: a number a code point and a byte are wanted");
    } else if (read_rows(&data, &offsets, &kinds, &rows)) {
        int64_t *places;
        size_t count = 0;
        Py_BEGIN_ALLOW_THREADS
        places = added_runs(&rows, table.buf, (uint16_t)mask, leads.buf, &count);
        Py_END_ALLOW_THREADS
        result = places ? copied(places, 2 * count, sizeof *places) : PyErr_NoMemory();
        free(places);
    }
    PyBuffer_Release(&leads);
    PyBuffer_Release(&table);
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&data);
    return result;
}
