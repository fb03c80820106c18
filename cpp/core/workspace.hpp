// The memory of a chunk of a mini-batch on its way through the network, and that way itself.
#pragma once

#include <vector>

#include "gradient.hpp"
#include "network.hpp"
#include "softmax.hpp"

namespace eigenmlp {

// Activations and δ of up to n_panels panels. Every layer l of units has
//   panels[l]: n_panels × (stride_l × lanes), the activations, replaced by δ on the way back;
//   blocks[l]: the same activations sample by sample, as the weight gradient above wants them.
// stride_l is the layer's size, padded with zero features to a whole number of vectors.
//
// Every step of the way takes the Region that a thread is to do. A step may read what other regions
// left in the step before.
template <typename Scalar>
class Workspace {
 public:
  static constexpr Index lanes = kLanes<Scalar>;
  static constexpr Index width = kWidth<Scalar>;

  Workspace(const Network<Scalar>& network, Index n_panels)
      : network_(network),
        n_panels_(n_panels),
        memory_(network.scratch().borrow(memory_for(network.layout(), n_panels))),
        labels_(n_panels * lanes),
        hits_(n_panels * kPanelVectors) {
    for (const Index size : network.layout().sizes()) {
      const Index stride = round_up(size, width) * lanes;
      // The padding features of the panels are never written again, those of the blocks are copies.
      Scalar* const panels = memory_.cut(n_panels * stride);
      std::fill_n(panels, n_panels * stride, Scalar(0));
      panels_.push_back({panels, stride});
      if (panels_.size() == network.layout().sizes().size()) break;
      blocks_.push_back({memory_.cut(n_panels * stride), n_panels * lanes,
                         Tiling(stride / lanes / width, kGradientVectors)});
    }
    losses_ = memory_.cut(n_panels * lanes);
  }

  Index n_panels() const { return n_panels_; }

  // Brings the chunk's samples in.
  void gather_inputs(const Selection& chunk, const Region& region) {
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index first = panel * lanes + vector * width;
      gather(chunk, first, network_.input_scale(), panels_[0].at(panel) + vector * width,
             &blocks_[0], first);
      for (Index i = first; i < std::min(first + width, chunk.count); ++i) {
        labels_.data()[i] = chunk.labels[chunk.row(i)];
      }
    });
  }

  // From the activations below layer l to those above it: logits, for the last layer.
  void forward(std::size_t l, const Region& region) {
    const std::vector<Layer>& layers = network_.layout().layers();
    if (l + 1 < layers.size()) {
      dense_forward<true>(layers[l], network_.parameters(), region, panels_[l], panels_[l + 1]);
    } else {
      dense_forward<false>(layers[l], network_.parameters(), region, panels_[l], panels_[l + 1]);
    }
  }

  // Logits -> losses and hits, with scale · (ŷ - y) left in the output layer's panel. Also copies
  // the hidden activations, which backward() replaces, to where the weight gradients want them.
  void loss(const Selection& chunk, Scalar scale, const Region& region) {
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index first = panel * lanes + vector * width;
      hits_.data()[panel * kPanelVectors + vector] =
          softmax_cross_entropy(network_.layout().n_classes(), labels_.data() + first,
                                std::clamp(chunk.count - first, Index{0}, width), scale,
                                panels_.back().at(panel) + vector * width, losses_ + first);
    });
    for (std::size_t l = 1; l + 1 < panels_.size(); ++l) {
      const Index n_blocks = blocks_[l].tiling.count();
      const Share share = share_of(n_blocks * region.n_panels, region.part, region.parts);
      for (Index job = share.begin; job < share.end; ++job) {
        const Index panel = region.first_panel + job / n_blocks;
        panel_to_blocks<Scalar>(panels_[l].at(panel), blocks_[l], job % n_blocks, panel * lanes);
      }
    }
  }

  // From layer l's δ to that of the layer below. packed: kTileRows · widest values.
  void backward(std::size_t l, const Region& region, Scalar* packed) {
    dense_backward(network_.layout().layers()[l], network_.parameters(), region, panels_[l + 1],
                   panels_[l], packed);
  }

  // What the gradient of layer l is summed from.
  GradientSources<Scalar> gradient_sources(std::size_t l, Index n_panels) const {
    return {panels_[l + 1], blocks_[l], n_panels};
  }

  // Adds the losses and hits of the chunk's samples, in their order.
  void add_losses(const Selection& chunk, LossSum& sum) const {
    for (Index i = 0; i < chunk.count; ++i) sum.loss += static_cast<double>(losses_[i]);
    for (Index i = 0; i < divide_up(chunk.count, width); ++i) sum.correct += hits_.data()[i];
  }

 private:
  static Index memory_for(const Layout& layout, Index n_panels) {
    Index total = Scratch<Scalar>::padded(n_panels * lanes);
    for (const Index size : layout.sizes()) {
      total += 2 * Scratch<Scalar>::padded(n_panels * round_up(size, width) * lanes);
    }
    return total;
  }

  // body(panel, vector) for the region's share of the vectors of samples.
  template <typename Body>
  static void for_each_vector(const Region& region, Body&& body) {
    const Share share = share_of(region.n_panels * kPanelVectors, region.part, region.parts);
    for (Index job = share.begin; job < share.end; ++job) {
      body(region.first_panel + job / kPanelVectors, job % kPanelVectors);
    }
  }

  const Network<Scalar>& network_;
  Index n_panels_;
  typename Scratch<Scalar>::Loan memory_;
  std::vector<Panels<Scalar>> panels_;
  std::vector<ColumnBlocks<Scalar>> blocks_;
  Scalar* losses_;
  Buffer<Label> labels_;
  Buffer<Index> hits_;
};

}  // namespace eigenmlp
