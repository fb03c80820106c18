// The memory of a chunk of a mini-batch on its way through the network, and that way itself.
#pragma once

#include <vector>

#include "kernels/gradient.hpp"
#include "kernels/hidden.hpp"
#include "kernels/normalization.hpp"
#include "kernels/output.hpp"
#include "network/network.hpp"

namespace eigenmlp {

// What the way of a batch depends on besides its samples and the network.
template <typename Scalar>
struct Pass {
  Loss loss;
  std::int64_t step = 0;      // of training, which picks the masks of dropout
  bool dropout = false;       // whether units are dropped
  Scalar* running = nullptr;  // the network's values, to update their running statistics; or null
};

// A part of a batch that passes together.
struct Chunk {
  Selection samples;
  Index first;    // sample of the batch
  double weight;  // Σ of the weights of the whole batch's samples
};

// Activations and δ of up to n_panels panels. Every layer l of units has
//   panels[l]: n_panels × (stride_l × lanes), the activations, replaced by δ on the way back;
//   blocks[l]: the same activations sample by sample, as the weight gradient above wants them;
//   slopes[l], normalized[l]: what the way back wants of a layer that is more than a ReLU.
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
        labels_(n_panels * lanes) {
    const std::vector<Layer>& layers = network.layout().layers();
    panels_.push_back(cut_panels(network.layout().n_features()));
    for (const Layer& layer : layers) {
      const Index stride = panels_.back().stride;
      blocks_.push_back({memory_.cut(n_panels * stride), n_panels * lanes,
                         Tiling(stride / lanes / width, kGradientVectors)});
      panels_.push_back(cut_panels(layer.fan_out));
      Extra extra;
      if (!layer.hidden.plain()) extra.slopes = cut_panels(layer.fan_out);
      if (layer.hidden.normalization != Normalization::kNone) {
        extra.normalized = cut_panels(layer.fan_out);
        extra.deviations = memory_.cut(std::max(layer.fan_out, n_panels * lanes));
        extra.gains = memory_.cut(layer.fan_out);
        extra.shifts = memory_.cut(layer.fan_out);
        extra.means = memory_.cut(layer.fan_out);
        extra.variances = memory_.cut(layer.fan_out);
      }
      extras_.push_back(extra);
    }
    targets_ = cut_panels(network.layout().n_outputs());
    losses_ = memory_.cut(n_panels * lanes);
    hits_ = memory_.cut(n_panels * lanes);
    weights_ = memory_.cut(n_panels * lanes);
  }

  Index n_panels() const { return n_panels_; }

