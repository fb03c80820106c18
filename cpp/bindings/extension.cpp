#include "extension.hpp"

#include <array>
#include <new>
#include <string>
#include <unordered_map>

namespace eigenmlp {

namespace py = pybind11;

namespace {

// What __init__ was, for each class that Python code may make objects of.
std::unordered_map<PyTypeObject*, py::object>& constructors() {
  // Outlives the interpreter, which must be there to destroy objects.
  static auto* const of_classes = new std::unordered_map<PyTypeObject*, py::object>;
  return *of_classes;
}

std::string name_of(py::handle type) { return type.attr("__name__").cast<std::string>(); }

constexpr Py_ssize_t kMostArguments = 20;

// tp_new of our classes: pybind11's allocation and __init__ in one, so that nobody ever has an
// object between them.
PyObject* construct(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  const auto constructor = constructors().find(type);
  if (constructor == constructors().end()) {
    return PyErr_Format(PyExc_TypeError, "%s: only eigenmlp itself makes objects of this class",
                        type->tp_name);
  }
  py::object self;
  try {
    self = py::reinterpret_steal<py::object>(py::detail::make_new_instance(type));
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
  std::array<PyObject*, kMostArguments + 1> all{self.ptr()};
  const Py_ssize_t count = PyTuple_GET_SIZE(arguments);
  if (count > kMostArguments) {
    return PyErr_Format(PyExc_TypeError, "%s takes at most %zd arguments, got %zd", type->tp_name,
                        kMostArguments, count);
  }
  for (Py_ssize_t i = 0; i < count; ++i) {
    all[static_cast<std::size_t>(i) + 1] = PyTuple_GET_ITEM(arguments, i);
  }
  const auto made = py::reinterpret_steal<py::object>(PyObject_VectorcallDict(
      constructor->second.ptr(), all.data(), static_cast<std::size_t>(count) + 1, keywords));
  return made ? self.release().ptr() : nullptr;
}

// tp_init of our classes, which `type(...)` calls once more after tp_new.
int leave_constructed(PyObject*, PyObject*, PyObject*) { return 0; }

void seal_class(py::handle cls) {
  auto* const type = reinterpret_cast<PyTypeObject*>(cls.ptr());
  const std::string name = name_of(cls);
  const py::object members = cls.attr("__dict__");
  // The function is given no name: pybind11 skips a second call of a function named __init__ in
  // silence.
  const auto refuse = [&](const char* method, const std::string& message) {
    cls.attr(method) = py::cpp_function(
        [message](const py::args&, const py::kwargs&) { throw py::type_error(message); },
        py::is_method(cls));
  };
  // A function of ours; for a class without a constructor it is a slot of pybind11's.
  const py::object constructor = members["__init__"];
  if (PyInstanceMethod_Check(constructor.ptr())) {
    constructors().insert_or_assign(
        type, py::reinterpret_borrow<py::object>(PyInstanceMethod_GET_FUNCTION(constructor.ptr())));
  }
  refuse("__init__", "an object of " + name + " is made once and doesn't change what it is");
  refuse("__reduce_ex__", "an object of " + name +
                              ", which the compiled core made, can't be pickled or copied; pickle "
                              "or copy the network, optimizer or estimator that it belongs to");
  type->tp_new = construct;
  type->tp_init = leave_constructed;
  type->tp_flags &= ~static_cast<unsigned long>(Py_TPFLAGS_BASETYPE);
  // No other __class__ for its objects either.
  type->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  PyType_Modified(type);
}

PyObject* refuse_new(PyTypeObject* type, PyObject*, PyObject*) {
  return PyErr_Format(PyExc_TypeError, "%s: only pybind11 itself makes objects of this class",
                      type->tp_name);
}

// tp_new of the base of all classes of pybind11, of other packages too. Without any of them it
// would end the process, where Python's pickling by protocols 0 and 1 calls it.
PyObject* new_of_pybind11(PyTypeObject* type, PyObject* arguments, PyObject* keywords) {
  try {
    if (!py::detail::all_type_info(type).empty()) {
      return py::detail::pybind11_object_new(type, arguments, keywords);
    }
  } catch (const std::exception& error) {
    py::set_error(PyExc_RuntimeError, error.what());
    return nullptr;
  }
  return refuse_new(type, arguments, keywords);
}

// The types that pybind11 itself brings, and that Python code reaches from ours: by __mro__, and by
// __self__ of every function.
void seal_pybind11() {
  auto* const base = reinterpret_cast<PyTypeObject*>(py::detail::get_internals().instance_base);
  base->tp_new = new_of_pybind11;
  PyTypeObject* const record = py::detail::get_function_record_PyTypeObject();
  record->tp_new = refuse_new;
  // There is nothing to initialize, and pybind11's ends the process.
  if (PyObject_DelAttrString(reinterpret_cast<PyObject*>(record), "__init__") != 0) {
    throw py::error_already_set();
  }
  record->tp_flags |= Py_TPFLAGS_IMMUTABLETYPE;
  PyType_Modified(record);
}

}  // namespace

void seal(py::module_& module) {
  seal_pybind11();
  PyTypeObject* const metaclass = py::detail::get_internals().default_metaclass;
  for (const auto& [name, value] : py::dict(module.attr("__dict__"))) {
    if (PyObject_TypeCheck(value.ptr(), metaclass)) seal_class(value);
  }
}

PyObject* create_module(PyObject* spec, PyModuleDef* definition) {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(
        PyExc_ImportError,
        "eigenmlp can't be imported in a sub-interpreter, since its core keeps state of "
        "the whole process; import it in the main interpreter, and compute in threads, "
        "which it lets run side by side, or in processes (multiprocessing)");
    return nullptr;
  }
  return py::detail::cached_create_module(spec, definition);
}

}  // namespace eigenmlp
