#include "arrays.hpp"

#include <pybind11/native_enum.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "interrupts.hpp"
#include "shapes/bad_sample.hpp"
#include "shapes/stored.hpp"
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
  if (py::hasattr(object, "toarray")) {
    throw py::type_error(std::string(name) + " is sparse; pass " + name + ".toarray()");
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

// Makes numbers the core's: others are converted to a type that it reads and that holds them
// exactly; only integers beyond 2^53 are rounded.
ElementType as_elements(py::array& values) {
  const char kind = values.dtype().kind();
  const py::ssize_t size = values.itemsize();
  const bool wide_float = kind == 'f' && size > 8;
  if ((kind != 'b' && kind != 'u' && kind != 'i' && kind != 'f') || wide_float) {
    throw py::type_error("X must hold real numbers, got dtype " + text(values.dtype()) +
                         "; convert it first, for example with X.astype(numpy.float32)");
  }
  ElementType type = ElementType::kFloat64;
  if (kind == 'u' && size == 1) {
    type = ElementType::kUint8;
  } else if (kind == 'b') {
    values = converted(values, "uint8");
    type = ElementType::kUint8;
  } else if (size <= 2 || (kind == 'f' && size == 4)) {
    if (size <= 2) values = converted(values, "float32");
    type = ElementType::kFloat32;
  } else if (kind != 'f') {
    values = converted(values, "float64");
  }
  if (values.dtype().byteorder() == (std::endian::native == std::endian::little ? '>' : '<')) {
    values = values.attr("astype")(values.dtype().attr("newbyteorder")("="));
  }
  return type;
}

// A vector of a sparse array, as the core reads it: aligned and without gaps.
py::array as_vector(const py::array& values) {
  if (values.ndim() != 1) throw py::value_error("the vectors of a sparse X have 1 dimension each");
  return py::module_::import("numpy").attr("require")(values, py::none(), "CA");
}

}  // namespace

SampleArrays::SampleArrays(const py::object& x, const py::object& y, TargetKind kind,
                           const py::object& weights, const Expected& expected)
    : expected_(expected), kind_(kind) {
  take_inputs(x);
  check_values();
  if (!y.is_none() && kind == TargetKind::kLabels) take_labels(y);
  if (!y.is_none() && kind != TargetKind::kLabels) take_targets(y);
  if (!weights.is_none()) take_weights(weights);
}

