// What every extension module of the package is: of the main interpreter alone, and sealed.
#pragma once

#include <pybind11/pybind11.h>

namespace eigenmlp {

// Python's object protocol on a finished module's classes: their objects exist only constructed,
// once, and as what they were made. Whatever else Python can do with a class (subclasses, __new__
// without __init__, __init__ once more, another __class__, pickles, copies) raises TypeError, where
// pybind11 by itself would end the process or read memory that nobody has written.
void seal(pybind11::module_& module);

// The module for a spec, by pybind11, or nullptr with an ImportError in a sub-interpreter: state of
// the core belongs to the process, and pybind11 waits there for ever on Python 3.11.
PyObject* create_module(PyObject* spec, PyModuleDef* definition);

}  // namespace eigenmlp

// PYBIND11_MODULE for a module of this package. create_module refuses sub-interpreters with a
// message of its own, before anything of pybind11 is used; so that it is called at all, the module
// declares that any interpreter may load it.
#ifdef Py_mod_multiple_interpreters
#define EIGENMLP_ANY_INTERPRETER \
  {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#else
#define EIGENMLP_ANY_INTERPRETER
#endif
#define EIGENMLP_EXTENSION(name, variable)                                              \
  static int PYBIND11_CONCAT(pybind11_exec_, name)(PyObject*);                          \
  static void PYBIND11_CONCAT(bind_, name)(pybind11::module_&);                         \
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
  PYBIND11_MODULE_EXEC(name, variable) {                                                \
    PYBIND11_CONCAT(bind_, name)(variable);                                             \
    eigenmlp::seal(variable);                                                           \
  }                                                                                     \
  void PYBIND11_CONCAT(bind_, name)(pybind11::module_ & variable)
