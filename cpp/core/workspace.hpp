// The memory of a chunk of a mini-batch on its way through the network, and that way itself.
#pragma once

#include <vector>

#include "dense.hpp"
#include "gather.hpp"
#include "network.hpp"
#include "softmax.hpp"

namespace eigenmlp {

// Samples order[0 … count) of a data set; without an order, rows first, first + 1, ….
struct Selection {
  const Rows* rows;
  const Label* labels;  // of the whole data set; null where only predictions are wanted
  const Index* order;
  Index first;
  Index count;

  Index row(Index sample) const { return order ? order[first + sample] : first + sample; }
};

// Activations and δ of up to n_panels panels. Every layer has
//   panels[l]:  n_panels × (stride_l × lanes), the activations, replaced by δ on the way back;
//   samples[l]: (n_panels · lanes) × stride_l, the same activations sample by sample, as the weight
//               gradient wants them.
// stride_l is the layer's size, padded with zero features to a whole number of vectors.
// Different panels can be worked on by different threads.
template <typename Scalar>
class Workspace {
 public:
  static constexpr Index lanes = kLanes<Scalar>;

  Workspace(const Layout& layout, Index n_panels) : layout_(layout), n_panels_(n_panels) {
    for (const Index size : layout.sizes()) {
      const Index stride = round_up(size, kWidth<Scalar>);
      strides_.push_back(stride);
      panels_.emplace_back(n_panels * stride * lanes);
      samples_.emplace_back(n_panels * stride * lanes);
    }
    labels_ = Buffer<Label>(n_panels * lanes);
  }

  Index n_panels() const { return n_panels_; }

  // Brings the panel's samples in and takes them up to the logits. `lanes` samples, or what is left
  // of the selection; the other lanes hold zero inputs.
  void forward(const Network<Scalar>& network, const Selection& selection, Index panel) {
    const Index used = used_lanes(selection, panel);
    Scalar* rows = samples(0, panel);
    for (Index lane = 0; lane < used; ++lane) {
      const Index row = selection.row(panel * lanes + lane);
      convert_row(*selection.rows, row, static_cast<Scalar>(network.input_scale()),
                  rows + lane * strides_[0]);
      if (selection.labels) labels_.data()[panel * lanes + lane] = selection.labels[row];
    }
    std::fill(rows + used * strides_[0], rows + lanes * strides_[0], Scalar(0));
    samples_to_panel(rows, strides_[0], activations(0, panel));

    const std::vector<Layer>& layers = layout_.layers();
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      dense_forward<true>(layers[l], network.parameters(), activations(l, panel),
                          activations(l + 1, panel));
    }
    dense_forward<false>(layers.back(), network.parameters(), activations(layers.size() - 1, panel),
                         activations(layers.size(), panel));
  }

  // Logits -> loss, with scale · (ŷ - y) left in the output layer's panel.
  LossSum loss(const Selection& selection, Index panel, Scalar scale) {
    return softmax_cross_entropy(layout_.n_classes(), labels_.data() + panel * lanes,
                                 used_lanes(selection, panel), scale,
                                 activations(layout_.layers().size(), panel));
  }

  // From the output layer's δ to that of every hidden layer; keeps the hidden activations sample by
  // sample for the weight gradients.
  void backward(const Network<Scalar>& network, Index panel) {
    const std::vector<Layer>& layers = layout_.layers();
    for (std::size_t l = layers.size() - 1; l > 0; --l) {
      panel_to_samples(activations(l, panel), strides_[l], samples(l, panel));
      dense_backward(layers[l], network.parameters(), activations(l + 1, panel),
                     activations(l, panel));
    }
  }

  // What the gradient of layer l is summed from, over the first n_panels panels.
  GradientSources<Scalar> gradient_sources(std::size_t layer, Index n_panels) const {
    return {panels_[layer + 1].data(), samples_[layer].data(), strides_[layer + 1], strides_[layer],
            n_panels};
  }

  // stride_l × lanes.
  Scalar* activations(std::size_t layer, Index panel) {
    return panels_[layer].data() + panel * strides_[layer] * lanes;
  }

  // The output layer's panel sample by sample, output_stride() apart: logits after forward(), and
  // probabilities after softmax().
  const Scalar* output_rows(Index panel) {
    const std::size_t output = layout_.layers().size();
    panel_to_samples(activations(output, panel), strides_[output], samples(output, panel));
    return samples(output, panel);
  }
  Index output_stride() const { return strides_.back(); }

 private:
  static Index used_lanes(const Selection& selection, Index panel) {
    return std::clamp(selection.count - panel * lanes, Index{0}, lanes);
  }

  Scalar* samples(std::size_t layer, Index panel) {
    return samples_[layer].data() + panel * strides_[layer] * lanes;
  }

  const Layout& layout_;
  Index n_panels_;
  std::vector<Index> strides_;
  std::vector<Buffer<Scalar>> panels_;
  std::vector<Buffer<Scalar>> samples_;
  Buffer<Label> labels_;
};

}  // namespace eigenmlp
