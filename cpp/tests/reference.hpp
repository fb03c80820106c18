// The network in plain Eigen products, whole matrices at a time: slow, readable, and the truth that
// the kernels are compared with.
#pragma once

#include <Eigen/Dense>
#include <vector>

#include "network/epoch.hpp"
#include "network/network.hpp"

namespace reference {

using eigenmlp::Index;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

struct Layer {
  Matrix weights;  // fan_out × fan_in
  Vector biases;
};

struct Result {
  double loss;                   // mean, with penalty
  Matrix probabilities;          // n_classes × n_samples
  std::vector<double> gradient;  // in the layout of the parameters
};

template <typename Scalar>
std::vector<Layer> layers_of(const eigenmlp::Network<Scalar>& network) {
  using Stored = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::vector<Layer> layers;
  for (const eigenmlp::Layer& layer : network.layout().layers()) {
    const Scalar* from = network.parameters();
    layers.push_back(
        {Eigen::Map<const Stored>(from + layer.weights, layer.fan_out, layer.fan_in)
             .template cast<double>(),
         Eigen::Map<const Eigen::Vector<Scalar, Eigen::Dynamic>>(from + layer.biases, layer.fan_out)
             .template cast<double>()});
  }
  return layers;
}

// inputs: n_features × n_samples, scaled already.
Result forward_backward(const std::vector<Layer>& layers, const Matrix& inputs,
                        const std::vector<eigenmlp::Label>& labels,
                        const eigenmlp::Penalty& penalty);

}  // namespace reference
