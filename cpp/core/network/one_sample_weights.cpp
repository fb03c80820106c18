#include "network/one_sample_weights.hpp"

#include <algorithm>

#include "kernels/one_sample.hpp"

namespace eigenmlp {

namespace {

template <typename Scalar>
void copy_layer(const Layer& layer, const Scalar* weights, Scalar* to) {
  constexpr Index width = kWidth<Scalar>;
  const Tiling tiles = one_sample_tiles<Scalar>(layer);
  for (Index tile = 0; tile < tiles.count(); ++tile) {
    const Index stride = tiles.size(tile) * width;
    for (Index vector = 0; vector < tiles.size(tile); ++vector, to += width) {
      const Scalar* rows[width];
      for (Index i = 0; i < width; ++i) {
        const Index output = (tiles.first(tile) + vector) * width + i;
        rows[i] = weights + std::min(output, layer.fan_out - 1) * layer.fan_in;
      }
      Index k = 0;
      for (; k + width <= layer.fan_in; k += width) {
        Block<Scalar> block;
        for (Index i = 0; i < width; ++i) block.packet[i] = load_unaligned(rows[i] + k);
        transpose(block);
        for (Index i = 0; i < width; ++i) pstore(to + (k + i) * stride, block.packet[i]);
      }
      for (; k < layer.fan_in; ++k) {
        for (Index i = 0; i < width; ++i) to[k * stride + i] = rows[i][k];
      }
    }
    to += (layer.fan_in - 1) * stride;
  }
}

}  // namespace

template <typename Scalar>
void OneSampleWeights<Scalar>::copy(const Layout& layout, const Scalar* parameters) {
  const std::lock_guard lock(mutex_);
  if (current_.load(std::memory_order_relaxed)) return;
  Index size = 0;
  for (const Layer& layer : layout.layers()) size += one_sample_weights_size<Scalar>(layer);
  if (copy_.size() != size) copy_ = Buffer<Scalar>(size);
  Scalar* to = copy_.data();
  for (const Layer& layer : layout.layers()) {
    copy_layer(layer, parameters + layer.weights, to);
    to += one_sample_weights_size<Scalar>(layer);
  }
  current_.store(true, std::memory_order_release);
}

template class OneSampleWeights<float>;
template class OneSampleWeights<double>;

}  // namespace eigenmlp
