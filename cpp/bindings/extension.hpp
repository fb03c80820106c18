// What every extension module of the package is: of the main interpreter alone.
#pragma once

#include <pybind11/pybind11.h>

namespace eigenmlp {

// The module for a spec, by pybind11, or nullptr with an ImportError in a sub-interpreter: state of
// the core belongs to the process, and pybind11 waits there for ever on Python 3.11.
PyObject* create_module(PyObject* spec, PyModuleDef* definition);

}  // namespace eigenmlp

// PYBIND11_MODULE for a module of this package. Nothing of pybind11 is touched before create_module
// has looked where it is; and that it may, no interpreter is kept from the attempt.
#ifdef Py_mod_multiple_interpreters
#define EIGENMLP_ANY_INTERPRETER \
  {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#else
#define EIGENMLP_ANY_INTERPRETER
#endif
#define EIGENMLP_EXTENSION(name, variable)                                              \
  static int PYBIND11_CONCAT(pybind11_exec_, name)(PyObject*);                          \
  PYBIND11_PLUGIN_IMPL(name) {                                                          \
    PYBIND11_CHECK_PYTHON_VERSION                                                       \
    static PyModuleDef_Slot slots[] = {                                                 \
        {Py_mod_create, reinterpret_cast<void*>(&eigenmlp::create_module)},             \
        {Py_mod_exec, reinterpret_cast<void*>(&PYBIND11_CONCAT(pybind11_exec_, name))}, \
        EIGENMLP_ANY_INTERPRETER{0, nullptr}};                                          \
    static PyModuleDef definition = {PyModuleDef_HEAD_INIT,                             \
                                     PYBIND11_TOSTRING(name),                           \
                                     nullptr,                                           \
                                     0,                                                 \
                                     nullptr,                                           \
                                     slots,                                             \
                                     nullptr,                                           \
                                     nullptr,                                           \
                                     nullptr};                                          \
    return PyModuleDef_Init(&definition);                                               \
  }                                                                                     \
  PYBIND11_MODULE_EXEC(name, variable)
