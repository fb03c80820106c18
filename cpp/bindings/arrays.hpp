// The array gate: the one place where arrays from Python are checked.
#pragma once

#include <pybind11/numpy.h>

#include <vector>

#include "epoch.hpp"
#include "types.hpp"

namespace eigenmlp {

// Rows of a data set, and labels if there are any, found fit for a network. Keeps the array alive;
// rows of uint8, float32 or float64 are read where they lie, labels are copied, so that a later
// change of the caller's array can't lead out of bounds.
class SampleArrays {
 public:
  // x: (n_samples, n_features) numbers, finite and within the range of float32 if `single`.
  // y: None, or (n_samples,) integers below n_classes.
  SampleArrays(const pybind11::object& x, const pybind11::object& y, Index n_features,
               Index n_classes, bool single);

  const Rows& rows() const { return rows_; }
  bool has_labels() const { return !labels_.empty(); }
  // Throws std::invalid_argument if there are no labels.
  Samples labelled() const;

  // Throws if the samples were checked for another network.
  void expect(Index n_features, Index n_classes, bool single) const;

 private:
  void take_rows(const pybind11::object& x);
  void check_values() const;
  void take_labels(const pybind11::object& y);

  Index n_features_;
  Index n_classes_;
  bool single_;
  pybind11::array x_;
  Rows rows_{};
  std::vector<Label> labels_;
};

}  // namespace eigenmlp
