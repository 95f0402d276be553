/* What the parts of florilegium.stages._native give to its method table: one module_*.c a part. */
#ifndef FLORILEGIUM_MODULE_H
#define FLORILEGIUM_MODULE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000 /* one binary for every CPython from 3.11 on */
#endif
#include <Python.h>

#include "units.h"

/* module_units.c: units in Python are four buffers: text, int64 offsets, int32 tokens, int64 offsets. */
struct held_units {
    struct units units;
    Py_buffer buffers[4];
};

/* Holds the buffers of a tuple until it is let go. False with an exception set, and nothing to let go. */
bool module_units_hold(PyObject *given, struct held_units *held);
void module_units_let_go(struct held_units *held);

/* A tuple of four bytes objects; NULL with an exception set. Frees what was made. */
PyObject *module_units_new(struct units_made *made);

/* module.c: numbers of `width` bytes in a buffer; -1 with ValueError set. */
Py_ssize_t module_count(const Py_buffer *buffer, size_t width, const char *name);

/* Rows that offsets of int64 bound in `size` things; -1 with ValueError set. */
Py_ssize_t module_rows(const Py_buffer *buffer, Py_ssize_t size, const char *name);

/* module_pack.c */
PyObject *module_pack(PyObject *module, PyObject *arguments);
PyObject *module_pack_shuffle(PyObject *module, PyObject *arguments);
PyObject *module_pack_lengths(PyObject *module, PyObject *arguments);
PyObject *module_pack_qualities(PyObject *module, PyObject *arguments);
PyObject *module_pack_gather(PyObject *module, PyObject *arguments);
PyObject *module_pack_runs(PyObject *module, PyObject *arguments);

/* module_pieces.c */
PyObject *module_pieces_ids(PyObject *module, PyObject *arguments);
PyObject *module_pieces_build(PyObject *module, PyObject *arguments);
PyObject *module_pieces_encode(PyObject *module, PyObject *arguments);
PyObject *module_pieces_known(PyObject *module, PyObject *arguments);

/* module_blocks.c */
PyObject *module_blocks_model(PyObject *module, PyObject *arguments);
PyObject *module_blocks_read(PyObject *module, PyObject *arguments);
PyObject *module_blocks_explain(PyObject *module, PyObject *arguments);

/* module_bytelevel.c */
PyObject *module_bytelevel(PyObject *module, PyObject *arguments);
PyObject *module_bytelevel_encode(PyObject *module, PyObject *arguments);
PyObject *module_bytelevel_known(PyObject *module, PyObject *arguments);
PyObject *module_unicode(PyObject *module, PyObject *arguments);

/* module_measure.c */
PyObject *module_letters(PyObject *module, PyObject *arguments);
PyObject *module_measure(PyObject *module, PyObject *arguments);
PyObject *module_measure_fold(PyObject *module, PyObject *arguments);
PyObject *module_measure_hashes(PyObject *module, PyObject *arguments);
PyObject *module_measure_names(PyObject *module, PyObject *arguments);
PyObject *module_measure_profile(PyObject *module, PyObject *arguments);

/* module_added.c */
PyObject *module_added(PyObject *module, PyObject *arguments);
PyObject *module_added_split(PyObject *module, PyObject *arguments);
PyObject *module_added_runs(PyObject *module, PyObject *arguments);

/* module_signatures.c */
PyObject *module_shingles_table(PyObject *module, PyObject *arguments);
PyObject *module_shingles(PyObject *module, PyObject *arguments);
PyObject *module_signatures(PyObject *module, PyObject *arguments);
PyObject *module_band_keys(PyObject *module, PyObject *arguments);
PyObject *module_small(PyObject *module, PyObject *arguments);

/* module_matches.c */
PyObject *module_matches(PyObject *module, PyObject *arguments);
PyObject *module_unite(PyObject *module, PyObject *arguments);

#endif
