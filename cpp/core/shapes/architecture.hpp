// What a network is made of, apart from its numbers.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "shapes/types.hpp"

namespace eigenmlp {

enum class Activation {
  kIdentity,
  kRelu,
  kLogistic,
  kTanh,
  kLeakyRelu,
  kElu,
  kSilu,
  kGelu,
  kSelu,
  kMish
};
// All of them, with their names.
inline constexpr std::pair<Activation, const char*> kActivations[] = {
    {Activation::kIdentity, "identity"},
    {Activation::kLogistic, "logistic"},
    {Activation::kTanh, "tanh"},
    {Activation::kRelu, "relu"},
    {Activation::kLeakyRelu, "leaky_relu"},
    {Activation::kElu, "elu"},
    {Activation::kSilu, "silu"},
    {Activation::kGelu, "gelu"},
    {Activation::kSelu, "selu"},
    {Activation::kMish, "mish"},
};

inline constexpr double kLeakySlope = 0.01;  // of leaky ReLU below zero
// SELU's λ and α, by which activations tend to mean 0 and variance 1 (Klambauer et al., 2017).
inline constexpr double kSeluScale = 1.0507009873554804934193349852946;
inline constexpr double kSeluAlpha = 1.6732632423543772848170429916717;
inline constexpr double kNormalizationEpsilon = 1e-5;
// By name, for whatever else computes these layers, such as exported models.
inline constexpr std::pair<const char*, double> kConstants[] = {
    {"leaky_slope", kLeakySlope},
    {"selu_scale", kSeluScale},
    {"selu_alpha", kSeluAlpha},
    {"normalization_epsilon", kNormalizationEpsilon}};

enum class Normalization { kNone, kBatch, kLayer };
enum class Output { kSoftmax, kLogistic, kIdentity, kExponential };

// What follows a hidden layer's products, in this order: normalization, activation, dropout.
struct HiddenLayer {
  Activation activation = Activation::kRelu;
  Normalization normalization = Normalization::kNone;
  double dropout = 0;  // probability of a unit to be dropped, 0 <= p < 1

  // Whether the layer is its products and a ReLU, or its products alone: these have kernels of
  // their own.
  bool plain() const {
    return (activation == Activation::kRelu || activation == Activation::kIdentity) &&
           normalization == Normalization::kNone && dropout == 0;
  }
};

struct Architecture {
  // Units of the input, of each hidden layer and of the output; at least two, all positive.
  std::vector<Index> sizes;
  std::vector<HiddenLayer> hidden;  // sizes.size() - 2
  Output output = Output::kSoftmax;
  double input_scale = 1;          // factor of every input
  std::uint64_t dropout_seed = 0;  // of the masks of dropout

  // ReLU after every hidden layer.
  static Architecture relu(std::vector<Index> sizes, double input_scale = 1) {
    Architecture architecture;
    architecture.hidden.resize(sizes.size() < 2 ? 0 : sizes.size() - 2);
    architecture.sizes = std::move(sizes);
    architecture.input_scale = input_scale;
    return architecture;
  }
};

}  // namespace eigenmlp
