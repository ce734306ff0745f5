// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Just the JSON (RFC 8259) that state files hold: a general library would be half of a small
// executable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fluxion::rt {

struct Json {
  enum Kind { Null, Bool, Count, Number, String, Array, Object } kind = Null;
  uint64_t count =
      0; // Count: a whole number from 0 to 2^64 - 1; other numbers are checked and forgotten
  std::string string;             // UTF-8
  std::vector<Json> items;        // of arrays and objects
  std::vector<std::string> names; // of an object's items, in order, repeated names kept

  const Json *find(const char *name) const;
  // False for anything that is not one JSON value and white space, or nests deeper than 32.
  static bool parse(const char *begin, const char *end, Json &out);
  static std::string quote(const std::string &text);
};

} // namespace fluxion::rt
