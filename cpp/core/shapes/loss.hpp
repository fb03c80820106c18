// What a network is trained for: losses, and the samples that they compare outputs with.
#pragma once

#include <utility>

#include "shapes/types.hpp"

namespace eigenmlp {

enum class LossKind {
  kCrossEntropy,        // of softmax
  kBinaryCrossEntropy,  // of each logistic output
  kSquaredError,        // ½ (ŷ - y)²
  kAbsoluteError,
  kHuber,
  kPoisson,   // y log(y/μ) - y + μ with μ = exp(z)
  kQuantile,  // q (y - ŷ), or (1 - q) (ŷ - y) above the target
};
// All of them, with their names.
inline constexpr std::pair<LossKind, const char*> kLosses[] = {
    {LossKind::kCrossEntropy, "cross_entropy"},
    {LossKind::kBinaryCrossEntropy, "binary_cross_entropy"},
    {LossKind::kSquaredError, "squared_error"},
    {LossKind::kAbsoluteError, "absolute_error"},
    {LossKind::kHuber, "huber"},
    {LossKind::kPoisson, "poisson"},
    {LossKind::kQuantile, "quantile"},
};

// A loss is summed over a sample's outputs, and averaged over samples by their weights.
struct Loss {
  LossKind kind = LossKind::kCrossEntropy;
  // kCrossEntropy: label smoothing, 0 … 1; kHuber: the error from which on it is linear;
  // kQuantile: q.
  double parameter = 0;
};

// Inputs and what their outputs should be: labels for the cross-entropy of softmax, every label
// below the network's n_outputs; targets (n_outputs per sample) for the other losses.
struct Samples {
  Table inputs;
  const Label* labels = nullptr;
  Table targets{};
  const double* weights = nullptr;  // one per sample, 0 or more; null where all are 1
};

}  // namespace eigenmlp
