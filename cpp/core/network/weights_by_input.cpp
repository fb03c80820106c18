#include "network/weights_by_input.hpp"

#include "kernels/gather.hpp"

namespace eigenmlp {

template <typename Scalar>
void WeightsByInput<Scalar>::copy(const Layer& layer, const Scalar* parameters) {
  const std::lock_guard lock(mutex_);
  if (current_.load(std::memory_order_relaxed)) return;
  const Index size = layer.fan_in * layer.fan_out + kWidth<Scalar>;
  if (copy_.size() != size) copy_ = Buffer<Scalar>(size);
  transpose_matrix(layer.fan_out, layer.fan_in, {0, layer.fan_out}, {0, layer.fan_in},
                   parameters + layer.weights, copy_.data());
  current_.store(true, std::memory_order_release);
}

template <typename Scalar>
void WeightsByInput<Scalar>::write_back(const Layer& layer, Share inputs,
                                        Scalar* parameters) const {
  transpose_matrix(layer.fan_in, layer.fan_out, inputs, {0, layer.fan_out}, copy_.data(),
                   parameters + layer.weights);
}

template class WeightsByInput<float>;
template class WeightsByInput<double>;

}  // namespace eigenmlp
