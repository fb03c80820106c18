// Every allocation of the test program is counted, and can be made to fail.
#pragma once

namespace allocations {

long count();

// Lets `left` allocations of any thread succeed and the next one throw std::bad_alloc; negative:
// all succeed.
void fail_after(long left);

}  // namespace allocations
