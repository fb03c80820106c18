// Every allocation of the test program is counted.
#pragma once

namespace allocations {

long count();

}  // namespace allocations
