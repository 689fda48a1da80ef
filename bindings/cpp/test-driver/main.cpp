// The driver that bindings/conformance runs: it makes calls as a user of the C++ header would, and prints what came, a line of
// JSON each.   usage: driver conformance CASES BASE | driver calls KIND REQUEST COUNT
#include "driver.hpp"
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

int main(int argc, char **argv)
try {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "conformance" && argc == 4)
        return conformance(argv[2], argv[3]);
    if (what == "calls" && argc == 5)
        return calls(argv[2], argv[3], std::stol(argv[4]));
    std::cerr << "usage: driver conformance CASES BASE | driver calls KIND REQUEST COUNT\n";
    return 2;
} catch (const std::exception &failed) {
    std::cerr << "driver: " << failed.what() << '\n';
    return 1;
}
