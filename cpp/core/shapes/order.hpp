// Which samples a call takes, and in which order.
#pragma once

#include "shapes/types.hpp"

namespace eigenmlp {

// The samples that an epoch takes, by their indices in the data set.
struct Order {
  const Index* samples = nullptr;  // null: all, as they lie
  Index count = 0;
};

}  // namespace eigenmlp
