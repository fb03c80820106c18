// A chunk of a mini-batch on its way through the network, step by step.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/gradient.hpp"
#include "kernels/hidden.hpp"
#include "kernels/normalization.hpp"
#include "kernels/output.hpp"
#include "network/network.hpp"
#include "network/pass_memory.hpp"

namespace eigenmlp {

// What the pass of a batch depends on besides its samples and the network.
template <typename Scalar>
struct Pass {
  Loss loss;
  std::int64_t step = 0;      // of training, which picks the masks of dropout
  bool dropout = false;       // whether units are dropped
  Index first_sample = 0;     // of the whole batch, where this is a part of it: for the masks
  Scalar* running = nullptr;  // the network's values, to update their running statistics; or null
  // n_values, to leave the batch's statistics where the running ones would be; or null
  Scalar* statistics = nullptr;
};

// A part of a batch that passes together.
struct Chunk {
  Selection samples;
  Index first;    // sample of the batch
  double weight;  // Σ of the weights of the whole batch's samples
};

// Every step of the pass takes the Region that a thread is to do. A step may read what other
// regions left in the step before.
template <typename Scalar>
class Workspace {
 public:
  using Extra = typename PassMemory<Scalar>::Extra;
  static constexpr Index lanes = kLanes<Scalar>;
  static constexpr Index width = kWidth<Scalar>;

  // sparse: whether the inputs are.
  Workspace(const Network<Scalar>& network, Index n_panels, bool sparse)
      : network_(network),
        n_panels_(n_panels),
        loan_(
            network.scratch().borrow(PassMemory<Scalar>::size(network.layout(), n_panels, sparse))),
        memory_(network.layout(), n_panels, sparse, loan_),
        labels_(n_panels * lanes) {}

  Index n_panels() const { return n_panels_; }

