// The parts of the driver.
#pragma once
#include <exception>
#include <nlohmann/json.hpp>
#include <string>

/// Fields stay in their order.
using json = nlohmann::ordered_json;

/// Makes each case's call, and prints what came of it.
int conformance(const std::string &cases, const std::string &base);

/// Makes one kind of call so many times, and prints what it took.
int calls(const std::string &kind, const std::string &request, long count);

/// What a caught exception says; its kind is told by its type.
json described(const std::exception_ptr &caught);