void SampleArrays::take_inputs(const py::object& x) {
  if (py::hasattr(x, "indptr")) return take_sparse(x);
  x_ = as_array(x, "X");
  if (x_.ndim() != 2) {
    std::string message =
        "X must have 2 dimensions, (n_samples, n_features), got shape " + text(x_.attr("shape"));
    if (x_.ndim() == 1) message += "; for one sample pass X.reshape(1, -1)";
    if (x_.ndim() > 2) message += "; flatten it with X.reshape(len(X), -1)";
    throw py::value_error(message);
  }
  inputs_.count = x_.shape(0);
  inputs_.features = x_.shape(1);
  inputs_.type = as_elements(x_);
  check_shape();
  const py::ssize_t item = x_.itemsize();
  const bool readable = (x_.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0 &&
                        (x_.strides(1) == item || x_.shape(1) == 1) && x_.strides(0) % item == 0;
  if (!readable) x_ = py::module_::import("numpy").attr("ascontiguousarray")(x_);
  inputs_.data = x_.data();
  inputs_.stride = x_.strides(0) / item;
}

void SampleArrays::check_shape() const {
  const std::string shape =
      "(" + std::to_string(inputs_.count) + ", " + std::to_string(inputs_.features) + ")";
  if (inputs_.count == 0) {
    throw py::value_error("X has no rows: shape " + shape + "; at least one sample is needed");
  }
  if (inputs_.features != expected_.n_features) {
    throw py::value_error("X has " + std::to_string(inputs_.features) +
                          " features a row, but the network's input has " +
                          std::to_string(expected_.n_features));
  }
}

void SampleArrays::take_sparse(py::object x) {
  if (text(x.attr("format")) != "csr") {
    throw py::type_error("X is sparse in the format " + text(x.attr("format")) +
                         "; convert it first with X.tocsr()");
  }
  const py::tuple shape = x.attr("shape");
  if (shape.size() != 2) {
    throw py::value_error("X must have 2 dimensions, (n_samples, n_features), got shape " +
                          text(shape));
  }
  inputs_.count = shape[0].cast<Index>();
  inputs_.features = shape[1].cast<Index>();
  read_sparse(x);
  const Index row = first_unordered_sample(inputs_);
  if (row == inputs_.count) return;
  // The features of a row may come in any order, and a feature twice, whose numbers add up.
  const auto refuse_strays = [&] {
    for (Index sample = 0; sample < inputs_.count; ++sample) {
      const std::optional<Index> feature = first_stray(inputs_, sample);
      if (!feature) continue;
      throw py::value_error("row " + std::to_string(sample) + " of X has a number in column " +
                            std::to_string(*feature) + ", but its indices must be from 0 to " +
                            std::to_string(inputs_.features - 1));
    }
  };
  refuse_strays();
  x = x.attr("copy")();
  x.attr("sum_duplicates")();
  read_sparse(x);
  refuse_strays();
  if (first_unordered_sample(inputs_) < inputs_.count) {
    throw py::value_error("the columns of X change while it is read");
  }
}

void SampleArrays::read_sparse(const py::object& x) {
  x_ = x.attr("data");
  columns_ = x.attr("indices");
  begins_ = x.attr("indptr");
  if (x_.dtype().kind() == 'b') x_ = x_.attr("view")("uint8");
  inputs_.type = as_elements(x_);
  check_shape();
  const auto is = [](const py::array& places, py::ssize_t size) {
    return places.dtype().kind() == 'i' && places.itemsize() == size &&
           places.dtype().byteorder() == '=';
  };
  inputs_.wide = !is(columns_, 4) || !is(begins_, 4);
  if (inputs_.wide && !(is(columns_, 8) && is(begins_, 8))) {
    columns_ = converted(columns_, "int64");
    begins_ = converted(begins_, "int64");
  }
  x_ = as_vector(x_);
  columns_ = as_vector(columns_);
  begins_ = as_vector(begins_);
  inputs_.data = x_.data();
  inputs_.columns = columns_.data();
  inputs_.begins = begins_.data();
  inputs_.stored = std::min(x_.shape(0), columns_.shape(0));
  if (begins_.shape(0) != inputs_.count + 1 || !begins_hold(inputs_)) {
    throw py::value_error(
        "indptr of X must have a number for each row and one more, begin with 0, "
        "never fall and end with the number of indices, here " +
        std::to_string(inputs_.stored));
  }
}

void SampleArrays::check_values() const {
  Index row;
  Interrupts interrupts;
  {
    WithoutGil released;
    const StopRequested stop = interrupts.poll(released);
    row = expected_.single ? first_bad_sample<float>(inputs_, stop)
                           : first_bad_sample<double>(inputs_, stop);
  }
  interrupts.raise_if_any();
  if (row == inputs_.count) return;
  const Stored stored = inputs_.sparse()
                            ? stored_of(inputs_, row)
                            : Stored{row * inputs_.stride, row * inputs_.stride + inputs_.features};
  for (Index at = stored.begin; at < stored.end; ++at) {
    const double value = inputs_.type == ElementType::kFloat32
                             ? static_cast<const float*>(inputs_.data)[at]
                             : static_cast<const double*>(inputs_.data)[at];
    if (expected_.single ? !(std::abs(value) <= std::numeric_limits<float>::max())
                         : !(std::abs(value) <= std::numeric_limits<double>::max())) {
      const Index column =
          inputs_.sparse()
              ? with_places(inputs_, [&](auto*, auto* columns) -> Index { return columns[at]; })
              : at - stored.begin;
      throw py::value_error(
          "X[" + std::to_string(row) + ", " + std::to_string(column) + "] is " +
          text(py::float_(value)) + ", which a network of " +
          (expected_.single ? "float32" : "float64") +
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
  if (array.shape(0) != inputs_.count) {
    throw py::value_error("X has " + std::to_string(inputs_.count) + " rows, but y has " +
                          std::to_string(array.shape(0)) + " labels");
  }
  const py::array_t<std::int64_t> indices(converted(array, "int64"));
  const auto values = indices.unchecked<1>();
  labels_.resize(static_cast<std::size_t>(inputs_.count));
  for (Index i = 0; i < inputs_.count; ++i) {
    const std::int64_t label = values(i);
    if (label < 0 || label >= expected_.n_outputs) {
      throw py::value_error("y[" + std::to_string(i) + "] is " + text(array[py::int_(i)]) +
                            ", but the network has " + std::to_string(expected_.n_outputs) +
                            " classes, 0 to " + std::to_string(expected_.n_outputs - 1));
    }
    labels_[static_cast<std::size_t>(i)] = static_cast<Label>(label);
  }
}

void SampleArrays::take_targets(const py::object& y) {
  py::array array = as_array(y, "y");
  const Index n_outputs = expected_.n_outputs;
  const bool column = array.ndim() == 1 && n_outputs == 1;
  if (!column && (array.ndim() != 2 || array.shape(1) != n_outputs)) {
    throw py::value_error("y must have shape (n_samples, n_outputs), here (" +
                          std::to_string(inputs_.count) + ", " + std::to_string(n_outputs) +
                          "), got shape " + text(array.attr("shape")));
  }
  const char kind = array.dtype().kind();
  if ((kind != 'i' && kind != 'u' && kind != 'b' && kind != 'f') ||
      (kind == 'f' && array.itemsize() > 8)) {
    throw py::type_error("y must hold real numbers, got dtype " + text(array.dtype()) +
                         "; convert it first, for example with y.astype(float)");
  }
  if (array.shape(0) != inputs_.count) {
    throw py::value_error("X has " + std::to_string(inputs_.count) + " rows, but y has " +
                          std::to_string(array.shape(0)));
  }
  const py::array_t<double, py::array::c_style> values(converted(array, "float64"));
  const double* from = values.data();
  targets_.assign(from, from + values.size());
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const double value = targets_[i];
    const char* wrong = nullptr;
    if (!std::isfinite(expected_.single ? static_cast<float>(value) : value)) {
      wrong = expected_.single ? "targets are finite in float32" : "targets are finite";
    } else if (kind_ == TargetKind::kProbabilities && !(value >= 0 && value <= 1)) {
      wrong = "the targets of logistic outputs are between 0 and 1";
    } else if (kind_ == TargetKind::kCounts && value < 0) {
      wrong = "the targets of the Poisson loss are 0 or more";
    }
    if (!wrong) continue;
    const Index row = static_cast<Index>(i) / n_outputs;
    const std::string where =
        array.ndim() == 1
            ? std::to_string(row)
            : std::to_string(row) + ", " + std::to_string(static_cast<Index>(i) % n_outputs);
    throw py::value_error("y[" + where + "] is " + text(py::float_(value)) + ", but " + wrong);
  }
}

void SampleArrays::take_weights(const py::object& weights) {
  const py::array array = as_array(weights, "sample_weight");
  if (array.ndim() != 1 || array.shape(0) != inputs_.count) {
    throw py::value_error("sample_weight must have shape (" + std::to_string(inputs_.count) +
                          ",), a weight for each row of X, got shape " + text(array.attr("shape")));
  }
  const char kind = array.dtype().kind();
  if (kind != 'i' && kind != 'u' && kind != 'b' && kind != 'f') {
    throw py::type_error("sample_weight must hold real numbers, got dtype " + text(array.dtype()));
  }
  const py::array_t<double, py::array::c_style> values(converted(array, "float64"));
  weights_.assign(values.data(), values.data() + values.size());
  const double largest = largest_weight(expected_.single);
  const double smallest = 1 / largest;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    const double value = weights_[i];
    const char* wrong = nullptr;
    if (!std::isfinite(value) || value < 0) {
      wrong = "weights are finite and 0 or more; remove the sample, or give it the weight 0";
    } else if (value > largest || (value > 0 && value < smallest)) {
      wrong = "scale the weights to about 1";
    }
    if (!wrong) continue;
    throw py::value_error("sample_weight[" + std::to_string(i) + "] is " + text(py::float_(value)) +
                          ", which a network of " + (expected_.single ? "float32" : "float64") +
                          " can't take: " + wrong);
  }
  if (!(weight() > 0 && weight() <= largest)) {
    throw py::value_error("the sum of sample_weight is " + text(py::float_(weight())) +
                          "; at least one sample must count, and weights are best about 1");
  }
}

double largest_weight(bool single) { return single ? 1e30 : 1e300; }

double SampleArrays::weight() const {
  if (weights_.empty()) return static_cast<double>(inputs_.count);
  double sum = 0;
  for (const double weight : weights_) sum += weight;
  return sum;
}

std::vector<Index> SampleArrays::present() const {
  std::vector<Index> samples;
  if (std::find(weights_.begin(), weights_.end(), 0.0) == weights_.end()) return samples;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] > 0) samples.push_back(static_cast<Index>(i));
  }
  return samples;
}

