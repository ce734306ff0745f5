// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/state/Json.h"

#include <cstring>

namespace fluxion::rt {
namespace {

class Parser {
public:
  Parser(const char *at, const char *end) : at(at), end(end) {}
  bool document(Json &out) {
    bool good = value(out, 0);
    space();
    return good && at == end;
  }

private:
  const char *at, *end;

  void space() {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
      ++at;
  }
  bool take(char c) {
    space();
    return at < end && *at == c && (++at, true);
  }
  bool word(const char *text) {
    size_t length = std::strlen(text);
    return size_t(end - at) >= length && !std::memcmp(at, text, length) && (at += length, true);
  }

  static void appendUtf8(std::string &out, uint32_t code) {
    if (code < 0x80)
      out += char(code);
    else if (code < 0x800)
      out.append({char(0xC0 | code >> 6), char(0x80 | (code & 63))});
    else if (code < 0x10000)
      out.append(
          {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))});
    else
      out.append({char(0xF0 | code >> 18), char(0x80 | (code >> 12 & 63)),
                  char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))});
  }
  bool hex4(uint32_t &code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      int digit = at >= end                                ? -1
                  : *at >= '0' && *at <= '9'               ? *at - '0'
                  : (*at | 32) >= 'a' && (*at | 32) <= 'f' ? (*at | 32) - 'a' + 10
                                                           : -1;
      if (digit < 0)
        return false;
      code = code << 4 | uint32_t(digit);
    }
    return true;
  }
  bool escape(std::string &out) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (at >= end)
      return false;
    if (const char *name = std::strchr(names, *at); name && *at) {
      out += values[name - names];
      ++at;
      return true;
    }
    uint32_t code, low;
    if (*at++ != 'u' || !hex4(code))
      return false;
    if (code >= 0xD800 && code < 0xDC00) {
      if (!word("\\u") || !hex4(low) || low < 0xDC00 || low > 0xDFFF)
        return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    appendUtf8(out, code);
    return true;
  }
  bool text(std::string &out) {
    if (!take('"'))
      return false;
    while (at < end && *at != '"') {
      unsigned char c = (unsigned char)*at++;
      if (c < 0x20 || (c == '\\' ? !escape(out) : (out += char(c), false)))
        return false;
    }
    return at < end && (++at, true);
  }
  bool number(Json &out) {
    const char *start = at;
    bool whole = at < end && *at != '-', fits = true;
    uint64_t count = 0;
    if (!whole)
      ++at;
    const char *digits = at;
    for (; at < end && *at >= '0' && *at <= '9'; ++at) {
      uint64_t digit = uint64_t(*at - '0');
      fits &= count <= (UINT64_MAX - digit) / 10;
      count = fits ? count * 10 + digit : count;
    }
    if (at == digits || (at - digits > 1 && *digits == '0'))
      return false;
    while (at < end && std::strchr("+-.eE0123456789", *at) && *at)
      whole = false, ++at;
    out.kind = whole && fits ? Json::Count : Json::Number;
    out.count = count;
    return at > start;
  }
  bool list(Json &out, int depth) {
    out.kind = Json::Array;
    if (take(']'))
      return true;
    do {
      out.items.emplace_back();
      if (!value(out.items.back(), depth + 1))
        return false;
    } while (take(','));
    return take(']');
  }
  bool object(Json &out, int depth) {
    out.kind = Json::Object;
    if (take('}'))
      return true;
    do {
      out.names.emplace_back();
      out.items.emplace_back();
      if (!text(out.names.back()) || !take(':') || !value(out.items.back(), depth + 1))
        return false;
    } while (take(','));
    return take('}');
  }
  bool value(Json &out, int depth) {
    space();
    if (at == end || depth > 32)
      return false;
    switch (*at) {
    case '{':
      return ++at, object(out, depth);
    case '[':
      return ++at, list(out, depth);
    case '"':
      return out.kind = Json::String, text(out.string);
    case 't':
      return out.kind = Json::Bool, word("true");
    case 'f':
      return out.kind = Json::Bool, word("false");
    case 'n':
      return word("null");
    default:
      return number(out);
    }
  }
};

} // namespace

const Json *Json::find(const char *name) const {
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return &items[i];
  return nullptr;
}

bool Json::parse(const char *begin, const char *end, Json &out) {
  return Parser(begin, end).document(out);
}

std::string Json::quote(const std::string &text) {
  static const char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c < 0x20)
      out.append("\\u00").append({digits[c >> 4], digits[c & 15]});
    else
      out += char(c);
  }
  return out + '"';
}

} // namespace fluxion::rt
