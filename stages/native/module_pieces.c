/* SentencePiece-style BPE seen from Python: checks what pieces.c takes for granted, and lets the GIL go. */
#include "module.h"

#include <stdlib.h>

#include "pieces.h"
#include "pieces_ids.h"

static const char NAME[] = "florilegium.pieces";

/* The strings of two buffers; false with ValueError set. */
static bool strings_of(const Py_buffer *text, const Py_buffer *offsets, uint32_t most, const char *name,
                       struct pieces_strings *strings)
{
    const Py_ssize_t count = module_rows(offsets, text->len, name);
    if (count < 0)
        return false;
    const int64_t *at = offsets->buf;
    if (count > most || at[0] != 0 || pieces_invalid(text->buf, (size_t)text->len) >= 0) {
        PyErr_Format(PyExc_ValueError, "%s: expected at most %u strings in UTF-8 from 0 on", name, most);
        return false;
    }
    *strings = (struct pieces_strings){text->buf, at, (uint32_t)count};
    return true;
}

/* Ids of pieces that are not empty; their number, or -1 with ValueError set. */
static Py_ssize_t ids_of(const Py_buffer *buffer, const struct pieces_strings *pieces, const char *name)
{
    const Py_ssize_t count = module_count(buffer, sizeof(uint32_t), name);
    const uint32_t *ids = buffer->buf;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (ids[i] >= pieces->count || pieces->offsets[ids[i]] == pieces->offsets[ids[i] + 1]) {
            PyErr_Format(PyExc_ValueError, "%s[%zd] is %u, which is no piece", name, i, ids[i]);
            return -1;
        }
    }
    return count;
}

/* What a capsule holds. */
struct held {
    struct pieces *pieces;
    struct held_units known;
    bool warm; /* known is held */
};

/* ---- memory from C as a Python buffer, so that tokens are never copied ---- */

struct memory {
    PyObject_HEAD
    void *bytes;
    Py_ssize_t size;
    PyObject *model; /* whose they are */
};

static int memory_buffer(PyObject *self, Py_buffer *view, int flags)
{
    struct memory *memory = (struct memory *)self;
    return PyBuffer_FillInfo(view, self, memory->bytes, memory->size, 0, flags);
}

static void memory_forget(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    struct memory *memory = (struct memory *)self;
    pieces_give_back(((struct held *)PyCapsule_GetPointer(memory->model, NAME))->pieces, memory->bytes);
    Py_DECREF(memory->model);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyObject *memory_type(void)
{
    PyType_Slot slots[] = {
        {Py_bf_getbuffer, (void *)memory_buffer},
        {Py_tp_dealloc, (void *)memory_forget},
        {0, NULL},
    };
    PyType_Spec spec = {"florilegium.stages._native.Memory", sizeof(struct memory), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    return PyType_FromSpec(&spec);
}

/* A memoryview that holds the bytes, which it takes over, and their model: they are given back if that fails. */
static PyObject *memory_new(PyObject *model, void *bytes, Py_ssize_t size)
{
    struct memory *memory = PyObject_New(struct memory, (PyTypeObject *)PyCapsule_GetContext(model));
    if (!memory) {
        pieces_give_back(((struct held *)PyCapsule_GetPointer(model, NAME))->pieces, bytes);
        return NULL;
    }
    memory->bytes = bytes;
    memory->size = size;
    memory->model = Py_NewRef(model);
    PyObject *view = PyMemoryView_FromObject((PyObject *)memory);
    Py_DECREF(memory);
    return view;
}

/* ---- models: a capsule, its context the type of its tokens ---- */

static void drop(struct held *held)
{
    if (held->pieces)
        pieces_free(held->pieces);
    if (held->warm)
        module_units_let_go(&held->known);
    PyMem_Free(held);
}

static void forget(PyObject *capsule)
{
    drop(PyCapsule_GetPointer(capsule, NAME));
    Py_XDECREF((PyObject *)PyCapsule_GetContext(capsule));
}

static PyObject *built(const struct pieces_spec *spec, PyObject *known)
{
    struct held *held = PyMem_Calloc(1, sizeof *held);
    if (!held)
        return PyErr_NoMemory();
    if (known != Py_None && !(held->warm = module_units_hold(known, &held->known)))
        return drop(held), NULL;
    Py_BEGIN_ALLOW_THREADS
    held->pieces = pieces_build(spec);
    Py_END_ALLOW_THREADS
    if (!held->pieces)
        return drop(held), PyErr_NoMemory();
    if (held->warm)
        pieces_begin(held->pieces, &held->known.units);
    PyObject *capsule = PyCapsule_New(held, NAME, forget);
    if (!capsule)
        return drop(held), NULL;
    PyObject *type = memory_type();
    if (!type || PyCapsule_SetContext(capsule, type)) {
        Py_XDECREF(type);
        Py_CLEAR(capsule);
    }
    return capsule;
}

PyObject *module_pieces_known(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule;
    Py_ssize_t most;
    if (!PyArg_ParseTuple(arguments, "On:pieces_known", &capsule, &most))
        return NULL;
    const struct held *held = PyCapsule_GetPointer(capsule, NAME);
    struct units_made made = {0};
    bool good;
    if (!held)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    good = pieces_known(held->pieces, (size_t)most, &made);
    Py_END_ALLOW_THREADS
    if (good)
        return module_units_new(&made);
    units_free(&made);
    return PyErr_NoMemory();
}

PyObject *module_pieces_build(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer text, offsets, merges, bytes;
    int prefix, later, normal, split, width;
    PyObject *known, *result = NULL;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*(iii)piO:pieces_build", &text, &offsets, &merges, &bytes, &prefix, &later,
                          &normal, &split, &width, &known))
        return NULL;
    struct pieces_spec spec = {.prefix = (enum pieces_prefix)prefix, .later = (enum pieces_prefix)later,
                               .normal = (enum pieces_prefix)normal, .split = split != 0,
                               .width = (unsigned)width};
    if (!strings_of(&text, &offsets, PIECES_IDS, "offsets", &spec.pieces))
        goto done;
    const Py_ssize_t merged = ids_of(&merges, &spec.pieces, "merges"), single = ids_of(&bytes, &spec.pieces, "bytes");
    if (merged < 0 || single < 0)
        goto done;
    if (merged % 3 || merged / 3 >= PIECES_MERGES || single != 256 || prefix < PIECES_BARE || prefix > PIECES_UNLESS ||
        later < PIECES_BARE || later > PIECES_UNLESS || normal < PIECES_BARE || normal > PIECES_UNLESS ||
        !(width == 4 || (width == 2 && spec.pieces.count <= 65536))) {
        PyErr_SetString(PyExc_ValueError, "merges, bytes, prefix, width: not as in pieces.h");
        goto done;
    }
    spec.merges = merges.buf;
    spec.merges_count = (uint32_t)(merged / 3);
    spec.bytes = bytes.buf;
    result = built(&spec, known);
done:
    PyBuffer_Release(&text);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&merges);
    PyBuffer_Release(&bytes);
    return result;
}