Samples SampleArrays::samples() const {
  Samples samples{inputs_};
  if (!labels_.empty()) {
    samples.labels = labels_.data();
  } else if (!targets_.empty()) {
    samples.targets = {targets_.data(), ElementType::kFloat64, inputs_.count, expected_.n_outputs,
                       expected_.n_outputs};
  } else {
    throw std::invalid_argument("these samples have no targets");
  }
  if (!weights_.empty()) samples.weights = weights_.data();
  return samples;
}

void SampleArrays::expect(const Expected& expected) const {
  if (!(expected == expected_)) {
    throw std::invalid_argument("these samples were checked for another network");
  }
}

void SampleArrays::expect(TargetKind kind) const {
  if (kind == kind_ || (kind == TargetKind::kReals && kind_ != TargetKind::kLabels)) return;
  throw std::invalid_argument("these targets were checked for another loss");
}

void bind_arrays(py::module_& module) {
  py::native_enum<TargetKind>(module, "TargetKind", "enum.Enum")
      .value("labels", TargetKind::kLabels)
      .value("probabilities", TargetKind::kProbabilities)
      .value("reals", TargetKind::kReals)
      .value("counts", TargetKind::kCounts)
      .finalize();
  py::class_<SampleArrays>(module, "Samples")
      .def(py::init([](const py::object& x, const py::object& y, TargetKind kind,
                       const py::object& weights, Index n_features, Index n_outputs, bool single) {
             return std::make_unique<SampleArrays>(x, y, kind, weights,
                                                   Expected{n_features, n_outputs, single});
           }),
           py::arg("x"), py::arg("y"), py::arg("kind"), py::arg("weights"), py::arg("n_features"),
           py::arg("n_outputs"), py::arg("single"))
      .def("__len__", [](const SampleArrays& samples) { return samples.inputs().count; });
  module.def("largest_weight", &largest_weight, py::arg("single"));
}

}  // namespace eigenmlp
