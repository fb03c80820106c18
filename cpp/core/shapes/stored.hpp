// Where the numbers lie that a sparse table stores.
#pragma once

#include <algorithm>
#include <cstdint>

#include "shapes/layout.hpp"
#include "shapes/types.hpp"

namespace eigenmlp {

// Calls body(begins, columns) with a sparse table's places by their type.
template <typename Body>
auto with_places(const Table& table, Body&& body) {
  if (table.wide) {
    return body(static_cast<const std::int64_t*>(table.begins),
                static_cast<const std::int64_t*>(table.columns));
  }
  return body(static_cast<const std::int32_t*>(table.begins),
              static_cast<const std::int32_t*>(table.columns));
}

// The stored numbers of a sample: data[begin … end). Their owner may change the places after they
// were checked: this then tells wrong numbers, but none from elsewhere.
struct Stored {
  Index begin;
  Index end;
};
inline Stored stored_of(const Table& table, Index sample) {
  return with_places(table, [&](const auto* begins, const auto*) {
    const Index begin = std::clamp(static_cast<Index>(begins[sample]), Index{0}, table.stored);
    return Stored{begin, std::clamp(static_cast<Index>(begins[sample + 1]), begin, table.stored)};
  });
}

// How the first layer's weights lie: output by output as in the layout, or input by input, which
// suits a walk over sparse inputs. `of`: fan_out × fan_in, or fan_in × fan_out with a vector's room
// behind.
template <typename Scalar>
struct FirstWeights {
  const Scalar* of;
  bool by_input;
};

// Products that a sample takes on its way through a network, in the mean.
inline double products_per_sample(const Layout& layout, const Table& inputs) {
  const auto all = static_cast<double>(layout.n_parameters());
  if (!inputs.sparse()) return all;
  const Layer& first = layout.layers().front();
  const auto fan_out = static_cast<double>(first.fan_out);
  const double stored = static_cast<double>(inputs.stored) / static_cast<double>(inputs.count);
  return all - fan_out * (static_cast<double>(first.fan_in) - stored);
}

}  // namespace eigenmlp
