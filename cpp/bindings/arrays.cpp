#include "arrays.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "gil.hpp"
#include "inference.hpp"
#include "topics.hpp"

namespace eigenmlp {

namespace py = pybind11;

namespace {

std::string text(const py::handle& object) { return py::str(object).cast<std::string>(); }

// np.asarray(object), with NumPy's own complaint about ragged input in our words.
py::array as_array(const py::object& object, const char* name) {
  if (py::type::handle_of(object).is(py::type::handle_of(py::array()))) return object;
  if (py::hasattr(object, "mask") && py::hasattr(object, "filled")) {
    throw py::type_error(std::string(name) + " is a masked array, and a network knows no masks; " +
                         "fill it first with " + name + ".filled(...)");
  }
  try {
    return py::module_::import("numpy").attr("asarray")(object);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError)) throw;
    throw py::value_error(std::string(name) +
                          " can't be read as one array: " + text(error.value()));
  }
}

py::array converted(const py::array& array, const char* dtype) {
  return array.attr("astype")(dtype);
}

}  // namespace

SampleArrays::SampleArrays(const py::object& x, const py::object& y, Index n_features,
                           Index n_classes, bool single)
    : n_features_(n_features), n_classes_(n_classes), single_(single) {
  take_rows(x);
  check_values();
  if (!y.is_none()) take_labels(y);
}

void SampleArrays::take_rows(const py::object& x) {
  x_ = as_array(x, "X");
  if (x_.ndim() != 2) {
    std::string message =
        "X must have 2 dimensions, (n_samples, n_features), got shape " + text(x_.attr("shape"));
    if (x_.ndim() == 1) message += "; for one sample pass X.reshape(1, -1)";
    if (x_.ndim() > 2) message += "; flatten it with X.reshape(len(X), -1)";
    throw py::value_error(message);
  }
  const char kind = x_.dtype().kind();
  const py::ssize_t size = x_.itemsize();
  const bool wide_float = kind == 'f' && size > 8;
  if ((kind != 'b' && kind != 'u' && kind != 'i' && kind != 'f') || wide_float) {
    throw py::type_error("X must hold real numbers, got dtype " + text(x_.dtype()) +
                         "; convert it first, for example with X.astype(numpy.float32)");
  }
  if (x_.shape(0) == 0) {
    throw py::value_error("X has no rows: shape " + text(x_.attr("shape")) +
                          "; at least one sample is needed");
  }
  if (x_.shape(1) != n_features_) {
    throw py::value_error("X has " + std::to_string(x_.shape(1)) +
                          " features a row, but the network's input has " +
                          std::to_string(n_features_));
  }

  // Other numbers are converted to a type that the core reads and that holds them exactly; only
  // integers beyond 2^53 are rounded.
  if (kind == 'u' && size == 1) {
    rows_.type = ElementType::kUint8;
  } else if (kind == 'b') {
    x_ = converted(x_, "uint8");
    rows_.type = ElementType::kUint8;
  } else if (size <= 2 || (kind == 'f' && size == 4)) {
    if (size <= 2) x_ = converted(x_, "float32");
    rows_.type = ElementType::kFloat32;
  } else {
    if (kind != 'f') x_ = converted(x_, "float64");
    rows_.type = ElementType::kFloat64;
  }
  if (x_.dtype().byteorder() == (std::endian::native == std::endian::little ? '>' : '<')) {
    x_ = x_.attr("astype")(x_.dtype().attr("newbyteorder")("="));
  }
  const py::ssize_t item = x_.itemsize();
  const bool readable = (x_.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0 &&
                        (x_.strides(1) == item || x_.shape(1) == 1) && x_.strides(0) % item == 0;
  if (!readable) x_ = py::module_::import("numpy").attr("ascontiguousarray")(x_);
  rows_.data = x_.data();
  rows_.count = x_.shape(0);
  rows_.features = x_.shape(1);
  rows_.stride = x_.strides(0) / item;
}

void SampleArrays::check_values() const {
  Index row;
  {
    const WithoutGil released;
    row = single_ ? first_bad_row<float>(rows_) : first_bad_row<double>(rows_);
  }
  if (row == rows_.count) return;
  for (Index column = 0; column < rows_.features; ++column) {
    const Index at = row * rows_.stride + column;
    const double value = rows_.type == ElementType::kFloat32
                             ? static_cast<const float*>(rows_.data)[at]
                             : static_cast<const double*>(rows_.data)[at];
    if (single_ ? !(std::abs(value) <= std::numeric_limits<float>::max())
                : !(std::abs(value) <= std::numeric_limits<double>::max())) {
      throw py::value_error(
          "X[" + std::to_string(row) + ", " + std::to_string(column) + "] is " +
          text(py::float_(value)) + ", which a network of " + (single_ ? "float32" : "float64") +
          " can't take; remove or impute NaN and infinite values, and scale the others");
    }
  }
}

void SampleArrays::take_labels(const py::object& y) {
  const py::array array = as_array(y, "y");
  if (array.ndim() != 1) {
    std::string message =
        "y must have 1 dimension, (n_samples,), got shape " + text(array.attr("shape"));
    if (array.ndim() == 2) message += "; from one-hot rows take y.argmax(axis=1)";
    throw py::value_error(message);
  }
  const char kind = array.dtype().kind();
  if (kind != 'i' && kind != 'u' && kind != 'b') {
    throw py::type_error("y must hold integer class indices, got dtype " + text(array.dtype()) +
                         "; map classes to 0 … n_classes - 1 with "
                         "numpy.unique(y, return_inverse=True)");
  }
  if (array.shape(0) != rows_.count) {
    throw py::value_error("X has " + std::to_string(rows_.count) + " rows, but y has " +
                          std::to_string(array.shape(0)) + " labels");
  }
  const py::array_t<std::int64_t> indices(converted(array, "int64"));
  const auto values = indices.unchecked<1>();
  labels_.resize(static_cast<std::size_t>(rows_.count));
  for (Index i = 0; i < rows_.count; ++i) {
    const std::int64_t label = values(i);
    if (label < 0 || label >= n_classes_) {
      throw py::value_error("y[" + std::to_string(i) + "] is " + text(array[py::int_(i)]) +
                            ", but the network has " + std::to_string(n_classes_) +
                            " classes, 0 to " + std::to_string(n_classes_ - 1));
    }
    labels_[static_cast<std::size_t>(i)] = static_cast<Label>(label);
  }
}

Samples SampleArrays::labelled() const {
  if (!has_labels()) throw std::invalid_argument("these samples have no labels");
  return {rows_, labels_.data()};
}

void SampleArrays::expect(Index n_features, Index n_classes, bool single) const {
  if (n_features != n_features_ || n_classes != n_classes_ || single != single_) {
    throw std::invalid_argument("these samples were checked for another network");
  }
}

void bind_arrays(py::module_& module) {
  py::class_<SampleArrays>(module, "Samples")
      .def(py::init<const py::object&, const py::object&, Index, Index, bool>(), py::arg("x"),
           py::arg("y"), py::arg("n_features"), py::arg("n_classes"), py::arg("single"))
      .def("__len__", [](const SampleArrays& samples) { return samples.rows().count; });
}

}  // namespace eigenmlp
