#include "reference.hpp"

#include <cmath>
#include <iterator>

namespace reference {

Result forward_backward(const std::vector<Layer>& layers, const Matrix& inputs,
                        const std::vector<eigenmlp::Label>& labels,
                        const eigenmlp::Penalty& penalty) {
  std::vector<Matrix> activations{inputs};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    Matrix z = (layers[l].weights * activations.back()).colwise() + layers[l].biases;
    if (l + 1 < layers.size()) z = z.cwiseMax(0);
    activations.push_back(z);
  }

  Result result;
  const auto n = static_cast<double>(labels.size());
  Matrix& logits = activations.back();
  logits.rowwise() -= logits.colwise().maxCoeff().eval();
  const Matrix exponentials = logits.array().exp();
  result.probabilities =
      exponentials.array().rowwise() / exponentials.colwise().sum().array().eval();
  result.loss = 0;
  Matrix delta = result.probabilities / n;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto column = static_cast<Index>(i);
    result.loss -= (logits(labels[i], column) - std::log(exponentials.col(column).sum())) / n;
    delta(labels[i], column) -= 1 / n;
  }

  std::vector<std::vector<double>> pieces(layers.size());
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Layer& layer = layers[l];
    const double bias_lambda = penalty.biases ? penalty.lambda : 0;
    const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> weights =
        delta * activations[l].transpose() + penalty.lambda * layer.weights;
    const Vector biases = delta.rowwise().sum() + bias_lambda * layer.biases;
    pieces[l].assign(weights.data(), weights.data() + weights.size());
    pieces[l].insert(pieces[l].end(), biases.data(), biases.data() + biases.size());
    result.loss += penalty.lambda / 2 * layer.weights.squaredNorm();
    result.loss += bias_lambda / 2 * layer.biases.squaredNorm();
    if (l > 0) {
      delta =
          (layer.weights.transpose() * delta).cwiseProduct(activations[l].unaryExpr([](double a) {
            return a > 0 ? 1.0 : 0.0;
          }));
    }
  }
  for (auto& piece : pieces) {
    std::copy(piece.begin(), piece.end(), std::back_inserter(result.gradient));
  }
  return result;
}

}  // namespace reference