  // Brings the chunk's samples in, of sparse inputs all but these.
  void gather_samples(const Chunk& chunk, const Region& region) {
    const Selection& from = chunk.samples;
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index first = panel * lanes + vector * width;
      if (!from.table->sparse()) {
        gather(from, first, network_.input_scale(), memory_.panels[0].at(panel) + vector * width,
               &memory_.blocks[0], first);
      }
      const Index end = std::min(first + width, from.count);
      std::fill_n(memory_.weights + first, width, Scalar(0));
      for (Index i = first; i < end; ++i) {
        memory_.weights[i] = from.samples->weights
                                 ? static_cast<Scalar>(from.samples->weights[from.index(i)])
                                 : Scalar(1);
      }
      if (from.samples->labels) {
        for (Index i = first; i < end; ++i) {
          labels_.data()[i] = from.samples->labels[from.index(i)];
        }
      } else {
        Selection targets = from;
        targets.table = &from.samples->targets;
        gather<Scalar>(targets, first, 1, memory_.targets.at(panel) + vector * width, nullptr, 0);
      }
    });
  }

  // From the activations below layer l to those above it, or to the layer's pre-activations where
  // it is normalized or the last. first: the first layer's weights, for sparse inputs.
  void forward(std::size_t l, const Chunk& chunk, const Pass<Scalar>& pass, const Region& region,
               const FirstWeights<Scalar>& first) {
    const Layer& layer = network_.layout().layers()[l];
    const Scalar* parameters = network_.parameters();
    const auto products = [&]<bool kRelu>(auto&& finish) {
      if (l == 0 && chunk.samples.table->sparse()) {
        sparse_forward<kRelu>(layer, first, parameters + layer.biases, chunk.samples,
                              network_.input_scale(), region, memory_.panels[1], finish);
      } else {
        dense_forward<kRelu>(layer, parameters, region, memory_.panels[l], memory_.panels[l + 1],
                             finish);
      }
    };
    const auto nothing = [](Index, Index, Index, Index) {};
    if (layer.hidden.plain() && layer.hidden.activation == Activation::kRelu) {
      return products.template operator()<true>(nothing);
    }
    if (layer.hidden.plain() || layer.hidden.normalization != Normalization::kNone) {
      return products.template operator()<false>(nothing);
    }
    const Dropout dropout = dropout_of(l, pass);
    products.template operator()<false>(
        [&](Index unit, Index n_units, Index panel, Index n_panels) {
          for (Index p = panel; p < panel + n_panels; ++p) {
            activate_units(layer.hidden.activation, dropout, unit, n_units, chunk.first + p * lanes,
                           kPanelVectors, memory_.panels[l + 1].at(p) + unit * lanes,
                           memory_.extras[l].slopes.at(p) + unit * lanes);
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
    const Panels<Scalar>& values = memory_.panels[l + 1];
    const Extra& extra = memory_.extras[l];
    const Dropout dropout = dropout_of(l, pass);
    if (layer.hidden.normalization == Normalization::kBatch) {
      const Share units = share_of(layer.fan_out, region.part, region.parts);
      batch_normalize(layer, parameters, units, weighted(chunk), region.n_panels, values,
                      extra.normalized, extra.deviations, extra.means, extra.variances);
      for (Index panel = 0; panel < region.n_panels; ++panel) {
        activate_units(layer.hidden.activation, dropout, units.begin, units.end - units.begin,
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
      activate_units(layer.hidden.activation, dropout, 0, layer.fan_out,
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
      pstore(factors, pmul(load(memory_.weights + first), broadcast(scale)));
      loss_and_delta(
          pass.loss,
          OutputVector<Scalar>{network_.layout().n_outputs(),
                               std::clamp(chunk.samples.count - first, Index{0}, width),
                               labels_.data() + first, memory_.targets.at(panel) + vector * width,
                               factors, memory_.panels.back().at(panel) + vector * width,
                               memory_.losses + first, memory_.hits + first});
    });
    for (std::size_t l = 1; l + 1 < memory_.panels.size(); ++l) {
      const Index n_blocks = memory_.blocks[l].tiling.count();
      const Share share = share_of(n_blocks * region.n_panels, region.part, region.parts);
      for (Index job = share.begin; job < share.end; ++job) {
        const Index panel = region.first_panel + job / n_blocks;
        panel_to_blocks<Scalar>(memory_.panels[l].at(panel), memory_.blocks[l], job % n_blocks,
                                panel * lanes);
      }
    }
  }

  // From the δ of layer l's pre-activations to the δ of the layer below: of its pre-activations or,
  // where it is normalized, of its normalized values.
  // packed: kTileRows · widest values.
  void backward(std::size_t l, const Region& region, Scalar* packed) {
    const std::vector<Layer>& layers = network_.layout().layers();
    const HiddenLayer& below = layers[l - 1].hidden;
    const auto walk = [&]<Gate kGate>(const Panels<Scalar>& gate) {
      dense_backward<kGate>(layers[l], network_.parameters(), region, memory_.panels[l + 1], gate,
                            memory_.panels[l], packed);
    };
    if (!below.plain()) {
      walk.template operator()<Gate::kSlope>(memory_.extras[l - 1].slopes);
    } else if (below.activation == Activation::kRelu) {
      walk.template operator()<Gate::kPositive>(memory_.panels[l]);
    } else {
      walk.template operator()<Gate::kOpen>(memory_.panels[l]);
    }
  }

  // The gradients of layer l's gains and shifts, for a share of its units; resume: added to those
  // of the chunks before. Batch normalization also takes δ back to the pre-activations.
  void normalize_gradients(std::size_t l, const Chunk& chunk, bool resume, const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    const Extra& extra = memory_.extras[l];
    const Share units = share_of(layer.fan_out, region.part, region.parts);
    normalization_gradients(units, chunk.samples.count, memory_.panels[l + 1], extra.normalized,
                            resume, extra.gains, extra.shifts);
    if (layer.hidden.normalization == Normalization::kBatch) {
      batch_normalize_backward(layer, network_.parameters(), units, weighted(chunk),
                               region.n_panels, extra.normalized, extra.deviations, extra.gains,
                               extra.shifts, memory_.panels[l + 1]);
    }
  }

  // Layer normalization's δ back to the pre-activations.
  void normalize_backward(std::size_t l, const Region& region) {
    const Layer& layer = network_.layout().layers()[l];
    if (layer.hidden.normalization != Normalization::kLayer) return;
    const Extra& extra = memory_.extras[l];
    for_each_vector(region, [&](Index panel, Index vector) {
      const Index at = vector * width;
      layer_normalize_backward(
          layer, network_.parameters(), static_cast<const Scalar*>(extra.normalized.at(panel) + at),
          extra.deviations + panel * lanes + at, memory_.panels[l + 1].at(panel) + at);
    });
  }

  // The gradients of a normalized layer's gains and shifts, fan_out each.
  Scalar* gain_gradients(std::size_t l) { return memory_.extras[l].gains; }
  Scalar* shift_gradients(std::size_t l) { return memory_.extras[l].shifts; }

  // A batch-normalized layer's running statistics, which no step needs before it ends.
  void keep_statistics(std::size_t l, const Pass<Scalar>& pass) {
    const Layer& layer = network_.layout().layers()[l];
    if (layer.hidden.normalization != Normalization::kBatch) return;
    const Extra& extra = memory_.extras[l];
    if (pass.running) update_running(layer, extra.means, extra.variances, pass.running);
    if (pass.statistics) {
      std::copy_n(extra.means, layer.fan_out, pass.statistics + layer.means);
      std::copy_n(extra.variances, layer.fan_out, pass.statistics + layer.variances);
    }
  }

  // The δ of the first layer in rows, a region's share of them.
  void lay_delta_in_rows(const Region& region) {
    delta_to_rows(memory_.panels[1], memory_.delta_rows, region);
  }
  const DeltaRows<Scalar>& delta_rows() const { return memory_.delta_rows; }

  // What the gradient of layer l is summed from.
  GradientSources<Scalar> gradient_sources(std::size_t l, Index n_samples) const {
    return {memory_.panels[l + 1], memory_.blocks[l], n_samples};
  }

  // Adds the losses and hits of the chunk's samples, in their order.
  void add_losses(const Chunk& chunk, LossSum& sum) const {
    for (Index i = 0; i < chunk.samples.count; ++i) {
      const auto weight = static_cast<double>(memory_.weights[i]);
      sum.loss += weight * static_cast<double>(memory_.losses[i]);
      sum.correct += weight * static_cast<double>(memory_.hits[i]);
      sum.weight += weight;
    }
  }

 private:
  Dropout dropout_of(std::size_t l, const Pass<Scalar>& pass) const {
    const Architecture& architecture = network_.architecture();
    if (!pass.dropout) return {};
    return {architecture.hidden[l].dropout, architecture.dropout_seed, pass.step, l,
            pass.first_sample};
  }

  SampleWeights<Scalar> weighted(const Chunk& chunk) const {
    return {chunk.samples.count, memory_.weights, static_cast<Scalar>(chunk.weight)};
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
  typename Scratch<Scalar>::Loan loan_;
  PassMemory<Scalar> memory_;
  Buffer<Label> labels_;
};

}  // namespace eigenmlp
