// The memory that a chunk of a mini-batch takes on its way through the network.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/dense.hpp"
#include "kernels/gather.hpp"
#include "kernels/simd.hpp"
#include "kernels/sparse.hpp"
#include "shapes/layout.hpp"
#include "shapes/scratch.hpp"

namespace eigenmlp {

// Activations and δ of up to n_panels panels. Every layer l of units has
//   panels[l]: n_panels × (stride_l × lanes), the activations, replaced by δ on the way back;
//   blocks[l]: the same activations sample by sample, as the gradient of the weights above reads
//   them.
// stride_l is the layer's size, padded with zero features to a whole number of vectors. Of sparse
// inputs there is neither; instead the δ of the first layer lie in rows as well.
template <typename Scalar>
struct PassMemory {
  static constexpr Index lanes = kLanes<Scalar>;
  static constexpr Index width = kWidth<Scalar>;

  // What a layer needs that is more than its products and a ReLU.
  struct Extra {
    Panels<Scalar> slopes{nullptr, 0};
    Panels<Scalar> normalized{nullptr, 0};
    Scalar* deviations = nullptr;  // a sample's (layer normalization) or a unit's
    Scalar* gains = nullptr;       // their gradient
    Scalar* shifts = nullptr;
    Scalar* means = nullptr;  // a batch's statistics
    Scalar* variances = nullptr;
  };

  // Everything that a pass needs. pieces: a loan, to cut them from it, or a Measure, to learn what
  // to borrow; the list is the same, so that no piece can be cut that was not measured.
  template <typename Pieces>
  PassMemory(const Layout& layout, Index n_panels, bool sparse, Pieces& pieces) {
    // The padding features of panels are never written again, those of the blocks are copies.
    const auto cut_panels = [&](Index size) {
      const Index stride = round_up(size, width) * lanes;
      return Panels<Scalar>{pieces.cut_zeros(n_panels * stride), stride};
    };
    const Index n_samples = n_panels * lanes;
    panels.push_back(sparse ? Panels<Scalar>{nullptr, 0} : cut_panels(layout.n_features()));
    for (const Layer& layer : layout.layers()) {
      if (const Index stride = panels.back().stride; stride > 0) {
        blocks.push_back({pieces.cut(n_panels * stride), n_samples,
                          Tiling(stride / lanes / width, kGradientVectors)});
      } else {
        blocks.push_back({nullptr, 0, Tiling(1, 1)});
      }
      panels.push_back(cut_panels(layer.fan_out));
      Extra extra;
      if (!layer.hidden.plain()) extra.slopes = cut_panels(layer.fan_out);
      if (layer.hidden.normalization != Normalization::kNone) {
        extra.normalized = cut_panels(layer.fan_out);
        extra.deviations = pieces.cut(std::max(layer.fan_out, n_samples));
        extra.gains = pieces.cut(layer.fan_out);
        extra.shifts = pieces.cut(layer.fan_out);
        extra.means = pieces.cut(layer.fan_out);
        extra.variances = pieces.cut(layer.fan_out);
      }
      extras.push_back(extra);
    }
    if (sparse) {
      const Index stride = round_up(layout.layers().front().fan_out, width);
      delta_rows = {pieces.cut(n_samples * stride), stride};
    }
    targets = cut_panels(layout.n_outputs());
    losses = pieces.cut(n_samples);
    hits = pieces.cut(n_samples);
    weights = pieces.cut(n_samples);
  }

  // Values to borrow for it.
  static Index size(const Layout& layout, Index n_panels, bool sparse) {
    typename Scratch<Scalar>::Measure measure;
    PassMemory(layout, n_panels, sparse, measure);
    return measure.total();
  }

  std::vector<Panels<Scalar>> panels;
  std::vector<ColumnBlocks<Scalar>> blocks;
  std::vector<Extra> extras;                 // of each layer of weights, for the units above it
  DeltaRows<Scalar> delta_rows{nullptr, 0};  // of the first layer
  Panels<Scalar> targets{nullptr, 0};
  Scalar* losses = nullptr;  // of every sample, as the next two
  Scalar* hits = nullptr;
  Scalar* weights = nullptr;
};

}  // namespace eigenmlp