  // Brings the chunk's samples in.
  void gather_inputs(const Chunk& chunk, const Region& region) {
    const Selection& from = chunk.samples;
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index first = panel * lanes + vector * width;
      gather(from, first, network_.input_scale(), panels_[0].at(panel) + vector * width,
             &blocks_[0], first);
      const Index end = std::min(first + width, from.count);
      std::fill_n(weights_ + first, width, Scalar(0));
      for (Index i = first; i < end; ++i) {
        weights_[i] = from.samples->weights
                          ? static_cast<Scalar>(from.samples->weights[from.row(i)])
                          : Scalar(1);
      }
      if (from.samples->labels) {
        for (Index i = first; i < end; ++i) {
          labels_.data()[i] = from.samples->labels[from.row(i)];
        }
      } else {
        Selection targets = from;
        targets.rows = &from.samples->targets;
        gather<Scalar>(targets, first, 1, targets_.at(panel) + vector * width, nullptr, 0);
      }
    });
  }

  // From the activations below layer l to those above it, or to the layer's pre-activations where
  // it is normalized or the last.
  void forward(std::size_t l, const Chunk& chunk, const Pass<Scalar>& pass, const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    const Scalar* parameters = network_.parameters();
    if (layer.hidden.plain()) {
      if (layer.hidden.activation == Activation::kRelu) {
        return dense_forward<true>(layer, parameters, region, panels_[l], panels_[l + 1]);
      }
      return dense_forward<false>(layer, parameters, region, panels_[l], panels_[l + 1]);
    }
    if (layer.hidden.normalization != Normalization::kNone) {
      return dense_forward<false>(layer, parameters, region, panels_[l], panels_[l + 1]);
    }
    const Dropout dropout = dropout_of(l, pass);
    dense_forward<false>(layer, parameters, region, panels_[l], panels_[l + 1],
                         [&](Index row, Index n_rows, Index panel, Index n_panels) {
                           for (Index p = panel; p < panel + n_panels; ++p) {
                             activate_rows(layer.hidden.activation, dropout, row, n_rows,
                                           chunk.first + p * lanes, kPanelVectors,
                                           panels_[l + 1].at(p) + row * lanes,
                                           extras_[l].slopes.at(p) + row * lanes);
                           }
                         });
  }

  bool normalized(std::size_t l) const {
    return network_.layout().layers()[l].hidden.normalization != Normalization::kNone;
  }

  // A normalized layer's pre-activations -> activations.
  void normalize(std::size_t l, const Chunk& chunk, const Pass<Scalar>& pass,
                 const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    const Scalar* parameters = network_.parameters();
    const Panels<Scalar>& values = panels_[l + 1];
    const Extra& extra = extras_[l];
    const Dropout dropout = dropout_of(l, pass);
    if (layer.hidden.normalization == Normalization::kBatch) {
      const Share units = share_of(layer.fan_out, region.part, region.parts);
      batch_normalize(layer, parameters, units, weighted(chunk), region.n_panels, values,
                      extra.normalized, extra.deviations, extra.means, extra.variances);
      for (Index panel = 0; panel < region.n_panels; ++panel) {
        activate_rows(layer.hidden.activation, dropout, units.begin, units.end - units.begin,
                      chunk.first + panel * lanes, kPanelVectors,
                      values.at(panel) + units.begin * lanes,
                      extra.slopes.at(panel) + units.begin * lanes);
      }
      return;
    }
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index at = vector * width;
      layer_normalize(layer, parameters, values.at(panel) + at, extra.normalized.at(panel) + at,
                      extra.deviations + panel * lanes + at);
      activate_rows(layer.hidden.activation, dropout, 0, layer.fan_out,
                    chunk.first + panel * lanes + at, 1, values.at(panel) + at,
                    extra.slopes.at(panel) + at);
    });
  }

  // Pre-activations of the last layer -> losses and hits, with their δ, times weight over the
  // weight of the batch, left in their place. Also copies the hidden activations, which backward()
  // replaces, to where the weight gradients want them.
  void loss(const Chunk& chunk, const Pass<Scalar>& pass, const Region& region) {
    const Scalar scale = Scalar(1) / static_cast<Scalar>(chunk.weight);
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index first = panel * lanes + vector * width;
      alignas(kAlignment) Scalar factors[width];
      pstore(factors, pmul(load(weights_ + first), broadcast(scale)));
      loss_and_delta(pass.loss, OutputVector<Scalar>{
                                    network_.layout().n_outputs(),
                                    std::clamp(chunk.samples.count - first, Index{0}, width),
                                    labels_.data() + first, targets_.at(panel) + vector * width,
                                    factors, panels_.back().at(panel) + vector * width,
                                    losses_ + first, hits_ + first});
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

  // From layer l's δ to that of the layer below, of whose normalized values, if any.
  // packed: kTileRows · widest values.
  void backward(std::size_t l, const Region& region, Scalar* packed) {
    const std::vector<Layer>& layers = network_.layout().layers();
    const HiddenLayer& below = layers[l - 1].hidden;
    const auto walk = [&]<Gate kGate>(const Panels<Scalar>& gate) {
      dense_backward<kGate>(layers[l], network_.parameters(), region, panels_[l + 1], gate,
                            panels_[l], packed);
    };
    if (!below.plain()) {
      walk.template operator()<Gate::kSlope>(extras_[l - 1].slopes);
    } else if (below.activation == Activation::kRelu) {
      walk.template operator()<Gate::kPositive>(panels_[l]);
    } else {
      walk.template operator()<Gate::kOpen>(panels_[l]);
    }
  }

  // The gradients of layer l's gains and shifts, for a share of its units; resume: added to those
  // of the chunks before. Batch normalization also takes δ back to the pre-activations.
  void normalize_gradients(std::size_t l, const Chunk& chunk, bool resume, const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    const Extra& extra = extras_[l];
    const Share units = share_of(layer.fan_out, region.part, region.parts);
    normalization_gradients(units, chunk.samples.count, panels_[l + 1], extra.normalized, resume,
                            extra.gains, extra.shifts);
    if (layer.hidden.normalization == Normalization::kBatch) {
      batch_normalize_backward(layer, network_.parameters(), units, weighted(chunk),
                               region.n_panels, extra.normalized, extra.deviations, extra.gains,
                               extra.shifts, panels_[l + 1]);
    }
  }

  // Layer normalization's δ back to the pre-activations.
  void normalize_backward(std::size_t l, const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    if (layer.hidden.normalization != Normalization::kLayer) return;
    const Extra& extra = extras_[l];
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index at = vector * width;
      layer_normalize_backward(
          layer, network_.parameters(), static_cast<const Scalar*>(extra.normalized.at(panel) + at),
          extra.deviations + panel * lanes + at, panels_[l + 1].at(panel) + at);
    });
  }

  // The gradients of a normalized layer's gains and shifts, fan_out each.
  Scalar* gain_gradients(std::size_t l) { return extras_[l].gains; }
  Scalar* shift_gradients(std::size_t l) { return extras_[l].shifts; }

  // A batch-normalized layer's running statistics, which no step needs before it ends.
  void update_running_statistics(std::size_t l, Scalar* parameters) {
    const Layer& layer = network_.layout().layers()[l];
    if (layer.hidden.normalization != Normalization::kBatch) return;
    update_running(layer, extras_[l].means, extras_[l].variances, parameters);
  }

  // What the gradient of layer l is summed from.
  GradientSources<Scalar> gradient_sources(std::size_t l, Index n_samples) const {
    return {panels_[l + 1], blocks_[l], n_samples};
  }

  // Adds the losses and hits of the chunk's samples, in their order.
  void add_losses(const Chunk& chunk, LossSum& sum) const {
    for (Index i = 0; i < chunk.samples.count; ++i) {
      const auto weight = static_cast<double>(weights_[i]);
      sum.loss += weight * static_cast<double>(losses_[i]);
      sum.correct += weight * static_cast<double>(hits_[i]);
      sum.weight += weight;
    }
  }

 private:
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

  static Index memory_for(const Layout& layout, Index n_panels) {
    const auto panels = [&](Index size) {
      return Scratch<Scalar>::padded(n_panels * round_up(size, width) * lanes);
    };
    Index total = 3 * Scratch<Scalar>::padded(n_panels * lanes) + panels(layout.n_outputs()) +
                  panels(layout.n_features());
    for (const Layer& layer : layout.layers()) {
      total += panels(layer.fan_in) + panels(layer.fan_out);
      if (!layer.hidden.plain()) total += panels(layer.fan_out);
      if (layer.hidden.normalization != Normalization::kNone) {
        total += panels(layer.fan_out) + 4 * Scratch<Scalar>::padded(layer.fan_out) +
                 Scratch<Scalar>::padded(std::max(layer.fan_out, n_panels * lanes));
      }
    }
    return total;
  }

  // The padding features of the panels are never written again, those of the blocks are copies.
  Panels<Scalar> cut_panels(Index size) {
    const Index stride = round_up(size, width) * lanes;
    Scalar* const panels = memory_.cut(n_panels_ * stride);
    std::fill_n(panels, n_panels_ * stride, Scalar(0));
    return {panels, stride};
  }

  Dropout dropout_of(std::size_t l, const Pass<Scalar>& pass) const {
    const Architecture& architecture = network_.architecture();
    if (!pass.dropout) return {};
    return {architecture.hidden[l].dropout, architecture.dropout_seed, pass.step, l};
  }

  WeightedSamples<Scalar> weighted(const Chunk& chunk) const {
    return {chunk.samples.count, weights_, static_cast<Scalar>(chunk.weight)};
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
  std::vector<Extra> extras_;
  Panels<Scalar> targets_{nullptr, 0};
  Scalar* losses_;
  Scalar* hits_;
  Scalar* weights_;
  Buffer<Label> labels_;
};

}  // namespace eigenmlp