PyObject *module_pieces_ids(PyObject *module, PyObject *arguments)
{
    (void)module;
    Py_buffer text, offsets, part_text, part_offsets;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*:pieces_ids", &text, &offsets, &part_text, &part_offsets))
        return NULL;
    struct pieces_strings pieces, parts;
    PyObject *merges = NULL;
    if (strings_of(&text, &offsets, PIECES_IDS, "offsets", &pieces) &&
        strings_of(&part_text, &part_offsets, 2 * PIECES_MERGES, "part_offsets", &parts))
        merges = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)(parts.count / 2 * 3 * sizeof(uint32_t)));
    if (merges) {
        uint32_t *ids = (uint32_t *)(void *)PyByteArray_AsString(merges);
        bool found;
        Py_BEGIN_ALLOW_THREADS
        found = pieces_ids(&pieces, &parts, ids);
        Py_END_ALLOW_THREADS
        if (!found) {
            Py_CLEAR(merges);
            PyErr_NoMemory();
        }
    }
    PyBuffer_Release(&text);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&part_text);
    PyBuffer_Release(&part_offsets);
    return merges;
}

/* Takes what was found into Python's hands. */
static PyObject *taken(struct pieces *pieces, PyObject *model, const struct pieces_result *found, Py_ssize_t rows)
{
    PyObject *ends = PyByteArray_FromStringAndSize(NULL, (rows + 1) * (Py_ssize_t)sizeof(int64_t));
    PyObject *hard = PyByteArray_FromStringAndSize(NULL, found->hard_rows * (Py_ssize_t)sizeof(int64_t));
    PyObject *tokens = NULL, *result = NULL;
    if (ends && hard) {
        int64_t *out[] = {(int64_t *)(void *)PyByteArray_AsString(ends), (int64_t *)(void *)PyByteArray_AsString(hard)};
        void *all;
        Py_BEGIN_ALLOW_THREADS
        all = pieces_take(pieces, out[0], out[1]);
        Py_END_ALLOW_THREADS
        tokens = all ? memory_new(model, all, found->tokens * (Py_ssize_t)pieces_width(pieces)) : PyErr_NoMemory();
    } else {
        pieces_drop(pieces);
    }
    if (tokens)
        result = PyTuple_Pack(3, tokens, ends, hard);
    Py_XDECREF(tokens);
    Py_XDECREF(ends);
    Py_XDECREF(hard);
    return result;
}

PyObject *module_pieces_encode(PyObject *module, PyObject *arguments)
{
    (void)module;
    PyObject *capsule, *result = NULL;
    Py_buffer data, offsets, kinds = {0};
    int threads;
    if (!PyArg_ParseTuple(arguments, "Oy*y*z*i:pieces_encode", &capsule, &data, &offsets, &kinds, &threads))
        return NULL;
    struct held *held = PyCapsule_GetPointer(capsule, NAME);
    struct pieces *pieces = held ? held->pieces : NULL;
    Py_ssize_t rows = pieces ? module_rows(&offsets, data.len, "offsets") : -1;
    if (rows >= 0 && kinds.buf && module_count(&kinds, sizeof(int32_t), "kinds") != rows) {
        PyErr_SetString(PyExc_ValueError, "kinds: not one a row");
        rows = -1;
    }
    if (rows >= 0) {
        struct pieces_result found;
        Py_BEGIN_ALLOW_THREADS
        found = pieces_encode(pieces, data.buf, offsets.buf, kinds.buf, rows, threads);
        Py_END_ALLOW_THREADS
        if (found.status == PIECES_DONE)
            result = taken(pieces, capsule, &found, rows);
        else if (found.status == PIECES_NO_MEMORY)
            PyErr_NoMemory();
        else
            PyErr_Format(PyExc_ValueError, "row %lld: byte %lld is no UTF-8", (long long)found.row,
                         (long long)found.byte);
    }
    PyBuffer_Release(&kinds);
    PyBuffer_Release(&data);
    PyBuffer_Release(&offsets);
    return result;
}
