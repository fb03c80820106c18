// The array gate: the one place where arrays from Python are checked.
#pragma once

#include <pybind11/numpy.h>

#include <vector>

#include "network/epoch.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// What a network's outputs are compared with.
enum class TargetKind {
  kLabels,         // of classes, 0 … n_outputs - 1
  kProbabilities,  // 0 … 1 for each output
  kReals,          // any for each output
  kCounts,         // 0 or more for each output
};

// The shape and number type of a network, by which samples are checked.
struct Expected {
  Index n_features;
  Index n_outputs;
  bool single;
  bool operator==(const Expected&) const = default;
};

// The largest weight of a sample, and of all together; the smallest above 0 is its inverse. So
// their sums and quotients stay normal numbers.
double largest_weight(bool single);

// Inputs of a data set, and targets and weights if there are any, found fit for a network. Keeps
// the arrays alive; inputs of uint8, float32 or float64 are read where they lie, labels are copied,
// so that a later change of the caller's array can't lead out of bounds; nor can one of a sparse
// array's places, whose readers keep within what was checked.
class SampleArrays {
 public:
  // x: (n_samples, n_features) numbers, finite and within the range of float32 if `single`; an
  // array, or sparse in SciPy's CSR format, of whose rows the columns are sorted, in a copy, if
  // need be. y: None, or as its kind says: (n_samples,) integers, or (n_samples, n_outputs)
  // numbers, which for one output may also be (n_samples,). weights: None, or (n_samples,) numbers,
  // finite and 0 or more, not all of them 0.
  SampleArrays(const pybind11::object& x, const pybind11::object& y, TargetKind kind,
               const pybind11::object& weights, const Expected& expected);

  const Table& inputs() const { return inputs_; }
  // Throws std::invalid_argument if there are no targets.
  Samples samples() const;
  // Σ of the weights.
  double weight() const;
  // The indices of samples of weight > 0; empty where that is all of them.
  std::vector<Index> present() const;

  // Throws if the samples were checked for another network, or their targets for another loss.
  void expect(const Expected& expected) const;
  void expect(TargetKind kind) const;

 private:
  void take_inputs(const pybind11::object& x);
  void take_sparse(pybind11::object x);
  void read_sparse(const pybind11::object& x);
  void check_shape() const;
  void check_values() const;
  void take_labels(const pybind11::object& y);
  void take_targets(const pybind11::object& y);
  void take_weights(const pybind11::object& weights);

  Expected expected_;
  TargetKind kind_;
  pybind11::array x_;
  pybind11::array columns_;  // of sparse inputs, as the next
  pybind11::array begins_;
  Table inputs_{};
  std::vector<Label> labels_;
  std::vector<double> targets_;
  std::vector<double> weights_;
};

}  // namespace eigenmlp
